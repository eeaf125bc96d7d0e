"""The official library of Standard Webhooks verifies what opwatch sent: the SECRETs that it was signed with on the command line, a
request as JSON ({"headers": {…}, "body": "…"}) in each line of the input. Prints how many were good."""

import datetime
import json
import sys
from unittest.mock import patch

from standardwebhooks import webhooks
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class Later(datetime.datetime):
    """A clock that is further than the tolerance of 5 minutes ahead."""

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.now(tz) + datetime.timedelta(minutes=6)


def refuses(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return
    sys.exit(f"accepted: {body} {headers}")


secrets = sys.argv[1:]
good = 0
for line in sys.stdin:
    request = json.loads(line)
    body, headers = request["body"], request["headers"]
    for secret in secrets:
        event = Webhook(secret).verify(body, headers)
        assert event["id"] == headers["webhook-id"], event
        refuses(secret, body + " ", headers)
        refuses(secret, body, headers | {"webhook-id": "another"})
        with patch.object(webhooks, "datetime", Later):
            refuses(secret, body, headers)
    refuses("whsec_Zm9yZ2VkLXNlY3JldC1vZi1zb21lYm9keS1lbHNl", body, headers)
    good += 1
print(good)
