# layouts: v1 hybrid
# cpu and cpuacct share a hierarchy, which is reached by either name.
config 'ls -d /sys/fs/cgroup/cpu /sys/fs/cgroup/cpuacct /sys/fs/cgroup/cpu,cpuacct; cat /sys/fs/cgroup/cpu/cpu.shares' '.linux.resources.cpu.shares = 333'
has "$(run 2>&1)" 333
