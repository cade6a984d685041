# layouts: rootless
# Where the user may make no cgroup, there is none, which the log file says; limits that were asked for are an error that says what to do.
config 'echo hello' ".linux.cgroupsPath = \"/$id\""
found=$(apus --log "$work/log" run --bundle "$work/bundle" "$id" 2>&1) || fail "$found"
same hello "$found" output
has "$(<"$work/log")" "no cgroup of its own"
config true ".linux.cgroupsPath = \"/$id\" | .linux.resources.pids.limit = 5"
refused run
has "$said" delegate
