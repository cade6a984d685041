"""Values larger than whoever wrote the code may have thought of."""

from attack import Failed, attack, attacked, equal, holds

LARGE = 100_000  # more than 64 KiB, less than the kernel takes of one argument


@attack("CVE-2021-43784")
def large_arguments_and_variables(runtime):
    with attacked(runtime) as (made, _):
        made.config["process"]["env"].append("LARGE=" + "e" * LARGE)
        made.config["process"]["args"] = ["sh", "-c", "echo ${#LARGE} ${#1} ${#2}", "sh", "a" * LARGE, "b" * LARGE]
        made.save()
        outcome = runtime.call("run", "--bundle", made.bundle, made.id)
        equal(outcome.output.strip(), f"{LARGE} {LARGE} {LARGE}", "the lengths are")


@attack("CVE-2021-43784")
def a_large_error(runtime):
    """What cannot be executed has a name of 100,000 bytes: that is said, and the namespaces are those asked for."""
    with attacked(runtime) as (made, _):
        made.config["process"]["args"] = ["/" + "n" * LARGE]
        made.expect_refused("a program with a name of 100,000 bytes") if creates_fail_early(made) else None


def creates_fail_early(made):
    """Some runtimes look for the program at start only: then that has to fail."""
    if made.try_create().status != 0:
        return True
    refused = made.runtime.call("start", made.id).status != 0 or made.status() == "stopped"
    holds(refused, "a program with a name of 100,000 bytes does not run")
    return False


@attack("CVE-2021-43784")
def large_fields(runtime):
    """Fields that runtimes hand to the container's process, each too large for a count of 16 bits: they are kept, or refused, but
    not cut off, and nothing of them is taken for another field."""
    large = "x" * (70_000)
    changes = {
        "a mount's source": lambda made: made.mount("/data", "bind", "/" + large, "bind"),
        "a mount's destination": lambda made: made.mount("/" + large, "tmpfs", "tmpfs"),
        "a mount's data": lambda made: made.mount("/data", "tmpfs", "tmpfs", "size=" + large),
        "a namespace's path": lambda made: made.namespace("network", path="/" + large),
        "the working directory": lambda made: made.config["process"].update(cwd="/" + large),
        "a host name": lambda made: made.config.update(hostname=large),
        "a sysctl": lambda made: made.config["linux"].update(sysctl={"net." + large: "1"}),
        "a masked path": lambda made: made.config["linux"].update(maskedPaths=["/" + large]),
        "a cgroup's path": lambda made: made.config["linux"].update(cgroupsPath="/" + large),
        "a hook": lambda made: made.config.update(hooks={"createRuntime": [{"path": "/" + large}]}),
    }
    for name, change in changes.items():
        with attacked(runtime) as (made, _):
            change(made)
            made.args("readlink /proc/self/ns/net; id -u")
            outcome = made.try_run()
            # A path that long cannot exist, so that there is nothing to mask.
            if outcome.status == 0 and name != "a masked path":
                raise Failed(f"{name} of 70,000 bytes is accepted")
            holds(made.try_state().status != 0, f"{name} of 70,000 bytes leaves no container")


@attack("CVE-2021-43784")
def many_values(runtime):
    """Lists whose sum is far above 64 KiB arrive whole."""
    with attacked(runtime) as (made, _):
        made.config["process"]["env"] += [f"VARIABLE_{number}=value" for number in range(10_000)]
        made.config["process"]["user"]["additionalGids"] = list(range(1, 20_001))
        made.config["annotations"] = {f"org.example.{number}": "v" * 100 for number in range(2_000)}
        equal(made.run("env | grep -c VARIABLE_; id -G | tr ' ' '\\n' | sort -nu | wc -l"), "10000\n20001", "variables and groups are")


@attack("CVE-2021-43784")
def ten_thousand_mounts(runtime):
    with attacked(runtime) as (made, _):
        made.mount("/data", "tmpfs", "tmpfs")
        for number in range(10_000):
            made.mount(f"/data/{number}", "bind", made.bundle, "bind", "ro")
        made.args("grep -c ' /data/' /proc/self/mountinfo")
        made.save()
        outcome = runtime.call("run", "--bundle", made.bundle, made.id, limit=90)
        equal(outcome.output.strip(), "10000", "mounts that the container sees are")
