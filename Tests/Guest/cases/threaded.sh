# layouts: v2
# A threaded cgroup cannot hold a container.
parent=/sys/fs/cgroup$unit/$id-parent
mkdir "$parent"
echo threaded >"$parent/cgroup.type"
config true ".linux.cgroupsPath = \"$unit/$id-parent/$id\""
refused run
has "$said" threaded
rmdir "$parent"
