# The class of packets, and priorities of interfaces: on v1 alone.
config 'sleep 1000' '.linux.resources.network = {classID: 1048577, priorities: [{name: "lo", priority: 3}]}'
if [ "$LAYOUT" = v2 ]; then
  refused run
  has "$said" net_cls
else
  launch
  same 1048577 "$(holds net_cls net_cls.classid)" net_cls.classid
  has "$(holds net_prio net_prio.ifpriomap)" "lo 3"
fi
