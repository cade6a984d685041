"""What the started process has that it should not have."""

import os
import shutil
import subprocess

from attack import Failed, attack, attacked, equal, holds, need, status_line, succeed, supports


def run_with_descriptors(made, numbers):
    """`run` by a caller that has left directories of the host open."""
    opened = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    for number in numbers:
        os.dup2(opened, number, inheritable=True)
    try:
        made.save()
        outcome = subprocess.run(
            [made.runtime.path, "run", "--bundle", made.bundle, made.id], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, pass_fds=numbers, timeout=60, check=False)
    finally:
        for number in numbers:
            os.close(number)
        os.close(opened)
    return outcome


@attack("CVE-2016-9962", "CVE-2024-21626")
def descriptors_of_the_caller(runtime):
    """The program has the three standard ones, whatever the caller has left open."""
    with attacked(runtime) as (made, _):
        made.args("for n in /proc/self/fd/*; do test -e $n && echo ${n##*/}; done; true")
        outcome = run_with_descriptors(made, range(20, 24))
        open_ones = {int(number) for number in outcome.stdout.split()}
        holds(outcome.returncode == 0, f"the program runs: {outcome.stderr}")
        # One more for the directory that the shell reads.
        holds(len(open_ones - {0, 1, 2}) <= 1 and not open_ones & set(range(20, 24)), f"descriptors {sorted(open_ones)} are few")


@attack("CVE-2024-21626")
def a_working_directory_by_descriptor(runtime):
    """No number from 3 to 30 is a way out as a working directory."""
    with attacked(runtime) as (made, outside):
        for number in range(3, 31):
            made.config["process"]["cwd"] = f"/proc/self/fd/{number}"
            outcome = made.try_run(f"cat {'../' * 12}{outside.path}/file")
            made.clean_up()
            if "untouched" in outcome.output:
                raise Failed(f"the working directory /proc/self/fd/{number} is outside")


@attack("CVE-2024-21626")
def a_program_by_descriptor(runtime):
    with attacked(runtime) as (made, outside):
        tool = f"{outside.path}/file"
        os.chmod(tool, 0o755)
        for number in range(3, 31):
            made.config["process"]["args"] = [f"/proc/self/fd/{number}/{'../' * 12}{tool}"]
            made.save()
            outcome = made.runtime.call("run", "--bundle", made.bundle, made.id)
            made.clean_up()
            # It would run, and not find the command "untouched".
            if outcome.status == 0 or "untouched" in outcome.output + outcome.errors.replace(tool, ""):
                raise Failed(f"the program /proc/self/fd/{number}/… is outside")


@attack()
def the_environment_of_the_caller(runtime):
    with attacked(runtime) as (made, _):
        os.environ["HOSTILE_SECRET"] = "secret"
        try:
            seen = made.run("cat /proc/1/environ | tr '\\0' '\\n'").split("\n")
        finally:
            del os.environ["HOSTILE_SECRET"]
        holds(not any("HOSTILE" in line for line in seen), "the caller's environment stays with it")
        names = {line.split("=")[0] for line in seen if line}
        holds(names <= {"PATH", "HOME"}, f"the environment is the configuration's, not {sorted(names)}")


