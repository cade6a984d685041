"""Control groups: place, owner, limits."""

import os

from container import container, equal, holds, need, succeed

from . import test

TOP = "/sys/fs/cgroup"


def is_v2():
    return os.path.exists(f"{TOP}/cgroup.controllers")


def folder(controller, path):
    return f"{TOP}{path}" if is_v2() else f"{TOP}/{controller}{path}"


def read(path):
    with open(path) as file:
        return file.read().strip()


@test
def cgroups_path(runtime):
    for _ in range(2):
        with container(runtime) as c:
            c.config["linux"]["cgroupsPath"] = "/conformance-same/place"
            c.args("sleep 100")
            c.create()
            pids = read(folder("pids", "/conformance-same/place") + "/cgroup.procs").split()
            holds(str(c.state()["pid"]) in pids, "the process is in the cgroup of that path")


@test
def cgroup_owner_v1(runtime):
    need(not is_v2(), "the machine has cgroup v2 alone")
    with container(runtime) as c:
        c.config["process"]["user"] = {"uid": 1000, "gid": 1000}
        c.namespace("cgroup")
        c.mount("/sys/fs/cgroup", "cgroup", "cgroup")
        c.args("sleep 100")
        c.create()
        equal(os.stat(folder("pids", f"/{c.id}")).st_uid, 0, "the owner of the cgroup is")


@test
def cgroup_owner(runtime, case):
    need(is_v2(), "needs cgroup v2 alone: with v1 the owner stays (owner-v1)")
    with container(runtime) as c:
        c.config["process"]["user"] = {"uid": 1000, "gid": 1000}
        if case != "no-namespace":
            c.namespace("cgroup")
        if case != "no-mount":
            c.mount("/sys/fs/cgroup", "cgroup", "cgroup")
        c.args("sleep 100")
        c.create()
        place = folder("", f"/{c.id}")
        owner = 1000 if case == "writable" else 0
        listed = read("/sys/kernel/cgroup/delegate").split()
        for name in os.listdir(place):
            equal(os.stat(f"{place}/{name}").st_uid, owner if name in listed else 0, f"the owner of {name} is")
        equal(os.stat(place).st_uid, owner, "the owner of the cgroup is")


@test
def devices_order(runtime):
    fuse = {"type": "c", "major": 10, "minor": 229}
    allow, deny = {"allow": True, "access": "rw", **fuse}, {"allow": False, "access": "rwm"}
    for rules, wanted in (([deny, allow], "allowed"), ([allow, deny], "denied")):
        with container(runtime) as c:
            c.config["linux"]["resources"] = {"devices": rules}
            c.config["linux"]["devices"] = [{"path": "/dev/made", **fuse}]
            # Where no driver is behind the number, another error comes: the cgroup denies before anybody looks for one.
            c.expect("head -c 0 /dev/made 2>&1 | grep -q 'not permitted' && echo denied || echo allowed", wanted)


@test
def pids_limit(runtime):
    with container(runtime) as c:
        c.config["linux"]["resources"] = {"pids": {"limit": 7}}
        c.args("sleep 100")
        c.create()
        equal(read(folder("pids", f"/{c.id}") + "/pids.max"), "7", "pids.max is")
    with container(runtime) as c:
        c.config["linux"]["resources"] = {"pids": {"limit": "seven"}}
        c.expect_refused("a limit that is no number")


@test
def unified(runtime):
    need(is_v2(), "needs cgroup v2")
    with container(runtime) as c:
        c.config["linux"]["resources"] = {"unified": {"pids.max": "9", "cgroup.max.descendants": "3"}}
        c.args("sleep 100")
        c.create()
        place = folder("", f"/{c.id}")
        equal((read(f"{place}/pids.max"), read(f"{place}/cgroup.max.descendants")), ("9", "3"), "the files say")


@test
def unified_missing(runtime):
    with container(runtime) as c:
        c.config["linux"]["resources"] = {"unified": {"nosuchcontroller.max": "1"}}
        c.expect_refused("a setting of a controller that is not there")
