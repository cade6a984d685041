"""What a program finds itself with."""

from container import Failed, container, equal, holds, need, refuse, succeed

from . import test


@test
def console_size_ignored(runtime):
    with container(runtime) as c:
        c.config["process"]["consoleSize"] = {"height": 11, "width": 22}
        c.expect("tty >/dev/null 2>&1 && echo terminal || echo none", "none")


@test
def args_empty(runtime):
    with container(runtime) as c:
        c.config["process"]["args"] = []
        c.expect_refused("no args")


@test
def args_execvp(runtime):
    with container(runtime) as c:
        c.config["process"]["args"] = ["echo", "found", "by PATH"]
        equal(c.run(), "found by PATH", "the program prints")
    with container(runtime) as c:
        c.config["process"]["args"] = ["/bin/echo", "named"]
        equal(c.run(), "named", "the program prints")


@test
def rlimits(runtime):
    with container(runtime) as c:
        c.config["process"]["rlimits"] = [
            {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 4096},
        ]
        c.expect("grep -E 'open files|core file' /proc/self/limits | awk '{ print $(NF-2), $(NF-1) }'", "0 4096\n100 200")


@test
def rlimit_twice(runtime):
    with container(runtime) as c:
        c.config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}] * 2
        c.expect_refused("the same resource twice")


def capabilities(*names):
    return {kind: list(names) for kind in ("bounding", "permitted", "effective")}


@test
def capability_warning(runtime):
    with container(runtime) as c:
        c.config["process"]["capabilities"] = capabilities("CAP_KILL", "CAP_OF_THE_FUTURE")
        outcome = succeed(c.try_run("grep CapEff /proc/self/status"), "run")
        holds("CAP_OF_THE_FUTURE" in outcome.errors, "the capability is named in a warning")
        equal(outcome.output.split()[-1], "0000000000000020", "the effective set is")


@test
def capability_not_granted(runtime):
    names = ("CAP_CHOWN", "CAP_SYS_RESOURCE")
    with open("/proc/self/status") as file:
        own = int(next(line.split()[1] for line in file if line.startswith("CapPrm")), 16)
    need(not own >> 24 & 1, "the caller has every capability: nothing that could not be granted")
    with container(runtime) as c:
        c.config["process"]["capabilities"] = capabilities(*names)
        outcome = succeed(c.try_run("grep CapEff /proc/self/status"), "run")
        equal(outcome.output.split()[-1], "0000000000000001", "the effective set is")


@test
def oom_score(runtime):
    with container(runtime) as c:
        c.config["process"]["oomScoreAdj"] = 321
        c.expect("cat /proc/self/oom_score_adj", "321")


@test
def oom_score_unset(runtime):
    with open("/proc/self/oom_score_adj") as file:
        own = file.read().strip()
    with container(runtime) as c:
        c.expect("cat /proc/self/oom_score_adj", own)


@test
def affinity_unset(runtime):
    with open("/proc/self/status") as file:
        own = next(line.split()[1] for line in file if line.startswith("Cpus_allowed:"))
    with container(runtime) as c:
        c.config["process"]["execCPUAffinity"] = {"final": "0"}
        c.expect("grep Cpus_allowed: /proc/self/status | cut -f 2", own)


@test
def start_without_process(runtime):
    with container(runtime) as c:
        del c.config["process"]
        created = c.try_create()
        if created.status != 0:
            raise Failed(f"a configuration without process is refused by create already: {created}")
        refuse(runtime.call("start", c.id), "start without a process")
