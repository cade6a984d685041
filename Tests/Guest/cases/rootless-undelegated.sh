# layouts: rootless
# Where the user may make no cgroup, there is none, and a warning; limits that were asked for are an error that says what to do.
config 'echo hello' ".linux.cgroupsPath = \"/$id\""
found=$(run 2>&1) || fail "$found"
has "$found" hello
has "$found" "warning"
config true ".linux.cgroupsPath = \"/$id\" | .linux.resources.pids.limit = 5"
refused run
has "$said" delegate
