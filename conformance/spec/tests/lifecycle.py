"""Operations and the states they lead through."""

import json
import os
import signal
import time

from container import Failed, container, equal, holds, refuse, succeed, until

from . import test


@test
def operations(runtime):
    with container(runtime) as c:
        c.args("sleep 100")
        c.create()
        equal(c.status(), "created", "after create the status is")
        c.start()
        equal(c.status(), "running", "after start the status is")
        succeed(runtime.call("kill", c.id, "KILL"), "kill")
        c.wait("stopped")
        c.delete()
        refuse(c.try_state(), "state of a deleted container")


@test
def state_has(runtime, field):
    with container(runtime) as c:
        c.create()
        state = c.state()
        wanted = {"id": c.id}.get(field)
        holds(isinstance(state.get(field), str), f"{field} is a string")
        holds(wanted in (None, state[field]), f"{field} is {state[field]!r}, not {wanted!r}")


@test
def state_statuses(runtime):
    with container(runtime) as c:
        c.args("until test -e /end; do sleep 0.01; done")
        c.create()
        found = [c.status()]
        c.start()
        found.append(c.status())
        open(f"{c.rootfs}/end", "w").close()
        until(lambda: c.status() != "running", "the container stops")
        found.append(c.status())
        equal(found, ["created", "running", "stopped"], "the statuses are")


@test
def state_pid(runtime):
    with container(runtime) as c:
        c.args("sleep 100")
        c.create()
        first = c.state()["pid"]
        c.start()
        equal(c.state()["pid"], first, "after start the pid is")
        with open(f"/proc/{first}/status") as file:
            inside = next(line for line in file if line.startswith("NSpid:")).split()[-1]
        equal(inside, "1", "inside, the process has the pid")


@test
def state_bundle(runtime):
    with container(runtime) as c:
        c.save()
        succeed(runtime.call("create", "--bundle", os.path.relpath(c.bundle), c.id), "create")
        equal(c.state()["bundle"], c.bundle, "bundle is")


STATES = {"creating", "created", "running", "stopped", "paused"}


@test
def state_schema(runtime):
    with container(runtime) as c:
        c.config["annotations"] = {"a": "b"}
        c.create()
        state = c.state()
        for field in ("ociVersion", "id", "status", "bundle"):
            holds(isinstance(state.get(field), str), f"{field} is a string")
        holds(state["status"] in STATES, "the status is a known one")
        holds(isinstance(state["pid"], int) and state["pid"] > 0, "pid is a number")
        equal(state["annotations"], {"a": "b"}, "annotations are")
        holds(os.path.isabs(state["bundle"]), "bundle is absolute")


@test
def create_id_twice(runtime):
    with container(runtime) as c, container(runtime) as other:
        c.args("sleep 100")
        c.create()
        c.start()
        pid = c.state()["pid"]
        other.save()
        refuse(runtime.call("create", "--bundle", other.bundle, c.id), "create with an id in use")
        equal((c.state()["pid"], c.status(), c.state()["bundle"]), (pid, "running", c.bundle), "the first container is")


@test
def create_id_invalid(runtime):
    with container(runtime) as c:
        c.save()
        for bad in ("a/b", "..", "", "a b", "a\nb"):
            refuse(runtime.call("create", "--bundle", c.bundle, bad), f"create of {bad!r}")


@test
def create_without_arguments(runtime):
    with container(runtime) as c:
        c.save()
        refuse(runtime.call("create", "--bundle", c.bundle), "create without an id")
        refuse(runtime.call("create", "--bundle", c.file("nowhere"), c.id), "create without a bundle")
        refuse(c.try_state(), "state")


@test
def create_environment(runtime):
    with container(runtime) as c:
        c.config["hostname"] = "conformance"
        c.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
        c.config["linux"]["maskedPaths"] = ["/proc/version"]
        c.config["linux"]["readonlyPaths"] = ["/proc/sys"]
        c.mount("/data", "tmpfs", "tmpfs")
        c.config["process"].update(user={"uid": 12, "gid": 34, "additionalGids": [56]}, cwd="/tmp", noNewPrivileges=True)
        c.config["process"]["env"] += ["A=b c"]
        c.expect("hostname; cat /proc/sys/net/ipv4/ip_forward; wc -c </proc/version; id -u; id -G; pwd; echo $A; "
                 "grep NoNewPrivs /proc/self/status | cut -f 2; grep -c ' /data ' /proc/self/mountinfo; "
                 "grep ' /proc/sys ' /proc/self/mountinfo | awk '{ print $6 }' | grep -o '^ro'",
                 "conformance\n1\n0\n12\n34 56\n/tmp\nb c\n1\n1\nro")


@test
def create_impossible(runtime):
    impossible = {
        "a mount of what is not there": lambda c: c.mount("/data", "bind", "/nowhere/at/all", "bind"),
        "an unknown file system": lambda c: c.mount("/data", "nosuchfs", "x"),
        "an unknown sysctl": lambda c: c.config["linux"].update(sysctl={"kernel.no_such_setting": "1"}),
    }
    for what, change in impossible.items():
        with container(runtime) as c:
            change(c)
            c.expect_refused(what)


