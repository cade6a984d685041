# layouts: v2 v1 rootless
# crun's annotation puts the container into a cgroup below the scope's, with its limits and as the root it sees.
systemd
config 'cut -d : -f 3 /proc/self/cgroup | sort -u; sleep 1000' '.annotations = {"run.oci.systemd.subgroup": "inner"}
  | .linux.resources.pids.limit = 33'
launch >"$work/out"
soon grep -q / "$work/out"
same / "$(cat "$work/out")" "the cgroup as the container sees it"
has "$(grep -E '^(0:|1:name=systemd)' "/proc/$(pid)/cgroup" | tail -n 1)" "/apus-$id.scope/inner"
same 33 "$(holds pids pids.max)" pids.max
same 33 "$(show TasksMax)" TasksMax
apus update --pids-limit 44 "$id"
same 44 "$(holds pids pids.max)" pids.max
same inside "$(apus exec "$id" echo inside)" exec
apus pause "$id"
same paused "$(state status)" status
apus delete --force "$id"
config true '.annotations = {"run.oci.systemd.subgroup": "../other"}'
refused run
has "$said" "is not the name of a cgroup"
