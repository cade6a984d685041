# layouts: v2
# By the bus instead of systemd's own socket; and what is said when there is neither.
systemd
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket
config 'echo by the bus'
same "by the bus" "$(run)" output
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/nothing
refused run
has "$said" "systemd: connect /run/nothing: No such file or directory"
