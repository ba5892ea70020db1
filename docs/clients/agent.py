"""The agent, played at the stand-in for Chatwoot that `make run` starts. No part of an app: it never meets Chatwoot."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid

WITHIN_S = 60


class Agent:
    """Conversations and messages are named by Chatwoot's own numbers."""

    def __init__(self, desk: str) -> None:
        self._desk = desk.rstrip("/")
        with urllib.request.urlopen(f"{self._desk}/desk/session.json", timeout=10) as answer:
            session = json.load(answer)
        self._account = f"{self._desk}/api/v1/accounts/{session['account_id']}/conversations"
        self._headers = {"Api-Access-Token": session["agent_token"]}

    def find(self, text: str) -> int:
        """The conversation in which a visitor wrote that."""
        found = self.until(lambda: [row for row in self._conversations() if said(newest(row), text)], text)
        return found[0]["id"]

    def hears(self, conversation: int, text: str) -> list[dict]:
        """All its messages, once that is one of them."""
        return self.until(lambda: said(messages := self.messages(conversation), text) and messages, text)

    def conversation(self, conversation: int) -> dict:
        return self._call("GET", f"/{conversation}")

    def messages(self, conversation: int) -> list[dict]:
        return self._call("GET", f"/{conversation}/messages?after=0&before={2**40}")["payload"]

    def message(self, conversation: int, message: int) -> dict:
        return next(row for row in self.messages(conversation) if row["id"] == message)

    def reply(self, conversation: int, content: str, **fields) -> int:
        body = json.dumps({"content": content, **fields}).encode()
        return self._call("POST", f"/{conversation}/messages", body)["id"]

    def attach(self, conversation: int, content: str, name: str, data: bytes) -> int:
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="content"\r\n\r\n{content}\r\n'
        head += f'--{boundary}\r\nContent-Disposition: form-data; name="attachments[]"; filename="{name}"\r\n'
        head += "Content-Type: image/png\r\n\r\n"
        body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        return self._call("POST", f"/{conversation}/messages", body, kind)["id"]

    def delete(self, conversation: int, message: int) -> None:
        self._call("DELETE", f"/{conversation}/messages/{message}")

    def typing(self, conversation: int, on: bool) -> None:
        body = json.dumps({"typing_status": "on" if on else "off", "is_private": False}).encode()
        self._call("POST", f"/{conversation}/toggle_typing_status", body)

    def look(self, conversation: int) -> None:
        """What the visitor wrote has been seen."""
        self._call("POST", f"/{conversation}/update_last_seen", b"{}")

    def refuse_next(self, conversation: int) -> None:
        """The stand-in will not take the visitor's next message there."""
        where = {"method": "POST", "path": f"/conversations/{conversation}/messages"}
        body = json.dumps({"name": "status", "status": 400, "times": 1, **where}).encode()
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(
            urllib.request.Request(f"{self._desk}/sandbox/faults", body, headers), timeout=10
        ).close()

    def until(self, happened, what: str):
        """What `happened` returns, once that is something."""
        end = time.monotonic() + WITHIN_S
        while not (found := happened()):
            if time.monotonic() > end:
                raise TimeoutError(f"the agent waited in vain: {what}")
            time.sleep(0.1)
        return found

    def _conversations(self) -> list[dict]:
        return self._call("GET", "?status=all&assignee_type=all&page=1")["data"]["payload"]

    def _call(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"):
        headers = self._headers if body is None else {**self._headers, "Content-Type": kind}
        request = urllib.request.Request(self._account + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            content = answer.read()
            return json.loads(content) if content else None


def newest(conversation: dict) -> list[dict]:
    last = conversation["last_non_activity_message"]
    return [last] if last else []


def said(messages: list[dict], text: str) -> bool:
    return any(row["content"] == text for row in messages)
