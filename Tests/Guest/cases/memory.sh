# layouts: v2 v1 hybrid rootless
# Too much memory ends in the OOM killer, and only there.
config 'dd if=/dev/zero of=/dev/null bs=40M count=1; sleep 1000' \
  '.linux.resources.memory = {limit: 16777216, swap: 16777216, reservation: 8388608}'
launch >"$work/out"
if unified; then
  killed() { [ "$(counter memory memory.events oom_kill)" -gt 0 ]; }
  same 16777216 "$(holds memory memory.max)" memory.max
  same 8388608 "$(holds memory memory.low)" memory.low
  [ ! -e "$(place "$(pid)")/memory.swap.max" ] || same 0 "$(holds memory memory.swap.max)" memory.swap.max
else
  killed() { [ "$(counter memory memory.oom_control oom_kill)" -gt 0 ]; }
  same 16777216 "$(holds memory memory.limit_in_bytes)" limit
  same 8388608 "$(holds memory memory.soft_limit_in_bytes)" reservation
fi
soon killed
