# Devices are restricted by systemd and, exactly, by the kernel's own list.
systemd
config 'mknod -m 666 /tmp/full c 1 7; mknod -m 666 /tmp/kmsg c 1 11; mknod -m 666 /tmp/disk b 254 0
  for file in full kmsg disk; do (: </tmp/$file) 2>/dev/null && echo $file yes || echo $file no; done
  (: >/tmp/disk) 2>/dev/null && echo write yes || echo write no; sleep 1000' '.process.capabilities =
  (["CAP_MKNOD", "CAP_SYSLOG"] | {bounding: ., effective: ., permitted: .})
  | .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "b", major: 254, minor: 0, access: "r"}]'
launch >"$work/out"
soon grep -q write "$work/out"
same "full yes
kmsg no
disk yes
write no" "$(cat "$work/out")" devices
same strict "$(show DevicePolicy)" DevicePolicy
has "$(show DeviceAllow)" "/dev/block/254:0 r"
