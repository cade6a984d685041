"""The bundle and the root of the document."""

import json

from container import container, equal, holds, need, refuse, succeed

from . import test


@test
def bundle_without_config(runtime):
    with container(runtime) as c:
        c.write("other.json", json.dumps(c.config))
        refuse(runtime.call("create", "--bundle", c.bundle, c.id), "create of a bundle without config.json")
        c.expect("echo ran", "ran")


@test
def version(runtime):
    for bad in (None, "", "1", "1.x", "v1.0.0"):
        with container(runtime) as c:
            c.config["ociVersion"] = bad
            if bad is None:
                del c.config["ociVersion"]
            c.expect_refused(f"ociVersion {bad!r}")


@test
def root_directory(runtime):
    with container(runtime) as c:
        c.config["root"]["path"] = "nowhere"
        c.expect_refused("a root.path where nothing is")
    with container(runtime) as c:
        c.config["root"]["path"] = c.write("file", "")
        c.expect_refused("a root.path that is a file")


@test
def root_readonly(runtime):
    script = "touch /new 2>/dev/null && echo written || echo refused"
    for readonly, printed in ((True, "refused"), (False, "written")):
        with container(runtime) as c:
            c.config["root"]["readonly"] = readonly
            c.expect(script, printed)


@test
def annotation_unknown(runtime):
    with container(runtime) as c:
        c.config["annotations"] = {"org.example.unknown": "", "org.opencontainers.unknown": "x"}
        c.expect("echo ran", "ran")


@test
def annotation_key_empty(runtime):
    with container(runtime) as c:
        c.config["annotations"] = {"": "x"}
        c.expect_refused("an annotation with an empty key")


@test
def unknown_property(runtime):
    with container(runtime) as c:
        for place in (c.config, c.config["process"], c.config["linux"], c.config["root"]):
            place["aPropertyOfTheFuture"] = {"list": [1, None, {"x": True}]}
        c.expect("echo ran", "ran")


@test
def invalid_values(runtime):
    changes = {
        "a string for a number": lambda config: config["process"]["user"].update(uid="0"),
        "a negative user": lambda config: config["process"]["user"].update(uid=-1),
        "a list for an object": lambda config: config.update(root=[]),
        "a number for a string": lambda config: config["process"].update(cwd=1),
        "an unknown namespace": lambda config: config["linux"]["namespaces"].append({"type": "other"}),
        "an unknown propagation": lambda config: config["linux"].update(rootfsPropagation="sideways"),
    }
    for what, change in changes.items():
        with container(runtime) as c:
            change(c.config)
            c.expect_refused(what)
