# layouts: v2
# Memory is fetched when it is used: the checkpoint is the server, and says when it listens.
config 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/count; sleep 0.1; done'
launch </dev/null >/dev/null 2>&1
counted() { command apus --root "$work/other" exec "$id" cat /tmp/count; }
beyond() { [ "$(apus exec "$id" cat /tmp/count)" -gt "$1" ]; }
soon beyond 5
mkfifo "$work/ready"
apus checkpoint --lazy-pages --page-server 127.0.0.1:2727 --status-fd 7 --image-path "$work/images" "$id" 7>"$work/ready" &
checkpoint=$!
same 1 "$(timeout 60 head -c 1 "$work/ready" | wc -c)" "bytes in the status descriptor"
criu lazy-pages --page-server --address 127.0.0.1 --port 2727 -D "$work/images" -W "$work/images" -o lazy.log -v4 &
server=$!
listens() { [ -S "$work/images/lazy-pages.socket" ]; }
soon listens
# The first container is still there, with the memory: the other one has another place.
change '.linux.cgroupsPath += "-other"'
cleanup() { command apus --root "$work/other" delete --force "$id"; }
command apus --root "$work/other" restore --lazy-pages --detach --bundle "$work/bundle" --image-path "$work/images" "$id" </dev/null >/dev/null
wait $checkpoint || fail "the checkpoint failed"
wait $server || fail "not all memory was fetched"
has "$(<"$work/images/lazy.log")" "UFFD transferred pages"
before=$(counted)
[ "$before" -gt 5 ] || fail "it has started anew"
goes_on() { [ "$(counted)" -gt "$before" ]; }
soon goes_on
[ ! -e "$states/$id" ] || fail "the first container is still there"
