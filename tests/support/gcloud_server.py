"""The real gcloud, loaded once: a call of it spends a second and a half loading itself, and the tests make hundreds.

gcloud_server.py serve SOCKET LIB COMMANDS...  loads gcloud from the SDK's folder LIB and the commands given, such as
"pubsub topics describe"; then forks for each call, until its standard input ends
gcloud_server.py call SOCKET ARGUMENTS...      has the server run one command, with this process's environment, working
directory and standard streams, and exits as gcloud did
"""

# A call imports no more than it needs: loading Python's own modules would take longer than the rest of it.
import _socket
import os
import sys


def call(path, arguments):
    environment = [b"%b=%b" % item for item in os.environb.items()]
    arguments = [os.fsencode(argument) for argument in arguments]
    data = b"\0".join([os.getcwdb(), b"%d" % len(arguments), *arguments, *environment])
    server = _socket.socket(_socket.AF_UNIX)
    server.connect(path)
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    server.sendmsg([len(data).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
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
    return gcloud_main, loaded


def run(connection, gcloud_main, loaded):
    import socket

    head, descriptors, _, _ = socket.recv_fds(connection, 4, 3)
    size, data = int.from_bytes(head, "big"), b""
    while len(data) < size:
        data += connection.recv(size - len(data))
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    folder, count, *words = data.split(b"\0")
    arguments, environment = words[: int(count)], words[int(count) :]
    os.environb.clear()
    os.environb.update(entry.split(b"=", 1) for entry in environment)
    os.chdir(folder)
    sys.argv = ["gcloud", *map(os.fsdecode, arguments)]
    try:
        status = gcloud_main.main(loaded)
    except SystemExit as exit:
        status = exit.code
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(bytes([status if isinstance(status, int) else int(bool(status))]))


def serve(path, lib, commands):
    import contextlib
    import gc
    import importlib
    import select
    import shutil
    import signal
    import socket

    gcloud_main, loaded = load(lib, commands)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)
    gc.disable()
    print("ready", flush=True)
    # What each call had to load is loaded here, too, once it is over: the next ones need not.
    missed = {}
    while True:
        # Without this, a call's first collection would copy all memory.
        gc.freeze()
        ready, _, _ = select.select([listener, 0, *missed], [], [])
        if 0 in ready:
            os.unlink(path)
            # The configuration folder that the tests give it.
            shutil.rmtree(path + ".config", ignore_errors=True)
            return
        for pipe in missed.keys() & ready:
            names = os.read(pipe, 65536)
            missed[pipe] += names
            if not names:
                os.close(pipe)
                for name in missed.pop(pipe).decode().split():
                    with contextlib.suppress(Exception):
                        importlib.import_module(name)
        if listener not in ready:
            continue
        connection, _ = listener.accept()
        reader, writer = os.pipe()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            known = set(sys.modules)
            run(connection, gcloud_main, loaded)
            os.write(writer, " ".join(sys.modules.keys() - known).encode())
            os._exit(0)
        connection.close()
        os.close(writer)
        missed[reader] = b""


if __name__ == "__main__":
    if sys.argv[1] == "call":
        sys.exit(call(sys.argv[2], sys.argv[3:]))
    serve(sys.argv[2], sys.argv[3], sys.argv[4:])
