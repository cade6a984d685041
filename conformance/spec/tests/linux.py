"""Namespaces, devices, network devices, memory policies, resctrl."""

import os
import subprocess

from container import Failed, container, equal, holds, need, refuse, succeed

from . import test

LINKS = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "user": "user", "cgroup": "cgroup", "time": "time"}


def own(kind):
    return os.readlink(f"/proc/self/ns/{LINKS[kind]}")


def of(c, kind):
    return os.readlink(f"/proc/{c.state()['pid']}/ns/{LINKS[kind]}")


def map_ids(c, host=100000):
    mapping = [{"containerID": 0, "hostID": host, "size": 65536}]
    c.namespace("user")
    c.config["linux"].update(uidMappings=mapping, gidMappings=mapping)
    for folder, folders, files in os.walk(c.rootfs):
        for name in [folder, *(f"{folder}/{one}" for one in folders + files)]:
            if os.path.basename(name) != "busybox":
                os.lchown(name, host, host)


@test
def default_file_systems(runtime):
    with container(runtime) as c:
        # They are what every maker of bundles lists; the runtime makes them available.
        c.mount("/sys", "sysfs", "sysfs", "ro")
        c.mount("/dev", "tmpfs", "tmpfs", "mode=755")
        c.mount("/dev/pts", "devpts", "devpts", "newinstance", "ptmxmode=0666")
        c.mount("/dev/shm", "tmpfs", "shm", "mode=1777")
        c.expect("for at in /proc /sys /dev/pts /dev/shm; do grep \" $at \" /proc/self/mountinfo | sed 's/.* - \\([a-z]*\\).*/\\1/'; done",
                 "proc\nsysfs\ndevpts\ntmpfs")


@test
def namespace_new(runtime, kind):
    need(os.path.exists(f"/proc/self/ns/{LINKS[kind]}"), f"the kernel has no {kind} namespaces")
    with container(runtime) as c:
        c.args("sleep 100")
        if kind == "user":
            map_ids(c)
        else:
            c.namespace(kind)
        c.create()
        c.start()
        holds(of(c, kind) != own(kind), f"the {kind} namespace is a new one")


@test
def namespace_inherited(runtime, kind):
    with container(runtime) as c:
        c.args("sleep 100")
        c.namespace(kind, remove=True)
        c.create()
        c.start()
        equal(of(c, kind), own(kind), f"the {kind} namespace is")


@test
def namespace_joined(runtime, kind):
    with container(runtime) as c, container(runtime) as other:
        for one in (c, other):
            one.args("sleep 100")
        other.namespace("cgroup")
        other.create()
        other.start()
        pid = other.state()["pid"]
        c.namespace(kind, path=f"/proc/{pid}/ns/{LINKS[kind]}")
        if kind == "mount":
            # Paths are those of the namespace that is joined: a holder that sees the bundle.
            holder = subprocess.Popen(["unshare", "--mount", "sleep", "100"])
            try:
                while os.readlink(f"/proc/{holder.pid}/ns/mnt") == own("mount"):
                    pass
                c.namespace("mount", path=f"/proc/{holder.pid}/ns/mnt")
                c.create()
                equal(of(c, kind), os.readlink(f"/proc/{holder.pid}/ns/mnt"), "the mount namespace is")
            finally:
                holder.kill()
                holder.wait()
            return
        c.create()
        c.start()
        equal(of(c, kind), of(other, kind), f"the {kind} namespace is")


@test
def namespace_path_relative(runtime):
    with container(runtime) as c:
        c.namespace("network", path="proc/self/ns/net")
        c.expect_refused("a relative path of a namespace")


@test
def namespace_path_type(runtime):
    with container(runtime) as c:
        c.namespace("network", path="/proc/self/ns/ipc")
        c.expect_refused("an ipc namespace as network")


@test
def namespace_twice(runtime):
    with container(runtime) as c:
        c.config["linux"]["namespaces"].append({"type": "ipc"})
        c.expect_refused("two namespaces of a type")


@test
def map_keeps_ownership(runtime):
    with container(runtime) as c:
        map_ids(c)
        marker = f"{c.rootfs}/marker"
        open(marker, "w").close()
        os.chown(marker, 5, 7)
        c.run("true")
        found = os.stat(marker)
        equal((found.st_uid, found.st_gid), (5, 7), "the owner is")


@test
def dev_links(runtime):
    with container(runtime) as c:
        c.mount("/dev", "tmpfs", "tmpfs", "mode=755")
        c.expect("for one in fd stdin stdout stderr; do readlink /dev/$one; done",
                 "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2")


