# layouts: v2 v1
# What is the host's in the container is so again: volumes, with their options and behind links, masks, and cgroups without a namespace.
mkdir -p "$work/root" "$work/volume" "$work/secret"
cp -a /run/guest/rootfs/. "$work/root"
ln -s real "$work/root/link"
echo old >"$work/volume/file"
echo one >"$work/secret/one"
echo log-file other.log >"$work/criu.conf"
config 'exec 9>>/data/log; while :; do echo on >&9; sleep 0.1; done' '.root = {path: "'"$work/root"'"} | .mounts += [
  {destination: "/data", type: "bind", source: "'"$work/volume"'", options: ["rbind"]},
  {destination: "/data/deep/er", type: "bind", source: "'"$work/secret"'", options: ["bind", "ro", "nosuid"]},
  {destination: "/link/x", type: "bind", source: "'"$work/secret/one"'", options: ["bind", "ro"]}]
  | .linux.maskedPaths = ["/proc/kcore", "/proc/acpi", "/sys/firmware", "/nothing"] | .linux.readonlyPaths = ["/proc/sys"]
  | .linux.namespaces |= map(select(.type != "cgroup")) | .annotations = {"org.criu.config": "'"$work/criu.conf"'"}'
launch </dev/null >/dev/null 2>&1
look='cat /data/file /data/deep/er/one /real/x; wc -c </proc/kcore; ls /proc/acpi /sys/firmware; ls /sys/fs/cgroup | sort
  for file in /data/deep/er/two /real/x /proc/sys/kernel/hostname; do (: >$file) 2>&1; done; sort /proc/mounts'
before=$(apus exec "$id" sh -c "$look")
apus checkpoint --image-path "$work/images" "$id"
[ -s "$work/images/other.log" ] || fail "the annotation's options did not count"
rm -r "$work/root/real" "$work/volume/deep"
echo new >"$work/volume/file"
lines() { wc -l <"$work/volume/log"; }
wrote=$(lines)
apus restore --detach --bundle "$work/bundle" --image-path "$work/images" "$id" </dev/null >/dev/null
after=$(apus exec "$id" sh -c "$look")
same "${before/old/new}" "$after" "mounts"
goes_on() { [ "$(lines)" -gt "$wrote" ]; }
soon goes_on
same "" "$(grep -F "$work" /proc/self/mountinfo)" "mounts of the host"
apus delete --force "$id"
