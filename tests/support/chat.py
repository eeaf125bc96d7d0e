"""Prints what the stand-in for Google Chat knows of messages: schemas of the Chat API's discovery document, without prose.

Of each schema that opwatch may use, its fields that are given on input and whose type is a scalar or another of these schemas.
"""

import json

import conformance

CARD = "GoogleAppsCardV1"
USED = ["Message", "Thread", "CardWithId"] + [
    CARD + name
    for name in (
        "Button",
        "Card",
        "CardHeader",
        "Column",
        "Columns",
        "DecoratedText",
        "OnClick",
        "OpenLink",
        "Section",
        "TextParagraph",
        "Widget",
        "Widgets",
    )
]
KEPT = ("type", "$ref", "format", "enum")


def field(schema):
    kept = {key: schema[key] for key in KEPT if key in schema}
    if "items" in schema:
        kept["items"] = field(schema["items"])
    return kept


def is_known(schema):
    if "items" in schema:
        return is_known(schema["items"])
    return schema.get("$ref") in USED if "$ref" in schema else schema["type"] != "object"


def main():
    document = json.loads((conformance.DOCUMENTS / "chat.v1.json").read_text())
    schemas = {
        name: {
            key: field(schema)
            for key, schema in document["schemas"][name]["properties"].items()
            if is_known(schema) and not schema.get("description", "").startswith("Output only")
        }
        for name in sorted(set(USED))
    }
    print(json.dumps(schemas, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
