#!/usr/bin/env python3
"""Measures container runtimes side by side: every round runs each of them once, in changing order, so that whatever else the
machine does meets all of them alike. Run as root by `make bench`. Environment:

    ROUNDS=60                        rounds
    TESTS=version,run,cold,life,syscalls       (there are cgroups, exec, series and many, too)
    BUNDLES=minimal,docker-like,config-1MB (there are user-namespace and notify, too)
    PEERS="name=path …"              more runtimes, for example PEERS="old=bin/apus.old"
    MANY=1000                        containers for the test many
    CGROUPS=v2                       cgroup v2 alone, with whatever controllers it has here
    APUS=bin/apus                    our own
    REF=crun                         what ratios are relative to

Tests: version: --version; run: from start to the end of /bin/true; cold: the same of docker-like with a state directory that
was never used, so that nothing kept in it (compiled seccomp programs) helps; life: create, start, state, exec, events --stats and
update (where offered), kill, delete of a sleeping container; exec: /bin/true in one that stays, attached and detached; series (a tenth
of the rounds): 100 runs one after the other, and 100 containers created four at a time; syscalls: the calls of one run, counted by
strace -f; cgroups: create, with the container's cgroups and without; many: list, and delete of one more, while MANY minimal
containers are running. config-1MB takes part in run only.

Per command: wall time; CPU time of the runtime and of everything it reaped (wait4(2)), for create also with the container's
first process up to then (create+init); peak resident memory. Prints medians, 95th percentiles and ratios; writes all samples to out/.
"""

import json
import math
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import bundles

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)


def setting(name, default):
    # An empty variable counts as unset, as the Makefile may hand it on.
    return os.environ.get(name) or default


ROUNDS = int(setting("ROUNDS", "60"))
TESTS = setting("TESTS", "version,run,cold,life,syscalls").split(",")
NAMES = setting("BUNDLES", "minimal,docker-like,config-1MB").split(",")
MANY = int(setting("MANY", "1000"))
WARM_UP = 3


def fail(text):
    sys.exit(f"bench: {text}")


class Spawner:
    """The measuring helper, spawn.c."""

    def __init__(self, folder):
        program = f"{folder}/spawn"
        subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-static", "-o", program, f"{HERE}/spawn.c"], check=True)
        self.errors = f"{folder}/stderr"
        self.process = subprocess.Popen([program, self.errors], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, *fields):
        self.process.stdin.write("\t".join(map(str, fields)) + "\n")
        status, wall, user, system, peak = map(int, self.process.stdout.readline().split())
        return {"status": status, "wall": wall / 1e6, "cpu": (user + system) / 1e3, "rss": peak}

    def run(self, command, may_fail=False):
        result = self.ask("run", *command)
        if result["status"] != 0 and not may_fail:
            with open(self.errors) as file:
                fail(f"{' '.join(command)}: status {result['status']}: {file.read()[-500:].strip()}")
        return result


class Runtime:
    def __init__(self, name, path):
        self.name, self.path = name, os.path.abspath(path)
        if not os.access(self.path, os.X_OK):
            fail(f"{name}: no runtime at {path}")
        self.root = f"/run/apus-bench-{os.getpid()}/{name}"
        self.lacks = set()  # commands that it turned out not to have
        os.makedirs(self.root)

    def command(self, *arguments):
        return [self.path, "--root", self.root, *arguments]

    def pid(self, container):
        output = subprocess.run(self.command("state", container), capture_output=True, text=True, check=True).stdout
        return json.loads(output)["pid"]

    def version(self):
        output = subprocess.run([self.path, "--version"], capture_output=True, text=True).stdout
        return output.splitlines()[0] if output else "?"


def listen(path):
    """The agent of the bundle `notify`: takes what runtimes send and lets it go."""
    agent = socket.socket(socket.AF_UNIX)
    agent.bind(path)
    agent.listen()

    def serve():
        while True:
            peer = agent.accept()[0]
            for descriptor in socket.recv_fds(peer, 65536, 4)[1]:
                os.close(descriptor)
            peer.close()

    threading.Thread(target=serve, daemon=True).start()


