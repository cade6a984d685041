# The container sees one of the two processors, and the cgroups above it are filled on v1.
config 'nproc; grep Cpus_allowed_list /proc/self/status | cut -f 2' '.linux.resources.cpu = {cpus: "1", mems: "0"}'
same "1
1" "$(run)" processors
