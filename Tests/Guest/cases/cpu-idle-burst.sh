# What is newer: the idle class, and saved-up time.
config 'sleep 1000' '.linux.resources.cpu = {quota: 50000, period: 100000, burst: 20000}'
launch
if unified; then same 20000 "$(holds cpu cpu.max.burst)" burst; else same 20000 "$(holds cpu cpu.cfs_burst_us)" burst; fi
apus delete --force "$id"
config 'sleep 1000' '.linux.resources.cpu = {idle: 1}'
launch
same 1 "$(holds cpu cpu.idle)" idle
