"""Pages of other sites that speak to the API themselves, and those that may not."""

from typing import Any

import pytest

from chat.embedding import Origins
from chat.limits import Limits
from chat.rules import EVERYWHERE
from tests.fixtures.the_porter import Porter

SHOP, OTHER, EVIL = "https://shop.example", "https://other.example", "https://evil.example"
BEGIN = {"inbox": "main", "kind": "browser"}
ASK = {"access-control-request-method": "PUT", "access-control-request-headers": "authorization,content-type"}


@pytest.fixture(autouse=True)
async def listed(porter: Porter) -> None:
    """The fixtures' inbox lists the shop; some inbox lists the other."""
    await porter.lay_down(origins=Origins.of([SHOP, OTHER]))


def readable(response: Any, origin: str) -> bool:
    """Whether a browser lets that page read it. Credentials never."""
    assert "Access-Control-Allow-Credentials" not in response
    assert "Origin" in response["Vary"]
    allowed = response.get("Access-Control-Allow-Origin")
    assert allowed in (None, origin)
    return allowed is not None


@pytest.mark.parametrize(
    "path", ["session", "session/refresh", "sync", "messages/x", "uploads", "conversations/x/resolve"]
)
async def test_a_listed_origin_may_ask_before_any_call(anybody: Any, opened: Any, path: str) -> None:
    response = await anybody.call("OPTIONS", path, headers={"origin": SHOP, **ASK})
    assert (response.status_code, response.content) == (204, b"")
    assert readable(response, SHOP)
    assert "PUT" in response["Access-Control-Allow-Methods"]
    assert "Authorization" in response["Access-Control-Allow-Headers"]
    assert int(response["Access-Control-Max-Age"]) > 60


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "https://shop.example.evil.example", "http://shop.example", "file://"]
)
async def test_no_other_origin_may_and_the_log_says_what_to_change(
    anybody: Any, opened: Any, caplog: Any, origin: str
) -> None:
    response = await anybody.call("OPTIONS", "sync", headers={"origin": origin, **ASK})
    assert response.status_code == 403
    assert not readable(response, origin)
    assert "Access-Control-Allow-Methods" not in response
    assert repr(origin) in caplog.text
    assert "ALLOWED_ORIGINS" in caplog.text


async def test_a_flood_of_them_meets_the_limit_of_its_address_and_is_counted(
    anybody: Any, opened: Any, porter: Porter, caplog: Any
) -> None:
    limits = {EVERYWHERE: Limits.of({"all": "off", "address_calls": "3/h"})}
    await porter.lay_down(origins=Origins.of([SHOP]), limits=limits)
    foreign = [await anybody.call("OPTIONS", "sync", headers={"origin": EVIL, **ASK}) for _ in range(5)]
    assert [each.status_code for each in foreign] == [403, 403, 403, 429, 429]
    assert "Forbidden" not in caplog.text, "it was said already"
    assert porter.gate.turned_away == {"origins": 3, "address_calls": 2}
    assert (await anybody.call("OPTIONS", "sync", headers={"origin": SHOP, **ASK})).status_code == 429


async def test_a_foreign_page_begins_as_an_app_does_without_a_cookie(anybody: Any, opened: Any) -> None:
    response = await anybody.call("POST", "session", BEGIN, headers={"origin": SHOP})
    assert response.status_code == 201
    assert readable(response, SHOP)
    assert not response.cookies
    body = response.json()
    again = await anybody.call(
        "POST", "session/refresh", {"refresh_token": body["refresh_token"]}, headers={"origin": SHOP}
    )
    assert (again.status_code, again.json()["contact"]) == (200, body["contact"])
    assert readable(again, SHOP)
    assert not again.cookies
    anybody.token = body["access_token"]
    assert readable(await anybody.call("GET", "sync", headers={"origin": SHOP}), SHOP)


async def test_no_cookie_of_ours_is_taken_from_a_foreign_page(anybody: Any, opened: Any, caplog: Any) -> None:
    own = {"origin": "http://testserver"}
    first = await anybody.call("POST", "session", BEGIN, headers=own)
    refused = await anybody.call("POST", "session/refresh", {"inbox": "main"}, headers={"origin": SHOP})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "foreign_origin")
    assert not refused.cookies
    assert "refresh_token" in caplog.text
    begun = await anybody.call("POST", "session", BEGIN, headers={"origin": SHOP})
    assert begun.json()["contact"] != first.json()["contact"], "with the cookie it would have been the same"


async def test_the_session_of_a_browser_is_nothing_to_a_foreign_page(anybody: Any, opened: Any) -> None:
    body = {"refresh_token": opened.refresh_token}
    response = await anybody.call("POST", "session/refresh", body, headers={"origin": SHOP})
    assert response.status_code == 401
    assert not response.cookies


@pytest.mark.parametrize("origin", [OTHER, EVIL, "null"])
async def test_each_call_is_decided_by_its_own_inbox(visitor: Any, opened: Any, caplog: Any, origin: str) -> None:
    app = (await visitor.call("POST", "session", {**BEGIN, "kind": "app"})).json()
    calls = [
        ("GET", "sync", None),
        ("POST", "session", BEGIN),
        ("POST", "session/refresh", {"refresh_token": app["refresh_token"]}),
    ]
    for method, path, body in calls:
        caplog.clear()
        response = await visitor.call(method, path, body, headers={"origin": origin})
        assert (response.status_code, response.json()["error"]["code"]) == (403, "foreign_origin")
        assert not readable(response, origin)
        assert not response.cookies
        assert repr(origin) in caplog.text
        assert "ALLOWED_ORIGINS" in caplog.text


async def test_what_goes_wrong_can_be_read_where_an_inbox_is_not_known_yet(anybody: Any, opened: Any) -> None:
    for origin, may in ((SHOP, True), (OTHER, True), (EVIL, False)):
        response = await anybody.call("GET", "sync", headers={"origin": origin, "authorization": "Bearer old"})
        assert response.status_code == 401
        assert readable(response, origin) is may


async def test_a_limit_tells_a_foreign_page_when_to_come_back(anybody: Any, opened: Any, porter: Porter) -> None:
    await porter.limit(sessions="1/h")
    for status in (201, 429):
        response = await anybody.call("POST", "session", BEGIN, headers={"origin": SHOP})
        assert response.status_code == status
    assert readable(response, SHOP)
    assert "Retry-After" in response["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("origin", [None, "http://testserver"])
async def test_our_own_pages_and_apps_need_no_leave(visitor: Any, origin: str | None) -> None:
    response = await visitor.call("GET", "sync", headers={} if origin is None else {"origin": origin})
    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response


async def test_options_that_is_no_preflight_is_no_call(anybody: Any) -> None:
    response = await anybody.call("OPTIONS", "sync", headers={"origin": SHOP})
    assert response.status_code == 405


async def test_no_page_outside_the_api_is_opened(async_client: Any, transactional_db: None) -> None:
    for path in ("/", "/healthz", "/admin/login/", "/ws/v1"):
        response = await async_client.options(path, headers={"origin": SHOP, **ASK})
        assert "Access-Control-Allow-Origin" not in response
