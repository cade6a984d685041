# layouts: v2 v1
# A dash in a slice's name leads a level down, an empty prefix leaves the name alone, odd characters are escaped.
systemd
config 'sleep 1000' ".linux.cgroupsPath = \"guest-deep.slice::$id+x\""
launch
has "$(cat "/proc/$(pid)/cgroup")" "/guest.slice/guest-deep.slice/$id\\x2bx.scope"
apus delete --force "$id"
config true '.linux.cgroupsPath = "/not/for/systemd"'
refused run
has "$said" slice:prefix:name
config true '.linux.cgroupsPath = "wrong:apus:name"'
refused run
has "$said" '"wrong" is no name of a slice'
