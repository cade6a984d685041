#!/usr/bin/env python3
"""Calls the Container Runtime Interface, as Kubernetes does: JSON in, JSON out.

    cri.py SOCKET METHOD ['{"container_id": "…"}']
    cri.py stream URL      talks to what Exec and Attach answer with: standard input, output and error

The messages are written down here, as far as the cases need them, by the numbers of runtime.v1 (api.proto of Kubernetes), so that
nothing has to be generated. Exit status 1 with the error's text when the call fails.
"""

import json
import sys

import grpc

# A field: name, number, kind. Kinds: s string or bytes, i integer, b boolean, the name of a message; `*` many, `%` a map of strings.
MESSAGES = {
    "Metadata": "name:1:s uid:2:s namespace:3:s attempt:4:i",
    "Range": "host_id:1:i container_id:2:i length:3:i",
    "UserNamespace": "mode:1:i uids:2:*Range gids:3:*Range",
    "Namespaces": "network:1:i pid:2:i ipc:3:i target_id:4:s userns_options:5:UserNamespace",
    "Number": "value:1:i",
    "SandboxSecurity": "namespace_options:1:Namespaces readonly_rootfs:4:b privileged:6:b",
    "SandboxLinux": "cgroup_parent:1:s security_context:2:SandboxSecurity sysctls:3:%s",
    "Port": "protocol:1:i container_port:2:i host_port:3:i",
    "SandboxConfig": "metadata:1:Metadata hostname:2:s log_directory:3:s port_mappings:5:*Port labels:6:%s "
    "annotations:7:%s linux:8:SandboxLinux",
    "ContainerMetadata": "name:1:s attempt:2:i",
    "Image": "image:1:s",
    "Variable": "key:1:s value:2:s",
    "Mount": "container_path:1:s host_path:2:s readonly:3:b selinux_relabel:4:b propagation:5:i recursive_read_only:8:b",
    "NamedDevice": "name:1:s",
    "Device": "container_path:1:s host_path:2:s permissions:3:s",
    "Resources": "cpu_period:1:i cpu_quota:2:i cpu_shares:3:i memory_limit_in_bytes:4:i oom_score_adj:5:i cpuset_cpus:6:s",
    "Capabilities": "add_capabilities:1:*s drop_capabilities:2:*s",
    "Profile": "profile_type:1:i localhost_ref:2:s",
    "ContainerSecurity": "capabilities:1:Capabilities privileged:2:b namespace_options:3:Namespaces run_as_user:5:Number "
    "run_as_username:6:s readonly_rootfs:7:b supplemental_groups:8:*i no_new_privs:11:b run_as_group:12:Number "
    "masked_paths:13:*s readonly_paths:14:*s seccomp:15:Profile",
    "ContainerLinux": "resources:1:Resources security_context:2:ContainerSecurity",
    "ContainerConfig": "metadata:1:ContainerMetadata image:2:Image command:3:*s args:4:*s working_dir:5:s envs:6:*Variable "
    "mounts:7:*Mount devices:8:*Device labels:9:%s annotations:10:%s log_path:11:s stdin:12:b stdin_once:13:b tty:14:b "
    "linux:15:ContainerLinux CDI_devices:17:*NamedDevice",
    "Status": "id:1:s state:3:i created_at:4:i started_at:5:i finished_at:6:i exit_code:7:i reason:10:s message:11:s",
    "Listed": "id:1:s pod_sandbox_id:2:s state:6:i",
    "Counter": "timestamp:1:i value:2:Number",
    "Stats": "cpu:2:Counter memory:3:Counter",
    "SandboxNetwork": "ip:1:s",
    "SandboxStatus": "id:1:s state:3:i network:5:SandboxNetwork",
    "HandlerFeatures": "recursive_read_only_mounts:1:b user_namespaces:2:b",
    "Handler": "name:1:s features:2:HandlerFeatures",
    "Version": "version:1:s runtime_name:2:s runtime_version:3:s",
}

