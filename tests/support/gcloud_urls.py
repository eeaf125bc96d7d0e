"""The real gcloud's own words: which URL does each command ask for?

gcloud_urls.py LIB   with the folder lib of the Google Cloud SDK, run by its Python

Reads a JSON object of commands by key from standard input, loads gcloud once, forks for each command (two at once), answers every
request of it with 404, and prints a JSON object: by key, the first request ("GET https://…"), or "none: " and what gcloud said.
"""

import io
import json
import os
import shlex
import sys
import tempfile


def load(lib):
    sys.path[:0] = [os.path.join(lib, "third_party"), lib]
    from googlecloudsdk import gcloud_main

    return gcloud_main, gcloud_main.CreateCLI([])


def answer_nothing(note):
    """Puts a server that knows nothing in the place of the network, and notes the first request."""
    import httplib2
    import requests

    body = json.dumps({"error": {"code": 404, "message": "not found", "status": "NOT_FOUND"}}).encode()

    def asked(method, url):
        note.write(f"{method} {url}\n")
        note.flush()

    def send(_, request, **__):
        asked(request.method, request.url)
        response = requests.Response()
        response.status_code = 404
        response.headers["content-type"] = "application/json"
        response.raw = io.BytesIO(body)
        response.url = request.url
        response.request = request
        return response

    def request(_, uri, method="GET", **__):
        asked(method, uri)
        return httplib2.Response({"status": "404", "content-type": "application/json"}), body

    requests.Session.send = send
    httplib2.Http.request = request


def run(gcloud_main, loaded, command, note):
    answer_nothing(note)
    sys.argv = ["gcloud", *shlex.split(command)[1:]]
    try:
        gcloud_main.main(loaded)
    except SystemExit:
        pass


def main():
    gcloud_main, loaded = load(sys.argv[1])
    commands = json.load(sys.stdin)
    folder = tempfile.mkdtemp()
    os.environ.update(
        {
            "CLOUDSDK_CONFIG": folder,
            "CLOUDSDK_AUTH_ACCESS_TOKEN": "no-token",
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
            "CLOUDSDK_CORE_PROJECT": "not-the-project",
        }
    )
    children, answers = {}, {}
    for number, (key, command) in enumerate([*commands.items(), (None, None)]):
        while children and (len(children) == 2 or key is None):
            pid, _ = os.wait()
            done, base = children.pop(pid)
            with open(base + ".urls", encoding="utf-8") as file:
                first = file.readline().strip()
            with open(base + ".said", encoding="utf-8", errors="replace") as file:
                said = " ".join(file.read().split())
            answers[done] = first or "none: " + said[:200]
        if key is None:
            break
        base = os.path.join(folder, str(number))
        pid = os.fork()
        if pid == 0:
            with open(base + ".said", "wb") as said, open(base + ".urls", "w", encoding="utf-8") as note:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                try:
                    run(gcloud_main, loaded, command, note)
                finally:
                    os._exit(0)
        children[pid] = (key, base)
    print(json.dumps(answers, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
