# A quota throttles, and shares become a weight.
config 'while :; do :; done' '.linux.resources.cpu = {shares: 512, quota: 10000, period: 100000}'
launch
throttled() { [ "$(counter cpu cpu.stat nr_throttled)" -gt 2 ]; }
soon throttled
if unified; then
  same "10000 100000" "$(holds cpu cpu.max)" cpu.max
  same 59 "$(holds cpu cpu.weight)" cpu.weight
else
  same 10000 "$(holds cpu cpu.cfs_quota_us)" quota
  same 512 "$(holds cpu cpu.shares)" shares
fi
