# New device rules take the place of the old ones at once.
config 'mknod -m 666 /tmp/kmsg c 1 11; sleep 1000' '.process.capabilities =
  (["CAP_MKNOD", "CAP_SYSLOG"] | {bounding: ., effective: ., permitted: .})
  | .linux.resources.devices = [{allow: false, access: "rwm"}]'
launch
soon apus exec "$id" test -c /tmp/kmsg
try() { apus exec "$id" sh -c '(: </tmp/kmsg) 2>/dev/null && echo yes || echo no'; }
same no "$(try)" before
echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}]}' |
  apus update --resources - "$id"
same yes "$(try)" allowed
echo '{"devices": [{"allow": false, "access": "rwm"}]}' | apus update --resources - "$id"
same no "$(try)" "denied again"
