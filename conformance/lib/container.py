"""Runtimes and containers as seen from outside: by the command line and by what a process inside prints."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time

BUSYBOX = "/bin/busybox"
LIMIT = float(os.environ.get("CONFORMANCE_LIMIT") or 20)  # seconds that a command of a runtime may take
PATIENCE = 3  # so many commands may exceed that before nothing more is asked of the runtime


class Failed(Exception):
    """The runtime does not do what the sentence says."""


class Skipped(Exception):
    """This machine cannot show it."""


class Outcome:
    """How a command ended."""

    def __init__(self, status, output, errors):
        self.status, self.output, self.errors = status, output, errors

    def __str__(self):
        return f"status {self.status}, said {(self.errors or self.output).strip()[-300:]!r}"


class Runtime:
    """A program with the command line that runc made common."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)
        self.hung = 0

    def call(self, *arguments, limit=LIMIT):
        if self.hung == PATIENCE:
            raise Failed("not asked any more: the runtime hangs")
        # Output goes to files: a container keeps its creator's descriptors, and a pipe would only end with the container.
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen([self.path, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.hung += 1
                raise Failed(f"{arguments[0]} does not end within {limit:g} s") from None
            if status < 0:
                raise Failed(f"{arguments[0]} crashed by signal {-status}")
            for file in (output, errors):
                file.seek(0)
            return Outcome(status, output.read(), errors.read())


class Container:
    """A bundle and the id it is created with. `config` may be changed until create or run."""

    count = 0

    def __init__(self, runtime, folder):
        Container.count += 1
        self.runtime = runtime
        self.id = f"conformance-{os.getpid()}-{Container.count}"
        self.bundle = folder
        self.rootfs = f"{folder}/rootfs"
        self.config = default_config(self.id)
        make_rootfs(self.rootfs)

    # What is asked of it.

    def args(self, script):
        self.config["process"]["args"] = ["sh", "-c", script]

    def mount(self, destination, kind=None, source=None, *options):
        entry = {"destination": destination, "options": list(options)}
        if kind:
            entry["type"] = kind
        if source:
            entry["source"] = source
        self.config["mounts"].append(entry)
        return entry

    def namespace(self, kind, **more):
        self.config["linux"]["namespaces"] = [one for one in self.config["linux"]["namespaces"] if one["type"] != kind]
        if more.pop("remove", False):
            return
        self.config["linux"]["namespaces"].append({"type": kind, **more})

    def hook(self, kind, script, **more):
        """A hook that runs a script with the machine's shell (inside the container: its own)."""
        shell = "/bin/sh"
        self.config.setdefault("hooks", {}).setdefault(kind, []).append({"path": shell, "args": ["sh", "-c", script], **more})

    def file(self, name):
        return f"{self.bundle}/{name}"

    def write(self, name, text):
        with open(self.file(name), "w") as file:
            file.write(text)
        return self.file(name)

    def read(self, name):
        try:
            with open(self.file(name)) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    # What the runtime is told.

    def save(self):
        self.write("config.json", json.dumps(self.config))

    def try_create(self):
        self.save()
        return self.runtime.call("create", "--bundle", self.bundle, self.id)

    def create(self):
        succeed(self.try_create(), "create")

    def start(self):
        succeed(self.runtime.call("start", self.id), "start")

    def delete(self):
        succeed(self.runtime.call("delete", self.id), "delete")

    def try_state(self):
        return self.runtime.call("state", self.id)

    def state(self):
        return json.loads(succeed(self.try_state(), "state").output)

    def status(self):
        return self.state()["status"]

    def wait(self, *statuses):
        until(lambda: self.status() in statuses, f"status becomes {' or '.join(statuses)}")

    def try_run(self, script=None):
        """Runs to the end: the answer is the program's."""
        if script is not None:
            self.args(script)
        self.save()
        return self.runtime.call("run", "--bundle", self.bundle, self.id)

    def run(self, script=None):
        return succeed(self.try_run(script), "run").output.strip()

    # What is expected.

    def expect(self, script, printed):
        equal(self.run(script), printed, "the program prints")

    def expect_refused(self, what):
        """`create` fails, and leaves nothing of the container."""
        outcome = self.try_create()
        if outcome.status == 0:
            raise Failed(f"create accepts {what}")
        if not outcome.errors.strip():
            raise Failed("create fails without a word")
        if self.try_state().status == 0:
            raise Failed("create fails and leaves a container")

    def clean_up(self):
        self.runtime.call("delete", "--force", self.id)


def default_config(name):
    return {
        "ociVersion": "1.0.2",
        "process": {
            "args": ["true"],
            "cwd": "/",
            "env": ["PATH=/bin"],
            "user": {"uid": 0, "gid": 0},
            "capabilities": {},
        },
        "root": {"path": "rootfs"},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {
            "cgroupsPath": f"/{name}",
            "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")],
        },
    }


def make_rootfs(path):
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp"):
        os.makedirs(f"{path}/{name}")
    try:
        os.link(BUSYBOX, f"{path}/bin/busybox")
    except OSError:
        shutil.copy2(BUSYBOX, f"{path}/bin/busybox")
    for applet in APPLETS:
        os.symlink("busybox", f"{path}/bin/{applet}")


APPLETS = """awk cat chmod chown cut dd df echo env false grep head hostname id ip kill ln ls mkdir mknod mount mv nproc ps pwd readlink
    rm sed seq sh sleep sort stat tail test touch tr true tty ulimit umount uname wc""".split()


@contextlib.contextmanager
def container(runtime):
    """A container that is gone afterwards, whatever happens."""
    folder = tempfile.mkdtemp(prefix="conformance-")
    os.chmod(folder, 0o755)
    made = Container(runtime, folder)
    try:
        yield made
    finally:
        try:
            made.clean_up()
        except Failed:
            pass
        subprocess.run(["rm", "-rf", "--one-file-system", folder], check=False)


def succeed(outcome, what):
    if outcome.status != 0:
        raise Failed(f"{what}: {outcome}")
    return outcome


def refuse(outcome, what):
    if outcome.status == 0:
        raise Failed(f"{what} succeeds")


def equal(found, wanted, what):
    if found != wanted:
        raise Failed(f"{what} {found!r}, not {wanted!r}")


def holds(condition, what):
    if not condition:
        raise Failed(f"not so: {what}")


def until(condition, what, limit=10):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"not within {limit} s: {what}")
        time.sleep(0.01)


def need(condition, reason):
    if not condition:
        raise Skipped(reason)
