# `kill --all` reaches every process, in cgroups below too, where the pid namespace is shared.
config 'sleep 1000 & sleep 1001 & wait' 'del(.linux.namespaces[] | select(.type == "pid"))'
launch
count() { [ "$(apus ps --format json "$id" | jq length)" = "$1" ]; }
soon count 3
apus kill --all "$id" KILL
soon count 0
apus delete "$id"
