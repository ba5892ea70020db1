import pytest
from asgiref.sync import sync_to_async

from chat.models import Contact, Session, upsert_inbox

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


async def test_a_browser_refreshes_by_its_cookie(anybody, opened):
    first = await anybody.call("POST", "session", BROWSER, headers=OWN)
    again = await anybody.call("POST", "session/refresh", {"inbox": "main"}, headers=OWN)
    assert (again.status_code, again.json()["contact"]) == (200, first.json()["contact"])
    assert again.cookies["chatproxy-main"].value == first.cookies["chatproxy-main"].value


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


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://testserver.evil.example"])
async def test_no_other_site_can_use_the_cookie(anybody, opened, caplog, origin):
    await anybody.call("POST", "session", BROWSER, headers=OWN)
    headers = {} if origin is None else {"origin": origin}
    answered = await anybody.call("POST", "session/refresh", {"inbox": "main"}, headers=headers)
    assert (answered.status_code, answered.json()["error"]["code"]) == (403, "foreign_origin")
    assert "ALLOWED_ORIGINS" in caplog.text


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
