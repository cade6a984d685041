# A paused container stands still, goes on, is killed all the same, and deleted.
config 'while :; do sleep 0.1; done'
launch
apus pause "$id"
same paused "$(apus state "$id" | jq -r .status)" status
apus resume "$id"
same running "$(apus state "$id" | jq -r .status)" status
apus pause "$id"
apus delete --force "$id"