class Bench:
    def __init__(self, runtimes, folder):
        self.runtimes, self.folder = runtimes, folder
        self.spawner = Spawner(folder)
        self.samples = {}  # {(bundle, operation): {measure: {runtime: [value]}}}

    def add(self, bundle, operation, runtime, **measures):
        for measure, value in measures.items():
            self.samples.setdefault((bundle, operation), {}).setdefault(measure, {}).setdefault(runtime.name, []).append(value)

    def add_result(self, bundle, operation, runtime, result):
        self.add(bundle, operation, runtime, cpu=result["cpu"], wall=result["wall"], rss=result["rss"])

    def rounds(self):
        """(measured?, runtime) in changing order, the first rounds unmeasured."""
        for number in range(-WARM_UP, ROUNDS):
            shift = number % len(self.runtimes)
            for runtime in self.runtimes[shift:] + self.runtimes[:shift]:
                yield number >= 0, runtime

    def version(self):
        for measured, runtime in self.rounds():
            result = self.spawner.run([runtime.path, "--version"])
            if measured:
                self.add_result("-", "--version", runtime, result)

    def run(self):
        # All bundles within a round: config-1MB is judged by its difference to minimal.
        folders = {(runtime.name, name): bundles.write(self.folder, name, runtime.name)
                   for runtime in self.runtimes for name in NAMES}
        for measured, runtime in self.rounds():
            for name in NAMES:
                result = self.spawner.run(runtime.command("run", "--bundle", folders[runtime.name, name], f"bench-{runtime.name}"))
                if measured:
                    self.add_result(name, "run", runtime, result)

    def cold(self):
        name = "docker-like"
        folders = {runtime.name: bundles.write(self.folder, name, runtime.name) for runtime in self.runtimes}
        for measured, runtime in self.rounds() if name in NAMES else ():
            with tempfile.TemporaryDirectory(dir=os.path.dirname(runtime.root)) as root:
                result = self.spawner.run([runtime.path, "--root", root, "run", "--bundle", folders[runtime.name],
                                           f"bench-{runtime.name}"])
            if measured:
                self.add_result(name, "run, cold", runtime, result)

    def life(self):
        for name in [name for name in NAMES if name != "config-1MB"]:
            folders = {runtime.name: bundles.write(self.folder, name, runtime.name, sleeping=True) for runtime in self.runtimes}
            for measured, runtime in self.rounds():
                results = self.one_life(runtime, folders[runtime.name])
                for operation, result in results.items() if measured else ():
                    self.add_result(name, operation, runtime, result)

    def one_life(self, runtime, folder):
        container, results = f"bench-{runtime.name}", {}

        def do(operation, *arguments, may_fail=False):
            results[operation] = self.spawner.run(runtime.command(operation, *arguments), may_fail)

        do("create", "--bundle", folder, container)
        pid = runtime.pid(container)
        # What set-up cost on the other side: the first field is the time on the cpu in nanoseconds.
        with open(f"/proc/{pid}/schedstat") as file:
            init = int(file.read().split()[0]) / 1e6
        results["create+init"] = {**results["create"], "cpu": results["create"]["cpu"] + init}
        do("start", container)
        do("state", container)
        for operation, *arguments in (("exec", container, "/bin/true"), ("events", "--stats", container),
                                      ("update", "--pids-limit", "100", container)):
            if operation not in runtime.lacks:
                do(operation, *arguments, may_fail=True)
                if results[operation]["status"] != 0:
                    print(f"# {runtime.name}: no {operation} (status {results.pop(operation)['status']})")
                    runtime.lacks.add(operation)
        do("kill", container, "KILL")
        self.spawner.ask("reap", pid)
        do("delete", container)
        return results

    def exec(self):
        name = "docker-like"
        runtimes = self.runtimes if name in NAMES else []
        pid_file = f"{self.folder}/pid"
        for runtime in runtimes:
            self.launch(runtime, f"bench-{runtime.name}", name)
        for measured, runtime in self.rounds() if runtimes else ():
            flags = ["--detach", "--pid-file", pid_file]
            attached = self.spawner.run(runtime.command("exec", f"bench-{runtime.name}", "/bin/true"))
            detached = self.spawner.run(runtime.command("exec", *flags, f"bench-{runtime.name}", "/bin/true"))
            with open(pid_file) as file:
                self.spawner.ask("reap", file.read())
            if measured:
                self.add_result(name, "exec", runtime, attached)
                self.add_result(name, "exec --detach", runtime, detached)
        for runtime in runtimes:
            self.remove(runtime, f"bench-{runtime.name}")

    def cgroups(self):
        """What a container's cgroups cost: create with them, and without where that can be said; alone, and beside a container that
        lives: with that, the kernel already has cgroup v2's device program, and its switch for such programs is on."""
        for name in [name for name in NAMES if name != "config-1MB"]:
            self.create_with_cgroups(name, "")
            for runtime in self.runtimes:
                self.launch(runtime, f"bench-{runtime.name}-beside", name)
            self.create_with_cgroups(name, ", beside another")
            for runtime in self.runtimes:
                self.remove(runtime, f"bench-{runtime.name}-beside")

    def create_with_cgroups(self, name, circumstances):
        for measured, runtime in self.rounds():
            folder, container = bundles.write(self.folder, name, runtime.name, sleeping=True), f"bench-{runtime.name}"
            for operation, flags in (("create", []), ("create, no cgroup", ["--cgroup-manager", "disabled"])):
                if operation in runtime.lacks:
                    continue
                create = [runtime.path, *flags, "--root", runtime.root, "create", "--bundle", folder, container]
                result = self.spawner.run(create, may_fail=bool(flags))
                if result["status"] != 0:
                    runtime.lacks.add(operation)
                    continue
                self.remove(runtime, container)
                if measured:
                    self.add_result(name, operation + circumstances, runtime, result)

    def series(self):
        for name in [name for name in NAMES if name != "config-1MB"]:
            for number in range(max(3, ROUNDS // 10)):
                shift = number % len(self.runtimes)
                for runtime in self.runtimes[shift:] + self.runtimes[:shift]:
                    self.one_series(runtime, name, 100)

    def one_series(self, runtime, name, count):
        containers = [f"bench-{runtime.name}-{number}" for number in range(count)]
        folders = [bundles.write(self.folder, name, container) for container in containers]
        each = folders[0].replace(containers[0], f"bench-{runtime.name}-{{}}")
        run = " ".join(runtime.command("run", "--bundle", folders[0], containers[0]))
        create = " ".join(runtime.command("create", "--bundle", each, f"bench-{runtime.name}-{{}}"))
        for operation, script in ((f"{count} × run", f"for n in $(seq {count}); do {run} || exit 1; done"),
                                  (f"{count} × create, 4 at a time", f"seq 0 {count - 1} | xargs -P 4 -I{{}} {create}")):
            result = self.spawner.run(["/bin/sh", "-c", script])
            self.add(name, operation, runtime, cpu=result["cpu"], wall=result["wall"])
        for container in containers:
            self.remove(runtime, container)

    def remove(self, runtime, container):
        pid = runtime.pid(container)
        self.spawner.run(runtime.command("kill", container, "KILL"))
        self.spawner.ask("reap", pid)
        return self.spawner.run(runtime.command("delete", container))

    def many(self):
        """Runtime after runtime: three times as many containers would be a load of their own."""
        for runtime in self.runtimes:
            names = [f"bench-{runtime.name}-{number}" for number in range(MANY)]
            try:
                for name in names:
                    self.launch(runtime, name)
                for number in range(-WARM_UP, ROUNDS):
                    results = {"list": self.spawner.run(runtime.command("list")), "delete": self.end(runtime, f"bench-{runtime.name}")}
                    for operation, result in results.items() if number >= 0 else ():
                        self.add_result(f"minimal, {MANY} there", operation, runtime, result)
            finally:
                for name in names:
                    subprocess.run(runtime.command("delete", "--force", name), capture_output=True)

    def launch(self, runtime, container, bundle="minimal"):
        folder = bundles.write(self.folder, bundle, container, sleeping=True)
        self.spawner.run(runtime.command("create", "--bundle", folder, container))
        self.spawner.run(runtime.command("start", container))

    def end(self, runtime, container):
        """Makes a container and ends it; what its deletion cost."""
        self.launch(runtime, container)
        return self.remove(runtime, container)

    def syscalls(self):
        output = f"{self.folder}/strace"
        for name in NAMES:
            for runtime in self.runtimes:
                command = runtime.command("run", "--bundle", bundles.write(self.folder, name, runtime.name), f"bench-{runtime.name}")
                self.spawner.run(["/usr/bin/strace", "-f", "-c", "-o", output, *command])
                with open(output) as file:
                    totals = re.findall(r"^100\.00\s+\S+\s+\S+\s+(\d+)", file.read(), re.M)
                self.add(name, "run", runtime, syscalls=int(totals[-1]))


def percentile(values, share):
    """Nearest rank."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


TITLES = {"cpu": "CPU time, ms: median (95th percentile)", "wall": "wall time, ms: median (95th percentile)",
          "rss": "peak resident memory, KiB: median", "syscalls": "system calls of one run (strace -f)"}


def report(samples, names, reference):
    others = [name for name in names if name != reference]
    for measure, title in TITLES.items():
        rows = [(key, values[measure]) for key, values in samples.items() if measure in values]
        if not rows:
            continue
        print(f"\n## {title}, and ratio to {reference}\n")
        print("| bundle | command | " + " | ".join(names) + " | " + " | ".join(f"{name}/{reference}" for name in others) + " |")
        print("|---|---|" + "--:|" * (len(names) + len(others)))
        for (bundle, operation), per in rows:
            if measure != "cpu" and operation == "create+init":
                continue

            def cell(name):
                if name not in per:
                    return "–"
                middle = statistics.median(per[name])
                return f"{middle:.2f} ({percentile(per[name], 0.95):.2f})" if measure in ("cpu", "wall") else f"{middle:.0f}"

            def ratio(name):
                if name not in per or reference not in per or not statistics.median(per[reference]):
                    return "–"
                return f"{statistics.median(per[name]) / statistics.median(per[reference]):.2f}"

            print(f"| {bundle} | {operation} | " + " | ".join(map(cell, names)) + " | " + " | ".join(map(ratio, others)) + " |")

    small, large = samples.get(("minimal", "run")), samples.get(("config-1MB", "run"))
    if small and large and "cpu" in small:
        print("\n## What a config.json of 1 MB costs over a small one, ms of CPU time (wall time): difference of medians\n")
        for name in names:
            cpu, wall = (statistics.median(large[measure][name]) - statistics.median(small[measure][name])
                         for measure in ("cpu", "wall"))
            print(f"- {name}: {cpu:.1f} ({wall:.1f})")


def own_mounts():
    """On a hybrid hierarchy Debian's crun refuses to start: all runtimes run where /sys/fs/cgroup/unified is hidden."""
    if os.environ.get("APUS_BENCH_INSIDE"):
        return
    # Mounted over, not unmounted: what crun then writes there must not end up in the directory below.
    hide = "if mountpoint -q /sys/fs/cgroup/unified; then mount -t tmpfs hidden /sys/fs/cgroup/unified; fi; exec \"$@\""
    if setting("CGROUPS", "") == "v2":
        hide = "umount --recursive /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec \"$@\""
    os.environ["APUS_BENCH_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "sh", "-c", hide, "sh", sys.executable, *sys.argv])


def first_in_line():
    """Other work on the machine should disturb little: a scheduling group of our own, at the highest priority."""
    try:
        if os.getsid(0) != os.getpid() and os.getpgrp() != os.getpid():
            os.setsid()
        with open("/proc/self/autogroup", "w") as file:
            file.write("-20")
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    except OSError as error:
        print(f"# no priority: {error}")


def clean_up(runtimes, folder):
    """Also after an error in the middle: kills what still runs, removes its cgroups and everything we made."""
    for runtime in runtimes:
        subprocess.run(runtime.command("delete", "--force", f"bench-{runtime.name}"), capture_output=True)
    shutil.rmtree(f"/run/apus-bench-{os.getpid()}", ignore_errors=True)
    hierarchies = ["/sys/fs/cgroup", *(entry.path for entry in os.scandir("/sys/fs/cgroup") if entry.is_dir())]
    for hierarchy in [path for path in hierarchies if os.path.exists(f"{path}/cgroup.procs")]:
        for path, folders, files in os.walk(f"{hierarchy}/apus-bench", topdown=False):
            try:
                os.rmdir(path)
            except OSError as error:
                print(f"# left behind: {path}: {error.strerror}")
    shutil.rmtree(folder, ignore_errors=True)


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        fail("runtimes are measured as root")
    known = ("version", "run", "cold", "life", "cgroups", "exec", "series", "syscalls", "many")
    unknown = [name for name in TESTS if name not in known]
    unknown += [name for name in NAMES if name not in bundles.BUNDLES]
    if unknown:
        fail(f"unknown: {', '.join(unknown)}")
    own_mounts()
    first_in_line()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    paths = {"apus": setting("APUS", f"{TOP}/bin/apus"), "crun": shutil.which("crun"), "runc": shutil.which("runc")}
    for pair in setting("PEERS", "").split():
        name, equals, path = pair.partition("=")
        if not equals:
            fail(f"PEERS: \"{pair}\" is not name=path")
        paths[name] = path
    runtimes = [Runtime(name, path) for name, path in paths.items() if path]
    names = [runtime.name for runtime in runtimes]
    reference = setting("REF", "crun")
    if reference not in names:
        fail(f"REF: no runtime \"{reference}\" among {', '.join(names)}")

    folder = tempfile.mkdtemp(prefix="apus-bench-")
    try:
        subprocess.run([f"{TOP}/spec-examples/make-rootfs", "--into", f"{folder}/rootfs"], check=True)
        # Root of a user namespace has to get there.
        os.chmod(folder, 0o755)
        listen(bundles.agent(folder))
        os.makedirs(f"{folder}/etc")
        for name in ("resolv.conf", "hostname", "hosts"):
            with open(f"{folder}/etc/{name}", "w") as file:
                file.write("bench\n")
        machine = {"kernel": os.uname().release, "cpus": os.cpu_count(), "rounds": ROUNDS,
                   "runtimes": {runtime.name: runtime.version() for runtime in runtimes}}
        print(f"# kernel {machine['kernel']}, {machine['cpus']} cpus, {ROUNDS} rounds, load {os.getloadavg()[0]:.1f}")
        for runtime in runtimes:
            print(f"# {runtime.name}: {machine['runtimes'][runtime.name]} ({os.path.getsize(runtime.path)} bytes)")
        bench = Bench(runtimes, folder)
        for test in TESTS:
            getattr(bench, test)()
    finally:
        clean_up(runtimes, folder)

    report(bench.samples, names, reference)
    os.makedirs(f"{HERE}/out", exist_ok=True)
    path = f"{HERE}/out/{time.strftime('%Y%m%d-%H%M%S')}.json"
    with open(path, "w") as file:
        json.dump({"machine": machine, "samples": [{"bundle": bundle, "command": operation, **measures}
                                                   for (bundle, operation), measures in bench.samples.items()]}, file)
    print(f"\nAll samples: {os.path.relpath(path)}")


if __name__ == "__main__":
    main()
