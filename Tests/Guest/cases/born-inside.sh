# layouts: v2 rootless
# The container's first process is born in its cgroup: clone3(2) with CLONE_INTO_CGROUP, and nothing is moved.
config true
strace -f -o "$work/trace" -e trace=clone3,write,openat -s 100 apus --root "$states" run --bundle "$work/bundle" "$id"
has "$(grep clone3 "$work/trace")" CLONE_INTO_CGROUP
if moved=$(grep 'cgroup.procs.*O_WRONLY' "$work/trace"); then fail "a process was moved: $moved"; fi
