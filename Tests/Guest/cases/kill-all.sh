# layouts: v2 v1 hybrid rootless
# `kill --all` reaches every process, in cgroups below too, where the pid namespace is shared.
config 'sleep 1000 & sleep 1001 & wait' 'del(.linux.namespaces[] | select(.type == "pid"))'
launch
soon counts 3
apus kill --all "$id" KILL
soon counts 0
apus delete "$id"
