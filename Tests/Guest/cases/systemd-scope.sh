# layouts: v2 v1 hybrid rootless
# systemd makes the cgroup: a scope with the process in it, in its slice, with the limits as properties and in the files.
systemd
config 'sleep 1000' '.linux.resources = {memory: {limit: 67108864, reservation: 33554432}, pids: {limit: 55},
  cpu: {shares: 2048, quota: 25000, period: 50000}}'
launch
scope=apus-$id.scope
same active "$(show ActiveState)" ActiveState
same yes "$(show Delegate)" Delegate
same no "$(show DefaultDependencies)" DefaultDependencies
same "${cgroup%%:*}" "$(show Slice)" Slice
same "$(show ControlGroup)" "$(grep -E '^(0:|1:name=systemd)' "/proc/$(pid)/cgroup" | tail -n 1 | cut -d : -f 3-)" ControlGroup
same 55 "$(show TasksMax)" TasksMax
same 500ms "$(show CPUQuotaPerSecUSec)" CPUQuotaPerSecUSec
same 50ms "$(show CPUQuotaPeriodUSec)" CPUQuotaPeriodUSec
same 55 "$(holds pids pids.max)" pids.max
if unified; then
  same 67108864 "$(show MemoryMax)" MemoryMax
  same 33554432 "$(show MemoryLow)" MemoryLow
  same 67108864 "$(holds memory memory.max)" memory.max
  same "$(holds cpu cpu.weight)" "$(show CPUWeight)" CPUWeight
  same "25000 50000" "$(holds cpu cpu.max)" cpu.max
else
  same 67108864 "$(show MemoryLimit)" MemoryLimit
  same 67108864 "$(holds memory memory.limit_in_bytes)" limit
  same 2048 "$(show CPUShares)" CPUShares
  same 2048 "$(holds cpu cpu.shares)" cpu.shares
  same 25000 "$(holds cpu cpu.cfs_quota_us)" quota
fi
apus kill "$id" KILL
stopped() { [ "$(state status)" = stopped ]; }
soon stopped
apus delete "$id"
same "" "$(manager list-units --all --plain --no-legend "$scope")" "units left"
