"""What a real process says, and leaves behind, while people talk: its log at DEBUG, its database, its Redis."""

import asyncio
import signal
import uuid
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import httpx

from tests.eventually import eventually
from tests.faults import leaks
from tests.fixtures.canary import canary, raw
from tests.fixtures.sandbox import SandboxInbox, SandboxProcess
from tests.fixtures.the_postgres import program
from tests.fixtures.the_redis import RedisServer
from tests.fixtures.the_server import Serving

SECRET_KEY = "a secret key that no log may show " * 2


def serving_at(sandbox: SandboxProcess, inbox: SandboxInbox, folder: Path, **settings: str) -> Serving:
    told = {"CHATWOOT_URL": sandbox.base_url, "CHATWOOT_CABLE_URL": sandbox.cable_url, "SECRET_KEY": SECRET_KEY}
    told |= {"CHATWOOT_INBOX_IDENTIFIER": inbox.identifier, "CHATWOOT_HMAC_TOKEN": inbox.hmac_token}
    return Serving(folder, **told | settings).migrated()


async def test_t46_no_secret_and_no_word_of_anybody_is_on_standard_error_at_debug(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    inbox = sandbox.new_inbox()
    serving = serving_at(sandbox, inbox, tmp_path, LOG_LEVEL="DEBUG")
    with serving.running():
        secrets, words = await talk(serving, sandbox, inbox)
        serving.process.send_signal(signal.SIGTERM)
        said = serving.said()
    assert "DEBUG" in said and "stopping" in said
    assert leaks.find([*secrets, *words], {"its log": said.encode()}) == []


async def test_t49_neither_the_database_nor_redis_gives_a_secret_away(
    sandbox: SandboxProcess, database_url: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    inbox = sandbox.new_inbox()
    serving = serving_at(sandbox, inbox, tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_server.url)
    monitor = await asyncio.create_subprocess_exec("redis-cli", "-u", redis_server.url, "MONITOR", stdout=PIPE)
    with serving.running():
        secrets, words = await talk(serving, sandbox, inbox)
        serving.process.send_signal(signal.SIGTERM)
        serving.said()
    monitor.terminate()
    heard = (await monitor.communicate())[0]
    dumping = await asyncio.create_subprocess_exec(str(program("pg_dump")), database_url, stdout=PIPE)
    dump = (await dumping.communicate())[0]
    assert b"PUBLISH" in heard.upper() and words[0].encode() in dump  # both were looked at
    assert leaks.find([*secrets, canary.secret], {"the dump": dump, "Redis": heard}) == []
    assert leaks.find(words, {"Redis": heard}) == []


async def talk(serving: Serving, sandbox: SandboxProcess, inbox: SandboxInbox) -> tuple[list[str], list[str]]:
    """A visitor asks, the agent answers: what was secret, and what was said."""
    asked, answered, claim = (f"{word} {uuid.uuid4()}" for word in ("asked", "answered", "claimed"))
    async with httpx.AsyncClient(base_url=serving.site, trust_env=False) as http:
        session: dict[str, Any] = (await http.post("/api/v1/session", json={"inbox": "main", "kind": "app"})).json()
        http.headers["Authorization"] = f"Bearer {session['access_token']}"
        (await http.put(f"/api/v1/messages/{uuid.uuid4()}", json={"text": asked})).raise_for_status()
        await eventually(lambda: sandbox.ledger(inbox) and sandbox.ledger(inbox)[0]["messages"])
        (row,) = sandbox.ledger(inbox)
        sandbox.desk.private_note(row["id"], "between us agents")
        sandbox.desk.reply(row["id"], answered)
        async with asyncio.timeout(20):
            while answered not in (page := await http.get("/api/v1/sync")).text:  # noqa: ASYNC110 - as apps do
                await asyncio.sleep(0.05)
        canary.look(raw(page), "http")
        await http.get("/nowhere/", params={"token": claim})
    contact = sandbox.http.get(f"{inbox.path}/contacts/{row['source_id']}").json()
    secrets = [session["access_token"], session["refresh_token"], row["source_id"], contact["pubsub_token"], claim]
    return [*secrets, inbox.identifier, inbox.hmac_token, SECRET_KEY], [asked, answered]
