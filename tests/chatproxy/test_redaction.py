"""No secret is in a log line, whoever logs it and at whatever level."""

import logging
import re
import secrets
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core import signing
from websockets.asyncio.client import connect

from chat.chatwoot.transport import QUIET
from chatproxy.logs import LINE, OneLineFormatter
from chatproxy.redaction import HIDDEN, MAX_TEXT, MINTED, redactor
from tests.fixtures.sandbox import SandboxProcess

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "PZgwxkgmKJk4TZMoNLDrSJzv"  # as Chatwoot makes them
SOURCE = "0d77be00-f700-46aa-91a6-00f89f6f1e8e"
REFRESH = "cpr_3nJ0v2b1Xw5Kq-8sT_yZ4uPm7Rc6La9DfGhQeVoNi"
WEBHOOK = "cpw_Zr4mQ8-vT2kLs0_XbN6yWc9hJdUeGf1oPaR7iKtMqSx"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWl0"
SIGNED = signing.Signer(key="k" * 50, salt="s").sign(f"{SOURCE}.1800000000")
SIGNATURE = SIGNED.rpartition(":")[2]
LINES = [
    (f"POST https://c.example/public/api/v1/inboxes/{TOKEN}/contacts/{SOURCE}/conversations/7/messages", SOURCE),
    (f"GET /public/api/v1/inboxes/{TOKEN}", TOKEN),
    (f"GET /webhooks/main/{TOKEN}abc", f"{TOKEN}abc"),
    ("GET https://c.example/rails/active_storage/blobs/redirect/eyJfcmFp--b1946ac9/a.png", "eyJfcmFp--b1946ac9"),
    ("GET https://s3.example/a.png?X-Amz-Signature=b1946ac92492d234&x=1", "b1946ac92492d234"),
    (
        f'{{"command":"subscribe","identifier":"{{\\"channel\\":\\"R\\",\\"pubsub_token\\":\\"{"a" * 24}\\"}}"}}',
        "a" * 24,
    ),
    ("{'hmac_token': 'short', 'x': 1}", "short"),
    ("[(b'api_access_token', b'plain-text-1'), (b'accept', b'*/*')]", "plain-text-1"),
    ("Api-Access-Token: plain-text-1", "plain-text-1"),
    ("<li>api_access_token&quot;: &quot;plain-text-1&quot;", "plain-text-1"),
    ("(b'Cookie', b'chatproxy-main=one; other=two')", "two"),
    ("authorization: Bearer abc.def-ghi", "abc.def-ghi"),
    (f"the token {TOKEN} of nobody", TOKEN),
    (f"refreshed by {REFRESH}.", REFRESH[8:]),
    (f"signed with {WEBHOOK}.", WEBHOOK[8:]),
    (f"a claim {JWT}", JWT[20:]),
    (f"frame {SIGNED}", SIGNATURE),
    ("redis://user:pass-word@127.0.0.1:6379/0 is away", "pass-word"),
    ('> TEXT \'{"type":"send","text":"my PIN is 1234"}\' [45 bytes]', "1234"),
    ("< TEXT '{\"identif...ken-tail-of-it\"}' [3117 bytes]", "tail-of-it"),
    ("SELECT 'gAAAAABrC_yuw78sp-LrJqp1TV8csP0Xec82xuX'", "Jqp1TV8csP0Xec82xuX"),
]


@pytest.mark.parametrize(("line", "secret"), LINES)
def test_a_secret_is_known_by_its_shape(line: str, secret: str) -> None:
    redacted = redactor()(line)
    assert secret not in redacted and HIDDEN in redacted


def test_every_prefix_that_the_code_mints_is_known_and_stays_to_tell_what_was_hidden() -> None:
    files = [file for folder in ("chat", "chatproxy") for file in (ROOT / folder).rglob("*.py")]
    prefixes = {found for file in files for found in re.findall(r'"(cp[a-z]+_)"', file.read_text())}
    assert prefixes == set(MINTED)
    for prefix in prefixes:
        assert redactor()(f"a {prefix}{secrets.token_urlsafe(32)}") == f"a {prefix}{HIDDEN}"


