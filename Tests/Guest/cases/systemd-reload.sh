# layouts: v2 v1
# systemd may apply everything anew at any time: the limits stay.
systemd
config 'sleep 1000' '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 44}}'
launch
manager daemon-reload
same 44 "$(holds pids pids.max)" pids.max
if unified; then same 67108864 "$(holds memory memory.max)" memory.max; else same 67108864 "$(holds memory memory.limit_in_bytes)" limit; fi
