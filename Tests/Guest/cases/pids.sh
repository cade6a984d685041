# layouts: v2 v1 hybrid rootless
# A fork beyond the limit is refused.
config 'sleep 1000 & sleep 1000 & (sleep 1000 & true) || echo refused' '.linux.resources.pids.limit = 3'
has "$(run 2>&1 || true)" fork
# Zero leaves room for the first process only (runtime-spec 1.3).
config 'echo first; (true) || echo none; true' '.linux.resources.pids.limit = 0'
has "$(run 2>&1 || true)" first
