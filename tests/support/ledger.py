"""Reads an entity with Google's own client and prints it as JSON: each value with the name of its type.

usage: ledger.py PROJECT NAMESPACE KIND NAME [PROPERTY=TEXT]    the last adds a property, as a person would
"""

import datetime
import json
import sys

from google.cloud import datastore

project, namespace, kind, name, *added = sys.argv[1:]
client = datastore.Client(project=project, namespace=namespace)


def shown(value):
    if isinstance(value, datetime.datetime):
        return {"time": value.isoformat()}
    if isinstance(value, datastore.Entity):
        return {"entity": {name: shown(inner) for name, inner in value.items()}}
    if isinstance(value, list):
        return {"list": [shown(inner) for inner in value]}
    return {type(value).__name__: value}


entity = client.get(client.key(kind, name))
if entity is None:
    sys.exit(f"there is no {kind} {name} in {namespace}")
for text in added:
    entity.update([text.split("=", 1)])
    client.put(entity)
print(
    json.dumps(
        {
            "values": {name: shown(value) for name, value in entity.items()},
            "unindexed": sorted(entity.exclude_from_indexes),
        }
    )
)
