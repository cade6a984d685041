# layouts: v2 v1 hybrid rootless
# What a container made below its cgroup is removed with it, processes included.
config 'sleep 1000'
launch
for controller in memory pids name=systemd; do
  directory=$(place "$(pid)" "$controller") || continue
  mkdir -p "$directory/below/deeper"
done
sleep 1000 &
echo $! >"$directory/below/deeper/cgroup.procs"
apus delete --force "$id"
wait
