"""Administrators' and platform apps' calls, against the stand-in over real sockets, and what no stand-in shows."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from chat.chatwoot.accounts import AccountApi, AgentBot, profile
from chat.chatwoot.application import BotApi
from chat.chatwoot.errors import Forbidden, Malformed, NotFound
from chat.chatwoot.platform import PlatformApi
from chat.chatwoot.transport import open_http
from tests.fixtures.canary import canary
from tests.fixtures.sandbox import SandboxProcess


@pytest.fixture
async def http(sandbox: SandboxProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(sandbox.base_url) as http:
        yield http


@pytest.fixture
def api(http: httpx.AsyncClient, sandbox: SandboxProcess) -> AccountApi:
    return AccountApi(http, sandbox.world["account_id"], sandbox.world["admin_token"])


async def test_the_holder_of_a_token_tells_their_accounts(http: httpx.AsyncClient, sandbox: SandboxProcess):
    holder = await profile(http, sandbox.world["admin_token"])
    assert (holder.id, holder.name) == (sandbox.world["admin_id"], "Ada Admin")
    (membership,) = holder.memberships
    assert (membership.account_name, membership.role) == ("Acme", "administrator")


async def test_an_inbox_is_made_and_its_secrets_are_for_administrators(
    api: AccountApi, http: httpx.AsyncClient, sandbox: SandboxProcess
):
    made = await api.create_inbox("Made by a test")
    assert made.is_api and made.hmac_mandatory and made.hmac_token and made in await api.inboxes()
    assert canary.secret not in repr(made)
    agents = AccountApi(http, sandbox.world["account_id"], sandbox.world["agent_token"])
    assert made.id not in [each.id for each in await agents.inboxes()]
    members = await api.add_members(made.id, [sandbox.world["agent_id"]])
    assert members == await api.members(made.id) and [each.name for each in members] == ["Gus Agent"]
    (seen,) = [each for each in await agents.inboxes() if each.id == made.id]
    assert (seen.identifier, seen.hmac_token) == (made.identifier, "")
    with pytest.raises(Forbidden, match="You are not authorized to do this action"):
        await agents.require_hmac(made.id)


async def test_an_inbox_that_believed_anybody_does_so_no_more(api: AccountApi, sandbox: SandboxProcess):
    before = sandbox.new_inbox(channel={"webhook_url": "https://kept.test/"})
    assert (await api.require_hmac(before.id)).hmac_mandatory
    assert sandbox.http.get(before.path).json()["identity_validation_enabled"] is True


async def test_a_bot_that_was_made_may_write_although_it_is_connected_to_no_inbox(
    api: AccountApi, http: httpx.AsyncClient, sandbox: SandboxProcess
):
    made = await api.create_agent_bot(name="Made by a test", description="for a test")
    assert made in await api.agent_bots() and canary.secret in made.token and canary.secret not in repr(made)
    with pytest.raises(NotFound):
        bot = BotApi(http, sandbox.world["account_id"], made.token)
        await bot.create_message(0, content="", echo_id="", marker="")


async def test_somebody_new_is_invited(api: AccountApi):
    made = await api.create_agent(name="Zoe", email="zoe@accounts.test")
    assert made in await api.agents() and made.role == "agent"


async def test_a_platform_app_reaches_what_it_made_alone(http: httpx.AsyncClient, sandbox: SandboxProcess):
    platform = PlatformApi(http, sandbox.world["platform_token"])
    account = await platform.create_account("Made by a test")
    user = await platform.create_user(name="Pat", email="pat@accounts.test", password="Passw0rd!")
    await platform.set_account_user(account.id, user_id=user.id, role="administrator")
    assert account in await platform.accounts() and await platform.account(account.id) == account
    assert [(each.user_id, each.role) for each in await platform.account_users(account.id)] == [
        (user.id, "administrator")
    ]
    assert (user.belongs, (await platform.user(user.id)).belongs) == (False, True)
    assert "pat%40accounts.test" in await platform.login_url(user.id)
    with pytest.raises(Forbidden, match="Non permissible resource"):
        await platform.account(sandbox.world["account_id"])
    with pytest.raises(NotFound):
        await platform.account(999_999)


@pytest.mark.parametrize("token", ["secret", {"id": 1, "token": "secret"}, None])
def test_the_token_of_a_bot_is_a_text_or_in_a_row_or_not_shown(token: Any):
    bot = AgentBot.parse({"id": 1, "name": "b", "account_id": None, "access_token": token})
    assert bot.token == ("secret" if token else "") and "secret" not in repr(bot)


@pytest.mark.parametrize("body", [[{"name": "x"}], {"payload": [{"name": "x"}]}, {}])
async def test_a_list_that_is_not_read_whole_is_not_read(body: object):
    """What is not among its rows would be made a second time."""
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    async with open_http("http://chatwoot.test", transport=answer) as http:
        api = AccountApi(http, 1, "t")
        for call in (api.inboxes, api.agents, api.agent_bots):
            with pytest.raises(Malformed):
                await call()
