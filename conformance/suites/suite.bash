# What the test suites of the engines' projects share: engines/lib.bash, a cache for what they are made of and, for Docker's and containerd's, the
# registries they want images from. See engines/lib.bash for what can be set.
#
# What a suite has for tests that pass with no runtime here stands in `exceptions`: SUITE NAME: REASON.
. "$(dirname "${BASH_SOURCE[0]}")/../engines/lib.bash"
suites=$project/conformance/suites
suite=$(basename "$0")
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

# build_test GOPATH DIRECTORY : the Go tests in there as the program `built`
build_test() {
  [ -x "$cache/$1/src/$2/built" ] || (
    export GO111MODULE=off GOFLAGS='' GOPATH=$cache/$1:/usr/share/gocode GOCACHE=$cache/go-cache
    cd "$cache/$1/src/$2" && go test -c -o built .
  )
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

# report_go LOG : the same, of what a Go test with -test.v has printed
report_go() {
  report < <(awk '
    /^ *--- (PASS|FAIL|SKIP): / { print ($2 == "PASS:" ? "ok" : $2 == "FAIL:" ? "bad" : "skip"), $3, why; why = "" ; next }
    /_test\.go:[0-9]+: / && !/_hook\.go/ { why = substr($0, 1, 200); sub(/^ */, "", why) }
    /^panic: / { print "bad", "suite", $0 }' "$1")
}
