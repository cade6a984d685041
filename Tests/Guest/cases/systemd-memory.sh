# layouts: v2 v1 rootless
# The limit is felt; a unit that failed because of it is not in the way of the next of its name.
systemd
config 'head -c 40000000 /dev/zero | tail -c 39000000 | wc -c; true' '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
found=$(run 2>&1) || true
if [ "$found" = 39000000 ]; then fail "nothing was killed"; fi
config 'echo again'
same again "$(run)" output
