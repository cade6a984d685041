# What podman and docker are asked for in the same words: `$cli` is the command, `busybox` the image.

# shellcheck disable=SC2154,SC2086
run() { $cli run --rm "$@"; }
# A container that waits, by name.
sleeper() { local name=$1; shift; $cli run -d --name "$name" "$@" busybox sleep 1000 >/dev/null || exit 1; }
state() { $cli inspect -f '{{.State.Status}}' "$1"; }
has_state() { [ "$(state "$1")" = "$2" ]; }
cgroup_of() { grep -E "$2" "/proc/$($cli inspect -f '{{.State.Pid}}' "$1")/cgroup" | head -n 1 | cut -d: -f3; }
# ---- programs ----
exit_codes() { local code; for code in 0 1 42 125 255; do status $code run busybox sh -c "exit $code"; done; }
killed_by_signal() { status 143 run busybox sh -c 'sh -c "kill -TERM \$\$"; exit $?'; }
killed() { run --name killed busybox sleep 1000 & local pid=$!; eventually has_state killed running; $cli kill killed; local is=0; wait $pid || is=$?; expect status $is 137; }
output() { expect out "$(run busybox sh -c 'echo out; echo err >&2' 2>/dev/null)" out; expect err "$(run busybox sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" err; }
input() { expect input "$(echo typed | run -i busybox cat)" typed; expect megabyte "$(head -c 10000000 /dev/zero | run -i busybox wc -c)" 10000000; }
not_found() { local is=0 text; text=$(run busybox nowhere 2>&1) || is=$?; expect status $is 127; contains "$text" nowhere; }
not_executable() { local is=0; run busybox /bin/not-executable 2>&1 || is=$?; expect status $is 126; }
entrypoint() { expect output "$(run --entrypoint echo busybox a b)" "a b"; }
environment() { expect variable "$(run -e A=1 --env B=2 busybox sh -c 'echo $A$B$HOME')" "12/root"; }
user() { expect ids "$(run -u 1000:1000 --group-add 7 busybox sh -c 'echo $(id -u) $(id -g) $(id -G)')" "1000 1000 1000 7"; expect name "$(run -u somebody busybox id -u)" 1000; }
working_directory() { expect pwd "$(run -w /tmp busybox pwd)" /tmp; }
hostname_set() { expect hostname "$(run --hostname box busybox hostname)" box; }
tty_output() { expect tty "$(at_terminal "$cli run --rm -t busybox sh -c \"test -t 1 && echo yes\"")" yes; }
tty_size() { expect size "$(at_terminal "stty rows 33 cols 77; $cli run --rm -it busybox sh -c \"sleep 1; stty size\"")" "33 77"; }
init_process() { contains "$(run --init busybox ps -o pid,args)" "1 /"; contains "$(run --init busybox cat /proc/1/cmdline | tr '\0' ' ')" -- ; }
signals() { $cli run -d --name signals busybox sh -c 'trap "echo got; exit 7" USR1; echo ready; while :; do sleep 0.1; done' && eventually grep -q ready <($cli logs signals); sleep 0.5; $cli kill -s USR1 signals; expect status "$($cli wait signals)" 7; contains "$($cli logs signals)" got; }
stop_timeout() { $cli run -d --name stubborn busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done'; sleep 0.5; local start=$SECONDS; $cli stop -t 2 stubborn; [ $((SECONDS - start)) -lt 10 ] || exit 1; expect status "$($cli inspect -f '{{.State.ExitCode}}' stubborn)" 137; }
stop_graceful() { $cli run -d --name polite busybox sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'; sleep 0.5; $cli stop -t 10 polite; expect status "$($cli inspect -f '{{.State.ExitCode}}' polite)" 3; }
# ---- exec ----
exec_output() { sleeper ex1; expect output "$($cli exec ex1 echo hello)" hello; status 42 $cli exec ex1 sh -c 'exit 42'; }
exec_input() { sleeper ex2; expect input "$(echo typed | $cli exec -i ex2 cat)" typed; }
exec_settings() { sleeper ex3; expect settings "$($cli exec -u 1000:7 -w /tmp -e A=1 ex3 sh -c 'echo $(id -u) $(id -g) $(pwd) $A')" "1000 7 /tmp 1"; }
exec_detached() { sleeper ex4; $cli exec -d ex4 sh -c 'echo done > /tmp/file'; eventually $cli exec ex4 grep done /tmp/file; }
exec_tty() { sleeper ex5; expect tty "$(at_terminal "$cli exec -it ex5 sh -c \"test -t 0 && test -t 1 && echo yes\"")" yes; }
exec_many() { sleeper ex7; local n pids=(); for n in $(seq 20); do $cli exec ex7 sh -c "exit $n" & pids+=($!); done; for n in $(seq 20); do local is=0; wait "${pids[$((n - 1))]}" || is=$?; expect "status of $n" $is "$n"; done; }
# The capabilities below 32 that may be given here; of later ones each engine knows those of its time.
all_capabilities() { grep CapBnd /proc/self/status | tail -c 9; }
exec_privileged() { sleeper ex8; contains "$($cli exec --privileged ex8 grep CapEff /proc/self/status)" "$(all_capabilities)"; }
exec_limits() { sleeper ex9 --pids-limit 77; local cg; cg=$($cli exec ex9 cat /proc/self/cgroup | sort); expect cgroup "$cg" "$($cli exec ex9 cat /proc/1/cgroup | sort)"; }
# ---- life ----
paused() { sleeper pa; $cli pause pa; expect state "$(state pa)" paused; $cli exec pa true 2>/dev/null && exit 1; $cli unpause pa; expect state "$(state pa)" running; $cli exec pa true; }
logs_large() { $cli run --name lo busybox sh -c 'head -c 75000000 /dev/zero | base64' >/dev/null; expect bytes "$($cli logs lo | wc -c)" 101315790; $cli rm lo >/dev/null; }
restarted() { sleeper re; $cli restart -t 0 re; expect state "$(state re)" running; }
attached() { $cli create -i --name at busybox sh -c 'read x; echo "got $x"'; expect output "$(echo typed | $cli start -ai at)" "got typed"; }
waited() { $cli run -d --name wa busybox sh -c 'sleep 1; exit 9'; expect status "$($cli wait wa)" 9; }
removed() { sleeper rm1; drop rm1; $cli inspect rm1 >/dev/null 2>&1 && exit 1; [ -z "$("$RUNTIME" list -q 2>/dev/null)" ] || ! "$RUNTIME" list -q | grep -q rm1; }
many_at_once() { local n pids=(); for n in $(seq 20); do run busybox sh -c "exit $n" & pids+=($!); done; for n in $(seq 20); do local is=0; wait "${pids[$((n - 1))]}" || is=$?; expect "status of $n" $is "$n"; done; }
container_ps() { sleeper cp1; contains "$($cli ps --format '{{.Names}} {{.Status}}')" "cp1 Up"; }
copied() { sleeper co; echo content >file; $cli cp file co:/tmp/file; expect content "$($cli exec co cat /tmp/file)" content; $cli cp co:/tmp/file back; expect content "$(cat back)" content; }
committed() { sleeper cm; $cli exec cm sh -c 'echo kept > /kept'; $cli commit cm kept >/dev/null; expect content "$(run kept cat /kept)" kept; }
# Of some options the older engines have not heard.
knows() { case $($cli "$1" --help) in *" $2 "*) ;; *) skip "there is no $cli $1 $2" ;; esac; }
annotated() { knows run --annotation; sleeper an --annotation org.example.key=value; contains "$("$RUNTIME" "${states[@]}" state "$($cli inspect -f '{{.Id}}' an)" | tr -d ' \n')" '"org.example.key":"value"'; }
# A container that counts, and how far it has come.
counter() { $cli run -d --name "$1" "${@:2}" busybox sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done'; eventually counted "$1" 5; }
count_of() { $cli logs "$1" | tail -n 1; }
counted() { [ "$(count_of "$1")" -gt "$2" ]; }
# ---- limits ----
memory_limit() { local is=0; run -m 32m --memory-swap 32m busybox sh -c 'head -c 100000000 /dev/zero | tail -n 1 >/dev/null' || is=$?; [ $is != 0 ] || { echo "was not stopped"; exit 1; }; }
pids_unlimited() { expect output "$(run --pids-limit -1 busybox sh -c 'echo one $(echo two; true)')" "one two"; }
pids_limit() { contains "$(run --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 3 & done; wait' 2>&1)" "fork"; }
cpu_limit() { run --cpus 0.1 busybox sh -c 'until cat /sys/fs/cgroup/cpu/cpu.stat /sys/fs/cgroup/cpu.stat 2>/dev/null | grep -q "nr_throttled [1-9]"; do :; done'; }
ulimits() { expect limit "$(run --ulimit nofile=100:100 --ulimit nproc="$(ulimit -Hu):$(ulimit -Hu)" busybox sh -c 'ulimit -n')" 100; }
blkio_weight() { run --blkio-weight 200 busybox true; }
# limit_of CONTAINER CONTROLLER FILE FILE-OF-V2
limit_of() { local cg; cg=$(cgroup_of "$1" ":$2:|^0:"); cat "/sys/fs/cgroup/$2$cg/$3" 2>/dev/null || cat "/sys/fs/cgroup$cg/$4"; }
updated_again() { knows update --pids-limit; sleeper ua --pids-limit 70 --cpus 0.7; $cli update --pids-limit 50 ua; expect pids "$(limit_of ua pids pids.max pids.max)" 50; contains "$(limit_of ua cpu cpu.cfs_quota_us cpu.max)" 70000; $cli update --cpus 0.5 --cpuset-cpus 0 ua; contains "$(limit_of ua cpu cpu.cfs_quota_us cpu.max)" 50000; expect cpus "$(limit_of ua cpuset cpuset.cpus cpuset.cpus)" 0; expect pids "$(limit_of ua pids pids.max pids.max)" 50; $cli update --pids-limit -1 ua; expect pids "$(limit_of ua pids pids.max pids.max)" max; }
cpuset() { expect cpus "$(run --cpuset-cpus 0 busybox nproc)" 1; }
# ---- files ----
volume_bind() { mkdir -p vol; echo content >vol/file; expect content "$(run -v "$PWD/vol:/data" busybox cat /data/file)" content; run -v "$PWD/vol:/data" busybox sh -c 'echo new > /data/new'; expect content "$(cat vol/new)" new; }
volume_read_only() { mkdir -p vol; run -v "$PWD/vol:/data:ro" busybox sh -c 'echo x > /data/x' 2>/dev/null && exit 1; true; }
volume_file() { echo content >one; expect content "$(run -v "$PWD/one:/etc/one:ro" busybox cat /etc/one)" content; }
volume_named() { $cli volume create named; run -v named:/data busybox sh -c 'echo content > /data/file'; expect content "$(run -v named:/data busybox cat /data/file)" content; }
volume_copied_up() { $cli volume create copied; contains "$(run -v copied:/etc busybox ls /etc)" passwd; }
volume_propagation() { mkdir -p prop; mount -t tmpfs none prop; mount --make-shared prop; $cli run -d --name prop -v "$PWD/prop:/data:rslave" busybox sleep 1000; mkdir prop/sub; mount -t tmpfs none prop/sub; touch prop/sub/seen; local is=0; $cli exec prop test -e /data/sub/seen || is=1; drop prop; umount prop/sub prop; expect seen $is 0; }
tmpfs_mount() { contains "$(run --tmpfs /scratch:size=1m,mode=700 busybox sh -c 'grep /scratch /proc/mounts; stat -c %a /scratch')" "size=1024k"; }
shm_size() { contains "$(run --shm-size 1m busybox df -k /dev/shm)" 1024; }
devices() { contains "$(run --device /dev/null:/dev/other:rw busybox stat -c '%t:%T' /dev/other)" 1:3; }
# The Container Device Interface: what the file says of a device comes into config.json.
cdi_device() {
  [ "$cli" = podman ] || knows run --annotation
  mkdir -p vol /etc/cdi
  echo content >vol/file
  cat >/etc/cdi/example.json <<JSON
{"cdiVersion": "0.3.0", "kind": "example.org/device", "containerEdits": {"env": ["KIND=all"]}, "devices": [{"name": "one", "containerEdits": {
  "env": ["CDI=yes"], "deviceNodes": [{"path": "/dev/cdi", "type": "c", "major": 1, "minor": 5, "permissions": "rw"}],
  "mounts": [{"hostPath": "$PWD/vol", "containerPath": "/cdi", "options": ["bind", "ro", "nosuid"]}],
  "hooks": [{"hookName": "createContainer", "path": "/bin/sh", "args": ["sh", "-c", "cat >$PWD/cdi.state"]}]}}]}
JSON
  expect edits "$(run --device example.org/device=one busybox sh -c 'echo $KIND $CDI $(head -c 3 /dev/cdi | wc -c) $(cat /cdi/file); touch /cdi/new' 2>/dev/null)" "all yes 3 content"
  contains "$(tr -d ' \n' <cdi.state)" '"bundle":'
}
device_denied() { run --cap-add MKNOD busybox sh -c 'mknod /tmp/mem c 1 1 && cat /tmp/mem' 2>/dev/null && exit 1; true; }
device_rule() { expect read "$(run --cap-add MKNOD --device-cgroup-rule 'c 1:5 rwm' busybox sh -c 'mknod /tmp/zero c 1 5 && head -c 3 /tmp/zero | wc -c')" 3; }
# ---- security ----
capabilities() { contains "$(run --cap-drop ALL --cap-add NET_ADMIN busybox grep CapEff /proc/self/status)" 0000000000001000; contains "$(run --privileged busybox grep CapEff /proc/self/status)" "$(all_capabilities)"; }
no_new_privileges() { contains "$(run --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status)" 1; }
seccomp_default() { contains "$(run busybox grep Seccomp: /proc/self/status)" 2; }
seccomp_own() { echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' >profile.json; run --security-opt "seccomp=$PWD/profile.json" busybox mkdir /tmp/x 2>/dev/null && exit 1; contains "$(run --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status)" 0; }
sysctl() { expect value "$(run --sysctl net.ipv4.ip_forward=1 busybox cat /proc/sys/net/ipv4/ip_forward)" 1; }
namespaces_of_host() { expect pid "$(run --pid host busybox readlink /proc/self/ns/pid)" "$(readlink /proc/self/ns/pid)"; expect ipc "$(run --ipc host busybox readlink /proc/self/ns/ipc)" "$(readlink /proc/self/ns/ipc)"; expect uts "$(run --uts host busybox hostname)" engines; }
namespaces_shared() { sleeper ns1; expect pid "$(run --pid container:ns1 busybox readlink /proc/1/ns/pid)" "$($cli exec ns1 readlink /proc/1/ns/pid)"; expect net "$(run --network container:ns1 busybox readlink /proc/self/ns/net)" "$($cli exec ns1 readlink /proc/self/ns/net)"; }
# ---- networks ----
network_none() { expect interfaces "$(run --network none busybox ls /sys/class/net)" lo; }
network_host() { expect namespace "$(run --network host busybox readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"; }
ports() { $cli run -d --name po -p 127.0.0.1:8099:80 busybox sh -c 'echo page > /tmp/index.html; exec httpd -f -p 80 -h /tmp'; eventually busybox wget -qO page http://127.0.0.1:8099/; expect page "$(cat page)" page; }

# ---- all of them ----

alike="exit_codes killed_by_signal killed output input not_found not_executable entrypoint environment user
  working_directory hostname_set tty_output tty_size init_process signals stop_timeout stop_graceful exec_output
  exec_input exec_settings exec_detached exec_tty exec_many exec_privileged exec_limits paused logs_large restarted
  attached annotated waited removed many_at_once container_ps copied committed memory_limit pids_limit pids_unlimited cpu_limit
  ulimits blkio_weight cpuset updated_again volume_bind volume_read_only volume_file volume_named volume_copied_up volume_propagation
  tmpfs_mount shm_size devices cdi_device device_denied device_rule capabilities no_new_privileges seccomp_default seccomp_own
  sysctl namespaces_of_host namespaces_shared network_none network_host ports"

# run_cases NAME… : each with nothing left of the one before
run_cases() {
  local name
  for name in "$@"; do
    check "${name//_/ }" "$name"
    remove_all
  done
}
