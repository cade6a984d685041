# A checkpoint ends the container, or not, and from its images the container goes on where it was, with its limits.
config 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/count; sleep 0.1; done' \
  '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 55}}'
launch </dev/null >/dev/null 2>&1
counted() { apus exec "$id" cat /tmp/count; }
# A script that starts anew would be at one.
beyond() { [ "$(counted)" -gt "$1" ]; }
restore() { apus restore --detach --bundle "$work/bundle" --pid-file "$work/pid" "$@" "$id" </dev/null >/dev/null 2>"$work/said" || fail "$(<"$work/said")"; }
soon beyond 5
before=$(counted)
apus checkpoint --image-path "$work/images" --work-path "$work/logs" "$id"
[ -s "$work/logs/dump.log" ] || fail "no log"
refused apus state "$id"
has "$said" "does not exist"
same "" "$(left)" "left by the checkpoint"

restore --image-path "$work/images" --work-path "$work/logs"
same running "$(state status)" status
same "$(pid)" "$(<"$work/pid")" "pid file"
[ "$(counted)" -ge "$before" ] || fail "it has started anew"
soon beyond "$((before + 3))"
same 55 "$(holds pids pids.max)" pids.max
if unified; then same 67108864 "$(holds memory memory.max)" memory.max
else same 67108864 "$(holds memory memory.limit_in_bytes)" memory.limit_in_bytes; fi
[ "$(apus exec "$id" sh -c '(: >/file) 2>&1' | wc -l)" = 1 ] || fail "the root file system can be written"
has "$(apus exec "$id" ip link)" "LOOPBACK,UP"

apus checkpoint --leave-running --image-path "$work/more" "$id"
same running "$(state status)" "status with --leave-running"
before=$(counted)
soon beyond "$before"

apus checkpoint --pre-dump --image-path "$work/first" "$id"
same running "$(state status)" "status behind --pre-dump"
soon beyond "$((before + 3))"
apus checkpoint --parent-path ../first --image-path "$work/second" "$id"
[ -L "$work/second/parent" ] || fail "the new images have no parent"
restore --image-path "$work/second"
[ "$(counted)" -gt "$((before + 3))" ] || fail "it has started anew"
soon beyond "$((before + 6))"

apus pause "$id"
apus checkpoint --image-path "$work/paused" "$id"
restore --image-path "$work/paused"
before=$(counted)
soon beyond "$before"
apus kill "$id" KILL
stopped() { [ "$(state status)" = stopped ]; }
soon stopped
apus delete "$id"
