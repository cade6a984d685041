# layouts: v2
# A network namespace that is given by path is there again; what is in one of the container's own comes from hooks, as at the first time.
ip netns add apus-guest
cleanup() { ip netns del apus-guest; }
ip -n apus-guest link add apus0 type dummy
ip -n apus-guest address add 192.0.2.1/24 dev apus0
config 'while :; do sleep 1; done' '.linux.namespaces |= map(if .type == "network" then .path = "/run/netns/apus-guest" else . end)'
launch </dev/null >/dev/null 2>&1
apus checkpoint --image-path "$work/images" "$id"
apus restore --detach --bundle "$work/bundle" --image-path "$work/images" "$id" </dev/null >/dev/null
has "$(apus exec "$id" ip address show dev apus0)" 192.0.2.1/24
same "$(stat -Lc %i /run/netns/apus-guest)" "$(stat -Lc %i "/proc/$(pid)/ns/net")" namespace
apus delete --force "$id"

cat >"$work/hook" <<HOOK
#!/bin/sh
pid=\$(jq .pid)
nsenter --net=/proc/\$pid/ns/net ip link add apus1 type dummy
echo \$1 >>$work/hooks
HOOK
chmod +x "$work/hook"
hooks='.linux.namespaces |= map(del(.path)) | .hooks = {createRuntime: [{path: "'"$work/hook"'", args: ["hook", "createRuntime"]}],
  poststart: [{path: "/bin/sh", args: ["sh", "-c", "echo poststart >>'"$work/hooks"'"]}],
  poststop: [{path: "/bin/sh", args: ["sh", "-c", "echo poststop >>'"$work/hooks"'"]}]}'
change "$hooks"
launch </dev/null >/dev/null 2>&1
apus checkpoint --image-path "$work/more" "$id"
same "createRuntime poststart poststop" "$(xargs <"$work/hooks")" "hooks of the first life"
apus restore --detach --bundle "$work/bundle" --image-path "$work/more" "$id" </dev/null >/dev/null
has "$(apus exec "$id" ip link)" apus1
same "createRuntime poststart poststop createRuntime poststart" "$(xargs <"$work/hooks")" "hooks of both"
apus delete --force "$id"

# A hook that fails, and images that cannot be restored, leave nothing.
rm "$work/hooks"
change '.hooks.createRuntime[0] = {path: "/bin/false"}'
refused apus restore --detach --bundle "$work/bundle" --image-path "$work/more" --pid-file "$work/pid" "$id" </dev/null
has "$said" 'createRuntime hook #0 "/bin/false": exit status 1'
same poststop "$(xargs <"$work/hooks")" "hooks of the failed one"
same "" "$(left)" "left by a restore whose hook failed"
[ ! -e "$work/pid" ] || fail "a pid file was left"
change 'del(.hooks)'
cp -r "$work/more" "$work/whole"
rm "$work"/more/mountpoints-*.img
refused apus restore --detach --bundle "$work/bundle" --image-path "$work/more" "$id" </dev/null
has "$said" "criu: "
has "$said" "see $work/more/restore.log"
same "" "$(left)" "left by a restore that failed"

# A restore that was killed is deleted; CRIU ends by itself.
change '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "touch '"$work/waits"'; exec sleep 1000"]}]'
command apus --root "$states" --cgroup-manager "$driver" restore --detach --bundle "$work/bundle" --image-path "$work/whole" "$id" &
soon [ -e "$work/waits" ]
kill -KILL $!
gone() { ! pgrep -x criu && apus delete "$id"; }
soon gone
same "" "$(left)" "left by a restore that was killed"

# A connection is refused, and the container goes on; with the option it is kept.
config 'nc -l -p 8080 -e sh -c "i=0; while :; do i=\$((i + 1)); echo \$i; sleep 0.3; done" &
  until netstat -ltn | grep -q :8080; do sleep 0.2; done
  sleep 10000 | nc 127.0.0.1 8080 >/tmp/echo'
launch </dev/null >/dev/null 2>&1
echoed() { [ "$(apus exec "$id" tail -n 1 /tmp/echo)" -gt "$1" ]; }
soon echoed 2
refused apus checkpoint --image-path "$work/connected" "$id"
has "$said" tcp
same running "$(state status)" "status behind a checkpoint that failed"
before=$(apus exec "$id" tail -n 1 /tmp/echo)
soon echoed "$before"
apus checkpoint --tcp-established --image-path "$work/connected" "$id"
apus restore --tcp-established --detach --bundle "$work/bundle" --image-path "$work/connected" "$id" </dev/null >/dev/null
soon echoed "$((before + 5))"
apus delete --force "$id"
