"""Mounts and their options."""

import os
import subprocess

from container import Failed, container, equal, holds

from . import test

# Option: what /proc/self/mountinfo says of the mount with it, and with the option that undoes it.
FLAGS = {
    "ro": "ro", "nosuid": "nosuid", "nodev": "nodev", "noexec": "noexec", "noatime": "noatime", "nodiratime": "nodiratime",
    "nosymfollow": "nosymfollow",
}
CLEARED = {
    "rw": "ro", "suid": "nosuid", "dev": "nodev", "exec": "noexec", "atime": "noatime", "diratime": "nodiratime",
    "symfollow": "nosymfollow", "relatime": "noatime",
}
PROPAGATION = {
    "private": "", "shared": "shared:", "slave": "master:", "unbindable": "unbindable",
}


def mount_info(printed, point):
    """Options, propagation and the file system's options of the topmost mount at the point."""
    found = None
    for line in printed.splitlines():
        fields = line.split()
        if len(fields) > 6 and fields[4] == point:
            dash = fields.index("-")
            found = fields[5].split(","), " ".join(fields[6:dash]), fields[dash + 3].split(",")
    holds(found, f"{point} is a mount")
    return found


def mounted(runtime, *options, kind="tmpfs", source="tmpfs"):
    with container(runtime) as c:
        c.mount("/data", kind, source, *options)
        return mount_info(c.run("cat /proc/self/mountinfo"), "/data")


@test
def mounts_order(runtime):
    with container(runtime) as c:
        c.mount("/data", "tmpfs", "tmpfs")
        c.mount("/data/inner", "tmpfs", "tmpfs", "size=64k")
        c.mount("/data", "tmpfs", "tmpfs", "size=128k")
        c.expect("test -d /data/inner || echo covered; df /data | tail -n 1 | awk '{ print $2 }'", "covered\n128")


@test
def mount_relative(runtime):
    with container(runtime) as c:
        c.mount("data/inner", "tmpfs", "tmpfs")
        c.args("grep -q ' /data/inner ' /proc/self/mountinfo && pwd && echo mounted")
        c.config["process"]["cwd"] = "/tmp"
        c.expect(c.config["process"]["args"][2], "/tmp\nmounted")


@test
def mount_data(runtime):
    with container(runtime) as c:
        c.mount("/data", "tmpfs", "tmpfs", "mode=1755", "nr_inodes=10", "size=64k")
        c.expect("stat -c %a /data; stat -f -c %c /data; df /data | tail -n 1 | awk '{ print $2 }'", "1755\n10\n64")
    with container(runtime) as c:
        c.mount("/data", "tmpfs", "tmpfs", "an_option_no_file_system_has=1")
        c.expect_refused("an option that the file system does not know")


@test
def mount_option(runtime, option):
    if option in ("bind", "rbind"):
        return bound(runtime, option)
    if option.lstrip("r") in PROPAGATION or option in PROPAGATION or option[1:] in PROPAGATION:
        return propagation(runtime, option)
    if option == "remount":
        return remounted(runtime)
    if option in ("strictatime", "nostrictatime", "norelatime"):
        return access_times(runtime, option)
    if option in FLAGS:
        return holds(FLAGS[option] in mounted(runtime, option)[0], f"the mount has {FLAGS[option]}")
    if option in CLEARED:
        undone = CLEARED[option]
        return holds(undone not in mounted(runtime, undone, option)[0], f"{option} undoes {undone}")
    if option[0] == "r" and (option[1:] in FLAGS or option[1:] in CLEARED or option[1:].endswith("atime")):
        return recursive(runtime, option)
    if option in ("sync", "dirsync"):
        return flag(runtime, option)
    if option == "lazytime":
        return flag(runtime, option)
    if option in ("async", "nolazytime"):
        undone = {"async": "sync", "nolazytime": "lazytime"}[option]
        return holds(undone not in mounted(runtime, undone, option)[2], f"{option} undoes {undone}")
    # What has nothing to show: it is accepted, and changes nothing.
    equal(mounted(runtime, option)[0], mounted(runtime)[0], f"with {option} the mount has")


def flag(runtime, option):
    # Which file systems show a flag is theirs to say: tmpfs shows these where the kernel passes them on.
    options = mounted(runtime, option)[2]
    holds(option in options or not kernel_shows(option), f"the file system has {option}")


def kernel_shows(option):
    """Whether a tmpfs that mount(8) makes with the option shows it."""
    script = f"mount -t tmpfs -o {option} x /mnt && cat /proc/self/mountinfo"
    result = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True)
    return result.returncode == 0 and option in mount_info(result.stdout, "/mnt")[2]


