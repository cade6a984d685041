# layouts: v2 v1 hybrid
# A creation that fails behind the scope leaves neither a unit nor a cgroup.
systemd
config true '.process.args = ["/does/not/exist"]'
refused run
config true '.hooks = {createRuntime: [{path: "/bin/false"}]}'
refused run
config true '.linux.resources.unified = {"nothing.max": "1"}'
refused run
