# layouts: v2 v1 rootless
# The root of the cgroup namespace, and of what is mounted, is the scope's cgroup, though it was made behind the process.
systemd
config 'cut -d : -f 3 /proc/self/cgroup | sort -u; cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null; true' \
  '.linux.resources.pids.limit = 66'
same "/
66" "$(run)" output
config 'cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null; true' \
  '.linux.resources.pids.limit = 67 | del(.linux.namespaces[] | select(.type == "cgroup"))'
found=$(run)
has "$found" "/apus-$id.scope"
has "$found" 67
