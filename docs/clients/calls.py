"""The JSON API: one function for each call, and what every app needs around them.

Read `once` and `ask` first: everything goes through these two. Nothing is needed but Python 3.9 and its library.
"""

from __future__ import annotations

import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request

TRIES = 10  # of one call, before a person is told that there is no network
ANSWER_WITHIN_S = 15
LONGEST_PAUSE_S = 60  # a limit may ask for hours: then it is better to say so


class Refused(Exception):
    """The server has understood and said no. `code` is for programs, the text for people."""

    def __init__(self, status: int, error: dict) -> None:
        super().__init__(error["message"])
        self.status: int = status
        self.code: str = error["code"]
        self.retry_after: float | None = error.get("retry_after")


class Api:
    """One device: the session of somebody at one inbox."""

    def __init__(self, site: str, inbox: str = "main") -> None:
        self.site, self.inbox = site.rstrip("/"), inbox
        self.contact: str | None = None
        self.access_token: str | None = None  # good for minutes: keep it in memory only
        self.refresh_token: str | None = None  # keep it in the phone's keychain
        self.held_back = 0  # how often a limit was met

    # How a call is made ----------------------------------------------------------------------------------------------

    def once(self, method: str, path: str, body: dict | bytes | None = None, within_s: float = ANSWER_WITHIN_S):
        """Ask, and return the answer: JSON, the bytes of a file, or None. Raises Refused, or OSError without one."""
        headers, data = {}, body
        if isinstance(body, dict):
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        elif body is not None:
            headers["Content-Type"] = "application/octet-stream"
        if self.access_token:
            headers["Authorization"] = f"Bearer {self.access_token}"
        request = urllib.request.Request(f"{self.site}/api/v1{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=within_s) as answer:
                content = answer.read()
                is_json = answer.headers.get_content_type() == "application/json"
                return json.loads(content) if is_json else content or None
        except urllib.error.HTTPError as error:
            raise refusal(error) from None

    def ask(self, method: str, path: str, body: dict | bytes | None = None, within_s: float = ANSWER_WITHIN_S):
        """Ask until there is an answer.

        When a connection breaks nobody knows whether the server has heard us. So the same is asked again, with the same
        ids in it: the server does it once, however often it is asked.
        """
        for number in range(TRIES):
            used = self.access_token
            try:
                return self.once(method, path, body, within_s)
            except Refused as refused:
                if refused.code == "unknown_token" and self.refresh_token and number < TRIES - 1:
                    self.refresh_session(used)  # if that is refused as well, the session has ended
                elif refused.retry_after is not None and refused.retry_after <= LONGEST_PAUSE_S:
                    self.held_back += 1
                    time.sleep(refused.retry_after)  # no sooner than the server said
                elif refused.status >= 500:
                    time.sleep(pause_s(number))
                else:
                    raise
            except (OSError, http.client.HTTPException):  # no network, cut, too late
                time.sleep(pause_s(number))
        raise TimeoutError(f"{method} {path} was not answered")

    # The session -----------------------------------------------------------------------------------------------------

    def open_session(self, identity_token: str | None = None) -> None:
        """Begin as nobody in particular, or as the one whom your own server has named (see `host.py`).

        Do it with the first thing that a visitor does, not when the app starts. The access token that is sent along
        tells which device signs in: what it has said so far becomes that person's.
        """
        body = {"inbox": self.inbox, "kind": "app"}
        if identity_token:
            body["identity_token"] = identity_token
        try:
            self._keep(self.ask("POST", "/session", body))
        except Refused as refused:
            if refused.code != "unknown_token":
                raise
            # The session so far has ended; perhaps by this very call, whose answer was lost. What it said is not.
            self.access_token = self.refresh_token = None
            self._keep(self.ask("POST", "/session", body))

    def refresh_session(self, used: str | None = None) -> None:
        """Exchange the refresh token for an access token and the *next* refresh token.

        Let one thread of your app do this. `used`: the access token that was refused; if there is another by now,
        somebody was quicker. If no answer comes, the same refresh token leads to the same answer.
        """
        if used != self.access_token:
            return
        for number in range(TRIES):
            try:
                self._keep(self.once("POST", "/session/refresh", {"refresh_token": self.refresh_token}))
                return
            except (OSError, http.client.HTTPException):
                time.sleep(pause_s(number))
        raise TimeoutError("the session could not be refreshed")

    def _keep(self, session: dict) -> None:
        # Store the refresh token before the access token is used: its use makes the former one worthless.
        self.refresh_token = session["refresh_token"]
        self.access_token, self.contact = session["access_token"], session["contact"]

    def end_session(self) -> None:
        """Sign out. Forget everything that was shown, too."""
        self.ask("DELETE", "/session")

    # Inbox and person ------------------------------------------------------------------------------------------------

    def read_inbox(self) -> dict:
        """Needs no session. Hours are null until Chatwoot was asked for them, which is when somebody has written."""
        return self.ask("GET", f"/inbox/{self.inbox}")

    def read_contact(self) -> dict:
        return self.ask("GET", "/contact")

    def change_contact(self, **said) -> dict:
        """`name`, `email`, `phone`, `attributes`; what is left out stays, None forgets."""
        return self.ask("PATCH", "/contact", said)

    def export_contact(self) -> dict:
        return self.ask("GET", "/contact/export")

    def erase_contact(self) -> None:
        self.ask("DELETE", "/contact")

    # Learning of changes ---------------------------------------------------------------------------------------------

    def sync(self, since: str | None, wait_s: float = 0) -> dict:
        """What changed after the cursor `since`, as soon as there is something, or nothing after `wait_s`."""
        query = {"wait": f"{wait_s:.1f}"}
        if since is not None:
            query["since"] = since
        return self.ask("GET", f"/sync?{urllib.parse.urlencode(query)}", within_s=wait_s + ANSWER_WITHIN_S)

    # Messages --------------------------------------------------------------------------------------------------------

    def put_message(self, echo_id: str, text: str, conversation: str | None = None, files=()) -> dict:
        """When it is answered, it is stored and will reach the agents once. Keep `echo_id` and text until then."""
        body = {"text": text, "conversation": conversation, "files": list(files)}
        return self.ask("PUT", f"/messages/{echo_id}", body)

    def retry_message(self, message: str) -> None:
        """Of one that failed or was never confirmed."""
        self.ask("POST", f"/messages/{message}/retry")

    def discard_message(self, message: str) -> None:
        self.ask("POST", f"/messages/{message}/discard")

    def answer_message(self, message: str, values: dict | list) -> None:
        """Of an agent's choice, form or survey."""
        self.ask("PUT", f"/messages/{message}/answer", {"values": values})

    def history(self, conversation: str, before: str | None = None, limit: int = 50) -> dict:
        """Messages older than the one named `before`, oldest first; `more`: there are still older ones."""
        query = {"limit": limit}
        if before is not None:
            query["before"] = before
        return self.ask("GET", f"/conversations/{conversation}/messages?{urllib.parse.urlencode(query)}")

    # Conversations ---------------------------------------------------------------------------------------------------

    def list_conversations(self) -> dict:
        return self.ask("GET", "/conversations")

    def begin_conversation(self, key: str, echo_id: str, text: str) -> dict:
        """The same `key` is the same conversation, so that it, too, may be asked for twice."""
        return self.ask("POST", "/conversations", {"key": key, "message": {"echo_id": echo_id, "text": text}})

    def resolve(self, conversation: str) -> None:
        self.ask("POST", f"/conversations/{conversation}/resolve")

    def seen(self, conversation: str, message: str) -> None:
        self.ask("POST", f"/conversations/{conversation}/seen", {"message": message})

    def typing(self, conversation: str, on: bool) -> None:
        self.ask("POST", f"/conversations/{conversation}/typing", {"on": on})

    def rate(self, conversation: str, rating: int, feedback: str = "") -> None:
        self.ask("PUT", f"/conversations/{conversation}/csat", {"rating": rating, "feedback": feedback})

    def unread(self) -> dict:
        return self.ask("GET", "/unread")

    # Files -----------------------------------------------------------------------------------------------------------

    def upload(self, name: str, content: bytes) -> dict:
        """Then name its `id` in the `files` of a message. The server decides of what type it is."""
        return self.ask("POST", f"/uploads?{urllib.parse.urlencode({'name': name})}", content)

    def download(self, attachment: str) -> bytes:
        return self.ask("GET", f"/attachments/{attachment}")

    def show(self, address: str) -> bytes:
        """What a view for pictures does with such an address."""
        guest = Api(self.site, self.inbox)
        return guest.ask("GET", address.partition("/api/v1")[2])

    def tickets(self, attachments: list[str]) -> dict:
        """Addresses that need no token for ten minutes: for what shows a picture or a film by its address."""
        return self.ask("POST", "/attachments/tickets", {"attachments": attachments})["urls"]


def refusal(error: urllib.error.HTTPError) -> Refused:
    """What the answer says; a proxy in between may have words of its own."""
    try:
        return Refused(error.code, json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError):
        return Refused(error.code, {"code": "unknown", "message": f"The server answered {error.code}."})


def pause_s(number: int) -> float:
    """Longer each time, and by chance, so that a thousand devices do not come back in one moment."""
    return random.uniform(0.1, min(30, 0.5 * 2**number))
