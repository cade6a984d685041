# layouts: v2 rootless
# Controllers are enabled from the top down to the container's cgroup, however deep it lies.
config 'sleep 1000' ".linux.cgroupsPath = \"$unit/$id/a/b\" | .linux.resources.memory.limit = 67108864"
launch
same 67108864 "$(holds memory memory.max)" memory.max
has "$(cat "/sys/fs/cgroup$unit/$id/a/cgroup.subtree_control")" memory
apus delete --force "$id"
rmdir "/sys/fs/cgroup$unit/$id/a" "/sys/fs/cgroup$unit/$id"
