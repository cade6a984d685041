#!/usr/bin/python3
"""A registry that serves a few images out of layers, over TLS, to whoever pulls: suites want images of the internet's registries.

    registry.py CERTIFICATE KEY NAME:TAG=LAYER.tar[,LAYER.tar…][=VOLUME[=COMMAND]]…

A NAME has no host: the registry is all the hosts that lead to it.
"""

import gzip
import hashlib
import http.server
import json
import ssl
import sys

blobs = {}  # digest: (media type, content)
tags = {}  # NAME:TAG: digest of the manifest
DOCKER = "application/vnd.docker"


def put(kind, content):
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    blobs[digest] = (kind, content)
    return {"mediaType": kind, "size": len(content), "digest": digest}


def add(name, layers, volume=None, command="sh"):
    contents = [open(layer, "rb").read() for layer in layers]
    config = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": command.split()}
    if volume:
        config["Volumes"] = {volume: {}}
    image = {"architecture": "amd64", "os": "linux", "config": config, "created": "2024-01-01T00:00:00Z",
             "history": [{"created": "2024-01-01T00:00:00Z", "created_by": layer} for layer in layers],
             "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(c).hexdigest() for c in contents]}}
    manifest = {"schemaVersion": 2, "mediaType": f"{DOCKER}.distribution.manifest.v2+json",
                "config": put(f"{DOCKER}.container.image.v1+json", json.dumps(image).encode()),
                "layers": [put(f"{DOCKER}.image.rootfs.diff.tar.gzip", gzip.compress(c, 1, mtime=0)) for c in contents]}
    tags[name] = put(manifest["mediaType"], json.dumps(manifest).encode())["digest"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, kind, content, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_GET(self):
        parts = self.path.partition("?")[0].rstrip("/").split("/")
        if parts == ["", "v2"]:
            return self.answer(200, "application/json", b"{}")
        name, reference = "/".join(parts[2:-2]), parts[-1]
        if parts[-2:] == ["tags", "list"]:
            found = [tag.partition(":")[2] for tag in tags if tag.startswith(name + ":")]
            return self.answer(200, "application/json", json.dumps({"name": name, "tags": found}).encode())
        digest = reference if reference.startswith("sha256:") else tags.get(f"{name}:{reference}")
        if digest not in blobs:
            return self.answer(404, "application/json", b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
        return self.answer(200, *blobs[digest], Docker_Content_Digest=digest)

    do_HEAD = do_GET


for argument in sys.argv[3:]:
    name, layers, *rest = argument.split("=")
    add(name, layers.split(","), *rest)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
