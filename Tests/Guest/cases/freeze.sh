# layouts: v2 v1 hybrid rootless
# A paused container stands still and says so, goes on, is killed all the same, and deleted.
config 'while :; do :; done'
launch
used() { if unified; then counter cpu cpu.stat usage_usec; else holds cpuacct cpuacct.usage; fi; }
apus pause "$id"
same paused "$(state status)" status
has "$(apus list)" paused
before=$(used)
sleep 0.5
same "$before" "$(used)" "processor time of what stands still"
refused apus pause "$id"
apus resume "$id"
same running "$(state status)" status
goes_on() { [ "$(used)" != "$before" ]; }
soon goes_on
apus pause "$id"
apus delete --force "$id"
