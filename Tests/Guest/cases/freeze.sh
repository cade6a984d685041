# A frozen container is paused, is killed all the same, and deleted.
config 'while :; do sleep 0.1; done'
launch
if [ "$LAYOUT" = v1 ]; then echo FROZEN >"$(place "$(pid)" freezer)/freezer.state"; else echo 1 >"$(place "$(pid)")/cgroup.freeze"; fi
paused() { [ "$(apus state "$id" | jq -r .status)" = paused ]; }
soon paused
apus delete --force "$id"
