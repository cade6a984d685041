# A huge page beyond the limit is refused.
echo 8 >/proc/sys/vm/nr_hugepages
[ "$(cat /proc/sys/vm/nr_hugepages)" = 8 ] || skip "no huge pages to be had"
config 'fallocate -l 4M /huge/fits && echo fits; fallocate -l 4M /huge/more 2>/dev/null && echo more; true' '
  .mounts += [{destination: "/tmp/huge", type: "hugetlbfs", source: "hugetlbfs"}] | .process.args[2] |= gsub("/huge"; "/tmp/huge")
  | .linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]'
found=$(run 2>&1) || true
echo 0 >/proc/sys/vm/nr_hugepages
same fits "$found" output
