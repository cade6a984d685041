# layouts: v2 v1 rootless
# org.systemd.property.* reach the unit; what is no value, and what systemd does not know, are refused.
systemd
config 'sleep 1000' '.annotations = {"org.systemd.property.TimeoutStopUSec": "uint64 123456789",
  "org.systemd.property.Description": "'"'a container'"'", "org.systemd.property.RuntimeMaxSec": "3600"}'
launch
same "2min 3.456789s" "$(show TimeoutStopUSec)" TimeoutStopUSec
same "a container" "$(show Description)" Description
same 1h "$(show RuntimeMaxUSec)" RuntimeMaxUSec
apus delete --force "$id"
config true '.annotations = {"org.systemd.property.TimeoutStopUSec": "soon"}'
refused run
has "$said" '"soon" is no value'
config true '.annotations = {"org.systemd.property.NoSuchThing": "true"}'
refused run
has "$said" NoSuchThing
