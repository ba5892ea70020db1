import asyncio
import uuid
from datetime import timedelta
from itertools import repeat

import pytest
from asgiref.sync import sync_to_async

from chat.clock import moment
from chat.models import Contact, Session, upsert_inbox
from tests.eventually import eventually
from tests.fixtures.fake_conversations import EPOCH

OWN = {"origin": "http://testserver"}
BROWSER = {"inbox": "main", "kind": "browser"}


async def count(model):
    return await sync_to_async(model.objects.count)()


async def test_a_browser_gets_an_access_token_and_a_cookie_it_cannot_read(anybody, opened):
    answered = await anybody.call("POST", "session", BROWSER, headers=OWN)
    assert answered.status_code == 201
    body = answered.json()
    assert body.keys() == {"access_token", "expires_in", "contact"}
    cookie = answered.cookies["chatproxy-main"]
    assert cookie.value.startswith("cpr_")
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
    anybody.token = body["access_token"]
    assert (await anybody.call("GET", "sync")).status_code == 200


async def test_over_https_the_cookie_is_bound_to_host_and_embedding_site(anybody, opened):
    answered = await anybody.call("POST", "session", BROWSER, headers={"origin": "https://testserver"}, secure=True)
    cookie = answered.cookies["__Host-chatproxy-main"].OutputString()
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned"):
        assert attribute in cookie.split("; ")
    assert "Domain" not in cookie


async def test_an_app_gets_its_refresh_token_in_the_body_and_no_cookie(anybody, opened):
    answered = await anybody.call("POST", "session", {"inbox": "main", "kind": "app"})
    assert answered.status_code == 201
    assert answered.json()["refresh_token"].startswith("cpr_")
    assert not answered.cookies
    again = await anybody.call("POST", "session/refresh", {"refresh_token": answered.json()["refresh_token"]})
    assert (again.status_code, again.json()["contact"]) == (200, answered.json()["contact"])
    spent, fresh = answered.json()["refresh_token"], again.json()["refresh_token"]
    assert fresh.startswith("cpr_")
    assert fresh != spent
    lost = await anybody.call("POST", "session/refresh", {"refresh_token": spent})  # its answer did not arrive
    assert lost.json()["refresh_token"] == fresh


async def test_a_browser_refreshes_by_its_cookie(anybody, opened):
    first = await anybody.call("POST", "session", BROWSER, headers=OWN)
    again = await anybody.call("POST", "session/refresh", {"inbox": "main"}, headers=OWN)
    assert (again.status_code, again.json()["contact"]) == (200, first.json()["contact"])
    assert again.cookies["chatproxy-main"].value != first.cookies["chatproxy-main"].value
    assert anybody.cookies["chatproxy-main"].value == again.cookies["chatproxy-main"].value
    third = await anybody.call("POST", "session/refresh", {"inbox": "main"}, headers=OWN)
    assert third.json()["contact"] == first.json()["contact"]


async def test_two_tabs_that_begin_one_after_the_other_are_one_visitor(anybody, opened):
    first = await anybody.call("POST", "session", BROWSER, headers=OWN)
    people = await count(Contact)
    second = await anybody.call("POST", "session", BROWSER, headers=OWN)
    assert (second.status_code, second.json()["contact"]) == (200, first.json()["contact"])
    assert await count(Contact) == people


async def test_without_a_cookie_there_is_nothing_to_refresh(anybody, opened):
    answered = await anybody.call("POST", "session/refresh", {"inbox": "main"}, headers=OWN)
    assert (answered.status_code, answered.json()["error"]["code"]) == (401, "unknown_token")


async def test_the_cookie_of_one_inbox_is_no_session_of_another(anybody, opened):
    other = {"url": "https://chatwoot.example", "cable_url": "wss://c.example", "inbox_identifier": "other"}
    await sync_to_async(upsert_inbox)(slug="other", **other)
    first = await anybody.call("POST", "session", BROWSER, headers=OWN)
    anybody.cookies["chatproxy-other"] = first.cookies["chatproxy-main"].value
    answered = await anybody.call("POST", "session/refresh", {"inbox": "other"}, headers=OWN)
    assert answered.status_code == 401


