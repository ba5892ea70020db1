"""A visitor whose chat has seen everything that the API tells of, at a real server with a sandbox behind it."""

import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx

from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.the_server import ROOT, Serving, sent_by_agent

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
AVATAR = "0123456789abcdef" * 2
SHOW = """
from chat.models import Avatar, Inbox
known = {"content": %r, "content_type": "image/png", "fetched_at": %d}
Avatar.objects.create(name=%r, inbox=Inbox.objects.get(), url="https://chat.example/gus.png", **known)
"""
ALLOW = """
from chat.models import Inbox
inbox = Inbox.objects.get()
inbox.bot_token, inbox.agent_token, inbox.account_id = %r, %r, %d
inbox.policy = {"labels": ["order-question"], "transcript": "any"}
inbox.save()
"""
WAIT_S = 120.0
LOST = 8  # messages for each call that is about those


class Lived:
    """``known``: ids by kind, for a client to ask with."""

    def __init__(self, serving: Serving, sandbox: SandboxProcess) -> None:
        self._serving, self._sandbox = serving, sandbox
        opened = httpx.post(f"{serving.site}/api/v1/session", json={"inbox": "main", "kind": "app"}, trust_env=False)
        self.token: str = opened.json()["access_token"]
        headers = {"Authorization": f"Bearer {self.token}"}
        self._http = httpx.Client(base_url=f"{serving.site}/api/v1", headers=headers, trust_env=False, timeout=60)
        spare = httpx.post(f"{serving.site}/api/v1/session", json={"inbox": "main", "kind": "app"}, trust_env=False)
        self.known: dict[str, list[str]] = {"refresh": [spare.json()["refresh_token"]], "slug": ["main"]}
        listed = httpx.get(f"{serving.site}/api/v1/inbox/main/articles", trust_env=False, timeout=60).json()
        self.known["article"] = [each["id"] for each in listed["articles"]]

    def close(self) -> None:
        self._http.close()

    def live(self) -> None:
        """The first conversation loses what is said in it, at every try; the last one is where the agent answers."""
        world = self._sandbox.world
        self._manage(ALLOW % (world["bot_token"], world["agent_token"], world["account_id"]))
        doomed, number = self._begin("doomed")
        self._sandbox.faults.set("status", method="POST", path=f"/conversations/{number}/messages", status=400)
        lost = [self._say(f"lost {n}", doomed) for n in range(2 * LOST)]
        self._until(lambda: all(self._state(each) == "failed" for each in lost))
        talk, number = self._begin("hello")
        self._answer(number)
        picture = sent_by_agent(self._serving, self._sandbox, self.token, "picture.png", PNG)
        kinds = {"input_select", "input_csat", "cards"}
        self._until(lambda: kinds <= {row["content_type"] for row in self._rows()})
        self._show_the_agent()
        rows = self._rows()
        self.known |= {
            "conversation": [doomed, talk],
            "talk": [talk],
            "message": [row["id"] for row in rows if row["conversation"] == talk],
            "question": [row["id"] for row in rows if row["content_type"] == "input_select"],
            "lost": lost[:LOST],
            "unwanted": lost[LOST:],
            "attachment": [picture],
            "upload": [self._upload() for _ in range(5)],
            "avatar": [AVATAR],
            "card": [item["picture"].rpartition("/")[2] for row in rows for item in _cards(row)],
            "cursor": [self._http.get("/sync").json()["cursor"]],
        }
        assert all(self.known.values()), self.known

    def _show_the_agent(self) -> None:
        """The sandbox's agents have no pictures."""
        self._manage(SHOW % (PNG, time.time() * 1000, AVATAR))

    def _manage(self, text: str) -> None:
        command = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "--command", text]
        subprocess.run(command, env=self._serving.env, check=True)

    def _begin(self, text: str) -> tuple[str, int]:
        """A new conversation: our id, and Chatwoot's number."""
        body = {"key": str(uuid.uuid4()), "message": {"echo_id": str(uuid.uuid4()), "text": text}}
        begun = self._http.post("/conversations", json=body).raise_for_status().json()

        def numbers() -> list[int]:
            rows = self._sandbox.ledger()
            return [row["id"] for row in rows if text in [each["content"] for each in row["messages"]]]

        self._until(numbers)
        return begun["conversation"]["id"], numbers()[0]

    def _say(self, text: str, conversation: str) -> str:
        body = {"text": text, "conversation": conversation}
        answered = self._http.put(f"/messages/{uuid.uuid4()}", json=body).raise_for_status()
        return str(answered.json()["message"])

    def _answer(self, number: int) -> None:
        items = {"items": [{"title": "Brass", "value": "brass"}, {"title": "Steel", "value": "steel"}]}
        desk = self._sandbox.desk
        desk.reply(number, "Of course.")
        desk.reply(number, "Which?", content_type="input_select", content_attributes=items)
        desk.reply(number, "How was it?", content_type="input_csat")
        picture = {"items": [{"title": "Cup", "media_url": f"{self._sandbox.base_url}/desk/sample/cup.png"}]}
        desk.reply(number, "This one?", content_type="cards", content_attributes=picture)

    def _upload(self) -> str:
        return str(self._http.post("/uploads?name=a.txt", content=b"words").raise_for_status().json()["id"])

    def _rows(self) -> list[dict[str, Any]]:
        conversations = self._http.get("/conversations").json()["conversations"]
        pages = [self._http.get(f"/conversations/{each['id']}/messages").json() for each in conversations]
        return [row for page in pages for row in page["messages"]]

    def _state(self, message: str) -> str:
        return next((str(row["state"]) for row in self._rows() if row["id"] == message), "")

    @staticmethod
    def _until(is_so: Callable[[], object]) -> None:
        until = time.monotonic() + WAIT_S
        while not is_so():
            assert time.monotonic() < until
            time.sleep(0.2)


def _cards(row: dict[str, Any]) -> list[dict[str, Any]]:
    return row["attributes"]["items"] if row["content_type"] == "cards" else []
