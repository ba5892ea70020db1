"""What a real process writes to its log at DEBUG while people talk."""

import asyncio
import signal
import uuid
from pathlib import Path
from typing import Any

import httpx

from tests.eventually import eventually
from tests.faults import leaks
from tests.fixtures.sandbox import SandboxInbox, SandboxProcess
from tests.fixtures.the_server import Serving

SECRET_KEY = "a secret key that no log may show " * 2


async def test_t46_no_secret_and_no_word_of_anybody_is_on_standard_error_at_debug(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    inbox = sandbox.new_inbox()
    settings = {"CHATWOOT_URL": sandbox.base_url, "CHATWOOT_INBOX_IDENTIFIER": inbox.identifier}
    settings |= {"CHATWOOT_HMAC_TOKEN": inbox.hmac_token, "LOG_LEVEL": "DEBUG", "SECRET_KEY": SECRET_KEY}
    serving = Serving(tmp_path, CHATWOOT_CABLE_URL=sandbox.cable_url, **settings).migrated()
    with serving.running():
        secrets = await talk(serving, sandbox, inbox)
        serving.process.send_signal(signal.SIGTERM)
        said = serving.said()
    assert "DEBUG" in said and "stopping" in said
    assert leaks.find([*secrets, inbox.identifier, inbox.hmac_token, SECRET_KEY], {"its log": said.encode()}) == []


async def talk(serving: Serving, sandbox: SandboxProcess, inbox: SandboxInbox) -> list[str]:
    """A visitor asks, the agent answers; all that was secret or said."""
    asked, answered, claim = (f"{word} {uuid.uuid4()}" for word in ("asked", "answered", "claimed"))
    async with httpx.AsyncClient(base_url=serving.site, trust_env=False) as http:
        session: dict[str, Any] = (await http.post("/api/v1/session", json={"inbox": "main", "kind": "app"})).json()
        http.headers["Authorization"] = f"Bearer {session['access_token']}"
        (await http.put(f"/api/v1/messages/{uuid.uuid4()}", json={"text": asked})).raise_for_status()
        await eventually(lambda: sandbox.ledger(inbox) and sandbox.ledger(inbox)[0]["messages"])
        (row,) = sandbox.ledger(inbox)
        sandbox.desk.reply(row["id"], answered)
        async with asyncio.timeout(20):
            while answered not in (await http.get("/api/v1/sync")).text:  # noqa: ASYNC110 - as apps do
                await asyncio.sleep(0.05)
        await http.get("/nowhere/", params={"token": claim})
    contact = sandbox.http.get(f"{inbox.path}/contacts/{row['source_id']}").json()
    return [
        *(session["access_token"], session["refresh_token"], asked, answered, claim),
        *(row["source_id"], contact["pubsub_token"]),
    ]
