# Of two containers that read one disk as fast as they can, the one with the greater weight gets most of it.
modprobe bfq || skip "this kernel has no BFQ scheduler"
disk=/dev/vdb
[ "$(blockdev --getsize64 $disk)" = $((64 << 20)) ] || fail "$disk is not the slow disk"
cleanup() { apus delete --force "$id-light"; }
queue=/sys/block/vdb/queue
echo bfq >$queue/scheduler
# What begins is not preferred, and who reads one block after another does not lose its turn in between.
echo 0 >$queue/iosched/low_latency
echo 1 >$queue/iosched/strict_guarantees

# reader WEIGHT
reader() {
  config 'mknod /tmp/disk b '"$(stat -c '%Hr %Lr' $disk)"'; while dd if=/tmp/disk of=/dev/null bs=256k iflag=direct 2>/dev/null; do :; done' \
    ".process.capabilities = ([\"CAP_MKNOD\"] | {bounding: ., effective: ., permitted: .})
    | .linux.resources.blockIO = {weight: $1}
    | .linux.resources.devices = [{allow: true, access: \"rwm\"}]
    | .linux.cgroupsPath += \"-$1\""
}
# bytes CONTAINER: how much it has read.
bytes() {
  local pid directory
  pid=$(apus state "$1" | jq .pid)
  if unified; then
    directory=$(place "$pid" io)
    sed -n "s/^$(stat -c '%Hr:%Lr' $disk) .*rbytes=\([0-9]*\).*/\1/p" "$directory/io.stat"
  else
    directory=$(place "$pid" blkio)
    awk '$1 == "'"$(stat -c '%Hr:%Lr' $disk)"'" && $2 == "Read" {print $3}' "$directory/blkio.bfq.io_service_bytes"
  fi
}
# beyond N: the heavier one has read more than that.
beyond() { [ "$(bytes "$id")" -gt "$1" ]; }

reader 900
create
reader 30
apus create --bundle "$work/bundle" "$id-light"
apus start "$id-light"
apus start "$id"
soon beyond 0
heavy=$(bytes "$id") light=$(bytes "$id-light")
soon beyond $((heavy + (32 << 20)))
heavy=$(($(bytes "$id") - heavy)) light=$(($(bytes "$id-light") - light))
[ $heavy -gt $((light * 2)) ] || fail "with weight 900 $heavy bytes, with 30 $light"
