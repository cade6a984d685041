# layouts: v2 v1 hybrid rootless
# Files of cgroup v2 by name; a controller that v2 does not have here, and v1 alone, are refused.
if unified; then
  config 'sleep 1000' '.linux.resources.unified = {"memory.high": "50331648", "cpu.weight": "321", "pids.max": "77"}'
  launch
  same 50331648 "$(holds memory memory.high)" memory.high
  same 321 "$(holds cpu cpu.weight)" cpu.weight
  same 77 "$(holds pids pids.max)" pids.max
  apus delete --force "$id"
  config true '.linux.resources.unified = {"nothing.max": "1"}'
  refused run
  has "$said" nothing
else
  config true '.linux.resources.unified = {"memory.high": "50331648"}'
  refused run
  has "$said" memory
fi
