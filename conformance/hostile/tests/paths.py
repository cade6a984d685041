"""Root file systems whose entries lead out, or change while they are looked at."""

import os
import time

from attack import Failed, Skipped, attack, attacked, equal, exchanging, holds, program, replace

ROUNDS = 40


@attack("CVE-2021-30465", "CVE-2024-45310")
def a_target_exchanged_for_a_link(runtime):
    """Mount targets on a volume that another container changes while they are made."""
    with attacked(runtime) as (made, outside):
        volume = made.file("volume")
        os.makedirs(f"{volume}/target")
        os.symlink(outside.path, f"{volume}/link")
        made.mount("/volume", "bind", volume, "rbind")
        made.mount("/volume/target/deep/er", "tmpfs", "tmpfs")
        made.mount("/volume/target/file", "bind", "/etc/hostname", "bind")
        made.args("touch /volume/target/deep/er/mine /volume/link/deep/er/mine 2>/dev/null; true")
        program("exchange")
        with exchanging(f"{volume}/target", f"{volume}/link"):
            prove(volume, outside)
            end = time.monotonic() + 30
            for _ in range(ROUNDS):
                made.try_run()
                made.clean_up()
                outside.check()
                if time.monotonic() > end:
                    break


def prove(volume, outside):
    """A careless look and use, by path, is fooled soon: the attack is one."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not os.path.islink(f"{volume}/target"):
            try:
                os.mkdir(f"{volume}/target/careless")
            except OSError:
                continue
            if os.path.exists(f"{outside.path}/careless"):
                return os.rmdir(f"{outside.path}/careless")
    raise Skipped("the race cannot be won here even without any care")


@attack("CVE-2026-41579", "CVE-2026-47766", "CVE-2026-88264", "CVE-2026-88265")
def dev_is_a_link(runtime):
    """What is made and removed in /dev is made and removed in the root file system."""
    with attacked(runtime) as (made, outside):
        replace(made, "dev", outside.path)
        made.try_run("true")


@attack("CVE-2026-41579", "CVE-2026-47766", "CVE-2026-88264", "CVE-2026-88265")
def dev_climbs_out(runtime):
    with attacked(runtime) as (made, outside):
        replace(made, "dev", "../" * 12 + outside.path)
        made.config["linux"]["devices"] = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 438}]
        made.try_run("true")


@attack()
def etc_and_others_are_links(runtime):
    """Files are bound where the link leads inside the root."""
    for name in ("etc", "tmp", "dev/pts", "dev/shm"):
        with attacked(runtime) as (made, outside):
            replace(made, name, outside.path)
            made.mount(f"/{name}/mine", "bind", "/etc/hostname", "bind")
            made.mount(f"/{name}/deep/er", "tmpfs", "tmpfs")
            made.try_run("true")


@attack("CVE-2019-19921", "CVE-2023-27561", "CVE-2023-28642")
def proc_is_a_link(runtime):
    """A /proc elsewhere would keep its masks to itself: it is refused."""
    for name, kind in (("proc", "proc"), ("sys", "sysfs")):
        with attacked(runtime) as (made, outside):
            os.mkdir(f"{made.rootfs}/elsewhere")
            replace(made, name, "elsewhere")
            if kind == "sysfs":
                made.mount("/sys", "sysfs", "sysfs", "ro")
            made.expect_refused(f"a /{name} that is a link")


@attack()
def a_dangling_target(runtime):
    with attacked(runtime) as (made, outside):
        replace(made, "data", f"{outside.path}/made/deep")
        made.mount("/data", "tmpfs", "tmpfs")
        made.mount("/data/file", "bind", "/etc/hostname", "bind")
        made.try_run("true")


@attack()
def a_looping_target(runtime):
    """A loop is refused, and nobody walks it for ever."""
    with attacked(runtime) as (made, outside):
        os.symlink("b", f"{made.rootfs}/a")
        os.symlink("a", f"{made.rootfs}/b")
        made.mount("/a/x", "tmpfs", "tmpfs")
        made.expect_refused("a target that is a loop of links")


@attack()
def a_target_that_climbs(runtime):
    for path in ("../" * 12 + "OUT", "/a/../" + "../" * 12 + "OUT", "/up/OUT"):
        with attacked(runtime) as (made, outside):
            os.mkdir(f"{made.rootfs}/a")
            os.symlink("../" * 12, f"{made.rootfs}/up")
            made.mount("/" + path.replace("OUT", outside.path + "/made"), "tmpfs", "tmpfs")
            made.try_run("true")


@attack()
def paths_of_4096_bytes(runtime):
    """As long as the kernel takes: made inside, or refused; longer: refused."""
    for length in (4000, 4095, 5000):
        with attacked(runtime) as (made, outside):
            path = ("/" + "d" * 99) * (length // 100) + "/" + "e" * (length % 100)
            made.mount(path, "tmpfs", "tmpfs")
            outcome = made.try_run("true")
            if outcome.status != 0:
                holds(outcome.errors.strip(), "a refused path is refused with a word")
                holds(made.try_state().status != 0, "what is refused leaves no container")
            elif length >= 4096:
                raise Failed("a path of 5,000 bytes is accepted")


@attack()
def a_working_directory_that_is_a_link(runtime):
    with attacked(runtime) as (made, outside):
        os.symlink(f"{outside.path}/made", f"{made.rootfs}/work")
        made.config["process"]["cwd"] = "/work/deep"
        made.try_run("true")


@attack()
def a_copied_directory_with_a_fifo(runtime):
    """tmpcopyup reads what a hostile image has: no link is followed, nothing waited for."""
    with attacked(runtime) as (made, outside):
        os.mkdir(f"{made.rootfs}/data")
        os.mkfifo(f"{made.rootfs}/data/fifo")
        os.symlink(f"{outside.path}/file", f"{made.rootfs}/data/link")
        made.mount("/data", "tmpfs", "tmpfs", "tmpcopyup")
        outcome = made.try_run("readlink /data/link")
        if outcome.status == 0:
            equal(outcome.output.strip(), f"{outside.path}/file", "the copied link leads to")
