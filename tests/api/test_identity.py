"""Signing in over HTTP: one answer to everything that proves nothing, and a device that belongs to one person."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chat.chatwoot.identity import identifier_hash
from chat.clock import moment
from chat.models import Contact, Inbox, Session
from tests.api.conftest import ApiClient
from tests.api.test_session import OWN
from tests.test_identity import FORMER, SECRET, WRONG_TOKENS, sign

BROWSER = {"inbox": "main", "kind": "browser"}
APP = {"inbox": "main", "kind": "app"}


def token(sub: str = "alice-7", **claims: Any) -> str:
    now = int(moment().timestamp())
    return sign({"aud": "main", "sub": sub, "iat": now, "exp": now + 300} | claims)


def setting(**values: Any) -> Any:
    return sync_to_async(_set)(values)


def _set(values: dict[str, Any]) -> None:
    inbox = Inbox.objects.get(slug="main")
    for name, value in values.items():
        setattr(inbox, name, value)
    inbox.save()


@pytest.fixture
async def site(anybody: ApiClient, opened: Any) -> ApiClient:
    """At an inbox whose site signs."""
    await setting(identity_secret=SECRET, identity_secret_old=FORMER)
    return anybody


async def enter(site: ApiClient, proof: dict[str, Any], body: dict[str, str] = BROWSER, **headers: str) -> Any:
    return await site.call("POST", "session", body | proof, headers=OWN | headers)


async def count(model: Any) -> int:
    return await sync_to_async(model.objects.count)()


async def test_a_signed_token_begins_a_session_of_that_person(site: ApiClient) -> None:
    answered = await enter(site, {"identity_token": token()})
    assert answered.status_code == 201
    cookie = answered.cookies["chatproxy-main"]
    assert 86_300 < cookie["max-age"] <= 86_400  # a day, where somebody else may sit next
    contact = await sync_to_async(Contact.objects.get)(identifier="alice-7")
    assert answered.json()["contact"] == str(contact.pk)
    site.cookies.clear()
    other = await enter(site, {"identity_token": token()}, APP)
    assert other.json()["contact"] == str(contact.pk)
    assert other.json()["refresh_token"].startswith("cpr_")


async def test_a_second_tab_goes_on_with_the_same_session(site: ApiClient) -> None:
    proof = {"identity_token": token()}
    first, sessions = await enter(site, proof), await count(Session)
    site.token = first.json()["access_token"]
    second = await site.call("POST", "session", BROWSER | proof, headers=OWN | {"authorization": ""})
    assert (second.status_code, second.json()["contact"]) == (200, first.json()["contact"])
    assert await count(Session) == sessions
    assert (await site.call("GET", "sync")).status_code == 200


async def test_an_app_shows_by_its_access_token_whose_words_it_takes_along(site: ApiClient) -> None:
    begun = (await site.call("POST", "session", APP)).json()
    signed_in = await enter(site, {"identity_token": token()}, APP, authorization=f"Bearer {begun['access_token']}")
    assert signed_in.json()["contact"] == begun["contact"]
    site.token = begun["access_token"]
    assert (await site.call("GET", "sync")).status_code == 401
    again = await site.call("POST", "session/refresh", {"refresh_token": begun["refresh_token"]})
    assert again.status_code == 401


async def test_an_access_token_that_has_ended_is_said_before_anything_is_left_behind(site: ApiClient) -> None:
    answered = await enter(site, {"identity_token": token()}, APP, authorization="Bearer nonsense")
    assert (answered.status_code, answered.json()["error"]["code"]) == (401, "unknown_token")
    assert not await sync_to_async(Contact.objects.filter(identifier="alice-7").exists)()


async def test_t7_a_change_of_user_in_the_same_browser_begins_anew(site: ApiClient) -> None:
    alice = await enter(site, {"identity_token": token("alice-7")})
    bob = await enter(site, {"identity_token": token("bob-8")})
    assert bob.json()["contact"] != alice.json()["contact"]
    site.token = alice.json()["access_token"]
    assert (await site.call("GET", "sync")).status_code == 401
    again = await site.call("POST", "session/refresh", {"inbox": "main"}, headers=OWN)
    assert again.json()["contact"] == bob.json()["contact"]


HASH = {"identifier": "alice-7", "identifier_hash": identifier_hash(SECRET, "alice-7")}
NO_PROOF: list[dict[str, Any]] = [
    *({"identity_token": each} for each in WRONG_TOKENS.values() if each is not None and not isinstance(each, bytes)),
    {"identity_token": token(aud="other")},
    {"identity_token": token(exp=1)},
    {"identity_token": token(exp=2**40)},
    {"identity_token": token(), **HASH},
    {"identifier": "alice-7"},
    {"identifier_hash": HASH["identifier_hash"]},
    *({**HASH, "identifier": each} for each in ("", "Alice-7", 7, True, ["alice-7"], {"a": 1}, "x" * 60_000)),
    *({**HASH, "identifier_hash": each} for each in ("", 7, True, [HASH["identifier_hash"]], "0" * 64, "x" * 60_000)),
]


async def test_t8_t44_whatever_proves_nothing_has_the_same_answer_and_changes_nothing(
    site: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    before = await count(Contact), await count(Session)
    answers = []
    for proof in NO_PROOF:
        if len(json.dumps(proof)) < 65_000:
            answers.append(await enter(site, proof))
    await setting(identity_secret="", identity_secret_old="")
    answers.append(await enter(site, {"identity_token": token()}))
    answers.append(await enter(site, HASH))
    assert {(each.status_code, each.content, str(each.headers)) for each in answers} == {
        (401, answers[0].content, str(answers[0].headers))
    }
    assert answers[0].json()["error"]["code"] == "bad_identity"
    assert not any(each.cookies for each in answers)
    assert before == (await count(Contact), await count(Session))
    assert "alice" not in caplog.text.lower()


async def test_t8_a_megabyte_is_not_read(site: ApiClient) -> None:
    answered = await enter(site, HASH | {"identifier": "x" * 1_000_000})
    assert answered.status_code == 413


async def test_t8_a_claim_is_taken_once_where_the_inbox_says_so(site: ApiClient) -> None:
    await setting(claims_once=True)
    proof = {"identity_token": token(jti="n1")}
    assert (await enter(site, proof)).status_code == 201
    site.cookies.clear()
    assert (await enter(site, proof)).json()["error"]["code"] == "bad_identity"
    assert (await enter(site, HASH)).status_code == 401
    assert (await enter(site, {"identity_token": token(jti="n2")})).status_code == 201


async def test_t8_where_people_have_to_sign_in_nobody_comes_in_without(site: ApiClient) -> None:
    nobody = await site.call("POST", "session", BROWSER, headers=OWN)
    app = (await site.call("POST", "session", APP)).json()
    await setting(requires_identity=True)
    for call, body in (
        ("session", APP),
        ("session", BROWSER),
        ("session/refresh", {"inbox": "main"}),
        ("session/refresh", {"refresh_token": app["refresh_token"]}),
    ):
        answered = await site.call("POST", call, body, headers=OWN)
        assert (answered.status_code, answered.json()["error"]["code"]) == (403, "identity_required")
        assert "Sign in" in answered.json()["error"]["message"]
    signed_in = await enter(site, {"identity_token": token()})
    assert signed_in.json()["contact"] == nobody.json()["contact"]
    again = await site.call("POST", "session/refresh", {"inbox": "main"}, headers=OWN)
    assert (again.status_code, again.json()["contact"]) == (200, nobody.json()["contact"])


async def test_t10_a_hash_is_taken_until_its_secret_is_taken_away_or_hashes_are_switched_off(site: ApiClient) -> None:
    former = {"identifier": "alice-7", "identifier_hash": identifier_hash(FORMER, "alice-7")}
    one, two = await enter(site, HASH), await enter(site, former)
    assert one.json()["contact"] == two.json()["contact"]
    site.cookies.clear()
    await setting(identity_secret_old="")
    assert (await enter(site, former)).status_code == 401
    assert (await enter(site, HASH)).status_code == 201
    await setting(legacy_identity=False)
    assert (await enter(site, HASH)).status_code == 401
    assert (await enter(site, {"identity_token": token()})).status_code == 200


async def test_t5_no_token_is_taken_from_an_address_or_written_to_a_log(site: ApiClient, logged: Any) -> None:
    proof = token()
    await site.call("POST", f"session?identity_token={proof}", BROWSER, headers=OWN)
    assert not await sync_to_async(Contact.objects.filter(identifier="alice-7").exists)()
    browser = await enter(site, {"identity_token": token("bob-8")})
    app = (await enter(site, {"identity_token": token("eve-9")}, APP)).json()
    await site.call("POST", "session/refresh", {"refresh_token": app["refresh_token"]})
    assert (await site.call("GET", f"sync?token={app['access_token']}")).status_code == 401
    await site.call("GET", "sync", headers={"authorization": f"Bearer {app['access_token']}x"})
    site.token = app["access_token"]
    await site.call("GET", "sync")
    kept = logged.text.replace(f"session?identity_token={proof}", "").replace(f"sync?token={app['access_token']}", "")
    cookie = browser.cookies["chatproxy-main"].value
    for secret in (token("bob-8"), cookie, app["refresh_token"], app["access_token"], SECRET, FORMER):
        assert secret not in kept


async def test_an_allowed_site_signs_in_without_the_cookie_of_our_pages(site: ApiClient) -> None:
    begun = await site.call("POST", "session", BROWSER, headers=OWN)
    other = await enter(site, {"identity_token": token()}, **{"origin": "https://shop.example"})
    assert other.json()["contact"] != begun.json()["contact"]
