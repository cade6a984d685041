# What the suites of podman and buildah share. Both are Debian's source packages, written for bats; both want images of Alpine from
# registries that are not reached here: a registry of our own has one that looks like it, made of busybox.
#
#   RUNTIME=   the runtime under test [bin/apus]
#   AS=        the name by which the engine knows the runtime: some tests are for crun alone [crun]
#   FILES=     an extended regular expression: only the files of the suite whose name it fits
#   ONLY=      the same for the names of tests
#   ROOTLESS=1 as an ordinary user, with ids of /etc/subuid
#
# A test fails here if it fails with the runtime under test, passes with a peer, and is not in `exceptions`. What fails with all of
# them is the machine's or the suite's own, and is shown as skipped.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016 # what stands in scripts that are written here
. "$(dirname "${BASH_SOURCE[0]}")/suite.bash"
out=${OUT:-$project/conformance/out/$suite${ROOTLESS:+-rootless}${V2:+-v2}}
as=${AS:-$([ "$runtime" = runc ] && echo runc || echo crun)}

# ---- outside ----

# has_passed RUNTIME FILE NAME : whether the test has passed
has_passed() { sed -n 's/^ok [0-9]* //p' "$out/$2.$1" 2>/dev/null | grep -qxF -- "$3"; }

# The tests that failed with the runtime, as lines FILE<TAB>NAME.
failures() {
  local file
  for file in "$out"/*."$runtime"; do sed -n "s/^not ok [0-9]* /$(basename "${file%.*}")\t/p" "$file"; done
}

# Runs the suite with the runtime under test, what fails with its peers too, and says what came of it. The script calls itself: each
# round has namespaces of its own.
judge() {
  export HYBRID=0
  local peer file name line
  rm -rf "$out" && mkdir -p "$out"
  OUT=$out ROUND=1 "$0" || exit 2
  failures >"$out/failures"
  for peer in $peers; do
    [ ! -s "$out/failures" ] || [ "$(readlink -f "$peer")" = "$RUNTIME" ] || OUT=$out ROUND=1 AGAIN=$out/failures RUNTIME=$peer AS='' "$0" || exit 2
  done
  for file in "$out"/*."$runtime"; do
    judge_count "$file"
    while read -r line; do
      name=${line#*ok *[0-9] }
      case $line in
        *' # skip'*) skipped=$((skipped + 1)); echo "skip - $(basename "${file%.*}"): ${name/ # skip / # }" ;;
        ok*) passed=$((passed + 1)); echo "ok - $(basename "${file%.*}"): $name" ;;
        *) judge_failure "$(basename "${file%.*}")" "$name" ;;
      esac
    done < <(grep -E '^(not )?ok ' "$file")
  done
  finish
}

# A file is to have as many results as it has announced.
judge_count() {
  local announced results
  announced=$(sed -n '1s/^1\.\.//p' "$1")
  results=$(grep -cE '^(not )?ok ' "$1")
  [ "$results" = "${announced:-none}" ] && return
  failed=$((failed + 1))
  echo "not ok - $(basename "${1%.*}"): $results results of ${announced:-no} tests; see $1"
}

judge_failure() {
  local peer by='' reason
  for peer in $peers; do
    ! has_passed "$(basename "$peer")" "$1" "$2" || by+=" $(basename "$peer")"
  done
  reason=$(reason_of "$1: $2")
  if [ -n "$by" ] && [ -z "$reason" ]; then
    failed=$((failed + 1))
    echo "not ok - $1: $2 # passes with$by; see $out/$1.$runtime"
  else
    skipped=$((skipped + 1))
    echo "skip - $1: $2 # ${reason:-fails with $peers too}"
  fi
}

# ---- inside ----

# The engine's settings; names lead to our registry.
configure() {
  cat >/etc/containers/containers.conf <<END
[containers]
log_driver = "k8s-file"
default_ulimits = []
[engine]
runtime = "$as"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "cni"
END
  # The engine limits processes unless told not to, also where that cannot be.
  ! is_v2 || grep -qw pids /sys/fs/cgroup/cgroup.controllers || sed -i '/^\[containers\]/a pids_limit = 0' /etc/containers/containers.conf
  cat >/etc/containers/storage.conf <<END
[storage]
driver = "overlay"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
END
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json
  cat >/etc/containers/registries.conf <<END
unqualified-search-registries = ["docker.io", "quay.io"]
[[registry]]
prefix = "quay.io"
location = "127.0.0.1:4999"
insecure = true
[[registry]]
prefix = "docker.io"
location = "127.0.0.1:4999"
insecure = true
[[registry]]
prefix = "docker.io/library"
location = "127.0.0.1:4999/libpod"
insecure = true
[[registry]]
prefix = "registry.k8s.io"
location = "127.0.0.1:4999/libpod"
insecure = true
[[registry]]
prefix = "k8s.gcr.io"
location = "127.0.0.1:4999/libpod"
insecure = true
[[registry]]
location = "localhost:5000"
insecure = true
END
  # What --userns=auto gives away.
  echo containers:1000000:65536 | tee -a /etc/subuid >>/etc/subgid
  mkdir -p /etc/containers/registries.d bin
  # Whatever a test configures: there is no other runtime.
  local file
  for file in /usr/bin/crun /usr/sbin/runc; do [ "$file" = "$RUNTIME" ] || mount --bind "$RUNTIME" $file || exit 2; done
  # What leads out leads nowhere, and says so at once.
  iptables -A OUTPUT -o outside -j REJECT
  # Some tests want nothing of systemd but that it is there.
  printf '#!/bin/sh\n[ "$1" != list-units ] || exit 0\nexec /usr/bin/systemctl "$@"\n' >bin/systemctl
  chmod +x bin/systemctl
  export PATH=$work/bin:$PATH
}

# serve_alpine NAME… : a registry that has these images: those named by a date are the suites' own, all others Alpine.
serve_alpine() {
  printf '%s\n' 'version: 0.1' 'log: {level: error}' "storage: {filesystem: {rootdirectory: $work/registry}, delete: {enabled: true}}" 'http: {addr: "127.0.0.1:4999"}' >registry.yaml
  docker-registry serve registry.yaml >registry.log 2>&1 &
  local name image
  make_alpine "${1#*:}"
  for name in "$@"; do
    case $name in testimage:2*) image=localhost/testimage ;; *) image=localhost/alpine ;; esac
    podman push -q --tls-verify=false $image "docker://127.0.0.1:4999/libpod/$name" || exit 2
  done
  podman rmi -fa >/dev/null 2>&1
}

# make_alpine DATE : what tests look for in Alpine, and in the image that the suites' authors made of it.
make_alpine() {
  local root=$work/image
  make_image image.tar
  mkdir -p "$root"/{sbin,mnt,opt,srv,media,usr/sbin,usr/lib,usr/local/bin,lib,home/podman,run,etc/{init.d,ssl/certs},var/lib}
  printf '127.0.0.1 localhost localhost.localdomain\n' >"$root/etc/hosts"
  printf 'http 80/tcp\n' >"$root/etc/services"
  echo 3.16.0 >"$root/etc/alpine-release"
  printf 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.16.0\n' >"$root/etc/os-release"
  local name id
  printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:root\n' >"$root/etc/group"
  for name in bin:1 daemon:2 adm:3 lp:4 sync:5 shutdown:6 halt:7 mail:8 news:9 uucp:10 operator:11 man:13 ftp:21 games:35 users:100 nobody:65534; do
    id=${name#*:} name=${name%:*}
    echo "$name:x:$id:$id:$name:/:/sbin/nologin" >>"$root/etc/passwd"
    echo "$name:x:$id:" >>"$root/etc/group"
  done
  echo wheel:x:12:root >>"$root/etc/group"
  echo guest:x:405:100:guest:/dev/null:/sbin/nologin >>"$root/etc/passwd"
  ln -s /proc/mounts "$root/etc/mtab"
  cp /bin/busybox "$root/bin/busybox-extras"
  # Debian's busybox lacks the first two, and knows fewer options than Alpine's of the third; the last is what Fedora's image is for.
  copy_programs "$root" /usr/bin/printenv /usr/bin/flock /bin/nc.traditional /usr/bin/systemd-notify
  ln -sf nc.traditional "$root/bin/nc"
  rm -rf "$root/home/somebody"
  echo "$1" >"$root/home/podman/testimage-id"
  touch --date=@1600000000 "$root/home/podman/testimage-id"
  printf '#!/bin/sh\necho Confirmed: testimage pause invoked as $0\nwhile :; do\n    sleep 0.1\ndone\n' >"$root/home/podman/pause"
  chmod 755 "$root/home/podman/pause"
  tar -C "$root" -cf image.tar .
  podman import -q -c 'CMD ["/bin/sh"]' -c "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" image.tar localhost/alpine >/dev/null || exit 2
  printf '%s\n' 'FROM localhost/alpine' 'LABEL created_by=test/system/build-testimage' 'LABEL created_at=2022-06-15T12:00:00Z' \
    'WORKDIR /home/podman' 'CMD ["/bin/echo", "This container is intended for podman CI testing"]' >Containerfile
  podman build -q --timestamp 1655294400 --squash -f Containerfile -t localhost/testimage . >/dev/null || exit 2
}

# run_files DIRECTORY : the suite's files, or what is to be tried again of them
run_files() {
  local file name filter as_user=()
  if [ -n "${ROOTLESS:-}" ]; then
    make_user
    chown -R engine: "$1"
  fi
  for file in "$1"/*.bats; do
    name=$(basename "$file" .bats)
    [[ "$name" =~ ${FILES:-.} ]] || continue
    filter=${ONLY:-.}
    if [ -n "${AGAIN:-}" ]; then
      filter=$(sed -n "s/^$name\t//p" "$AGAIN" | sed 's/[][\\.*^$(){}?+|/]/\\&/g' | paste -sd '|')
      [ -n "$filter" ] || continue
      filter="^($filter)\$"
    fi
    # Time enough for the slowest file: buildah's bud, with 347 tests.
    timeout -k 10 "${LIMIT:-7200}" "${as_user[@]}" bats --tap --filter "$filter" "$file" >"$out/$name.$runtime" 2>&1 </dev/null
    echo "# $runtime: $name: $(grep -c '^ok' "$out/$name.$runtime") ok, $(grep -c '^not ok' "$out/$name.$runtime") not ok ($SECONDS s)" >&2
  done
  exit 0
}