@attack("CVE-2022-29162", "CVE-2022-27650")
def inheritable_capabilities(runtime):
    """None, unless the configuration names some: neither by default nor from the caller."""
    need(shutil.which("setpriv"), "needs setpriv")
    with attacked(runtime) as (made, _):
        sets = made.config["process"]["capabilities"]
        for name in ("bounding", "permitted", "effective"):
            sets[name] = ["CAP_CHOWN", "CAP_KILL"]
        made.args("cat /proc/self/status")
        made.save()
        outcome = subprocess.run(
            ["setpriv", "--inh-caps", "+chown,+kill", runtime.path, "run", "--bundle", made.bundle, made.id],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        equal(int(status_line(outcome.stdout, "CapInh"), 16), 0, "the inheritable set is")
        equal(int(status_line(outcome.stdout, "CapAmb"), 16), 0, "the ambient set is")


@attack("CVE-2022-29162")
def the_example_configuration(runtime):
    """What `spec` writes names no inheritable capabilities."""
    with attacked(runtime) as (made, outside):
        folder = made.file("spec")
        os.mkdir(folder)
        here = os.getcwd()
        os.chdir(folder)
        try:
            succeed(runtime.call("spec"), "spec")
        finally:
            os.chdir(here)
        import json

        with open(f"{folder}/config.json") as file:
            sets = json.load(file)["process"]["capabilities"]
        equal(sets.get("inheritable", []), [], "the inheritable set of the example is")


@attack()
def what_proc_says_of_the_process(runtime):
    """Identity, capabilities, filters and signals are those of the configuration, whatever the caller's are."""
    with attacked(runtime) as (made, _):
        process = made.config["process"]
        process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 7], "umask": 0o027}
        process["noNewPrivileges"] = True
        process["capabilities"] = {"bounding": ["CAP_KILL"], "permitted": [], "effective": []}
        made.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}
        process["args"] = ["cat", "/proc/self/status"]
        made.save()
        said = succeed(runtime.call("run", "--bundle", made.bundle, made.id), "run").output
        for name, wanted in {
            "Uid": "1000\t1000\t1000\t1000", "Gid": "1001\t1001\t1001\t1001", "Groups": "5 7", "Umask": "0027",
            "NoNewPrivs": "1", "Seccomp": "2", "CapInh": "0" * 16, "CapPrm": "0" * 16, "CapEff": "0" * 16,
            "CapBnd": f"{1 << 5:016x}", "CapAmb": "0" * 16, "SigBlk": "0" * 16, "SigIgn": "0" * 16, "SigCgt": "0" * 16,
            "TracerPid": "0",
        }.items():
            equal(status_line(said, name), wanted, f"{name} is")


@attack()
def a_process_of_its_own(runtime):
    """The program is process 1 of its namespace, leads its session and sees no process of the host."""
    with attacked(runtime) as (made, _):
        equal(made.run("set -- /proc/[0-9]*; echo $$ $# $(cut -d' ' -f6 /proc/1/stat)"), "1 1 1", "pid, processes and session are")


@attack("CVE-2026-30892")
def the_user_of_exec(runtime):
    """A number is read whole: `-u 1` is not root, and what is no number is refused."""
    supports(runtime, "exec")
    with attacked(runtime) as (made, _):
        made.args("sleep 1000")
        made.create()
        made.start()
        for user, wanted in (("1", "1:0"), ("1:2", "1:2"), ("2147483647", "2147483647:0")):
            said = runtime.call("exec", "--user", user, made.id, "sh", "-c", "echo $(id -u):$(id -g)")
            equal(succeed(said, "exec").output.strip(), wanted, f"with --user {user} the ids are")
        for user in ("1x", "-1", "0x0", "4294967296", "18446744073709551616", "1:", "1:2x"):
            said = runtime.call("exec", "--user", user, made.id, "id", "-u")
            holds(said.status != 0, f"--user {user} is refused, not taken for {said.output.strip()}")


@attack("CVE-2022-29162", "CVE-2022-27650")
def the_capabilities_of_exec(runtime):
    supports(runtime, "exec")
    with attacked(runtime) as (made, _):
        made.args("sleep 1000")
        for name in ("bounding", "permitted", "effective"):
            made.config["process"]["capabilities"][name] = ["CAP_CHOWN", "CAP_KILL"]
        made.create()
        made.start()
        for more in ([], ["--cap", "CAP_CHOWN"]):
            said = succeed(runtime.call("exec", *more, made.id, "cat", "/proc/self/status"), "exec").output
            equal(int(status_line(said, "CapInh"), 16), 0, f"exec {' '.join(more)}: the inheritable set is")


@attack("CVE-2024-21626")
def the_working_directory_of_exec(runtime):
    supports(runtime, "exec")
    with attacked(runtime) as (made, outside):
        made.args("sleep 1000")
        made.create()
        made.start()
        for number in range(3, 31):
            said = runtime.call("exec", "--cwd", f"/proc/self/fd/{number}", made.id, "cat", f"{'../' * 12}{outside.path}/file")
            if "untouched" in said.output:
                raise Failed(f"exec --cwd /proc/self/fd/{number} is outside")
