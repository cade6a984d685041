"""Files of /proc, /sys and /dev that are not what they look like."""

import os

from attack import Terminal, attack, attacked, equal, holds, need, replace


def fake_proc(made):
    """A volume that looks like /proc/sys/net, with a file that must stay as it is."""
    path = made.file("fake")
    os.makedirs(f"{path}/ipv4")
    with open(f"{path}/ipv4/ip_forward", "w") as file:
        file.write("untouched\n")
    return path


@attack("CVE-2019-16884", "CVE-2025-52881")
def a_sysctl_written_to_a_fake_file(runtime):
    with attacked(runtime) as (made, _):
        fake = fake_proc(made)
        made.mount("/proc/sys/net", "bind", fake, "bind")
        made.mount("/real", "proc", "proc")
        made.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
        outcome = made.try_run("cat /real/sys/net/ipv4/ip_forward")
        with open(f"{fake}/ipv4/ip_forward") as file:
            equal(file.read(), "untouched\n", "the fake file says")
        # To refuse is as good; to say that it was set is not.
        if outcome.status == 0:
            equal(outcome.output.strip(), "1", "the kernel's parameter is")


@attack("CVE-2019-16884", "CVE-2025-52881")
def a_label_written_to_a_fake_file(runtime):
    """A profile that is not applied must not look applied."""
    need(not os.path.exists("/sys/kernel/security/apparmor"), "this kernel has AppArmor: the profile is missing, not the label")
    with attacked(runtime) as (made, _):
        fake = made.file("fake")
        for place in ("self/attr/apparmor", "self/task/1/attr/apparmor", "thread-self/attr/apparmor", "1/attr/apparmor"):
            os.makedirs(f"{fake}/{place}")
            for name in ("exec", "../exec"):
                with open(f"{fake}/{place}/{name}", "w") as file:
                    file.write("untouched")
        made.config["mounts"] = []
        made.mount("/proc", "bind", fake, "bind")
        made.config["process"]["apparmorProfile"] = "some-profile"
        outcome = made.try_run("echo ran")
        holds("ran" not in outcome.output, "a program whose profile cannot be applied does not run")


@attack("CVE-2025-31133")
def a_mask_made_of_a_fake_null(runtime):
    """What hides a file is the null device, whatever the image has at /dev/null."""
    for kind in ("link", "file"):
        with attacked(runtime) as (made, _):
            with open(f"{made.rootfs}/secret", "w") as file:
                file.write("secret\n")
            with open(f"{made.rootfs}/other", "w") as file:
                file.write("other\n")
            if kind == "link":
                os.symlink("/other", f"{made.rootfs}/dev/null")
            else:
                with open(f"{made.rootfs}/dev/null", "w") as file:
                    file.write("other\n")
            made.config["linux"]["maskedPaths"] = ["/secret"]
            outcome = made.try_run("stat -c '%F %t:%T' /secret > /seen")
            if outcome.status == 0:
                equal(made.read("rootfs/seen").strip(), "character special file 1:3", "the mask is")


@attack()
def a_device_of_another_kind(runtime):
    """A file with the right number and the wrong kind is not taken for the device."""
    with attacked(runtime) as (made, _):
        os.mknod(f"{made.rootfs}/dev/null", 0o060666, os.makedev(1, 3))
        outcome = made.try_run("stat -c %F /dev/null")
        if outcome.status == 0:
            equal(outcome.output.strip(), "character special file", "/dev/null is")


@attack("CVE-2025-52565", "CVE-2026-88264")
def a_console_that_is_a_link(runtime):
    """The terminal is not bound to where a link of the image leads."""
    with attacked(runtime) as (made, outside):
        with open(f"{made.rootfs}/victim", "w") as file:
            file.write("victim\n")
        replace(made, "dev/console", "/victim")
        terminal(made)
        made.save()
        made.args("stat -c %F /victim > /seen")
        made.config["process"]["terminal"] = True
        made.save()
        outcome = made.runtime.call(
            "run", "--detach", "--bundle", made.bundle, "--console-socket", Terminal(made.file("console")).path, made.id)
        if outcome.status == 0:
            made.wait("stopped")
            equal(made.read("rootfs/seen").strip(), "regular file", "behind the link is a")


@attack("CVE-2025-52565")
def a_multiplexer_that_is_none(runtime):
    """The image's /dev/ptmx is a device of another kind: no terminal comes of it, and it is not opened."""
    with attacked(runtime) as (made, _):
        os.mknod(f"{made.rootfs}/dev/ptmx", 0o060666, os.makedev(5, 2))
        made.config["process"]["terminal"] = True
        made.args("tty > /seen")
        made.save()
        outcome = made.runtime.call(
            "run", "--detach", "--bundle", made.bundle, "--console-socket", Terminal(made.file("console")).path, made.id)
        if outcome.status == 0:
            made.wait("stopped")
            with open(f"{made.rootfs}/seen") as file:
                holds("/dev/" in file.read(), "the container has a terminal")


def terminal(made):
    made.mount("/dev/pts", "devpts", "devpts", "newinstance", "ptmxmode=0666")


@attack("CVE-2023-25809")
def a_cgroup_mount_that_is_read_only(runtime):
    """Without a cgroup namespace the hierarchies are the host's: nothing can be made there by a container's root."""
    with attacked(runtime) as (made, _):
        made.namespace("user")
        made.config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
        made.config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
        made.mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro")
        made.mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro")
        outcome = made.try_run(
            "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/made 2>/dev/null && test -e $d/made/cgroup.procs && echo $d; done; true")
        if outcome.status == 0:
            equal(outcome.output.strip(), "", "cgroups could be made in")
