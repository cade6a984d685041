# The container finds its own cgroup where it looks for cgroups, and cannot write there: with a cgroup namespace and without.
look='cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null
  for directory in /sys/fs/cgroup /sys/fs/cgroup/pids; do mkdir $directory/new 2>/dev/null && echo writable; done
  cd /sys/fs/cgroup; for name in cpu cpuacct net_cls net_prio; do [ -e $name/cgroup.procs ] && echo $name; done; true'
if unified; then expected=67108864; else expected="67108864 cpu cpuacct net_cls net_prio"; fi
config "$look" '.linux.resources.memory.limit = 67108864'
same "$expected" "$(run | xargs)" "in a cgroup namespace"
config "$look" '.linux.resources.memory.limit = 67108864 | del(.linux.namespaces[] | select(.type == "cgroup"))'
same "$expected" "$(run | xargs)" "without a cgroup namespace"
