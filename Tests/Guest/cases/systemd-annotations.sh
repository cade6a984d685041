# layouts: v2 v1 rootless
# org.systemd.property.* reach the unit; what is no value, and what systemd does not know, are refused.
systemd
config 'sleep 1000' '.annotations = {"org.systemd.property.TimeoutStopUSec": "uint64 123456789",
  "org.systemd.property.Description": "'"'a container'"'", "org.systemd.property.RuntimeMaxSec": "3600"}'
launch
same "2min 3.456789s" "$(manager show --property TimeoutStopUSec --value "apus-$id.scope")" TimeoutStopUSec
same "a container" "$(manager show --property Description --value "apus-$id.scope")" Description
same 1h "$(manager show --property RuntimeMaxUSec --value "apus-$id.scope")" RuntimeMaxUSec
apus delete --force "$id"
config true '.annotations = {"org.systemd.property.TimeoutStopUSec": "soon"}'
refused run
has "$said" '"soon" is no value'
config true '.annotations = {"org.systemd.property.NoSuchThing": "true"}'
refused run
has "$said" NoSuchThing
