# processors: 2
# The container sees one of the two processors, and the cgroups above it are filled on v1.
config 'nproc; grep Cpus_allowed_list /proc/self/status | cut -f 2' '.linux.resources.cpu = {cpus: "1", mems: "0"}'
same "1
1" "$(run)" processors
config 'while :; do grep Cpus_allowed_list /proc/self/status; sleep 0.1; done'
launch >"$work/out"
apus update --cpuset-cpus 1 "$id"
soon grep -q "list:.1$" "$work/out"
same 1 "$(holds cpuset cpuset.cpus)" cpuset.cpus
