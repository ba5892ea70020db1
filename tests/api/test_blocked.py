"""A block reaches whom it is about, whichever way they come, and nothing is written for them any more."""

import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chat.models import Attachment, Contact, Session
from chat.networks import parse_network
from chat.rules import EVERYWHERE, Networks
from tests.api.conftest import Addresses, ApiClient
from tests.api.test_identity import APP, FORMER, SECRET, enter, setting, token
from tests.fixtures.the_porter import Porter
from tests.fixtures.world_of_files import AppUser, body_of


@pytest.fixture
async def site(anybody: ApiClient, opened: Any) -> ApiClient:
    """At an inbox whose site signs."""
    await setting(identity_secret=SECRET, identity_secret_old=FORMER)
    return anybody


async def rows() -> tuple[Any, ...]:
    """What signing in might change."""
    devices = Session.objects.order_by("id").values_list("id", "contact", "token_hash", "revoked_at")
    people = Contact.objects.order_by("id").values_list("id", "identifier", "name")
    return await sync_to_async(list)(devices), await sync_to_async(list)(people)


async def is_turned_away(site: ApiClient, proof: dict[str, Any], **headers: str) -> bool:
    before = await rows()
    answered = await enter(site, proof, APP, **headers)
    assert await rows() == before, "nothing has changed"
    return bool(answered.status_code == 403 and answered.json()["error"]["code"] == "blocked")


async def test_who_is_blocked_signs_in_on_no_other_device(site: ApiClient, porter: Porter) -> None:
    alice = uuid.UUID((await enter(site, {"identity_token": token()}, APP)).json()["contact"])
    nameless = (await site.call("POST", "session", APP)).json()
    await porter.lay_down(contacts=frozenset({alice}))
    proof = {"identity_token": token(name="Somebody else")}
    assert await is_turned_away(site, proof)
    assert await is_turned_away(site, proof, authorization=f"Bearer {nameless['access_token']}")


async def test_who_is_blocked_without_a_name_does_not_get_out_of_it_by_a_name(site: ApiClient, porter: Porter) -> None:
    """What they have said would become somebody's who is not blocked."""
    await enter(site, {"identity_token": token()}, APP)
    nameless = (await site.call("POST", "session", APP)).json()
    await porter.lay_down(contacts=frozenset({uuid.UUID(nameless["contact"])}))
    proof = {"identity_token": token()}
    assert await is_turned_away(site, proof, authorization=f"Bearer {nameless['access_token']}")
    assert (await enter(site, proof, APP)).status_code == 201, "from another device"


async def test_at_a_shared_computer_the_next_one_is_not_blocked_with_the_one_before(
    site: ApiClient, porter: Porter
) -> None:
    alice = (await enter(site, {"identity_token": token("alice-7")})).json()
    await porter.lay_down(contacts=frozenset({uuid.UUID(alice["contact"])}))
    assert (await enter(site, {"identity_token": token("bob-8")})).status_code == 201


@pytest.mark.parametrize("by", ["contact", "network"])
async def test_a_ticket_opens_nothing_for_who_is_blocked(
    app_user: AppUser, porter: Porter, settings: Any, by: str
) -> None:
    settings.ROOT_URLCONF = Addresses(app_user.runtime.conversations, porter.gate)
    file_id = str(await app_user.upload("list.txt", b"a parcel list\n"))
    bought = await app_user.ask("POST", "attachments/tickets", b'{"attachments": ["%s"]}' % file_id.encode())
    url = bought.json()["urls"][file_id]
    assert await body_of(await app_user.get(url, token=False)) == b"a parcel list\n"
    blocked: dict[str, Any] = {
        "contact": {"contacts": frozenset({app_user.person.contact_id})},
        "network": {"networks": Networks.of([(parse_network("127.0.0.0/8"), EVERYWHERE)])},
    }
    await porter.lay_down(**blocked[by])
    for method in ("GET", "HEAD"):
        answered = await app_user.get(url, method=method, token=False)
        assert answered.status_code == 403
    await porter.lay_down()
    assert await body_of(await app_user.get(url, token=False)) == b"a parcel list\n"
    assert await app_user.world.ask(Attachment.objects.filter(id=file_id).exists)
