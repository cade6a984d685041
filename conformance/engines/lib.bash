# What the engines' scripts share: namespaces of their own, an image, and the counting of what passed.
#
# A script sources this with its own arguments and then goes on in private mount, network, pid, ipc and cgroup namespaces, with empty
# /run, /var/lib and /tmp: whatever an engine does there, the machine does not see.
#
#   RUNTIME=   the runtime under test [bin/apus]; /usr/sbin/runc and /usr/bin/crun are the yardstick
#   ONLY=      an extended regular expression: only the cases whose name it fits
#   HYBRID=0   hides cgroup v2 where it is mounted beside v1: Debian's crun does not run there
#   V2=1       shows cgroup v2 alone where it is mounted beside v1, with whatever controllers it has there
#   KEEP=1     leaves the engine's working directory, for a look at its logs
set -uo pipefail

engines=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$engines/../.." && pwd)
RUNTIME=$(readlink -f "${RUNTIME:-$project/bin/apus}")
runtime=$(basename "$RUNTIME")

# ---- namespaces ----

# The names of the cgroup v1 hierarchies, and `unified` for v2.
hierarchies() {
  local dir
  for dir in /sys/fs/cgroup/*/; do
    dir=${dir%/}
    [ -L "$dir" ] || [ ! -e "$dir/cgroup.procs" ] || echo "${dir##*/}"
  done
}

# cgroup v2 alone, or v1 hierarchies below a directory.
is_v2() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }

