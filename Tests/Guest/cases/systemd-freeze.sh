# layouts: v2 v1 rootless
# The same under systemd.
systemd
config 'while :; do sleep 0.1; done'
launch
apus pause "$id"
same paused "$(state status)" status
apus resume "$id"
same running "$(state status)" status
apus pause "$id"
apus delete --force "$id"