@test
def device(runtime):
    with container(runtime) as c:
        c.config["linux"]["devices"] = [
            {"type": "c", "path": "/dev/made", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 3, "gid": 4},
            {"type": "p", "path": "/dev/pipe", "fileMode": 0o600},
        ]
        c.mount("/dev", "tmpfs", "tmpfs", "mode=755")
        c.expect("stat -c '%F %t:%T %a %u %g' /dev/made; stat -c %F /dev/pipe",
                 "character special file 1:5 640 3 4\nfifo")


@test
def device_in_the_way(runtime):
    with container(runtime) as c:
        with open(f"{c.rootfs}/etc/there", "w") as file:
            file.write("x")
        c.config["linux"]["devices"] = [{"type": "c", "path": "/etc/there", "major": 1, "minor": 5}]
        c.expect_refused("a device where another file is")


@test
def default_devices(runtime):
    with container(runtime) as c:
        c.mount("/dev", "tmpfs", "tmpfs", "mode=755")
        c.mount("/dev/pts", "devpts", "devpts", "newinstance", "ptmxmode=0666")
        c.expect("for one in null zero full random urandom tty; do stat -c '%F %t:%T' /dev/$one; done; "
                 "test -e /dev/ptmx && echo ptmx",
                 "\n".join(f"character special file {number}" for number in ("1:3", "1:5", "1:7", "1:8", "1:9", "5:0")) + "\nptmx")


@test
def console(runtime):
    # A terminal of our own for an attached run.
    master, slave = os.openpty()
    with container(runtime) as c:
        c.mount("/dev", "tmpfs", "tmpfs", "mode=755")
        c.mount("/dev/pts", "devpts", "devpts", "newinstance", "ptmxmode=0666")
        c.config["process"]["terminal"] = True
        c.args("test -c /dev/console && grep -c ' /dev/console ' /proc/self/mountinfo >/out")
        c.save()
        with subprocess.Popen([runtime.path, "run", "--bundle", c.bundle, c.id], stdin=slave, stdout=slave, stderr=slave,
                              start_new_session=True) as process:
            try:
                status = process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise Failed("run with a terminal does not end") from None
        os.close(master)
        os.close(slave)
        equal((status, c.read("rootfs/out")), (0, "1\n"), "run ends with, and prints")


@test
def net_device_missing(runtime):
    with container(runtime) as c:
        c.config["linux"]["netDevices"] = {"nosuchdev0": {}}
        c.expect_refused("a network device that does not exist")


@test
def net_device_without_namespace(runtime):
    with device_pair() as name, container(runtime) as c:
        c.config["linux"]["netDevices"] = {name: {}}
        c.namespace("network", remove=True)
        c.expect_refused("a network device without a network namespace")


@test
def net_device_moved(runtime):
    with device_pair() as name, container(runtime) as c:
        c.config["linux"]["netDevices"] = {name: {"name": "inside0"}}
        c.expect("ip addr show inside0 | grep -oE 'mtu [0-9]+|inet [0-9./]+|[<,]UP[,>]' | tr -d '<>,'",
                 "UP\nmtu 1234\ninet 10.123.45.6/24")


class device_pair:
    """A network device of ours, one end of a pair, with attributes."""

    def __enter__(self):
        self.name = f"cf{os.getpid() % 100000}"
        made = subprocess.run(["ip", "link", "add", "name", self.name, "mtu", "1234", "type", "veth", "peer", "name", f"{self.name}p"],
                              capture_output=True, text=True)
        need(made.returncode == 0, f"no network device can be made: {made.stderr.strip()}")
        subprocess.run(["ip", "link", "set", "dev", f"{self.name}p", "up"], check=True)
        subprocess.run(["ip", "addr", "add", "10.123.45.6/24", "dev", self.name], check=True)
        return self.name

    def __exit__(self, *_):
        # With the container's end, the one here goes, too.
        subprocess.run(["ip", "link", "del", f"{self.name}p"], capture_output=True)


@test
def memory_policy(runtime):
    need(os.path.exists("/proc/self/numa_maps"), "the kernel knows no memory policies")
    with container(runtime) as c:
        c.config["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
        holds("bind:0" in c.run("cat /proc/self/numa_maps"), "memory is bound to node 0")


def has_resctrl():
    with open("/proc/filesystems") as file:
        return "resctrl" in file.read()


@test
def intel_rdt(runtime):
    need(has_resctrl(), "the kernel or processor has no resctrl")
    raise Failed("no test for machines with resctrl")


@test
def intel_rdt_missing(runtime):
    need(not has_resctrl(), "the machine has resctrl")
    with container(runtime) as c:
        c.config["linux"]["intelRdt"] = {"closID": "conformance", "l3CacheSchema": "L3:0=f"}
        c.expect_refused("intelRdt where no resctrl is")
