"""Fields that are REQUIRED, and values that are wrong in themselves: without the one, or with the other, `create` fails."""

import copy
import re

from container import Failed, Skipped, container, succeed

from . import test

# What has to stand around a field for it to be looked at. The first parts are merged into the configuration.
AROUND = {
    "mounts": [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}],
    "process.consoleSize": {"height": 24, "width": 80},
    "process.rlimits": [{"type": "RLIMIT_NOFILE", "soft": 16, "hard": 32}],
    "process.scheduler": {"policy": "SCHED_OTHER", "nice": 5},
    "process.ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4},
    "hooks.createRuntime": [{"path": "/bin/true", "timeout": 5}],
    "annotations": {"key": "value"},
    "linux.uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],
    "linux.devices": [{"type": "c", "path": "/dev/made", "major": 1, "minor": 3}],
    "linux.resources.devices": [{"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}],
    "linux.resources.blockIO.weightDevice": [{"major": 1, "minor": 0, "weight": 100}],
    "linux.resources.blockIO.throttleReadBpsDevice": [{"major": 1, "minor": 0, "rate": 1000000}],
    "linux.resources.blockIO.throttleWriteIOPSDevice": [{"major": 1, "minor": 0, "rate": 1000000}],
    "linux.resources.hugepageLimits": [{"pageSize": "2MB", "limit": 0}],
    "linux.resources.network.priorities": [{"name": "lo", "priority": 1}],
    "linux.resources.rdma": {"mlx5_1": {"hcaHandles": 1}},
    "linux.memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"},
    "linux.intelRdt": {"memBwSchema": "MB:0=10"},
    "linux.seccomp": {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]}],
    },
    "linux.maskedPaths": ["/proc/kcore"],
    "linux.readonlyPaths": ["/proc/sys"],
    "linux.personality": {"domain": "LINUX"},
}

# The good surroundings need rights, controllers or kernels that are not everywhere: there, only the refusal is looked at.
MAY_FAIL = ("linux.resources.blockIO", "linux.resources.hugepageLimits", "linux.resources.network", "linux.resources.rdma",
            "linux.intelRdt", "linux.memoryPolicy", "linux.uidMappings")

WRONG = {
    "process.cwd": ["tmp", ""],
    "process.rlimits[0].type": ["RLIMIT_NOPE", ""],
    "hooks.createRuntime[0].path": ["true", ""],
    "hooks.createRuntime[0].timeout": [0, -1],
    "annotations": [["a"], "a"],
    "annotations.key": [1, {}, True],
    "linux.resources.blockIO.weightDevice[0]": [{"major": 1, "minor": 0}],
    "linux.resources.rdma.mlx5_1": [{}],
    "linux.memoryPolicy.mode": ["MPOL_NOPE"],
    "linux.intelRdt.memBwSchema": ["0=10", "MB:0=10\nL3:0=f"],
    "linux.seccomp.syscalls[0].names": [[]],
    "linux.maskedPaths[0]": ["proc/kcore"],
    "linux.readonlyPaths[0]": ["proc/sys"],
}


def merge(config, path):
    """Puts what the path needs around it."""
    for start in sorted(AROUND, key=len):
        if path == start or path.startswith(start + ".") or path.startswith(start + "["):
            *folders, last = start.split(".")
            place = config
            for name in folders:
                place = place.setdefault(name, {})
            place[last] = copy.deepcopy(AROUND[start])
            if start == "linux.uidMappings":
                config["linux"]["gidMappings"] = copy.deepcopy(AROUND[start])
                config["linux"]["namespaces"].append({"type": "user"})


def steps(path):
    return [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path)]


def holder(config, path):
    """The object or array a field is in, and its name there."""
    *way, last = steps(path)
    for part in way:
        config = config[part]
    return config, last


def is_optional(path):
    return path.startswith(MAY_FAIL)


def expect_good(runtime, path):
    """Without the fault the document is accepted: else a refusal would show nothing."""
    with container(runtime) as c:
        merge(c.config, path)
        outcome = c.try_create()
        if outcome.status != 0 and not is_optional(path):
            raise Failed(f"the document is refused even when it is right: {outcome}")
        if outcome.status != 0 and runtime.name != "apus":
            raise Skipped(f"the surroundings of the field do not work here: {outcome.errors.strip()[-120:]}")


@test
def required(runtime, path):
    expect_good(runtime, path)
    with container(runtime) as c:
        merge(c.config, path)
        place, name = holder(c.config, path)
        del place[name]
        c.expect_refused(f"a document without {path}")


@test
def wrong(runtime, path):
    expect_good(runtime, path)
    for value in WRONG[path]:
        with container(runtime) as c:
            merge(c.config, path)
            place, name = holder(c.config, path)
            place[name] = copy.deepcopy(value)
            c.expect_refused(f"{path} {value!r}")
