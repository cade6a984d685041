# processors: 2
# What systemd has no property for on v1, or does not manage there, is in force all the same.
systemd
config 'nproc; sleep 1000' '.linux.resources.cpu = {cpus: "1", mems: "0"}'
launch >"$work/out"
soon grep -q 1 "$work/out"
same 1 "$(holds cpuset cpuset.cpus)" cpuset.cpus
[ "$LAYOUT" != v2 ] || same 1 "$(show AllowedCPUs)" AllowedCPUs
