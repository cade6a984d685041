# A container in a container: the runtime inside the runtime, each with a cgroup and a limit.
# As every manager of cgroup v2 does, the outer one first leaves the cgroup whose controllers it hands on.
config 'if [ -e /sys/fs/cgroup/cgroup.procs ]; then mkdir /sys/fs/cgroup/init; echo $$ >/sys/fs/cgroup/init/cgroup.procs; fi
  /run/guest/apus --root /tmp/states run --bundle /tmp/inner inner'  '
  .process.capabilities = (["CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_MKNOD", "CAP_NET_ADMIN", "CAP_SYS_CHROOT", "CAP_KILL",
    "CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER", "CAP_SYS_PTRACE", "CAP_BPF", "CAP_SYS_RESOURCE"] | {bounding: ., effective: ., permitted: .})
  | .mounts |= map(if .destination == "/sys/fs/cgroup" then .options = ["rw"] else . end)
  | .mounts += [{destination: "/run", type: "bind", source: "/run", options: ["bind", "ro"]}]
  | .linux.resources.devices = [{allow: true, access: "rwm"}]'
jq '.linux.cgroupsPath = "/inner" | .linux.resources = {pids: {limit: 50}} | .process.args[2] =
  "echo inside; cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null; true"' \
  "$work/bundle/config.json" >"$work/inner.json"
change '.mounts += [{destination: "/tmp/inner", type: "bind", source: "'"$work"'/inner", options: ["rbind", "ro"]}]'
mkdir "$work/inner"
mv "$work/inner.json" "$work/inner/config.json"
same "inside 50" "$(run 2>&1 | xargs)" output