def bound(runtime, option):
    with container(runtime) as c:
        tree = mounts_below(c)
        c.mount("/data", None, tree, option)
        found = c.run("cat /data/outer; ls /data/inner")
        equal(found, "outer" if option == "bind" else "outer\ninner", f"{option} shows")


def mounts_below(c):
    """A directory with a file system mounted in it, each with a file."""
    tree = c.file("tree")
    os.makedirs(f"{tree}/inner")
    c.write("tree/outer", "outer\n")
    subprocess.run(["mount", "-t", "tmpfs", "below", f"{tree}/inner"], check=True)
    with open(f"{tree}/inner/inner", "w") as file:
        file.write("inner")
    clean = c.clean_up

    def clean_up():
        clean()
        subprocess.run(["umount", "-l", f"{tree}/inner"], capture_output=True)

    c.clean_up = clean_up
    return tree


def propagation(runtime, option):
    kind = option if option in PROPAGATION else option[1:]
    with container(runtime) as c:
        tree = mounts_below(c)
        # Something to be a slave of.
        subprocess.run(["mount", "--bind", tree, tree], check=True)
        subprocess.run(["mount", "--make-rshared", tree], check=True)
        clean = c.clean_up

        def clean_up():
            subprocess.run(["umount", "-l", tree], capture_output=True)
            clean()

        c.clean_up = clean_up
        c.config["linux"]["rootfsPropagation"] = "slave"
        c.mount("/data", None, tree, "rbind", option)
        printed = c.run("cat /proc/self/mountinfo")
    for point in ["/data"] + (["/data/inner"] if option != kind else []):
        try:
            found = mount_info(printed, point)[1]
        except Failed:
            if point == "/data":
                raise
            continue
        if kind == "private":
            holds(found == "", f"{point} is private, not {found!r}")
        else:
            holds(PROPAGATION[kind] in found, f"{point} is {kind}, not {found!r}")


def remounted(runtime):
    with container(runtime) as c:
        c.mount("/data", "tmpfs", "tmpfs")
        c.mount("/data", "tmpfs", "tmpfs", "remount", "ro", "noexec")
        printed = c.run("cat /proc/self/mountinfo")
    points = [line.split()[5] for line in printed.splitlines() if line.split()[4] == "/data"]
    equal(len(points), 1, "the number of mounts is")
    holds({"ro", "noexec"} <= set(points[0].split(",")), "the mount has changed")


def access_times(runtime, option):
    found = mounted(runtime, "noatime", option)[0]
    holds("noatime" not in found or option == "norelatime", f"{option} undoes noatime")
    if option == "strictatime":
        holds("relatime" not in found, "strictatime is not relatime")


def recursive(runtime, option):
    plain = option[1:]
    with container(runtime) as c:
        tree = mounts_below(c)
        before = [CLEARED[plain]] if plain in CLEARED else []
        if before:
            subprocess.run(["mount", "-o", f"remount,bind,{before[0]}", f"{tree}/inner"], check=True)
        c.mount("/data", None, tree, "rbind", option)
        found = mount_info(c.run("cat /proc/self/mountinfo"), "/data/inner")[0]
    if plain in FLAGS:
        holds(FLAGS[plain] in found, f"the mount below has {plain}")
    elif plain in CLEARED:
        holds(CLEARED[plain] not in found, f"the mount below lost {before[0]}")
    elif plain == "strictatime":
        holds("relatime" not in found and "noatime" not in found, "the mount below is strictatime")
    else:
        holds("noatime" not in found, f"the mount below is {plain}")


def maps(host):
    return [{"containerID": 0, "hostID": host, "size": 65536}]


@test
def idmap(runtime, option):
    with container(runtime) as c:
        tree = mounts_below(c)
        for name in ("outer", "inner/inner"):
            os.chown(f"{tree}/{name}", 0, 0)
        entry = c.mount("/data", None, tree, "rbind" if option == "ridmap" else "bind", option)
        entry["uidMappings"], entry["gidMappings"] = maps(100000), maps(200000)
        names = "outer" if option == "idmap" else "outer inner/inner"
        c.expect(f"cd /data; stat -c '%u %g' {names}", "\n".join(["100000 200000"] * len(names.split())))


@test
def idmap_without_maps(runtime, option):
    with container(runtime) as c:
        os.mkdir(c.file("source"))
        c.mount("/data", None, c.file("source"), "bind", option)
        c.expect_refused(f"{option} without any mapping")


@test
def mount_half_mapped(runtime, field):
    with container(runtime) as c:
        os.mkdir(c.file("source"))
        c.mount("/data", None, c.file("source"), "bind", "idmap")[field] = maps(1000)
        c.expect_refused(f"{field} without its partner")
