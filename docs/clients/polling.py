"""An app that talks to chatproxy by HTTP alone. `sync` is its one way to learn of changes.

    .venv/bin/python docs/clients/polling.py http://127.0.0.1:8000

goes through everything that an app can do, against `make run`, and ends with 0 if all of it worked.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
import urllib.parse
import uuid
from contextlib import suppress

from calls import Api
from journeys import main
from rows import Rows

LONG_POLL_S = 25  # the most that the server waits


class Polling:
    """One device of somebody. What it shows is `rows`."""

    hears_typing = False  # that is too short for a poll

    def __init__(self, site: str) -> None:
        self.api, self.rows = Api(site), Rows()

    def start(self, identity_token: str | None = None) -> None:
        """Begin a session, or sign in on this device, and learn what there is."""
        before = self.api.contact
        self.api.open_session(identity_token)
        if self.api.contact != before:
            self.rows.forget()  # somebody else from now on; nothing of the one before may stay on the screen
        self.sync()

    def stop(self) -> None:
        pass

    # Learning --------------------------------------------------------------------------------------------------------

    def sync(self, wait_s: float = 0) -> None:
        """Everything that changed since the last time. In an app this runs for ever, on a thread of its own."""
        self.rows.take(self.api.sync(self.rows.cursor, wait_s))

    def wait_until(self, happened, what: str = "", within_s: float = 60):
        """Go on learning until `happened()` is something; return that."""
        end = time.monotonic() + within_s
        while not (found := happened()):
            left_s = end - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"it did not come: {what}")
            self.sync(min(left_s, LONG_POLL_S))  # answered as soon as there is something
        return found

    # Doing: each call is answered when it is stored. What it changes comes by `sync`, on all devices -----------------

    def send(self, text: str, conversation: str | None = None, files=(), echo_id: str | None = None) -> dict:
        """Without a conversation it goes to the current one, or begins the first.

        An app keeps `echo_id` and text on disk until this has returned, and sends them again when it is started again.
        """
        return self.api.put_message(echo_id or str(uuid.uuid4()), text, conversation, files)

    def send_through_a_cut(self, text: str, conversation: str) -> dict:
        """The line is cut before the answer comes: was it stored or not? The same again makes sure."""
        echo_id = str(uuid.uuid4())
        with suppress(OSError):
            self._hang_up_on(f"/api/v1/messages/{echo_id}", {"text": text, "conversation": conversation})
        return self.send(text, conversation, echo_id=echo_id)

    def _hang_up_on(self, path: str, body: dict) -> None:
        line = http.client.HTTPConnection(urllib.parse.urlsplit(self.api.site).netloc, timeout=10)
        headers = {"Authorization": f"Bearer {self.api.access_token}", "Content-Type": "application/json"}
        line.request("PUT", path, json.dumps(body), headers)
        line.close()

    def seen(self, conversation: str, message: str) -> None:
        self.api.seen(conversation, message)

    def typing(self, conversation: str, on: bool) -> None:
        """While somebody types, say so again every few seconds; say when it is over."""
        self.api.typing(conversation, on)

    def answer(self, message: str, values: dict | list) -> None:
        self.api.answer_message(message, values)

    def resolve(self, conversation: str) -> None:
        self.api.resolve(conversation)

    def retry(self, message: str) -> None:
        self.api.retry_message(message)

    def discard(self, message: str) -> None:
        self.api.discard_message(message)

    def lose_the_line(self) -> None:
        """There is none between two polls."""


if __name__ == "__main__":
    sys.exit(main(Polling))
