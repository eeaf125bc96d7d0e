"""Holds the table of services against Google's discovery documents, which come with google-api-python-client.

Reads what `opwatch services --json` prints from standard input. For each row it prints what its document contradicts, or that there
is no document; nothing else. A row's document is that of its id and version.
"""

import json
import pathlib
import re
import sys

import googleapiclient.discovery_cache

DOCUMENTS = pathlib.Path(googleapiclient.discovery_cache.__file__).parent / "documents"


def methods(resource):
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods(inner)


def path_of(method, document):
    """A regular expression for the paths of a method."""

    def part(match):
        name = match.group(1)
        pattern = method["parameters"][name.lstrip("+")].get("pattern")
        return pattern.lstrip("^").rstrip("$") if pattern else ".+" if name[0] == "+" else "[^/]+"

    path = document["servicePath"] + method["path"]
    literal = re.split(r"\{([^}]*)\}", path)
    return "".join(
        part(re.match(r"(.*)", text)) if index % 2 else re.escape(text) for index, text in enumerate(literal)
    )


def example(form):
    return re.sub(r"\{[^}]*\}", "x", form.replace("**}", "}"))


for row in json.load(sys.stdin):
    version = re.search(r"v\d+\w*", row["version"]).group(0)
    file = DOCUMENTS / f"{row['id'].split('.')[0]}.{version}.json"
    if not file.exists():
        print(f"{row['id']}: no document")
        continue
    document = json.loads(file.read_text())
    host = re.sub(r"\{(location|region)\}-", "", row["base"])
    if document["rootUrl"] != f"{host}/":
        print(f"{row['id']}: the host is {document['rootUrl']}, not {host}/")
    gets = [method for method in methods(document) if method["httpMethod"] == "GET"]
    gets = [method for method in gets if method.get("response", {}).get("$ref", "").endswith("Operation")]
    paths = [path_of(method, document) for method in gets]
    for form in row["names"]:
        # The parts between a location and an operation are those of many resources.
        if "{kind}" not in form:
            path = f"{row['version']}/{example(form)}"
            if not any(re.fullmatch(known, path) for known in paths):
                print(f"{row['id']}: no operation is at {path}")
