# layouts: v2 v1 hybrid rootless
# Limits change under a running container, all of them or none.
config 'while :; do (true); sleep 0.1; done' '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 66}}'
launch >"$work/out" 2>&1
apus update --memory 33554432 --memory-reservation 16777216 --pids-limit 44 --cpu-period 50000 --cpu-quota 20000 --cpu-share 512 "$id"
same 44 "$(holds pids pids.max)" pids.max
if unified; then
  same 33554432 "$(holds memory memory.max)" memory.max
  same 16777216 "$(holds memory memory.low)" memory.low
  same "20000 50000" "$(holds cpu cpu.max)" cpu.max
  same 59 "$(holds cpu cpu.weight)" cpu.weight
else
  same 33554432 "$(holds memory memory.limit_in_bytes)" limit
  same 16777216 "$(holds memory memory.soft_limit_in_bytes)" reservation
  same 20000 "$(holds cpu cpu.cfs_quota_us)" quota
  same 512 "$(holds cpu cpu.shares)" shares
fi
refused apus update --pids-limit 55 --memory 67108864 --cpu-quota 1 "$id"
same 44 "$(holds pids pids.max)" "pids.max after what was refused"
apus update --pids-limit 1 "$id"
soon grep -q "can't fork" "$work/out"
