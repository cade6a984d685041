# layouts: v2 rootless
# A container that is given its cgroup makes others in it, which share the limits of its own: below the one that the annotation
# names, and as another user who owns the directory.
config 'cat /proc/self/cgroup; mkdir /sys/fs/cgroup/mine && echo +pids >/sys/fs/cgroup/cgroup.subtree_control &&
  cat /sys/fs/cgroup/mine/pids.max; sleep 1000' '.linux.resources.pids.limit = 33 | .annotations = {"run.oci.delegate-cgroup": "below"}
  | .mounts |= map(if .destination == "/sys/fs/cgroup" then .options = ["rw"] else . end)'
launch >"$work/out" 2>&1
soon grep -q max "$work/out"
same "0::/below
max" "$(<"$work/out")" "what the container sees"
own=$(place "$(pid)")
same below "${own##*/}" "the cgroup of its process"
same 33 "$(<"${own%/below}/pids.max")" pids.max
same inside "$(apus exec "$id" echo inside)" exec
apus delete --force "$id"
[ "$LAYOUT" != rootless ] || exit 0
config 'mkdir /sys/fs/cgroup/mine && echo made; (echo 5 >/sys/fs/cgroup/pids.max) 2>/dev/null || echo "not the limits"' \
  '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
  | .linux.gidMappings = .linux.uidMappings | .mounts |= map(if .destination == "/sys/fs/cgroup" then .options = ["rw"] else . end)'
same "made
not the limits" "$(run)" "what its user may do"
