# layouts: v2 v1
# systemd makes the cgroup of a restored container, too.
systemd
config 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/count; sleep 0.1; done' '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 55}}'
launch </dev/null >/dev/null 2>&1
counted() { apus exec "$id" cat /tmp/count; }
beyond() { [ "$(counted)" -gt "$1" ]; }
soon beyond 5
apus checkpoint --image-path "$work/images" "$id"
apus restore --detach --bundle "$work/bundle" --image-path "$work/images" "$id" </dev/null >/dev/null
same active "$(show ActiveState)" ActiveState
same "$(show ControlGroup)" "$(position "$(pid)")" ControlGroup
same 55 "$(show TasksMax)" TasksMax
soon beyond 8
apus delete --force "$id"
