"""Subscribes with Google's client to SUBSCRIPTION of PROJECT in the emulator, takes COUNT messages, and hands their attributes as
headers and their data as the body to the official CloudEvents package. Prints each event as one line of JSON."""

import json
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from google.cloud import pubsub_v1

project, subscription, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
taken = {}
with pubsub_v1.SubscriberClient() as subscriber:
    path = subscriber.subscription_path(project, subscription)
    while len(taken) < count:
        pulled = subscriber.pull(subscription=path, max_messages=count, timeout=20).received_messages
        taken |= {one.message.message_id: one.message for one in pulled}
        subscriber.acknowledge(subscription=path, ack_ids=[one.ack_id for one in pulled])
for message in taken.values():
    event = from_http_event(HTTPMessage(headers=dict(message.attributes), body=message.data))
    attributes = {name: str(value) for name, value in event.get_attributes().items()}
    print(json.dumps({"attributes": attributes, "data": event.get_data(), "raw": dict(message.attributes)}))
