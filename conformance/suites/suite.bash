# What the test suites of the engines' projects share: engines/lib.bash, a cache for what they are made of and, for Docker's and containerd's, the
# registries they want images from. See engines/lib.bash for what can be set.
#
#   PEERS=   runtimes with which what fails is tried again [/usr/bin/crun /usr/sbin/runc]
#
# What a suite has for tests that pass with no runtime here stands in `exceptions`: SUITE NAME: REASON.
. "$(dirname "${BASH_SOURCE[0]}")/../engines/lib.bash"
suites=$project/conformance/suites
suite=$(basename "$0")
peers=${PEERS-/usr/bin/crun /usr/sbin/runc}
export APUS_SUITES=${APUS_SUITES:-${XDG_CACHE_HOME:-$HOME/.cache}/apus/suites}
cache=$APUS_SUITES

# fetch PACKAGE DIRECTORY : Debian's source package, unpacked. Nothing of it becomes part of this project.
fetch() {
  [ -d "$cache/$2" ] && return
  local apt=$cache/apt list=$cache/apt/sources.list
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$(dirname "$cache/$2")"
  # shellcheck disable=SC1091
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $(. /etc/os-release && echo "$VERSION_CODENAME") main" >"$list"
  local options=(-qq -o "Dir::Etc::SourceList=$list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
  (
    cd "$apt" && rm -rf "$1"-*/ && apt-get "${options[@]}" update && apt-get "${options[@]}" source --only-source "$1" &&
      mv "$1"-*/ "$cache/$2"
  )
}

# libraries DIRECTORY : installs the libraries for Go that Debian builds the source package in there with
libraries() {
  local names
  mapfile -t names < <(sed -n '/^Build-Depends/,/^Standards/p' "$cache/$1/debian/control" | grep -oE 'golang-[a-z0-9.+-]+-dev' | sort -u)
  local install=(apt-get install -y -qq --no-install-recommends)
  [ -z "$("${install[@]}" --simulate "${names[@]}")" ] || DEBIAN_FRONTEND=noninteractive "${install[@]}" "${names[@]}" >/dev/null
}

# build_go GOPATH DIRECTORY PROGRAM COMMAND… : what that command of go makes of the sources in there
build_go() {
  [ -x "$cache/$1/src/$2/$3" ] || (
    export GO111MODULE=off GOFLAGS='' GOPATH=$cache/$1:/usr/share/gocode GOCACHE=$cache/go-cache
    cd "$cache/$1/src/$2" && go "${@:4}" -o "$3" .
  )
}

# build_test GOPATH DIRECTORY : the Go tests in there as the program `built`
build_test() { build_go "$1" "$2" built test -c; }

# copy_programs ROOT PROGRAM… : this machine's programs, with the libraries that they need, below that directory
copy_programs() {
  local program root=$1
  shift
  mkdir -p "$root/bin"
  for program in "$@"; do
    cp -L --remove-destination "$program" "$root/bin/"
    ldd "$program" | grep -o '/[^ ]*' | xargs -I{} cp -L --parents {} "$root"
  done
}

# serve HOST… -- NAME:TAG=LAYERS… : those hosts are this machine, and have these images. See registry.py.
serve() {
  local hosts=()
  while [ "$1" != -- ]; do hosts+=("$1"); shift; done
  shift
  { printf '127.0.0.1 localhost engines\n'; printf '127.0.0.1 %s\n' "${hosts[@]}"; } >hosts
  mount --bind hosts /etc/hosts
  # Other names are not asked for: nobody would answer.
  echo 'nameserver 127.0.0.1' >resolv.conf
  mount --bind resolv.conf /etc/resolv.conf
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=registry \
    -addext "subjectAltName=$(printf 'DNS:%s,' "${hosts[@]}" | sed 's/,$//')" 2>/dev/null || exit 2
  export SSL_CERT_FILE=$PWD/cert.pem
  /usr/bin/python3 "$suites/registry.py" cert.pem key.pem "$@" 2>registry.log &
  eventually wget -q --ca-certificate=cert.pem -O /dev/null "https://${hosts[0]}/v2/"
}

# reason_of TEST : why `exceptions` says that it does not count; nothing where it is not there
reason_of() { awk -v name="$suite $1: " 'index($0, name) == 1 { print substr($0, length(name) + 1) }' "$suites/exceptions"; }

# Reads lines of `ok NAME`, `bad NAME WHY` and `skip NAME WHY`, shows and counts them.
report() {
  local result name rest reason
  while read -r result name rest; do
    reason=$(reason_of "$name")
    case $result in
      ok) passed=$((passed + 1)); echo "ok - $name" ;;
      bad)
        if [ -n "$reason" ]; then skipped=$((skipped + 1)); echo "skip - $name # $reason"
        else failed=$((failed + 1)); echo "not ok - $name # $rest"; fi ;;
      skip) skipped=$((skipped + 1)); echo "skip - $name # $rest" ;;
    esac
  done
  finish
}

# report_go LOG : the same, of what a Go test with -test.v has printed. A test that only failed in its parts is not counted itself.
report_go() {
  report < <(awk '
    /^ *=== (RUN|CONT|NAME) / { test = $3 }
    /_test\.go:[0-9]+: / && !/_hook\.go/ { why[test] = substr($0, 1, 200); sub(/^ */, "", why[test]) }
    /^ *--- (PASS|FAIL|SKIP): / {
      names[++count] = $3
      results[$3] = $2 == "PASS:" ? "ok" : $2 == "FAIL:" ? "bad" : "skip"
      for (part = $3; $2 == "FAIL:" && sub(/\/[^\/]*$/, "", part);) parts[part] = 1
    }
    /^panic: / { names[++count] = "suite"; results["suite"] = "bad"; why["suite"] = $0 }
    END { for (i = 1; i <= count; i++) if (!(names[i] in parts)) print results[names[i]], names[i], why[names[i]] }' "$1")
}

# judge_go : the suite with the runtime under test, and what fails of it with the peers, too: only what passes with one of them and is not in `exceptions`
# has failed. The script calls itself: each round has namespaces of its own. Returns in the rounds.
judge_go() {
  [ -z "${ROUND:-}" ] || return 0
  local out=$project/conformance/out/$suite peer again line name by
  mkdir -p "$out" && rm -f "$out"/*
  export ROUND=1 HYBRID=0
  "$0" | tee "$out/$runtime" >&2
  [ $? != 2 ] || exit 2
  again=$(sed -nE 's/^not ok - (TestDocker[A-Za-z]*Suite\/)?([^ /]*).*/\2/p' "$out/$runtime" | sort -u | paste -sd '|')
  for peer in $peers; do
    [ -z "$again" ] || [ "$(readlink -f "$peer")" = "$RUNTIME" ] || RUNTIME=$peer TESTS="^($again)\$" "$0" >"$out/${peer##*/}"
  done
  while read -r line; do
    name=${line#*- } name=${name%% *}
    case $line in
      'ok '*) passed=$((passed + 1)) ;;
      'skip '*) skipped=$((skipped + 1)) ;;
      'not ok '*)
        by=$(cd "$out" && grep -lxF "ok - $name" -- * | paste -sd ' ')
        if [ -n "$by" ]; then failed=$((failed + 1)) line+="; passes with $by"
        else skipped=$((skipped + 1)) line="skip - $name # fails with $peers too"; fi ;;
      *) continue ;;
    esac
    echo "$line"
  done <"$out/$runtime"
  finish
}
