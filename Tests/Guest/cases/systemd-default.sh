# layouts: v2 v1 hybrid rootless
# Without a cgroupsPath the scope is named after the container, in the slice for such things.
systemd
config 'cat /proc/self/cgroup; sleep 1000' 'del(.linux.cgroupsPath)'
launch
if [ "$LAYOUT" = rootless ]; then slice=user.slice; else slice=system.slice; fi
same $slice "$(show Slice)" Slice
