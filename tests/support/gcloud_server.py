"""The real gcloud, loaded once: a call of it spends a second and a half loading itself, and the tests make hundreds.

gcloud_server.py serve SOCKET LIB COMMANDS...  loads gcloud from the SDK's folder LIB and the commands given, such as
"pubsub topics describe"; then forks for each call, until its standard input ends
gcloud_server.py call SOCKET ARGUMENTS...      has the server run one command, with this process's environment, working
directory and standard streams, and exits as gcloud did
"""

import importlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys


# What gcloud loads only when it calls an API.
MODULES = ["apitools.base.py.base_api", "googlecloudsdk.core.credentials.transports", "google_auth_httplib2"]
CLIENTS = ["cloudtasks.v2", "iam.v1", "pubsub.v1", "run.v1", "secretmanager.v1"]


def call(path, arguments):
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        request = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}
        data = json.dumps(request).encode()
        socket.send_fds(server, [struct.pack("!I", len(data))], [0, 1, 2])
        server.sendall(data)
        status = server.recv(1)
    # Without an answer gcloud was killed.
    return status[0] if status else 1


def load(lib, commands):
    sys.path[:0] = [os.path.join(lib, "third_party"), lib]
    from googlecloudsdk import gcloud_main

    loaded = gcloud_main.CreateCLI([])
    for command in commands:
        element = loaded._TopElement()  # pylint: disable=protected-access
        for word in command.split():
            element = element.LoadSubElement(word)
    for module in MODULES:
        importlib.import_module(module)
    for api in CLIENTS:
        importlib.import_module(f"googlecloudsdk.generated_clients.apis.{api}.{api.replace('.', '_')}_client")
    return gcloud_main, loaded


def run(connection, gcloud_main, loaded):
    head, descriptors, _, _ = socket.recv_fds(connection, 4, 3)
    size, data = struct.unpack("!I", head)[0], b""
    while len(data) < size:
        data += connection.recv(size - len(data))
    request = json.loads(data)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = ["gcloud", *request["arguments"]]
    try:
        status = gcloud_main.main(loaded)
    except SystemExit as exit:
        status = exit.code
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(bytes([status if isinstance(status, int) else int(bool(status))]))


def serve(path, lib, commands):
    gcloud_main, loaded = load(lib, commands)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if 0 in ready:
            os.unlink(path)
            # The configuration folder that the tests give it.
            shutil.rmtree(path + ".config", ignore_errors=True)
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            run(connection, gcloud_main, loaded)
            os._exit(0)
        connection.close()


if __name__ == "__main__":
    if sys.argv[1] == "call":
        sys.exit(call(sys.argv[2], sys.argv[3:]))
    serve(sys.argv[2], sys.argv[3], sys.argv[4:])
