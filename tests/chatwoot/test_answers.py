"""From status or failure to the class that says what to do next."""

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from chat.chatwoot.client import ClientApi
from chat.chatwoot.errors import (
    Ambiguous,
    ChatwootError,
    Crowded,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Refused,
    Throttled,
    Unreachable,
)
from chat.chatwoot.transport import open_http

SOURCE_ID = "c9bb9325-ac17-4d77-a6fb-9caebd0ea51b"
INBOX = "FyXSRj5bT3Vid7Ftj3gfpiZc"
RAILS = {"x-runtime": "0.012"}
HTML = "<!DOCTYPE html><html><body>Sign in to the WiFi</body></html>"


async def failure(answer: Callable[[httpx.Request], httpx.Response]) -> ChatwootError:
    async with open_http("http://chatwoot.test", transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(ChatwootError) as caught:
            await ClientApi(http, INBOX).create_message(SOURCE_ID, 2, content="the text", echo_id="d.1")
    return caught.value


async def answered(status: int, **response: Any) -> ChatwootError:
    return await failure(lambda _: httpx.Response(status, **response))


async def raised(error: type[httpx.RequestError]) -> ChatwootError:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("it broke", request=request)

    return await failure(fail)


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError])
async def test_what_never_connected_never_arrived(error: type[httpx.RequestError]):
    assert type(await raised(error)) is Unreachable


async def test_what_found_no_place_of_ours_says_nothing_of_chatwoot():
    assert type(await raised(httpx.PoolTimeout)) is Crowded


@pytest.mark.parametrize(
    "error",
    [httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError, httpx.CloseError,
     httpx.RemoteProtocolError, httpx.LocalProtocolError],
)  # fmt: skip
async def test_what_broke_later_may_have_arrived(error: type[httpx.RequestError]):
    caught = await raised(error)
    assert type(caught) is Ambiguous
    assert (caught.status, caught.finished) == (None, False)


async def test_an_answer_that_cannot_be_decoded_is_malformed():
    assert type(await raised(httpx.DecodingError)) is Malformed


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403])
async def test_redirects_and_refused_tokens_are_configuration(status: int):
    caught = await answered(status, headers={"location": "https://elsewhere.test/"})
    assert isinstance(caught, Forbidden)
    assert caught.status == status


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"error": "Invalid Access Token"}, "Invalid Access Token"),
        (
            {"errors": ["You need to sign in or sign up before continuing."]},
            "You need to sign in or sign up before continuing.",
        ),
        ({"errors": []}, ""),
        ({"errors": [{}]}, ""),
        ([], ""),
    ],
)
async def test_a_refused_token_is_told_in_chatwoots_words(body: object, detail: str):
    caught = await answered(401, json=body)
    assert isinstance(caught, Forbidden)
    assert (caught.detail, str(caught)) == (detail, f"status 401 {detail}".rstrip())


@pytest.mark.parametrize("status", [400, 413])
async def test_what_will_never_be_taken_is_refused(status: int):
    caught = await answered(status, content=b"", headers={"content-type": "text/html"})
    assert isinstance(caught, Refused)
    assert caught.status == status


@pytest.mark.parametrize(
    ("headers", "retry_after_s"),
    [
        ({}, 60),
        ({"date": "Sun, 22 Nov 2026 14:04:50 GMT"}, 11),
        ({"date": "yesterday"}, 60),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "99999"}, 300),
        ({"retry-after": "Sun, 22 Nov 2026 14:04:50 GMT"}, 60),
    ],
)
async def test_throttled_until_the_next_minute_of_their_clock(headers: dict[str, str], retry_after_s: float):
    caught = await answered(429, text="Retry later\n", headers=headers)
    assert isinstance(caught, Throttled)
    assert caught.retry_after_s == retry_after_s


@pytest.mark.parametrize(
    ("headers", "finished"), [(RAILS, True), ({}, False)], ids=["answered by Rails", "answered by something before it"]
)
async def test_not_found_says_who_answered(headers: dict[str, str], finished: bool):
    caught = await answered(404, json={"status": 404, "error": "Not Found"}, headers=headers)
    assert isinstance(caught, NotFound)
    assert (caught.status, caught.finished, caught.detail) == (404, finished, "Not Found")


@pytest.mark.parametrize(
    ("body", "permanent"),
    [
        ({"message": "Content is too long (maximum is 150000 characters)", "attributes": ["content"]}, True),
        ({"message": "Too many messages", "attributes": ["base"]}, False),
        ({"error": "Validation failed: Content is too long"}, True),
        ({"error": "Validation failed: Too many messages"}, False),
        ({"error": "You cannot update the CSAT survey after 14 days"}, True),
        ({"error": "PG::ConnectionBad"}, False),
        ({"message": "something"}, False),
        ([], False),
        ({"message": 7, "error": None}, False),
    ],
)
async def test_only_a_named_validation_is_permanent(body: object, permanent: bool):
    caught = await answered(422, json=body, headers=RAILS)
    assert isinstance(caught, Invalid)
    assert (caught.permanent, caught.finished) == (permanent, True)


@pytest.mark.parametrize("status", [405, 408, 409, 418, 500, 502, 503, 504, 599])
async def test_everything_else_is_ambiguous(status: int):
    caught = await answered(status, text=HTML)
    assert type(caught) is Ambiguous
    assert (caught.status, caught.finished) == (status, False)


async def test_a_500_by_rails_is_finished():
    caught = await answered(500, json={"status": 500, "error": "Internal Server Error"}, headers=RAILS)
    assert type(caught) is Ambiguous
    assert caught.finished


@pytest.mark.parametrize("content", [HTML, "", "{", "[]", "\ufeff{}", '{"id": 1}'])
async def test_a_yes_in_other_words_is_malformed(content: str):
    caught = await answered(200, text=content)
    assert isinstance(caught, Malformed)
    assert (caught.status, caught.finished) == (200, False)


async def test_no_secret_in_errors_or_logs(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    for logger in ("httpx", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, logger=logger)
    caught = [
        await raised(httpx.ConnectError),
        await raised(httpx.ReadTimeout),
        await answered(404, text=HTML),
        await answered(500, json={"error": "x" * 5000}),
        await answered(200, json={"id": SOURCE_ID, "content": "the text"}),
    ]
    told = caplog.text + "".join(f"{each!r} {each} {each.__cause__}" for each in caught)
    for secret in (SOURCE_ID, INBOX, "the text", "chatwoot.test"):
        assert secret not in told
    assert len(told) < 2000