# Removes a tree of cgroups and what still runs in it.
remove_cgroup() {
  local dir pid
  [ -d "$1" ] || return 0
  for dir in "$1"/*/; do [ ! -d "$dir" ] || remove_cgroup "${dir%/}"; done
  for pid in $(cat "$1/cgroup.procs" 2>/dev/null); do [ "$pid" = 0 ] || kill -9 "$pid" 2>/dev/null; done
  for _ in 1 2 3 4 5 6 7 8 9 10; do rmdir "$1" 2>/dev/null && return; sleep 0.1; done
}

# First part, outside: a cgroup of our own, then the rest of the script in namespaces of its own.
enter_outer() {
  [ "$(id -u)" = 0 ] || { echo "engines: needs root" >&2; exit 2; }
  [ -x "$RUNTIME" ] || { echo "engines: no runtime at $RUNTIME; run: make build" >&2; exit 2; }
  "$project/scripts/dependencies" "$@" >&2 || exit 2
  local name=apus-engines-$$ work
  work=$(mktemp -d /var/tmp/apus-engines.XXXXXX)
  local cgroups=() dir
  if is_v2; then cgroups=(/sys/fs/cgroup/$name); else for dir in $(hierarchies); do cgroups+=("/sys/fs/cgroup/$dir/$name"); done; fi
  for dir in "${cgroups[@]}"; do
    mkdir "$dir" || exit 2
    # A new cpuset is empty, and takes no process.
    [ ! -e "$dir/cpuset.cpus" ] || is_v2 || { cat "${dir%/*}/cpuset.cpus" >"$dir/cpuset.cpus"; cat "${dir%/*}/cpuset.mems" >"$dir/cpuset.mems"; }
  done
  (
    for dir in "${cgroups[@]}"; do echo "$BASHPID" >"$dir/cgroup.procs"; done
    exec env APUS_ENGINES_INNER="$work" RUNTIME="$RUNTIME" unshare --mount --net --pid --ipc --uts --cgroup --fork \
      --kill-child --propagation private --mount-proc "$0"
  )
  local status=$?
  for dir in "${cgroups[@]}"; do remove_cgroup "$dir"; done
  if [ -n "${KEEP:-}" ]; then echo "# kept: $work" >&2; else rm -rf "$work"; fi
  exit $status
}

# Mounted anew: in a cgroup namespace each hierarchy shows our own cgroup as its root.
mount_cgroups() {
  local dir
  if is_v2 || [ -n "${V2:-}" ]; then
    umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit 2
    # Only a cgroup without processes hands controllers on, and `unshare` waits in this one: another becomes the root.
    if [ -z "${APUS_ENGINES_ROOT:-}" ]; then
      mkdir /sys/fs/cgroup/root && echo $$ >/sys/fs/cgroup/root/cgroup.procs && APUS_ENGINES_ROOT=1 exec unshare --cgroup "$0"
      exit 2
    fi
    mkdir /sys/fs/cgroup/inside && echo $$ >/sys/fs/cgroup/inside/cgroup.procs || exit 2
    return
  fi
  for dir in $(hierarchies); do
    umount "/sys/fs/cgroup/$dir"
    case $dir in
      unified) [ "${HYBRID:-1}" = 0 ] || mount -t cgroup2 none "/sys/fs/cgroup/$dir" ;;
      systemd) mount -t cgroup -o none,name=systemd none "/sys/fs/cgroup/$dir" ;;
      *) mount -t cgroup -o "$dir" none "/sys/fs/cgroup/$dir" ;;
    esac || exit 2
  done
}

# Second part, inside: fresh directories for everything an engine writes to, and the loopback interface.
enter_inner() {
  work=$APUS_ENGINES_INNER
  local dir
  mount_cgroups
  # Engines and tests add users; and what the machine does to its own files meanwhile would undo mounts on them.
  cp -a /etc "$work/etc" && mount --bind "$work/etc" /etc || exit 2
  for dir in /run /tmp /var/lib/containers /var/lib/docker /var/lib/containerd /var/lib/cni /etc/cni/net.d /etc/containers /etc/docker; do
    mkdir -p "$work/fs$dir"
    # What the machine has configured is not what is tested.
    if [ -d "$dir" ] || mkdir -p "$dir" 2>/dev/null; then mount --bind "$work/fs$dir" "$dir" || exit 2; fi
  done
  chmod 1777 /tmp
  mkdir -p /run/lock
  ip link set lo up
  hostname engines
  # The way out that bridges with NAT look for: an address of ours on an interface that leads nowhere.
  ip link add outside type veth peer name nowhere && ip link set nowhere up && ip addr add 192.0.2.1/24 dev outside &&
    ip link set outside up && ip route add default via 192.0.2.2
  # Debian's engines, and not what was put beside them.
  export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=$work USER=root LC_ALL=C.UTF-8
  unset XDG_RUNTIME_DIR CONTAINER_HOST DOCKER_HOST
  cd "$work" || exit 2
}

# An ordinary user, with a home, a run-time directory and ids to give away; "${as_user[@]}" before a command makes it his.
make_user() {
  local id=10000 home=$work/home
  chmod 755 "$work"
  # As systemd has it; in this namespace only.
  mount --make-rshared /
  mknod -m 666 tun c 10 200 && mount --bind tun /dev/net/tun
  echo "engine:x:$id:$id::$home:/bin/bash" >>/etc/passwd
  echo "engine:x:$id:" >>/etc/group
  echo "engine:200000:65536" | tee -a /etc/subuid >>/etc/subgid
  install -d -o $id -g $id "$home" && install -d -m 700 -o $id -g $id /run/user/$id || exit 2
  ! is_v2 || chown $id:$id /sys/fs/cgroup{,/inside}{,/cgroup.{procs,subtree_control,threads}}
  as_user=(setpriv --reuid $id --regid $id --init-groups --inh-caps=-all env HOME="$home" USER=engine XDG_RUNTIME_DIR=/run/user/$id)
}

# Without CAP_SYS_RESOURCE nobody gets higher limits than ours; later buildahs than Debian 12's ask for them, unless told otherwise.
ulimits="[\"nofile=$(ulimit -Hn):$(ulimit -Hn)\", \"nproc=$(ulimit -Hu):$(ulimit -Hu)\"]"
# podman 5 has no network but netavark's, and a word to say of cgroup v1 each time.
network_backend=cni
[ ! -x /usr/lib/podman/netavark ] || network_backend=netavark
export PODMAN_IGNORE_CGROUPSV1_WARNING=1

# ---- the image ----

# A small root file system out of busybox, as a tar archive at $1.
make_image() {
  local root=$work/image
  mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,root,var,home/somebody,usr/bin}
  chmod 1777 "$root/tmp"
  cp /bin/busybox "$root/bin/busybox"
  local applet
  for applet in $(/bin/busybox --list); do [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"; done
  printf 'root:x:0:0:root:/root:/bin/sh\nsomebody:x:1000:1000::/home/somebody:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nsomebody:x:1000:\n' >"$root/etc/group"
  echo 'not a program' >"$root/bin/not-executable"
  chmod 644 "$root/bin/not-executable"
  cp /bin/busybox "$root/usr/bin/busybox-as-root"
  chmod 4755 "$root/usr/bin/busybox-as-root"
  tar -C "$root" -cf "$1" .
}

# An image archive at $2 out of the layer $1, with the command $3 and the name $4.
make_archive() {
  local dir=$work/archive
  rm -rf "$dir" && mkdir "$dir"
  cp "$1" "$dir/layer.tar"
  printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/bin:/bin"],"Cmd":%s},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$3" "$(sha256sum <"$1" | cut -d' ' -f1)" >"$dir/config.json"
  printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$4" >"$dir/manifest.json"
  tar -C "$dir" -cf "$2" config.json layer.tar manifest.json
}

# ---- cases ----

passed=0 failed=0 skipped=0

# case NAME COMMAND… : COMMAND has to succeed; what it printed is shown when it does not. Status 77 skips, and the last line says why.
check() {
  local name=$1 status start=$SECONDS
  shift
  [[ -z "${ONLY:-}" || "$name" =~ $ONLY ]] || return 0
  # In a process of its own, which an endless wait does not outlive.
  ( set -e; "$@" ) >"$work/case.log" 2>&1 </dev/null &
  local pid=$!
  ( sleep "${LIMIT:-120}"; kill -9 $pid 2>/dev/null ) >/dev/null 2>&1 &
  local watch=$!
  wait $pid 2>/dev/null
  status=$?
  pkill -P $watch 2>/dev/null
  kill $watch 2>/dev/null
  wait $watch 2>/dev/null
  case $status in
    0) passed=$((passed + 1)); echo "ok - $name" ;;
    77) skipped=$((skipped + 1)); echo "skip - $name # $(tail -n 1 "$work/case.log")" ;;
    *)
      failed=$((failed + 1))
      echo "not ok - $name # status $status after $((SECONDS - start)) s"
      tail -n 25 "$work/case.log" | sed 's/^/#   /'
      ;;
  esac
}

skip() { echo "$*"; exit 77; }

# Checkpoints want a CRIU that knows the kernel.
needs_criu() { command -v criu >/dev/null || skip "no criu here"; criu check >criu.log 2>&1 || skip "$(tail -n 1 criu.log)"; }

finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ $failed = 0 ]
  exit
}

# ---- what cases say ----

# at_terminal COMMAND : what it shows at a terminal of its own, without what the terminal adds
at_terminal() { script -qec "$1" /dev/null | tr -d '\r\000' | sed 's/\^@//g; s/\^D//g; s/\x08//g'; }

# expect WHAT IS WANTED
expect() {
  local what=$1 is=$2 wanted=$3
  [ "$is" = "$wanted" ] && return
  printf '%s: expected "%s", found "%s"\n' "$what" "$wanted" "$is"
  exit 1
}

# contains TEXT PART
contains() {
  case $1 in *"$2"*) return 0 ;; esac
  printf 'expected "%s" in: %s\n' "$2" "$1"
  exit 1
}

# status WANTED COMMAND… : its exit status
status() {
  local wanted=$1 is=0
  shift
  "$@" || is=$?
  expect "exit status of $*" "$is" "$wanted"
}

# eventually COMMAND… : within ten seconds it succeeds
eventually() {
  local _
  for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "did not come to be: $*"
  exit 1
}
