"""The official library of Standard Webhooks verifies what opwatch sent: SECRET on the command line, a request as JSON
({"headers": {…}, "body": "…"}) in each line of the input. Prints how many were good."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

secret = sys.argv[1]
good = 0
for line in sys.stdin:
    request = json.loads(line)
    event = Webhook(secret).verify(request["body"], request["headers"])
    assert event["id"] == request["headers"]["webhook-id"], event
    try:
        Webhook(secret).verify(request["body"] + " ", request["headers"])
        sys.exit("another body has the same signature")
    except WebhookVerificationError:
        pass
    good += 1
print(good)