FOREIGN = [
    {},
    {"origin": "null"},
    {"origin": "https://evil.example"},
    {"origin": "http://testserver.evil.example"},
    {"origin": "https://shop.example"},  # which may embed our frame, but is not our frame
    {**OWN, "sec-fetch-site": "cross-site"},
    {**OWN, "sec-fetch-site": "same-site"},
    {**OWN, "sec-fetch-site": "none"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_t3_no_other_site_can_use_the_cookie(anybody, opened, caplog, headers):
    first = await anybody.call("POST", "session", BROWSER, headers=OWN)
    answered = await anybody.call("POST", "session/refresh", {"inbox": "main"}, headers=headers)
    assert (answered.status_code, answered.json()["error"]["code"]) == (403, "foreign_origin")
    assert not answered.cookies
    assert "pass on the Host header" in caplog.text
    own = {**OWN, "sec-fetch-site": "same-origin"}
    again = await anybody.call("POST", "session/refresh", {"inbox": "main"}, headers=own)
    assert again.json()["contact"] == first.json()["contact"]  # and the token was not spent


async def test_t3_a_site_that_embeds_the_chat_does_not_get_its_session_either(anybody, opened):
    first = await anybody.call("POST", "session", BROWSER, headers=OWN)
    answered = await anybody.call("POST", "session", BROWSER, headers={"origin": "https://shop.example"})
    assert answered.status_code == 201
    assert answered.json()["contact"] != first.json()["contact"]


COOKIE_ONLY = [
    ("GET", "sync"),
    ("DELETE", "session"),
    ("POST", "uploads"),
    ("PUT", "messages/6f9619ff-8b86-4d01-b42d-00cf4fc964ff"),
    ("POST", "messages/6f9619ff-8b86-4d01-b42d-00cf4fc964ff/retry"),
    ("POST", "conversations/6f9619ff-8b86-4d01-b42d-00cf4fc964ff/resolve"),
]


@pytest.mark.parametrize(("method", "path"), COOKIE_ONLY)
async def test_t2_the_cookie_opens_nothing_but_a_new_session_token(anybody, opened, method, path):
    await anybody.call("POST", "session", BROWSER, headers=OWN)
    answered = await anybody.call(method, path, {"text": "hello"}, headers=OWN)
    assert (answered.status_code, answered.json()["error"]["code"]) == (401, "unknown_token")


async def test_t6_no_browser_takes_a_token_that_somebody_hands_it(anybody, opened):
    """A planted session would let its owner read along."""
    planted = opened.refresh_token
    for body in ({"refresh_token": planted}, {"inbox": "main", "refresh_token": planted}):
        answered = await anybody.call("POST", "session/refresh", body, headers=OWN)
        assert (answered.status_code, answered.cookies) == (401, {})
    for body in (BROWSER | {"refresh_token": planted}, BROWSER | {"contact": str(opened.session.contact_id)}):
        answered = await anybody.call("POST", f"session?refresh_token={planted}", body, headers=OWN)
        assert answered.json()["contact"] != str(opened.session.contact_id)
        anybody.cookies.clear()


async def test_t44_whether_a_token_was_never_issued_or_has_ended_makes_no_difference(anybody, opened):
    ended = (await anybody.call("POST", "session", {"inbox": "main", "kind": "app"})).json()
    await anybody.call("DELETE", "session", headers={"authorization": f"Bearer {ended['access_token']}"})
    answers = [
        await anybody.call("POST", "session/refresh", {"refresh_token": token})
        for token in (ended["refresh_token"], "cpr_" + "x" * 43, opened.refresh_token, opened.access_token)
    ]
    assert {(each.status_code, each.content) for each in answers} == {(401, answers[0].content)}


# Signing out


async def test_signing_out_ends_the_session_and_takes_the_cookie_away(anybody, opened):
    begun = await anybody.call("POST", "session", BROWSER, headers=OWN)
    anybody.token = begun.json()["access_token"]
    answered = await anybody.call("DELETE", "session")
    assert (answered.status_code, answered.content) == (204, b"")
    assert (answered.cookies["chatproxy-main"].value, answered.cookies["chatproxy-main"]["max-age"]) == ("", 0)
    assert (await anybody.call("GET", "sync")).status_code == 401
    anybody.cookies["chatproxy-main"] = begun.cookies["chatproxy-main"].value
    assert (await anybody.call("POST", "session/refresh", {"inbox": "main"}, headers=OWN)).status_code == 401
    again = await anybody.call("POST", "session", BROWSER, headers=OWN)
    assert (again.status_code, again.json()["contact"] != begun.json()["contact"]) == (201, True)


async def test_over_https_the_cookie_that_is_taken_away_is_the_one_of_this_embedding_site(anybody, opened):
    own = {"origin": "https://testserver"}
    begun = await anybody.call("POST", "session", BROWSER, headers=own, secure=True)
    anybody.token = begun.json()["access_token"]
    cookie = (await anybody.call("DELETE", "session", secure=True)).cookies["__Host-chatproxy-main"].OutputString()
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned", "Max-Age=0"):
        assert attribute in cookie.split("; ")


async def test_signing_out_in_one_tab_leaves_the_newer_session_of_another(anybody, opened):
    begun = await anybody.call("POST", "session", BROWSER, headers=OWN)
    anybody.cookies.clear()
    await anybody.call("POST", "session", BROWSER, headers=OWN)
    anybody.token = begun.json()["access_token"]
    assert not (await anybody.call("DELETE", "session")).cookies


async def test_a_long_poll_ends_at_once_when_its_device_is_signed_out(visitor, opened, feed):
    feed.say()
    asking = asyncio.create_task(visitor.call("GET", f"sync?since={EPOCH}.1&wait=20"))
    await eventually(lambda: feed.listeners)
    assert (await visitor.call("DELETE", "session")).status_code == 204
    assert (await asking).status_code == 401


ONE = f"conversations/{uuid.UUID(int=1)}"


@pytest.mark.parametrize("path", ["sync", f"{ONE}/messages", "conversations", ONE, "unread"])
async def test_what_is_being_read_when_a_device_is_signed_out_is_not_handed_over(visitor, opened, feed, path):
    feed.say("for the former one only")
    feed.reading.clear()
    asking = asyncio.create_task(visitor.call("GET", path))
    await eventually(lambda: any(call[0] in ("read", "history", "overview") for call in feed.calls))
    assert (await visitor.call("DELETE", "session")).status_code == 204
    feed.reading.set()
    answered = await asking
    assert (answered.status_code, b"former" in answered.content) == (401, False)


async def test_t4_a_spent_token_that_comes_back_ends_the_session_for_the_thief_and_the_owner(anybody, opened, caplog):
    first = (await anybody.call("POST", "session", {"inbox": "main", "kind": "app"})).json()
    second = (await anybody.call("POST", "session/refresh", {"refresh_token": first["refresh_token"]})).json()
    anybody.token = second["access_token"]
    await anybody.call("GET", "sync")
    async with asyncio.timeout(20):
        for pause_s in repeat(0.01):
            if await sync_to_async(Session.objects.filter(confirmed=1).exists)():
                break
            await asyncio.sleep(pause_s)
    long_ago = moment() - timedelta(minutes=2)
    await sync_to_async(Session.objects.filter(confirmed=1).update)(rotated_at=long_ago)
    for token in (first["refresh_token"], second["refresh_token"]):
        assert (await anybody.call("POST", "session/refresh", {"refresh_token": token})).status_code == 401
    assert (await anybody.call("GET", "sync")).status_code == 401
    assert "perhaps by a thief" in caplog.text
    assert "cpr_" not in caplog.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_what_a_form_of_another_site_can_send_is_not_taken(anybody, opened, kind):
    sessions = await count(Session)
    for path in ("session", "session/refresh"):
        answered = await anybody.call("POST", path, BROWSER, content_type=kind, headers=OWN)
        assert (answered.status_code, answered.json()["error"]["code"]) == (415, "not_json")
    assert await count(Session) == sessions


async def test_a_foreign_page_begins_no_session(anybody, opened):
    sessions = await count(Session)
    answered = await anybody.call("POST", "session", BROWSER, headers={"origin": "https://evil.example"})
    assert (answered.status_code, answered.json()["error"]["code"]) == (403, "foreign_origin")
    assert await count(Session) == sessions


@pytest.mark.parametrize("slug", ["unknown", "Main"])
@pytest.mark.parametrize("path", ["session", "session/refresh"])
async def test_an_unknown_inbox_is_a_404_in_words(anybody, opened, path, slug):
    answered = await anybody.call("POST", path, {"inbox": slug}, headers=OWN)
    assert (answered.status_code, answered.json()["error"]["code"]) == (404, "no_such_inbox")


@pytest.mark.parametrize("body", [{}, {"inbox": "a/b"}, {"inbox": "a\0b"}, {"inbox": "main", "kind": "toaster"}])
async def test_a_call_that_makes_no_sense_is_a_422(anybody, opened, body):
    answered = await anybody.call("POST", "session", body)
    assert (answered.status_code, answered.json()["error"]["code"]) == (422, "bad_request")


async def test_a_refresh_that_names_nothing_is_a_422(anybody, opened):
    answered = await anybody.call("POST", "session/refresh", {})
    assert (answered.status_code, answered.json()["error"]["code"]) == (422, "bad_request")


@pytest.mark.parametrize("token", ["", "cpr_guess", "a\0b"])
async def test_a_refresh_token_nobody_issued_is_a_401(anybody, opened, token):
    answered = await anybody.call("POST", "session/refresh", {"refresh_token": token})
    assert (answered.status_code, answered.json()["error"]["code"]) == (401, "unknown_token")
