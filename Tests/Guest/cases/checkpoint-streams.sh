# layouts: v2
# What a container says goes to whoever restores it: by a pipe, and by a terminal.
config 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done'
(launch </dev/null 2>/dev/null | cat >"$work/one") &
said() { [ -s "$1" ]; }
soon said "$work/one"
apus checkpoint --image-path "$work/images" "$id"
wait
first=$(tail -n 1 "$work/one")
(apus restore --bundle "$work/bundle" --image-path "$work/images" "$id" </dev/null | cat >"$work/two") &
soon said "$work/two"
apus kill "$id" KILL
wait
same "$((first + 1))" "$(head -n 1 "$work/two")" "the first line of the restored one"
refused apus state "$id"

cat >"$work/terminal.py" <<'PYTHON'
import array, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
peer = server.accept()[0]
numbers = array.array("i")
numbers.frombytes(peer.recvmsg(64, 64)[1][0][2][:4])
with open(sys.argv[2], "wb", buffering=0) as out:
    try:
        while data := os.read(numbers[0], 4096):
            out.write(data)
    except OSError:
        pass
PYTHON
change '.process.terminal = true | .mounts += [{destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"]}]'
python3 "$work/terminal.py" "$work/socket1" "$work/three" &
exists() { [ -S "$1" ]; }
soon exists "$work/socket1"
apus create --bundle "$work/bundle" --console-socket "$work/socket1" "$id"
apus start "$id"
soon said "$work/three"
apus checkpoint --image-path "$work/more" "$id"
wait
python3 "$work/terminal.py" "$work/socket2" "$work/four" &
soon exists "$work/socket2"
apus restore --detach --console-socket "$work/socket2" --bundle "$work/bundle" --image-path "$work/more" "$id" </dev/null >/dev/null
soon said "$work/four"
same /dev/pts/0 "$(apus exec "$id" readlink /proc/1/fd/1)" "terminal"
apus checkpoint --image-path "$work/again" "$id"
wait
last=$(tail -n 1 "$work/three" | tr -d '\r')
[ "$(head -n 1 "$work/four" | tr -d '\r')" -ge "$last" ] || fail "the terminal's lines start anew"

# Attached, the terminal is the caller's.
script -qc "apus --root $states --cgroup-manager $driver restore --bundle $work/bundle --image-path $work/again $id" /dev/null \
  </dev/null >"$work/five" &
numbers() { tr -dc '0-9\n' <"$work/five" | grep .; }
soon numbers
apus kill "$id" KILL
wait
[ "$(numbers | head -n 1)" -gt "$(tail -n 1 "$work/four" | tr -d '\r')" ] || fail "the caller's terminal shows: $(<"$work/five")"
