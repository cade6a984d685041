# layouts: v2 v1 rootless
# `update` reaches the unit and the files; a limit that the kernel refuses changes neither.
systemd
config 'sleep 1000' '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 44}, cpu: {quota: 20000, period: 100000}}'
launch
apus update --pids-limit 55 --memory 134217728 --cpu-quota 33333 "$id"
same 55 "$(show TasksMax)" TasksMax
same 55 "$(holds pids pids.max)" pids.max
same 340ms "$(show CPUQuotaPerSecUSec)" CPUQuotaPerSecUSec
if unified; then
  same 134217728 "$(show MemoryMax)" MemoryMax
  same "33333 100000" "$(holds cpu cpu.max)" cpu.max
else
  same 134217728 "$(show MemoryLimit)" MemoryLimit
  same 33333 "$(holds cpu cpu.cfs_quota_us)" quota
fi
# The idle class is systemd's, too: it sets the weight whenever it likes.
if unified; then
  apus update --cpu-idle 1 "$id"
  same idle "$(show CPUWeight)" CPUWeight
  manager daemon-reload
  same 1 "$(holds cpu cpu.idle)" cpu.idle
  apus update --cpu-idle 0 "$id"
  same "[not set]" "$(show CPUWeight)" CPUWeight
fi
# The quota is a time of each period; a new period does not change it, whatever systemd makes of it.
apus update --cpu-period 50000 "$id"
same 670ms "$(show CPUQuotaPerSecUSec)" CPUQuotaPerSecUSec
if unified; then same "33333 50000" "$(holds cpu cpu.max)" cpu.max; else same 33333 "$(holds cpu cpu.cfs_quota_us)" quota; fi
manager daemon-reload
same 55 "$(holds pids pids.max)" pids.max
