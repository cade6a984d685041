# layouts: v2
# A threaded cgroup cannot hold a container.
parent=/sys/fs/cgroup/$id-parent
mkdir "$parent"
echo threaded >"$parent/cgroup.type"
config true ".linux.cgroupsPath = \"/$id-parent/$id\""
refused run
has "$said" threaded
rmdir "$parent"
