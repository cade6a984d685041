# layouts: v2
# A profile of AppArmor confines the container, and what joins it; one that is not loaded is refused.
[ "$(</sys/module/apparmor/parameters/enabled)" = Y ] || skip "AppArmor is not on in this guest's kernel"
apparmor_parser --skip-cache --replace <<'PROFILE'
profile apus-guest flags=(attach_disconnected) {
  file,
  capability,
  deny /tmp/denied w,
}
PROFILE
cleanup() { echo -n apus-guest >/sys/kernel/security/apparmor/.remove; }
look='cat /proc/self/attr/current; for file in allowed denied; do (: >/tmp/$file) 2>/dev/null && echo $file; done; true'
config "$look" '.process.apparmorProfile = "apus-guest"'
same "apus-guest (enforce) allowed" "$(run | xargs)" "in the container"
config 'sleep 1000'
launch
has "$(apus exec "$id" cat /proc/self/attr/current)" unconfined
same "apus-guest (enforce) allowed" "$(apus exec --apparmor apus-guest "$id" sh -c "$look" | xargs)" "exec --apparmor"
if said=$(apus exec --apparmor no-such-profile "$id" true 2>&1); then fail "an unknown profile was taken"; fi
has "$said" no-such-profile
apus delete --force "$id"
config true '.process.apparmorProfile = "no-such-profile"'
refused run
has "$said" no-such-profile
