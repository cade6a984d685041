"""What the attacks share: a list of them, a place outside the root file system, programs in C, a terminal's receiver."""

import array
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, f"{TOP}/conformance/lib")

from container import BUSYBOX, Failed, Runtime, Skipped, container, equal, holds, need, succeed, until  # noqa: E402

ATTACKS = {}


def attack(*holes):
    """Lists a test by its name, with the published holes it plays."""

    def add(function):
        ATTACKS[function.__name__] = (function, holes)
        return function

    return add


class Outside:
    """A directory of the host in which nothing may happen."""

    def __init__(self, made):
        self.path = made.file("outside")
        os.mkdir(self.path)
        with open(f"{self.path}/file", "w") as file:
            file.write("untouched\n")
        os.symlink("nowhere", f"{self.path}/ptmx")

    def check(self):
        names = sorted(os.listdir(self.path))
        with open(f"{self.path}/file") as file:
            text = file.read()
        if names != ["file", "ptmx"] or text != "untouched\n" or os.path.lexists(f"{self.path}/nowhere"):
            raise Failed(f"outside of the root file system there is now {names}, and the file says {text!r}")


@contextlib.contextmanager
def attacked(runtime):
    """A container, and the place outside, which must be untouched afterwards."""
    with container(runtime) as made:
        outside = Outside(made)
        yield made, outside
        outside.check()


def replace(made, name, target):
    """An entry of the root file system becomes a link."""
    path = f"{made.rootfs}/{name}"
    if os.path.isdir(path):
        shutil.rmtree(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(target, path)


def program(name, *options):
    """A program of attackers/, compiled once."""
    need(shutil.which("cc"), "needs a C compiler")
    folder = os.environ["TMPDIR"] + "/attackers"
    os.makedirs(folder, exist_ok=True)
    path = f"{folder}/{name}"
    if not os.path.exists(path):
        made = subprocess.run(["cc", "-O1", *(options or ["-static"]), "-o", path, f"{HERE}/attackers/{name}.c"], capture_output=True, text=True)
        need(made.returncode == 0, f"cannot compile {name}.c: {made.stderr[-200:]}")
    return path


@contextlib.contextmanager
def exchanging(one, other):
    """Two directory entries change places all the time."""
    process = subprocess.Popen([program("exchange"), one, other])
    try:
        yield
    finally:
        process.kill()
        process.wait()


class Terminal:
    """Receives the master of a terminal at a socket."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.listener.settimeout(20)
        self.masters = []
        threading.Thread(target=self.receive, daemon=True).start()

    def receive(self):
        with contextlib.suppress(OSError):
            peer, _ = self.listener.accept()
            _, control, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(4))
            for _, _, data in control:
                self.masters += array.array("i", data[:4])


def status_line(text, name):
    """A line of /proc/PID/status."""
    return re.search(rf"^{name}:\s*(.*)$", text, re.MULTILINE).group(1).strip()


def supports(runtime, command):
    """Whether the runtime has the command: a test of what it lacks is skipped."""
    said = runtime.call(command, "--help")
    need(said.status == 0, f"the runtime has no {command}")
