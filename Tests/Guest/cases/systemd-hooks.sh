# layouts: v2 hybrid
# Hooks find the process in its cgroup; joined namespaces make no difference.
systemd
config true '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "cat /proc/$(jq .pid)/cgroup >'"$work"'/seen"], env: ["PATH=/usr/bin:/bin"]}]}'
run
has "$(cat "$work/seen")" "/apus-$id.scope"
config 'cat /proc/self/cgroup' '.linux.namespaces |= map(if .type == "pid" or .type == "uts" then .path = "/proc/1/ns/" + .type else . end)
  | del(.linux.namespaces[] | select(.type == "cgroup")) | del(.hostname)'
has "$(run)" "/apus-$id.scope"
