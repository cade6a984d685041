"""The bundles that bench.py runs, made of a busybox root file system: see BUNDLES."""

import copy
import json
import os
import platform
import re

PROFILE = "/usr/share/containers/seccomp.json"

CAPABILITIES = ["CAP_" + name for name in """CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP
    NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE""".split()]
# Machine: (name in the profile, the architectures of the filter).
ARCHITECTURES = {
    "x86_64": ("amd64", ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]),
    "aarch64": ("arm64", ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]),
}


def kernel():
    return tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])


def seccomp():
    """Docker's default profile as an engine hands it to a runtime: its conditions resolved for this machine and these capabilities."""
    with open(PROFILE) as file:
        profile = json.load(file)
    name, architectures = ARCHITECTURES[platform.machine()]

    def applies(rule):
        includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
        return (name not in excludes.get("arches", [])
                and not set(excludes.get("caps", [])) & set(CAPABILITIES)
                and (not includes.get("arches") or name in includes["arches"])
                and set(includes.get("caps", [])) <= set(CAPABILITIES)
                and (not includes.get("minKernel")
                     or tuple(map(int, includes["minKernel"].split("."))) <= kernel()))

    rules = [{key: rule[key] for key in ("names", "action", "args", "errnoRet") if rule.get(key) not in (None, [])}
             for rule in profile["syscalls"] if applies(rule)]
    return {"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile.get("defaultErrnoRet", 1),
            "architectures": architectures, "syscalls": rules}


def mount(destination, kind, source, *options):
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def minimal(folder):
    """A pid and a mount namespace, /proc and /dev: the least that is still a container."""
    return {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "env": ["PATH=/bin"], "cwd": "/"},
        "root": {"path": f"{folder}/rootfs"},
        "mounts": [mount("/proc", "proc", "proc"), mount("/dev", "tmpfs", "tmpfs", "nosuid", "mode=755")],
        "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]},
    }


def docker_like(folder):
    """What Docker asks for by default: six namespaces, ten mounts, limits, device rules, masked paths and its seccomp profile."""
    files = [mount(f"/etc/{name}", "bind", f"{folder}/etc/{name}", "rbind", "rprivate")
             for name in ("resolv.conf", "hostname", "hosts")]
    devices = [{"allow": False, "access": "rwm"}]
    devices += [{"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"}
                for major, minor in ((1, 5), (1, 3), (1, 9), (1, 8), (5, 0), (5, 1))]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["/bin/true"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=bench"],
            "cwd": "/",
            "capabilities": {kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")},
            "oomScoreAdj": 0,
        },
        "root": {"path": f"{folder}/rootfs"},
        "hostname": "bench",
        "mounts": [
            mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
            mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
            mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
            mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
            mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev"),
            mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
            mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=67108864"),
            *files,
        ],
        "linux": {
            "resources": {
                "devices": devices,
                "memory": {"limit": 512 << 20, "swap": 1 << 30},
                "cpu": {"shares": 512, "quota": 50000, "period": 100000},
                "pids": {"limit": 512},
            },
            "namespaces": [{"type": kind} for kind in ("mount", "network", "uts", "pid", "ipc", "cgroup")],
            "maskedPaths": ["/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                            "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
                            "/sys/devices/virtual/powercap"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            "seccomp": seccomp(),
        },
    }


def config_1mb(folder):
    """`minimal` with 10,000 environment entries and 10,000 annotations, 1 MB in all: shows algorithms that are not linear."""
    config = minimal(folder)
    config["process"]["env"] += [f"VARIABLE_{number}=a value of common length" for number in range(10_000)]
    config["annotations"] = {f"org.example.key{number}": "a value of common length" for number in range(10_000)}
    return config


def user_namespace(folder):
    """`minimal` in a user namespace of 65,536 ids."""
    config = minimal(folder)
    config["linux"]["namespaces"].append({"type": "user"})
    ids = [{"containerID": 0, "hostID": 100_000, "size": 65536}]
    config["linux"].update(uidMappings=ids, gidMappings=ids)
    return config


def notify(folder):
    """`minimal` with a filter that asks an agent about one system call, which is never made: what the hand-over costs."""
    config = minimal(folder)
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": agent(folder),
                                  "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_NOTIFY"}]}
    return config


def agent(folder):
    """The socket on which whoever measures takes the descriptors of `notify`."""
    return f"{folder}/agent"


BUNDLES = {"minimal": minimal, "docker-like": docker_like, "config-1MB": config_1mb, "user-namespace": user_namespace,
           "notify": notify}


def write(folder, bundle, owner, sleeping=False):
    """A bundle of its own for one runtime, with its own cgroup; returns its folder."""
    config = copy.deepcopy(BUNDLES[bundle](folder))
    config["linux"]["cgroupsPath"] = f"/apus-bench/{owner}-{bundle}"
    if sleeping:
        config["process"]["args"] = ["/bin/sleep", "100000"]
    path = f"{folder}/{owner}-{bundle}{'-sleeping' if sleeping else ''}"
    os.makedirs(path, exist_ok=True)
    with open(f"{path}/config.json", "w") as file:
        json.dump(config, file)
    return path
