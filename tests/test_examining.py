"""The doctor against the sandbox: what is broken has a red row with its cure, and all else is as it was."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from pytest_django import Settings

from chat.bridge.timing import Timing as CableTiming
from chat.chatwoot.cable import CableTiming as ProtocolTiming
from chat.examining import examination
from chat.examining.case import Timing
from chat.examining.rows import Row, as_json, as_table, verdict_of
from chat.models import Attachment, Chatwoot, Inbox
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.world import MakeWorld, World, quick_http

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = jsonschema_rs.validator_for(json.loads((ROOT / "docs/check_chatwoot.schema.json").read_text()))
PATIENT = Timing(sample_s=0.05, cable=replace(CableTiming(), tick_s=0.05))
# For what will never come; what does come may take longer, on a busy machine.
IMPATIENT = replace(
    PATIENT, cable=replace(PATIENT.cable, cable=ProtocolTiming(confirm_deadline_s=1), canary_answer_s=0.5)
)
ASKED = {question.name for question in examination.QUESTIONS if question.asks}
Rows = Mapping[str, Row]


async def examine(
    world: World, *, timing: Timing = PATIENT, transport: httpx.AsyncBaseTransport | None = None, **columns: Any
) -> Rows:
    """The rows by name, of an inbox with these columns; the last one where several have a name."""
    return {row.name: row for row in await examined(world, timing=timing, transport=transport, **columns)}


async def examined(
    world: World, *, timing: Timing = PATIENT, transport: httpx.AsyncBaseTransport | None = None, **columns: Any
) -> list[Row]:
    if columns:
        await world.ask(Inbox.objects.filter(pk=world.inbox_id).update, **columns)
    inboxes = await world.ask(lambda: list(Inbox.objects.select_related("chatwoot").order_by("slug")))
    open_http = partial(quick_http, read_s=20, transport=transport)
    rows = await examination.examine(inboxes, timing=timing, open_http=open_http)
    said = as_json(rows)
    SCHEMA.validate(json.loads(said))
    again = await world.ask(lambda: list(Inbox.objects.all()))
    secrets = {secret for row in [*inboxes, *again] for secret in secrets_of(row)} - {""}
    assert [secret for secret in secrets if secret in said + as_table(rows)] == []
    return rows


def secrets_of(inbox: Inbox) -> list[str]:
    tokens = (inbox.hmac_token, inbox.bot_token, inbox.agent_token)
    return [inbox.inbox_identifier, *tokens, inbox.canary_source_id, inbox.canary_token]


def verdicts(rows: Rows) -> dict[str, str]:
    return {name: row.verdict.value for name, row in rows.items()}


def not_asked(rows: Rows) -> set[str]:
    return {name for name, row in rows.items() if row.verdict == "not asked"}


def red(rows: Rows) -> set[str]:
    return {name for name, row in rows.items() if row.verdict == "wrong"}


def asked_of(sandbox: SandboxProcess) -> int:
    return sum(sandbox.stats()["areas"].values())


# Well


async def test_beside_a_running_process_all_rows_of_a_healthy_chatwoot_are_green(
    make_world: MakeWorld, sandbox: SandboxProcess
) -> None:
    world = await make_world(sandbox, channel={"hmac_mandatory": True})
    told = {"hmac_token": world.chatwoot_inbox.hmac_token, "allowed_origins": ["https://shop.example"]}
    bot = {"account_id": sandbox.world["account_id"], "bot_token": sandbox.world["bot_token"]}
    await world.ask(Inbox.objects.update, **told, **bot)
    runtime, alice = await world.start(), await world.person()
    _, talk = await world.talk(runtime, alice)
    files = [("attachments[]", ("plan.txt", b"a plan", "text/plain"))]
    sandbox.desk.call("POST", f"/conversations/{talk}/messages", data={"content": ""}, files=files)
    await world.becomes(Attachment.objects.exclude(chatwoot_id=None).exists)
    rows = await examine(world)
    assert set(verdicts(rows).values()) == {"ok"}, as_table(list(rows.values()))
    assert {row.cure for row in rows.values()} == {""}
    assert rows["rest"].reading.startswith("Chatwoot 4.")
    assert "89 s taken, 91 s refused" in rows["fence"].reading
    assert rows["recognition"].reading.startswith("by marker")
    assert "everybody" in rows["hmac"].reading and "6 bytes" in rows["files"].reading


async def test_without_a_running_process_a_new_inbox_is_examined_and_nothing_is_left_behind(
    world: World, settings: Settings
) -> None:
    first = await examine(world)
    assert red(first) == set() and not_asked(first) == {"files"}
    assert first["files"].reading == "not asked, because no file has come from there yet"
    assert first["recognition"].reading.startswith("by content")
    assert (first["origins"].verdict, first["origins"].cure[:20]) == ("warning", "Set ALLOWED_ORIGINS,")
    canary = await world.ask(lambda: secrets_of(Inbox.objects.get())[4:])
    world.sandbox.reset_stats()
    assert verdicts(await examine(world)) == verdicts(first)
    assert all(canary) and canary == await world.ask(lambda: secrets_of(Inbox.objects.get())[4:])
    assert asked_of(world.sandbox) <= 12
    cable = world.sandbox.stats()["cable"]
    assert (cable["connections"], cable["subscribe"], cable["update_presence"]) == (1, 2, 2)
    assert world.conversations() == []


async def test_the_verdict_on_the_fence_is_stored_for_running_processes(world: World) -> None:
    await world.ask(Chatwoot.objects.update, fence="unknown", fence_window_ms=0, fence_checked_at=0)
    await examine(world)
    row = await world.ask(Chatwoot.objects.get)
    assert (row.fence, row.fence_window_ms) == ("fenced", 90_000) and row.fence_checked_at > 0


async def test_several_inboxes_share_a_socket_and_the_questions_about_their_chatwoot(
    make_world: MakeWorld, sandbox: SandboxProcess
) -> None:
    world = await make_world(sandbox)
    await make_world(sandbox)
    rows = await examined(world)
    counts = {name: sum(row.name == name for row in rows) for name in ("rest", "inbox", "canary", "proxies")}
    assert counts == {"rest": 1, "inbox": 2, "canary": 2, "proxies": 1}
    assert sandbox.stats()["cable"]["connections"] == 1
    assert [row.reading for row in rows if row.name == "sharing"] == ["of 2 tokens on one socket 2 were heard"]


# Broken


@dataclass(frozen=True)
class Broken:
    """``row`` is red, with ``words`` and ``cure``; ``silent``: what is not asked then, besides files."""

    row: str
    words: str
    cure: str
    fault: str = ""
    switches: Mapping[str, Any] | None = None
    columns: Mapping[str, Any] | None = None
    chatwoot: Mapping[str, Any] | None = None
    silent: frozenset[str] = frozenset()


OF_INBOX = frozenset({"hmac", "canary", "sharing", "recognition", "agent"})
BROKEN = {
    "wrong identifier": Broken(
        "inbox",
        "no API inbox",
        "CHATWOOT_INBOX_IDENTIFIER",
        columns={"inbox_identifier": "abcdefgh"},
        silent=OF_INBOX,
    ),
    "wrong HMAC token": Broken(
        "hmac",
        "500 to its hash",
        "CHATWOOT_HMAC_TOKEN",
        columns={"hmac_token": "not that one"},
        silent=frozenset({"canary", "sharing"}),
    ),
    "cable mute": Broken(
        "canary", "nothing that is published", "Redis", fault="cable_mute", silent=frozenset({"sharing"})
    ),
    "cable rejecting": Broken(
        "canary", "was not confirmed", "Puma", fault="cable_reject", silent=frozenset({"sharing"})
    ),
    "cable not confirming": Broken(
        "canary", "was not confirmed", "Puma", fault="cable_no_confirm", silent=frozenset({"sharing"})
    ),
    "cable refused": Broken(
        "cable", "answered 403", "/cable", fault="cable_refuse", silent=frozenset({"canary", "sharing"})
    ),
    "cable silent": Broken(
        "cable", "no welcome", "WebSockets", fault="cable_silent", silent=frozenset({"canary", "sharing"})
    ),
    "REST down": Broken("rest", "status 502", "log", fault="down", silent=frozenset(ASKED - {"rest"})),
    "nobody there": Broken(
        "rest",
        "nobody is reached",
        "firewall",
        chatwoot={"url": "http://127.0.0.1:1"},
        silent=frozenset(ASKED - {"rest"}),
    ),
    "clock ahead": Broken("clock", "s ahead of ours", "NTP", switches={"skew_s": 60}),
    "clock behind": Broken("clock", "s behind ours", "NTP", switches={"skew_s": -30}),
    "unfenced": Broken("fence", "unfenced: a request", "X-Request-Start", switches={"rack_timeout": False}),
    "a bot token without its account": Broken(
        "recognition", "number is not given", "agent bot", columns={"bot_token": "some"}
    ),
    "an agent token without its account": Broken(
        "agent", "number is not given", "--keep-agent-token", columns={"agent_token": "some"}
    ),
    "a wrong agent token": Broken(
        "agent",
        "Invalid Access Token",
        "--keep-agent-token",
        columns={"agent_token": "some", "account_id": 1, "chatwoot_inbox_id": 1},
    ),
    "a wrong bot token": Broken(
        "recognition", "does not serve in account 1", "agent bot", columns={"bot_token": "some", "account_id": 1}
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
async def test_what_is_broken_has_a_red_row_with_its_cure(world: World, broken: Broken) -> None:
    if broken.fault:
        world.sandbox.faults.set(broken.fault)
    if broken.switches:
        world.sandbox.settings(**broken.switches)
    if broken.chatwoot:
        await world.ask(Chatwoot.objects.update, **broken.chatwoot)
    is_slow = broken.row in ("cable", "canary")
    rows = await examine(world, timing=IMPATIENT if is_slow else PATIENT, **(broken.columns or {}))
    assert red(rows) == {broken.row}, as_table(list(rows.values()))
    assert broken.words in rows[broken.row].reading and broken.cure in rows[broken.row].cure
    assert not_asked(rows) == broken.silent | {"files"}
    assert all(rows[name].reading.startswith("not asked, because ") for name in not_asked(rows))
    assert verdict_of(list(rows.values())) == "wrong"


async def test_a_chatwoot_that_fails_with_the_right_token_is_not_said_to_have_a_wrong_one(world: World) -> None:
    """It answers 500 to both, and only its log knows."""
    with world.sandbox.faults.on("error_after", method="POST", times=1):
        rows = await examine(world, hmac_token=world.chatwoot_inbox.hmac_token)
    assert "of a wrong token, and when it fails itself" in rows["hmac"].reading
    assert "log" in rows["hmac"].cure


async def test_origins_that_the_next_start_writes_are_told(world: World, settings: Settings) -> None:
    settings.ALLOWED_ORIGINS = ["https://shop.example"]
    settings.CHATWOOT_INBOX_SLUG = await world.ask(lambda: Inbox.objects.get(pk=world.inbox_id).slug)
    world.sandbox.faults.set("down")
    assert (await examine(world))["origins"].reading == "https://shop.example"


@pytest.mark.parametrize("token", ["", "not that one"])
async def test_where_everybody_is_asked_for_a_proof_the_right_token_is_needed(
    make_world: MakeWorld, sandbox: SandboxProcess, token: str
) -> None:
    world = await make_world(sandbox, channel={"hmac_mandatory": True})
    rows = await examine(world, hmac_token=token)
    assert red(rows) == {"hmac"} and "Configuration" in rows["hmac"].cure
    assert rows["canary"].reading == "not asked, because the inbox has no canary contact"
    assert red(await examine(world, hmac_token=world.chatwoot_inbox.hmac_token)) == set()


async def test_a_canary_of_before_is_heard_even_if_the_hmac_token_is_wrong_now(world: World) -> None:
    await examine(world)
    rows = await examine(world, hmac_token="not that one")
    assert red(rows) == {"hmac"} and rows["canary"].verdict == "ok"


async def test_a_bot_token_of_another_account_is_found_out(world: World) -> None:
    sandbox = world.sandbox
    platform = {"Api-Access-Token": sandbox.world["platform_token"]}
    made = sandbox.http.post("/platform/api/v1/accounts", json={"name": "Other"}, headers=platform)
    other, bot = made.raise_for_status().json()["id"], sandbox.world["bot_token"]
    rows = await examine(world, account_id=other, bot_token=bot)
    assert red(rows) == {"recognition"}
    assert f"said to be of account {other}, and the inbox is in account 1" in rows["recognition"].reading
    sandbox.faults.set("cable_refuse")
    assert f"does not serve in account {other}" in (await examine(world))["recognition"].reading
    unsure = (await examine(world, account_id=1))["recognition"]
    assert (unsure.verdict, unsure.cure) == ("warning", "Mend what is wrong with the cable, and examine again")


async def test_a_bot_token_that_was_switched_off_is_told_with_the_reason(world: World) -> None:
    row = (await examine(world, bot_token="some", account_id=1, marker_off="it wrote elsewhere"))["recognition"]
    assert (row.verdict, "it wrote elsewhere" in row.reading) == ("warning", True)


async def test_a_socket_that_carries_one_token_only_is_red(make_world: MakeWorld, sandbox: SandboxProcess) -> None:
    world = await make_world(sandbox)
    await make_world(sandbox)
    await examined(world)
    tokens = await world.ask(lambda: [row.canary_token for row in Inbox.objects.order_by("slug")])
    sandbox.faults.set("cable_no_confirm", token=tokens[1])
    rows = await examined(world, timing=IMPATIENT)
    wrong = [(row.name, row.about) for row in rows if row.verdict == "wrong"]
    assert wrong == [("canary", "main-1"), ("sharing", sandbox.base_url)]


# Too much


async def test_429_is_red_and_nothing_more_is_asked_until_the_pause_is_over(world: World) -> None:
    with world.sandbox.faults.on("status", status=429, body="Retry later\n", seconds=50):
        rows = await examine(world)
    assert red(rows) == {"throttle"} and "RACK_ATTACK_ALLOWED_IPS" in rows["throttle"].cure
    assert not_asked(rows) == ASKED
    assert rows["rest"].reading.startswith("not asked, because Chatwoot is to be left alone: throttled for 50 s")
    world.sandbox.reset_stats()
    assert red(await examine(world)) == {"throttle"}
    assert asked_of(world.sandbox) == 0 and world.sandbox.stats()["cable"]["connections"] == 0


async def test_429_in_the_middle_leaves_what_was_found_before_and_pauses_running_processes(world: World) -> None:
    world.sandbox.faults.set("status", status=429, body="Retry later\n", seconds=50, path="/contacts")
    rows = await examine(world)
    assert [name for name in ("rest", "clock", "inbox") if rows[name].verdict == "ok"] == ["rest", "clock", "inbox"]
    assert not_asked(rows) == ASKED - {"rest", "clock", "inbox"}
    assert (await world.ask(Chatwoot.objects.get)).paused_until > 0


async def test_more_requests_than_chatwoot_allows_are_warned_of(world: World, settings: Settings) -> None:
    settings.CHATWOOT_RATE_PER_S = 100
    row = (await examine(world))["throttle"]
    assert (row.verdict, "6,000" in row.reading, "CHATWOOT_RATE_PER_S" in row.cure) == ("warning", True, True)


async def test_a_chatwoot_that_hangs_is_waited_for_only_so_long(world: World) -> None:
    with world.sandbox.faults.on("delay", seconds=5):
        rows = await examine(world, timing=replace(PATIENT, answer_s=0.2))
    assert red(rows) == {"rest"} and "no answer within 0.2 s" in rows["rest"].reading


# What stands in between


class Between(httpx.AsyncBaseTransport):
    """A proxy that answers below these paths itself, or does something to what is answered."""

    def __init__(self, instead: Mapping[str, httpx.Response] | None = None, *, hides: str = "") -> None:
        self._instead, self._hides = instead or {}, hides
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for path, response in self._instead.items():
            if request.url.path.startswith(path) or path == "/":
                return httpx.Response(response.status_code, headers=response.headers, content=response.content)
        response = await self._inner.handle_async_request(request)
        response.headers.pop(self._hides, None)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


STATUS = {"version": "4.10.0", "timestamp": "2026-11-30 10:00:00", "queue_services": "failing", "data_services": "ok"}
IN_BETWEEN: dict[str, tuple[httpx.Response, str, str, str]] = {
    "redis": (httpx.Response(200, json=STATUS), "wrong", "its Redis cannot be reached", "REDIS_URL"),
    "hidden": (httpx.Response(404, text="nothing here"), "warning", "/api is hidden", "GET /api"),
    "redirect": (httpx.Response(301, headers={"Location": "https://c.example/"}), "wrong", "301", "It redirects"),
    "page": (httpx.Response(200, text="<html>"), "wrong", "not JSON", "Something else than Chatwoot"),
}


@pytest.mark.parametrize("name", IN_BETWEEN)
async def test_what_answers_for_chatwoot_is_told_apart(world: World, name: str) -> None:
    response, verdict, words, cure = IN_BETWEEN[name]
    rows = await examine(world, transport=Between({"/api": response}))
    assert (rows["rest"].verdict, words in rows["rest"].reading, cure in rows["rest"].cure) == (verdict, True, True)
    if verdict == "warning":
        assert {"clock", "fence", "stamp"} <= not_asked(rows) and rows["inbox"].verdict == "ok"
    else:
        assert not_asked(rows) == ASKED - {"rest"}
        assert {rows[name].reading for name in not_asked(rows)} == {"not asked, because of what is wrong with `rest`"}


async def test_an_inbox_that_could_not_be_asked_about_is_not_said_to_be_unknown(world: World) -> None:
    rows = await examine(world, transport=Between({"/public": httpx.Response(502)}))
    assert red(rows) == {"inbox"} and "502" in rows["inbox"].reading
    assert rows["hmac"].reading == "not asked, because of what is wrong with `inbox`"


async def test_a_proxy_that_hides_the_stamp_of_rails_is_warned_of(world: World) -> None:
    row = (await examine(world, transport=Between(hides="X-Runtime")))["stamp"]
    assert (row.verdict, row.cure) == ("warning", "Let the proxies before Chatwoot pass that header")


async def test_a_storage_that_is_not_listed_is_red_with_its_name(world: World, settings: Settings) -> None:
    alice = await world.person()
    await world.ask(keep_file, alice.contact_id)
    elsewhere = httpx.Response(302, headers={"Location": "https://files.example/x?signature=secret"})
    row = (await examine(world, transport=Between({"/rails": elsewhere})))["files"]
    assert row.verdict == "wrong" and "files.example" in row.reading and "ATTACHMENT_HOSTS" in row.cure
    assert "secret" not in row.reading
    gone = await examine(world, transport=Between({"/rails": httpx.Response(404)}))
    assert (gone["files"].verdict, gone["files"].reading) == ("warning", "the newest 1 are not in its storage")


def keep_file(contact_id: Any) -> None:
    """As if an agent had sent it."""
    from chat.models import ContactInbox, Conversation, Message

    session = ContactInbox.objects.get(contact=contact_id)
    names = {"contact_id": contact_id, "inbox_id": session.inbox_id, "seq": 1}
    talk = Conversation.objects.create(contact_inbox=session, chatwoot_id=1, created_at=0, **names)
    said = Message.objects.create(conversation=talk, chatwoot_id=1, at=1, direction="outgoing", state="sent", **names)
    url = "http://127.0.0.1/rails/active_storage/blobs/redirect/x/plan.txt"
    Attachment.objects.create(message=said, chatwoot_id=1, name="plan.txt", file_type="file", chatwoot_url=url)


# Here


async def test_proxies_and_origins_are_those_of_the_checks(world: World, settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER, settings.TRUSTED_PROXIES = ("HTTP_X_FORWARDED_PROTO", "https"), []
    world.sandbox.faults.set("down")
    rows = await examine(world, allowed_origins=["shop"])
    assert (rows["proxies"].verdict, "one address" in rows["proxies"].reading) == ("warning", True)
    assert (rows["origins"].verdict, rows["origins"].reading) == ("warning", "cannot be read: shop")
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    rows = await examine(world, allowed_origins=["https://shop.example"])
    assert (rows["proxies"].verdict, rows["origins"].reading) == ("ok", "https://shop.example")
