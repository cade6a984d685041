"""The features document: what it claims is tried."""

import json

from container import Failed, Skipped, container, equal, holds, need, succeed

from . import test
from .fields import merge


def features(runtime):
    outcome = runtime.call("features")
    if outcome.status != 0:
        raise Skipped("the runtime has no `features`")
    return json.loads(outcome.output)


def accepted(runtime, what, change):
    with container(runtime) as c:
        change(c)
        outcome = c.try_create()
        if outcome.status != 0:
            raise Failed(f"{what} is claimed, but: {outcome}")


@test
def features_constant(runtime):
    equal(features(runtime), features(runtime), "asked again, the answer is")


@test
def features_no_null(runtime):
    # Null says "not known", which is never what an empty list or a `false` in the place of it says.
    def walk(value, path):
        holds(value is not None, f"{path} is left out rather than null")
        for name, inner in value.items() if isinstance(value, dict) else ():
            walk(inner, f"{path}.{name}")

    walk(features(runtime), "features")


@test
def features_versions(runtime):
    found = features(runtime)
    low, high = found["ociVersionMin"], found["ociVersionMax"]

    def key(version):
        return [int(part) for part in version.split("-")[0].split("+")[0].split(".")]

    holds(key(low) <= key(high), f"{low} is not above {high}")
    for version in (low, high):
        accepted(runtime, f"ociVersion {version}", lambda c: c.config.update(ociVersion=version))


KNOWN = {
    "": {"ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux", "annotations", "potentiallyUnsafeConfigAnnotations"},
    "linux": {"namespaces", "capabilities", "cgroup", "seccomp", "apparmor", "selinux", "intelRdt", "mountExtensions", "memoryPolicy",
              "netDevices"},
    "cgroup": {"v1", "v2", "systemd", "systemdUser", "rdma"},
    "seccomp": {"enabled", "actions", "operators", "archs", "knownFlags", "supportedFlags"},
}


@test
def features_schema(runtime):
    found = features(runtime)
    linux = found.get("linux", {})
    for part, names in (("", found), ("linux", linux), ("cgroup", linux.get("cgroup", {})), ("seccomp", linux.get("seccomp", {}))):
        unknown = set(names) - KNOWN[part]
        holds(not unknown, f"{part or 'features'} has nothing undefined, but {sorted(unknown)}")


@test
def features_annotations(runtime):
    for key, value in features(runtime).get("annotations", {}).items():
        holds(key and isinstance(value, str), f"annotation {key!r} is a string")


@test
def features_hooks(runtime):
    for kind in features(runtime).get("hooks", []):
        with container(runtime) as c:
            c.hook(kind, "exit 0" if kind == "startContainer" else f"echo called >{c.file('log')}")
            c.create()
            c.start()
            c.wait("stopped")
            c.delete()
            holds(kind == "startContainer" or c.read("log"), f"a {kind} hook is called")


@test
def features_mount_options(runtime):
    options = features(runtime).get("mountOptions", [])
    need(options, "no options are claimed")
    for option in options:
        holds("=" not in option, f"{option} is no option of a file system")

        def change(c, option=option):
            if option in ("idmap", "ridmap"):
                maps = [{"containerID": 0, "hostID": 100000, "size": 65536}]
                c.mount("/data", None, c.bundle, "bind", option).update(uidMappings=maps, gidMappings=maps)
            elif option == "remount":
                c.mount("/proc", "proc", "proc", option)
            elif option in ("bind", "rbind"):
                c.mount("/data", None, c.bundle, option)
            else:
                c.mount("/data", "tmpfs", "tmpfs", option)

        accepted(runtime, f"the mount option {option}", change)


@test
def features_namespaces(runtime):
    for kind in features(runtime)["linux"].get("namespaces", []):
        def change(c, kind=kind):
            c.namespace(kind)
            if kind == "user":
                maps = [{"containerID": 0, "hostID": 0, "size": 65536}]
                c.config["linux"].update(uidMappings=maps, gidMappings=maps)

        accepted(runtime, f"the namespace {kind}", change)


@test
def features_capabilities(runtime):
    names = features(runtime)["linux"].get("capabilities", [])
    with container(runtime) as c:
        c.config["process"]["capabilities"] = {"bounding": names}
        outcome = succeed(c.try_create(), "create with every capability in the bounding set")
        holds("nknown" not in outcome.errors, "no capability is unknown")


@test
def features_seccomp(runtime, part):
    found = features(runtime)["linux"].get("seccomp", {})
    need(found.get("enabled") and found.get(part), f"no {part} are claimed")
    for value in found[part]:
        if value in ("SCMP_ACT_NOTIFY", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"):
            continue  # These need somebody who listens: test seccomp_notify.

        def change(c, value=value):
            merge(c.config, "linux.seccomp")
            profile = c.config["linux"]["seccomp"]
            rule = profile["syscalls"][0]
            rule["names"] = ["settimeofday"]
            if part == "actions":
                rule["action"] = value
            elif part == "operators":
                rule["args"][0].update(op=value, valueTwo=0)
            elif part == "archs":
                profile["architectures"] = [value]
            else:
                profile["flags"] = [value]

        accepted(runtime, f"{part}: {value}", change)


@test
def features_idmap(runtime):
    extension = features(runtime)["linux"].get("mountExtensions", {}).get("idmap", {})
    holds(extension.get("enabled") is not None, "it is said whether id-mapped mounts are recognized")
    need(extension["enabled"], "the runtime does not claim id-mapped mounts")

    def change(c):
        maps = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        c.mount("/data", None, c.bundle, "bind", "idmap").update(uidMappings=maps, gidMappings=maps)

    accepted(runtime, "an id-mapped mount", change)
