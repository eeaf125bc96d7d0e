"""Holds Slack payloads, JSON files given as arguments, against the models of Slack's own client."""

import json
import sys

from slack_sdk.models.attachments import BlockAttachment
from slack_sdk.models.blocks import Block


def check(payload):
    assert 0 < len(payload["text"]) <= 4_000, "the text"
    attachments = payload.get("attachments", [])
    assert len(attachments) <= 1, "one attachment"
    for attachment in attachments:
        known = [Block.parse(block) for block in attachment["blocks"]]
        assert all(known), "a block that the client does not know"
        for block, parsed in zip(attachment["blocks"], known):
            parsed.validate_json()
            assert parsed.to_dict() == block, f"{parsed.to_dict()} is not {block}"
        whole = BlockAttachment(color=attachment["color"], blocks=known)
        whole.validate_json()
        assert set(attachment) == {"color", "blocks"}, attachment.keys()


payloads = 0
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        content = json.load(file)
    for payload in content if isinstance(content, list) else [content]:
        try:
            check(payload)
        except Exception as error:
            sys.exit(f"{name}: {error!r}")
        payloads += 1
print(payloads)