@pytest.mark.parametrize(
    "line",
    [
        f"session {SOURCE}: closed with 4409, it does not read",
        "chat.models.SynchronousOnnyOperation: ConcurrentObjectsMissing",
        "GET /api/v1/sync 200",
        "delivery 0d77be00f70046aa91a600f89f6f1e8e, attempt 2: 500",
        "2026-11-29 10:00:00,000 INFO chat.courier: 3 contacts wait (sha256:abcdef)",
    ],
)
def test_what_an_operator_needs_stays(line: str) -> None:
    assert redactor()(line) == line


def test_a_secret_of_no_shape_is_known_by_its_value() -> None:
    assert redactor(["identifier-of-main", "abc"])("identifier-of-main abc") == f"{HIDDEN} abc"


def test_arguments_and_tracebacks_are_redacted_too() -> None:
    formatter = OneLineFormatter(LINE)
    try:
        raise ValueError(f"cannot read {{'pubsub_token': '{TOKEN}'}}")
    except ValueError as error:
        trace = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "lost %s, %r", (REFRESH, {"secret": "abc"}), trace)
    line = formatter.format(record)
    assert "ValueError" in line and TOKEN not in line and REFRESH[8:] not in line and "abc" not in line


@pytest.mark.parametrize(
    "piece", ["http://", "eyJ", "token", "cookie='", "://a", "gAAAAA", "a", "? ", "< TEXT ", TOKEN]
)
def test_a_long_line_costs_a_bounded_time(piece: str) -> None:
    """Against itself: what is beyond the longest text that is looked at costs nothing, what is below in proportion."""
    redact = redactor()
    longest = piece * (2 * MAX_TEXT // len(piece))

    def cost(text: str) -> float:
        begun = time.perf_counter()
        redact(text)
        return time.perf_counter() - begun

    half, once = (min(cost(text) for _ in range(2)) for text in (longest[: MAX_TEXT // 2], longest))
    assert cost(longest * 10) < 5 * once + 0.5
    assert once < 5 * half + 0.1  # in proportion, and not to its square
    assert len(redact(longest)) <= MAX_TEXT + 100


def test_a_token_across_the_border_of_a_long_line_does_not_stay_in_part() -> None:
    line = redactor()("x " * (MAX_TEXT // 2 - 5) + TOKEN + " x" * 1000)
    assert TOKEN[:8] not in line


LIBRARIES = ("httpx", "httpcore", "websockets", "asyncio", "django", "daphne")


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What the application's handler would write, with every library at DEBUG."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLineFormatter(LINE))
    levels = {name: logging.getLogger(name).level for name in ("", *LIBRARIES)}
    quiet = [logging.getLogger(name) for name in QUIET]
    filters = [list(each.filters) for each in quiet]
    for each in quiet:
        each.filters.clear()  # what keeps them quiet in life is not what is tried here
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).addHandler(handler)  # to each: the canary lets none of them go on to the root
    yield stream
    for each, before in zip(quiet, filters, strict=True):
        each.filters[:] = before
    for name, level in levels.items():
        logging.getLogger(name).removeHandler(handler)
        logging.getLogger(name).setLevel(level)


async def test_libraries_that_log_what_they_send_say_no_secret(sandbox: SandboxProcess, written: StringIO) -> None:
    inbox = sandbox.new_inbox()
    headers: dict[str, Any] = {"Api-Access-Token": sandbox.world["admin_token"], "Cookie": "session=crumbs-of-it"}
    async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False, headers=headers) as http:
        made = (await http.post(f"{inbox.path}/contacts", json={"source_id": SOURCE})).json()
        await http.get(f"{inbox.path}/contacts/{SOURCE}/conversations", params={"signature": "signed-once"})
    command = (
        '{"command": "subscribe", "identifier": "{\\"channel\\": \\"RoomChannel\\", \\"pubsub_token\\": \\"%s\\"}"}'
    )
    async with connect(sandbox.cable_url, proxy=None) as cable:
        await cable.send(command % made["pubsub_token"])
        async for frame in cable:
            if "confirm_subscription" in str(frame):
                break
    said = written.getvalue()
    assert all(words in said for words in ("HTTP Request: POST", "httpcore", "websockets.client: < TEXT ***"))
    secrets = [
        inbox.identifier,
        SOURCE,
        made["pubsub_token"],
        headers["Api-Access-Token"],
        "crumbs-of-it",
        "signed-once",
    ]
    assert [secret for secret in secrets if secret in said] == []
