# A throttled device is slow: 2 MiB at 1 MiB/s take more than a second.
modprobe loop
dd if=/dev/zero of="$work/disk" bs=1M count=4 2>/dev/null
loop=$(losetup --find --show --direct-io=off "$work/disk")
cleanup() { losetup --detach "$loop"; }
number=$(stat -c '{major: %Hr, minor: %Lr' "$loop")
config 'mknod /tmp/loop b '"$(stat -c '%Hr %Lr' "$loop")"' && dd if=/tmp/loop of=/dev/null bs=64k count=32 iflag=direct 2>/dev/null; echo $?; sleep 1000' \
  ".process.capabilities = ([\"CAP_MKNOD\"] | {bounding: ., effective: ., permitted: .})
  | .linux.resources.blockIO = {throttleReadBpsDevice: [$number, rate: 1048576}], throttleWriteIOPSDevice: [$number, rate: 100}]}
  | .linux.resources.devices = [{allow: true, access: \"rwm\"}]"
begin=$(date +%s%N)
apus run --bundle "$work/bundle" "$id" >"$work/out" &
soon grep -q 0 "$work/out"
took=$((($(date +%s%N) - begin) / 1000000))
[ $took -gt 1000 ] || fail "reading 2 MiB at 1 MiB/s took $took ms"
device=$(stat -c '%Hr:%Lr' "$loop")
if unified; then
  has "$(holds io io.max)" "$device rbps=1048576 wbps=max riops=max wiops=100"
else
  has "$(holds blkio blkio.throttle.read_bps_device)" "$device 1048576"
fi
apus kill "$id" KILL
wait
