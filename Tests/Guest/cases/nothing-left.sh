# layouts: v2 v1 hybrid rootless
# Whatever a creation fails with, no cgroup of it is left.
config true '.process.args = ["/does/not/exist"] | .linux.resources.pids.limit = 5'
refused run
config true '.hooks = {createRuntime: [{path: "/bin/false"}]} | .linux.resources.pids.limit = 5'
refused run
config true '.linux.resources = {pids: {limit: 5}, cpu: {quota: 1}}'
refused run
config true '.linux.resources = {pids: {limit: 5}} | .mounts += [{destination: "/data", type: "bind", source: "/does/not/exist"}]'
refused run
left=$(find /sys/fs/cgroup -type d -name "*$id*")
same "" "$left" "cgroups left"