@test
def program_not_run_by_create(runtime):
    with container(runtime) as c:
        c.args("touch /ran")
        c.create()
        time.sleep(0.2)
        holds(not os.path.exists(f"{c.rootfs}/ran"), "create leaves the program alone")


@test
def config_update(runtime):
    with container(runtime) as c:
        c.args("echo first >/ran")
        c.create()
        c.args("echo second >/ran")
        c.save()
        c.start()
        c.wait("stopped")
        equal(c.read("rootfs/ran"), "first\n", "the program writes")


@test
def start_runs_program(runtime):
    with container(runtime) as c:
        c.args("echo $0 $1 >/ran")
        c.config["process"]["args"] += ["zero", "one"]
        c.create()
        c.start()
        c.wait("stopped")
        equal(c.read("rootfs/ran"), "zero one\n", "the program writes")


@test
def start_twice(runtime):
    with container(runtime) as c:
        c.args("echo x >>/ran; until test -e /end; do sleep 0.01; done")
        c.create()
        c.start()
        pid = c.state()["pid"]
        refuse(runtime.call("start", c.id), "start of a running container")
        equal((c.status(), c.state()["pid"]), ("running", pid), "the container is")
        open(f"{c.rootfs}/end", "w").close()
        c.wait("stopped")
        refuse(runtime.call("start", c.id), "start of a stopped container")
        equal(c.read("rootfs/ran"), "x\n", "the program has written")


@test
def without_id(runtime, operation):
    outcome = runtime.call(operation)
    refuse(outcome, f"{operation} without an id")
    holds((outcome.errors + outcome.output).strip(), "the error is said")


@test
def unknown_id(runtime, operation):
    more = ["TERM"] if operation == "kill" else []
    refuse(runtime.call(operation, "there-is-no-such-container", *more), f"{operation} of an unknown container")


@test
def kill_signals(runtime):
    with container(runtime) as c:
        c.args("for one in TERM USR1 USR2 HUP; do trap \"echo $one >>/got\" $one; done; echo ready >>/got; "
               "while :; do sleep 0.01; done")
        c.create()
        c.start()
        until(lambda: "ready" in c.read("rootfs/got"), "the program is ready")
        for sent in ("TERM", "USR1", str(int(signal.SIGUSR2)), "SIGHUP"):
            succeed(runtime.call("kill", c.id, sent), f"kill {sent}")
            name = {"12": "USR2", "SIGHUP": "HUP"}.get(sent, sent)
            until(lambda: name in c.read("rootfs/got").split(), f"the program gets {name}")
        succeed(runtime.call("kill", c.id, "KILL"), "kill")
        c.wait("stopped")
    with container(runtime) as c:
        c.create()
        succeed(runtime.call("kill", c.id, "KILL"), "kill of a created container")
        c.wait("stopped")


@test
def kill_stopped(runtime):
    with container(runtime) as c:
        c.create()
        c.start()
        c.wait("stopped")
        refuse(runtime.call("kill", c.id, "TERM"), "kill of a stopped container")
        equal(c.status(), "stopped", "the status is")


@test
def delete_not_stopped(runtime, status):
    with container(runtime) as c:
        c.args("sleep 100")
        c.create()
        if status == "running":
            c.start()
        pid = c.state()["pid"]
        refuse(runtime.call("delete", c.id), f"delete of a {status} container")
        equal((c.status(), c.state()["pid"]), (status, pid), "the container is")


def cgroup_folders(name):
    return [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if os.path.basename(folder) == name]


@test
def delete_undoes(runtime):
    with container(runtime) as c:
        with open("/proc/self/mountinfo") as file:
            mounts = file.read()
        c.create()
        holds(cgroup_folders(c.id), "the container has a cgroup")
        c.start()
        c.wait("stopped")
        c.delete()
        equal(cgroup_folders(c.id), [], "the cgroups left are")
        with open("/proc/self/mountinfo") as file:
            equal(file.read(), mounts, "the mounts left are")
        refuse(c.try_state(), "state of the deleted container")
        c.expect("echo again", "again")


@test
def delete_only_own(runtime):
    with container(runtime) as c, container(runtime) as other:
        other.args("sleep 100")
        other.create()
        other.start()
        c.mount("/data", None, c.file("kept"), "bind")
        os.mkdir(c.file("kept"))
        c.write("kept/file", "x")
        c.namespace("network", path=f"/proc/{other.state()['pid']}/ns/net")
        c.run("rm /data/file; touch /data/new")
        holds(os.path.exists(c.file("kept/new")), "what was bound is still there")
        holds(os.path.exists(f"{c.rootfs}/bin/busybox"), "the root file system is still there")
        equal(other.status(), "running", "the other container is")


@test
def error_leaves_nothing(runtime):
    with container(runtime) as c:
        with open("/proc/self/mountinfo") as file:
            mounts = file.read()
        c.mount("/data", "bind", "/nowhere/at/all", "bind")
        refuse(c.try_create(), "create of a container with an impossible mount")
        refuse(c.try_state(), "state")
        equal(cgroup_folders(c.id), [], "the cgroups left are")
        with open("/proc/self/mountinfo") as file:
            equal(file.read(), mounts, "the mounts left are")