# A method: the fields of its request and of its answer.
METHODS = {
    "Version": ("version:1:s", MESSAGES["Version"]),
    "Status": ("", "runtime_handlers:3:*Handler"),
    "RunPodSandbox": ("config:1:SandboxConfig runtime_handler:2:s", "pod_sandbox_id:1:s"),
    "StopPodSandbox": ("pod_sandbox_id:1:s", ""),
    "RemovePodSandbox": ("pod_sandbox_id:1:s", ""),
    "PodSandboxStatus": ("pod_sandbox_id:1:s", "status:1:SandboxStatus"),
    "CreateContainer": ("pod_sandbox_id:1:s config:2:ContainerConfig sandbox_config:3:SandboxConfig", "container_id:1:s"),
    "StartContainer": ("container_id:1:s", ""),
    "StopContainer": ("container_id:1:s timeout:2:i", ""),
    "RemoveContainer": ("container_id:1:s", ""),
    "ListContainers": ("", "containers:1:*Listed"),
    "ContainerStatus": ("container_id:1:s", "status:1:Status"),
    "UpdateContainerResources": ("container_id:1:s linux:2:Resources", ""),
    "CheckpointContainer": ("container_id:1:s location:2:s timeout:3:i", ""),
    "ReopenContainerLog": ("container_id:1:s", ""),
    "Exec": ("container_id:1:s cmd:2:*s tty:3:b stdin:4:b stdout:5:b stderr:6:b", "url:1:s"),
    "Attach": ("container_id:1:s stdin:2:b tty:3:b stdout:4:b stderr:5:b", "url:1:s"),
    "ExecSync": ("container_id:1:s cmd:2:*s timeout:3:i", "stdout:1:s stderr:2:s exit_code:3:i"),
    "ContainerStats": ("container_id:1:s", "stats:1:Stats"),
}


def fields(text):
    for word in text.split():
        name, number, kind = word.split(":")
        yield name, int(number), kind


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def block(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def encode_one(number, kind, value):
    if kind in "ib":
        return varint(number << 3) + varint(int(value))
    return block(number, value.encode() if kind == "s" else encode(MESSAGES[kind], value))


def encode(text, value):
    unknown = set(value) - {name for name, _, _ in fields(text)}
    if unknown:
        raise SystemExit(f"cri: no such field: {', '.join(sorted(unknown))}")
    out = b""
    for name, number, kind in fields(text):
        if name not in value:
            continue
        if kind.startswith("*"):
            out += b"".join(encode_one(number, kind[1:], one) for one in value[name])
        elif kind.startswith("%"):
            out += b"".join(block(number, block(1, k.encode()) + block(2, v.encode())) for k, v in value[name].items())
        else:
            out += encode_one(number, kind, value[name])
    return out


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def decode(text, data):
    known = {number: (name, kind) for name, number, kind in fields(text)}
    value, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == 0:
            content, at = read_varint(data, at)
            content -= (content >> 63) << 64
        elif key & 7 == 2:
            size, at = read_varint(data, at)
            content, at = data[at:at + size], at + size
        else:
            at += 8 if key & 7 == 1 else 4
            continue
        name, kind = known.get(key >> 3, (None, None))
        if name is None:
            continue
        one = kind.lstrip("*")
        if one == "s":
            content = content.decode(errors="replace")
        elif one not in "ib":
            content = decode(MESSAGES[one], content)
        if kind.startswith("*"):
            value.setdefault(name, []).append(content)
        else:
            value[name] = content
    return value


def stream(url):
    """The remote command protocol of Kubernetes over a web socket: the first byte of a message names its stream."""
    import websocket

    connection = websocket.create_connection(url.replace("http:", "ws:"), subprotocols=["v4.channel.k8s.io"], timeout=30)
    data = sys.stdin.buffer.read()
    if data:
        connection.send_binary(b"\0" + data)
    result = b""
    try:
        while message := connection.recv():
            output = {1: sys.stdout, 2: sys.stderr}.get(message[0])
            if output:
                output.buffer.write(message[1:])
                output.flush()
            elif message[0] == 3:
                result += message[1:]
    except websocket.WebSocketConnectionClosedException:
        pass
    return 0 if json.loads(result or '{"status":"Success"}')["status"] == "Success" else 1


def main():
    if sys.argv[1] == "stream":
        return stream(sys.argv[2])
    socket, method = sys.argv[1:3]
    request = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    asked, answered = METHODS[method]
    channel = grpc.insecure_channel("unix://" + socket)
    call = channel.unary_unary(
        f"/runtime.v1.{'ImageService' if 'Image' in method else 'RuntimeService'}/{method}",
        request_serializer=lambda value: encode(asked, value),
        response_deserializer=lambda data: decode(answered, data))
    try:
        print(json.dumps(call(request, timeout=60)))
    except grpc.RpcError as error:
        print(f"cri: {method}: {error.details()}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
