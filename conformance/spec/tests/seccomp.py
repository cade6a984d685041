"""Seccomp profiles and the listener's socket."""

import array
import json
import os
import socket

from container import Failed, container, equal, holds, need, refuse, succeed

from . import test


@test
def seccomp_default_errno(runtime):
    with container(runtime) as c:
        c.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 5}
        c.expect_refused("defaultErrnoRet with SCMP_ACT_ALLOW")


@test
def seccomp_errno(runtime):
    with container(runtime) as c:
        c.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_KILL_PROCESS", "errnoRet": 5}],
        }
        c.expect_refused("errnoRet with SCMP_ACT_KILL_PROCESS")


@test
def seccomp_metadata_alone(runtime):
    with container(runtime) as c:
        c.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}
        c.expect_refused("listenerMetadata without listenerPath")


def notifying(c, path):
    c.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path, "listenerMetadata": "told",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}],
    }


@test
def seccomp_notify(runtime):
    with container(runtime) as c, socket.socket(socket.AF_UNIX) as listener:
        path = c.file("listener")
        listener.bind(path)
        listener.listen()
        listener.settimeout(10)
        notifying(c, path)
        c.args("sleep 100")
        c.create()
        c.start()
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            raise Failed("nobody connects to the listener") from None
        with connection:
            connection.settimeout(10)
            size = array.array("i").itemsize
            data, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(16 * size))
            descriptors = array.array("i")
            for level, kind, payload in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    descriptors.frombytes(payload[:len(payload) - len(payload) % size])
            while more := connection.recvmsg(65536, socket.CMSG_SPACE(16 * size)):
                holds(not more[1], "descriptors come in the first message only")
                if not more[0]:
                    break
                data += more[0]
        state = json.loads(data)
        for number in descriptors:
            os.close(number)
        equal(len(descriptors), len(state["fds"]), "descriptors sent are")
        holds("seccompFd" in state["fds"], "seccompFd is among them")
        equal(state["pid"], c.state()["pid"], "pid is")
        equal(state["metadata"], "told", "metadata is")
        equal((state["state"]["id"], state["state"]["bundle"]), (c.id, c.bundle), "the state's id and bundle are")
        holds(state["ociVersion"].startswith("1."), "ociVersion is there")


@test
def seccomp_nobody_listens(runtime):
    with container(runtime) as c:
        notifying(c, c.file("nobody"))
        created = c.try_create()
        if created.status == 0:
            refuse(runtime.call("start", c.id), "start of a container whose listener does not exist")
