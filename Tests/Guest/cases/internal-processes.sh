# layouts: v2 rootless
# A cgroup that holds processes gives no controllers to those below: said, and nothing is left.
parent=/sys/fs/cgroup$unit/$id-parent
mkdir "$parent"
sleep 1000 &
echo $! >"$parent/cgroup.procs"
config true ".linux.cgroupsPath = \"$unit/$id-parent/$id\" | .linux.resources.memory.limit = 67108864"
refused run
has "$said" "holds processes itself"
kill %1
wait || true
rmdir "$parent"
