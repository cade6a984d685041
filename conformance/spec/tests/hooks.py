"""Hooks: when and where they run, what they are told, what their failure does."""

import json
import os

from container import container, equal, holds, refuse, succeed, until

from . import test

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def through_life(c):
    """Creates, starts, awaits the end and deletes."""
    c.create()
    c.start()
    c.wait("stopped")
    c.delete()


def namespace(kind, process="self"):
    return os.readlink(f"/proc/{process}/ns/{kind}")


@test
def hooks_order(runtime):
    with container(runtime) as c:
        log = c.file("log")
        for kind in ("createRuntime", "poststart", "poststop"):
            for number in range(3):
                c.hook(kind, f"echo {kind}{number} >>{log}")
        through_life(c)
        wanted = [f"{kind}{number}" for kind in ("createRuntime", "poststart", "poststop") for number in range(3)]
        equal(c.read("log").split(), wanted, "the hooks were called as")


@test
def hook_sequence(runtime):
    with container(runtime) as c:
        # Inside the container the log is at another place.
        log = f"{c.rootfs}/log"
        open(log, "w").close()
        for kind in KINDS:
            # startContainer runs inside. So does createContainer from runtimes that pivot first, which is another sentence's matter.
            place = "/log" if kind == "startContainer" else log
            c.hook(kind, f"echo {kind} >>{place}")
        c.args("echo program >>/log; until grep -q poststart /log; do sleep 0.01; done")

        def calls():
            with open(log) as file:
                return file.read().split()

        c.create()
        equal(calls(), ["prestart", "createRuntime", "createContainer"], "create has called")
        c.start()
        started = calls()
        holds(started[3] == "startContainer", f"startContainer runs first at start, not {started[3:]}")
        holds(sorted(started[4:]) == ["poststart", "program"] or started[4:] == ["poststart"], f"start has called {started[4:]}")
        until(lambda: "program" in calls(), "the program runs")
        equal(calls()[4:], ["program", "poststart"] if calls()[4] == "program" else ["poststart", "program"], "then come")
        c.wait("stopped")
        holds("poststop" not in calls(), "poststop waits for delete")
        c.delete()
        equal(calls()[-1], "poststop", "delete has called")


@test
def hook_in_runtime(runtime, kind):
    kinds = ("mnt", "net", "uts", "ipc", "pid")
    with container(runtime) as c:
        log = c.file("log")
        c.hook(kind, "for kind in %s; do readlink /proc/self/ns/$kind; done >%s" % (" ".join(kinds), log))
        through_life(c)
        equal(c.read("log").split(), [namespace(one) for one in kinds], f"the namespaces of {kind} are")


@test
def hook_in_container(runtime, kind):
    kinds = ("mnt", "net", "uts", "ipc")
    with container(runtime) as c:
        # A descriptor's worth of log that both sides reach: the root file system.
        place = "/log" if kind == "startContainer" else f"{c.rootfs}/log"
        c.hook(kind, "for kind in %s; do readlink /proc/self/ns/$kind; done >%s" % (" ".join(kinds), place))
        c.args("sleep 100")
        c.create()
        c.start()
        pid = c.state()["pid"]
        wanted = [namespace(one, pid) for one in kinds]
        with open(f"{c.rootfs}/log") as file:
            equal(file.read().split(), wanted, f"the namespaces of {kind} are")


@test
def hook_create_container_path(runtime):
    with container(runtime) as c:
        # A program that is nowhere in the container.
        with open(c.file("program"), "w") as file:
            file.write(f"#!/bin/sh\necho called >{c.rootfs}/log\n")
        os.chmod(c.file("program"), 0o755)
        c.config["hooks"] = {"createContainer": [{"path": c.file("program")}]}
        c.create()
        with open(f"{c.rootfs}/log") as file:
            equal(file.read(), "called\n", "the hook has written")


