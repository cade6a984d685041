# layouts: v2 v1 rootless
# The limit is felt; a unit that failed because of it is not in the way of the next of its name.
systemd
config 'dd if=/dev/zero of=/dev/null bs=40M count=1 2>/dev/null && echo survived; true' '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
found=$(run 2>&1) || true
same "" "$(printf %s "$found" | grep survived || true)" "what should have been killed"
config 'echo again'
same again "$(run)" output
