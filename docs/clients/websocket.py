"""An app that talks to chatproxy over a WebSocket; sessions and files go over HTTP (`calls.py`).

    .venv/bin/python docs/clients/websocket.py http://127.0.0.1:8000

goes through everything that an app can do, against `make run`, and ends with 0 if all of it worked. The frames are
described at /api/v1/asyncapi.json. It needs the library `websockets`, version 14 or newer.
"""

from __future__ import annotations

import json
import random
import sys
import time
import uuid
from contextlib import ExitStack, suppress

from calls import TRIES, Api, Refused, pause_s
from journeys import main
from rows import Rows
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

PING_EVERY_S = 20  # 25 at the latest
PONG_WITHIN_S = 8
BEHIND_AT_MOST_S = 5
SPREAD_S = 5  # over which everybody comes back after a restart

# What to do after a close, by its number. Any other: after a pause.
AFTER = {
    1012: "with jitter",
    4400: "stop",
    4401: "refresh",
    4403: "stop",
    4404: "stop",
    4408: "after a pause",
    4409: "at once",
    4413: "stop",
    4423: "stop",
    4429: "after a pause",
    4500: "after a pause",
}


class Live:
    """One device of somebody. What it shows is `rows`; frames are read in `wait_until`."""

    hears_typing = True

    def __init__(self, site: str) -> None:
        self.api, self.rows = Api(site), Rows()
        self.line, self.socket = ExitStack(), None
        self.shown: str | None = None  # the access token of the last hello
        self.failures = 0  # since it last worked
        self.told: dict = {}  # why the server is about to close
        self.ping_at = self.pong_by = self.leave_at = self.behind_since = float("inf")
        self.unsent: dict[str, dict] = {}  # by echo_id: what was not answered yet. An app keeps it on disk
        self.answers: dict[str, dict] = {}  # by echo_id: `accepted` or `refused`
        self.refused: list[dict] = []
        self.agent_types: set[str] = set()  # conversations

    def start(self, identity_token: str | None = None) -> None:
        """Begin a session, or sign in on this device, and learn what there is."""
        before = self.api.contact
        self.api.open_session(identity_token)
        if self.api.contact != before:
            self.rows.forget()  # somebody else from now on; nothing of the one before may stay on the screen
        self.stop()
        self.wait_until(lambda: self.rows.cursor, "the first page")

    def stop(self) -> None:
        self.socket = None
        self.line.close()

    # The line --------------------------------------------------------------------------------------------------------

    def dial(self) -> None:
        """The first frame says who we are and how far we have read; then comes what changed since."""
        self.stop()
        self.leave_at = self.behind_since = float("inf")
        try:
            dialling = connect(f"ws{self.api.site[4:]}/ws/v1", open_timeout=10, close_timeout=1, compression=None)
            self.socket = self.line.enter_context(dialling)
        except (OSError, EOFError, InvalidHandshake, ConnectionClosed):  # 503: this process stops, another may take us
            self.failures += 1
            time.sleep(pause_s(self.failures))
            return
        self.shown = self.api.access_token
        self.write({"type": "hello", "token": self.shown, "since": self.rows.cursor, "visible": True})
        for frame in self.unsent.values():  # whether they had arrived or not: each is done once
            self.write(frame)
        self.ping()

    def write(self, frame: dict) -> None:
        with suppress(ConnectionClosed):  # the next read says why
            if self.socket is not None:
                self.socket.send(json.dumps(frame))

    def ping(self) -> None:
        """Its answer shows that the line is whole, and how far the feed is."""
        self.write({"type": "ping", "visible": True})
        self.ping_at = time.monotonic() + PING_EVERY_S
        self.pong_by = time.monotonic() + PONG_WITHIN_S

    @property
    def awaits_pong(self) -> bool:
        return self.pong_by < float("inf")

    def lost(self) -> None:
        """The number of the close says what to do."""
        code, told = self.socket.close_code, self.told
        policy = AFTER.get(code, "after a pause")
        self.socket, self.pong_by, self.told = None, float("inf"), {}
        if policy == "stop":  # do not dial again
            raise Refused(403, {"code": "closed", "message": f"The server has closed with {code}.", **told})
        if policy == "refresh":
            self.api.refresh_session(self.shown)  # Refused: the session has ended
        elif policy == "with jitter":
            time.sleep(random.uniform(0, SPREAD_S))
        elif policy == "after a pause" or self.failures:  # "at once" only if it had worked
            time.sleep(told.get("retry_after", 0) + pause_s(self.failures))
        self.failures += 1

    # Learning --------------------------------------------------------------------------------------------------------

    def wait_until(self, happened, what: str = "", within_s: float = 60):
        """Go on hearing until `happened()` is something; return that. In an app a thread does it for ever."""
        end = time.monotonic() + within_s
        while not (found := happened()):
            if time.monotonic() > end:
                raise TimeoutError(f"it did not come: {what}")
            self.hear_one(end)
        return found

    def hear_one(self, end: float) -> None:
        """One frame, or whatever else is due first."""
        now = time.monotonic()
        if self.socket is None or now > min(self.pong_by, self.leave_at, self.behind_since + BEHIND_AT_MOST_S):
            self.pong_by = float("inf")
            self.dial()
            return
        if now > self.ping_at:
            self.ping()
        due = min(end, self.ping_at, self.pong_by, self.leave_at, self.behind_since + BEHIND_AT_MOST_S)
        try:
            self.hear(json.loads(self.socket.recv(timeout=max(0.01, due - now))))
        except TimeoutError:
            pass
        except ConnectionClosed:
            self.lost()

    def hear(self, frame: dict) -> None:
        """Frames of a type that this does not know are for newer apps."""
        kind = frame["type"]
        if kind in ("reset", "changes"):
            self.rows.take(frame)
            self.behind_since = float("inf")
            self.write({"type": "ack", "cursor": frame["cursor"]})  # or the server stops sending
        elif kind == "pong":
            self.pong_by, self.failures = float("inf"), 0
            if frame["cursor"] != self.rows.cursor:
                self.behind_since = min(self.behind_since, time.monotonic())
        elif kind == "accepted" or "echo_id" in frame:
            self.answers[frame["echo_id"]] = frame
        elif kind == "refused":
            self.refused.append(frame)
        elif kind == "typing":
            (self.agent_types.add if frame["on"] else self.agent_types.discard)(frame["conversation"])
        elif kind == "reconnect":
            self.leave_at = time.monotonic() + frame["in_ms"] / 1000  # until then this socket works as before
        elif kind == "error":
            self.told = frame["error"]

    # Doing -----------------------------------------------------------------------------------------------------------

    def send(self, text: str, conversation: str | None = None, files=(), echo_id: str | None = None) -> dict:
        """Without a conversation it goes to the current one, or begins the first."""
        echo_id = echo_id or str(uuid.uuid4())
        frame = {"type": "send", "echo_id": echo_id, "conversation": conversation, "text": text, "files": list(files)}
        self.unsent[echo_id] = frame
        self.write(frame)
        return self.answer_to(echo_id)

    def answer_to(self, echo_id: str) -> dict:
        """Once it is answered it is stored, and need not be kept here."""
        while True:
            answer = self.wait_until(lambda: self.answers.pop(echo_id, None), "accepted")
            if answer["type"] == "accepted":
                del self.unsent[echo_id]
                return answer
            self.be_patient(answer["error"], lambda: self.unsent.pop(echo_id))
            self.write(self.unsent[echo_id])

    def be_patient(self, error: dict, give_up=lambda: None) -> None:
        """Where waiting helps, wait for as long as the server says, and go on hearing. Else raise Refused."""
        after_s = error.get("retry_after")
        if after_s is None or after_s > 60:
            give_up()
            raise Refused(422, error)
        self.api.held_back += 1
        end = time.monotonic() + after_s
        while time.monotonic() < end:
            self.hear_one(end)

    def do(self, frame: dict) -> None:
        """What has no answer of its own; all of it may be asked for twice."""
        for _ in range(TRIES):
            if self.is_done(frame):
                return
        raise TimeoutError(f"{frame['type']} was not done")

    def is_done(self, frame: dict) -> bool:
        """Frames are handled in turn: a pong without a refusal before it means done."""
        self.wait_until(lambda: self.socket and not self.awaits_pong, "a line")
        line, self.refused = self.socket, []
        self.write(frame)
        self.ping()
        self.wait_until(lambda: self.refused or self.socket is not line or not self.awaits_pong, frame["type"])
        if self.refused:
            self.be_patient(self.refused[0]["error"])
        return not self.refused and self.socket is line

    def send_through_a_cut(self, text: str, conversation: str) -> dict:
        """The line is cut before the answer comes: was it stored or not? `dial` sends it again."""
        echo_id = str(uuid.uuid4())
        self.unsent[echo_id] = {"type": "send", "echo_id": echo_id, "conversation": conversation, "text": text}
        self.write(self.unsent[echo_id])
        self.lose_the_line()
        return self.answer_to(echo_id)

    def lose_the_line(self) -> None:
        """As when a phone leaves the house: nobody says good-bye."""
        self.socket.socket.close()
        self.socket = None

    def seen(self, conversation: str, message: str) -> None:
        self.do({"type": "seen", "conversation": conversation, "message": message})

    def typing(self, conversation: str, on: bool) -> None:
        """While somebody types, say so again every few seconds; say when it is over."""
        self.write({"type": "typing", "conversation": conversation, "on": on})

    def answer(self, message: str, values: dict | list) -> None:
        self.do({"type": "answer", "message": message, "values": values})

    def resolve(self, conversation: str) -> None:
        self.do({"type": "resolve", "conversation": conversation})

    def retry(self, message: str) -> None:
        self.do({"type": "retry", "message": message})

    def discard(self, message: str) -> None:
        self.do({"type": "discard", "message": message})


if __name__ == "__main__":
    sys.exit(main(Live))