@test
def hook_start_container_path(runtime):
    with container(runtime) as c:
        with open(f"{c.rootfs}/only-inside", "w") as file:
            file.write("#!/bin/sh\necho called >/log\n")
        os.chmod(f"{c.rootfs}/only-inside", 0o755)
        c.config["hooks"] = {"startContainer": [{"path": "/only-inside"}]}
        c.expect("cat /log", "called")


@test
def hook_before_pivot(runtime, kind):
    with container(runtime) as c:
        log = c.file("log")
        # From the runtime's side: the container's first process still has the machine's root.
        if kind == "createContainer":
            c.hook(kind, f"test -e {c.bundle}/config.json && echo before >{log}")
        else:
            c.hook(kind, 'pid=$(sed -n \'s/.*"pid": *\\([0-9]*\\).*/\\1/p\'); test -e /proc/$pid/root%s/config.json && '
                         'echo before >%s' % (c.bundle, log))
        c.create()
        equal(c.read("log"), "before\n", "the hook has written")


@test
def hooks_state(runtime):
    with container(runtime) as c:
        c.config["annotations"] = {"org.example.key": "value"}
        for kind in KINDS:
            place = f"/{kind}" if kind == "startContainer" else f"{c.rootfs}/{kind}"
            c.hook(kind, f"cat >{place}")
        c.args("until test -s /poststart; do sleep 0.01; done")
        c.create()
        pid = c.state()["pid"]
        c.start()
        c.wait("stopped")
        c.delete()
        for kind in KINDS:
            with open(f"{c.rootfs}/{kind}") as file:
                told = json.load(file)
            equal(told["id"], c.id, f"{kind}: id")
            equal(told["bundle"], c.bundle, f"{kind}: bundle")
            equal(told.get("annotations", {}).get("org.example.key"), "value", f"{kind}: annotation")
            holds(told["ociVersion"].startswith("1."), f"{kind}: ociVersion {told['ociVersion']}")
            allowed = {"poststart": ("running",), "poststop": ("stopped",)}.get(kind, ("creating", "created"))
            holds(told["status"] in allowed, f"{kind}: status {told['status']}")
            if kind in ("prestart", "createRuntime", "poststart"):
                equal(told["pid"], pid, f"{kind}: pid")


@test
def hook_fails(runtime, kind):
    with container(runtime) as c:
        log = c.file("log")
        c.hook(kind, "exit 3")
        c.hook("poststop", f"echo called >{log}")
        refuse(c.try_create(), f"create with a {kind} hook that fails")
        refuse(c.try_state(), "state afterwards: the container is destroyed, so that it")
        equal(c.read("log"), "called\n", "poststop hooks have written")


@test
def hook_fails_at_start(runtime, kind):
    with container(runtime) as c:
        log = c.file("log")
        c.hook(kind, "exit 3")
        c.hook("poststop", f"echo called >{log}")
        c.args("sleep 100")
        c.create()
        refuse(runtime.call("start", c.id), f"start with a {kind} hook that fails")
        refuse(c.try_state(), "state afterwards: the container is destroyed, so that it")
        equal(c.read("log"), "called\n", "poststop hooks have written")


@test
def hook_poststop_when(runtime):
    with container(runtime) as c:
        log = c.file("log")
        c.hook("poststop", f"{runtime.path} state {c.id} >/dev/null 2>&1 && echo there >{log} || echo gone >{log}")
        c.create()
        c.start()
        c.wait("stopped")
        equal(c.read("log"), "", "before delete the hooks have written")
        c.delete()
        equal(c.read("log"), "gone\n", "after delete the hooks have written")


@test
def hook_poststop_fails(runtime):
    with container(runtime) as c:
        log = c.file("log")
        c.hook("poststop", "exit 3")
        c.hook("poststop", f"echo called >{log}")
        c.create()
        c.start()
        c.wait("stopped")
        outcome = succeed(runtime.call("delete", c.id), "delete")
        equal(c.read("log"), "called\n", "the hook behind the failed one has written")
        holds(outcome.errors.strip(), "a warning is logged")
        refuse(c.try_state(), "state of the deleted container")
