# layouts: v2 v1 hybrid rootless
# Inside its cgroup namespace the container sees its own cgroup as the root, and its limits where it looks for them.
config 'cut -d : -f 3 /proc/self/cgroup | sort -u; cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true' \
  '.linux.resources.memory.limit = 67108864'
same "/
67108864" "$(run)" output
