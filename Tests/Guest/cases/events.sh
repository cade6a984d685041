# layouts: v2 v1 hybrid rootless
# Measurements in runc's shape, and word of memory that runs out, as it happens.
config 'while [ ! -e /tmp/go ]; do sleep 0.1; done; dd if=/dev/zero of=/dev/null bs=40M count=1; sleep 1000' \
  '.linux.resources = {memory: {limit: 16777216, swap: 16777216}, pids: {limit: 55}}'
launch >"$work/out" 2>&1
apus events --stats "$id" >"$work/stats"
expected="stats $id 16777216 55 true true true"
# Pressure is told where there is cgroup v2, be it without controllers.
[ "$LAYOUT" = v1 ] || expected+=" true true true"
same "$expected" "$(jq -r '[.type, .id, (.data | .memory.usage.limit, .pids.limit, .cpu.usage.total > 0, .memory.usage.usage > 0,
  .pids.current > 0, (.cpu.psi, .memory.psi, .blkio.psi | values | .some.avg10 >= 0))] | map(tostring) | join(" ")' "$work/stats")" statistics
apus events --interval 1s "$id" >"$work/events" &
soon grep -q '"stats"' "$work/events"
apus exec "$id" touch /tmp/go
soon grep -q '"type":"oom"' "$work/events"
apus kill "$id" KILL
wait
