"""Holds requests against Google's discovery documents, which come with google-api-python-client.

Reads a JSON array from standard input: objects with `document` (such as "cloudtasks.v2"), `method`, `path` with its query, and `body`
(JSON, or null without one). Prints for each what contradicts the document, and "checked METHOD" for each method that was asked for.
"""

import base64
import binascii
import functools
import json
import re
import sys
import urllib.parse

import conformance


@functools.cache
def load(name):
    return json.loads((conformance.DOCUMENTS / f"{name}.json").read_text())


def candidates(document, verb, path):
    for method in conformance.methods(document):
        if method["httpMethod"] == verb and re.fullmatch(conformance.path_of(method, document), path):
            yield method


def wrong_scalar(kind, form, value):
    """Why a value can't be of this type; None when it can. Google takes numbers as text too, but no other mixture."""
    if kind == "boolean":
        return None if isinstance(value, bool) else "is no boolean"
    if kind in ("integer", "number"):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return None if is_number else "is no number"
    if not isinstance(value, str):
        return "is no string"
    if form in ("int64", "uint64") and not re.fullmatch(r"-?\d+", value):
        return "is no integer"
    if form == "byte":
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            return "is no base64"
    if form == "google-datetime" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value):
        return "is no time"
    if form == "google-duration" and not re.fullmatch(r"-?\d+(\.\d{1,9})?s", value):
        return "is no duration"
    return None


def problems(document, schema, value, where):
    while "$ref" in schema:
        schema = document["schemas"][schema["$ref"]]
    kind = schema.get("type")
    if kind == "any":
        return
    if kind == "array":
        if not isinstance(value, list):
            yield f"{where} is no list"
            return
        for number, item in enumerate(value):
            yield from problems(document, schema["items"], item, f"{where}[{number}]")
    elif kind == "object":
        if not isinstance(value, dict):
            yield f"{where} is no object"
            return
        more = schema.get("additionalProperties")
        for name, item in value.items():
            inner = schema.get("properties", {}).get(name, more)
            if inner is None:
                yield f"{where}.{name} does not exist"
            else:
                yield from problems(document, inner, item, f"{where}.{name}")
    else:
        wrong = wrong_scalar(kind, schema.get("format"), value)
        if wrong:
            yield f"{where} {wrong}"
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{where} is {value}, which is none of its words"


def check(request):
    document = load(request["document"])
    path, _, query = request["path"].lstrip("/").partition("?")
    path = urllib.parse.unquote(path)
    found = list(candidates(document, request["method"], path))
    if not found:
        yield f"there is no method at {request['method']} {path}"
        return
    method = found[0]
    print(f"checked {method['id']}")
    parameters = {**document["parameters"], **method.get("parameters", {})}
    for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
        parameter = parameters.get(name)
        if parameter is None or parameter["location"] != "query":
            yield f"there is no parameter {name}"
        elif parameter["type"] == "integer" and not re.fullmatch(r"\d+", value):
            yield f"parameter {name} is no number"
    body = request["body"]
    if "request" in method:
        yield from problems(document, method["request"], body if body is not None else {}, "body")
    elif body is not None:
        yield "it has a body, which the method does not take"


if __name__ == "__main__":
    for request in json.load(sys.stdin):
        for problem in check(request):
            print(f"{request['document']} {request['method']} {request['path']}: {problem}")
