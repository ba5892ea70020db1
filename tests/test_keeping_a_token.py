"""`manage.py connect_chatwoot --keep-agent-token`: only when asked, only one that serves, and printed nowhere."""

import pytest

from chat.models import Inbox
from tests.fixtures.the_operator import Operator

pytestmark = pytest.mark.django_db


def kept(slug: str) -> str:
    return Inbox.objects.get(slug=slug).agent_token


def members(operator: Operator, slug: str) -> set[str]:
    path = f"/inbox_members/{Inbox.objects.get(slug=slug).chatwoot_inbox_id}"
    return {each["email"] for each in operator.account(path)["payload"]}


def test_a_token_that_nobody_asked_to_keep_is_not_kept(operator: Operator):
    operator.as_admin(slug="unasked", inbox_name="Unasked", agent_token=operator.world["agent_token"])
    assert kept("unasked") == ""


def test_an_agent_becomes_a_member_and_what_they_see_is_said(operator: Operator):
    token = operator.world["agent_token"]
    said = operator.as_admin(slug="kept", inbox_name="Kept", agent_token=token, keep_agent_token=True)
    assert kept("kept") == token
    assert members(operator, "kept") == {operator.world["emails"]["agent"]}
    assert "The token that is kept is that of Gus Agent" in said and "who is there: Gus Agent." in said
    made = operator.everything()
    operator.as_admin(slug="kept", agent_token=token, keep_agent_token=True)
    operator.as_admin(slug="kept")  # what is not told anew stays
    assert operator.everything() == made and kept("kept") == token


def test_an_administrators_serves_without_membership(operator: Operator):
    token, agent = operator.world["admin_token"], operator.world["emails"]["agent"]
    operator.as_admin(slug="boss", inbox_name="Boss", agent=[agent], agent_token=token, keep_agent_token=True)
    assert kept("boss") == token and members(operator, "boss") == {agent}


def test_a_platform_app_brings_the_token_of_the_agent_it_made(operator: Operator):
    people = {"admin": "Ada <ada@keeping.test>", "agent": ["Ada <ada@keeping.test>", "Zoe <zoe@keeping.test>"]}
    said = operator.as_platform(slug="made", account_name="Made", keep_agent_token=True, **people)
    assert "The token that is kept is that of Zoe <zoe@keeping.test>, agent." in said
    inbox = Inbox.objects.get(slug="made")
    there = operator.ask(f"/api/v1/accounts/{inbox.account_id}/inbox_members/{inbox.chatwoot_inbox_id}", kept("made"))
    assert {each["name"] for each in there["payload"]} == {"Ada", "Zoe"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "There is no token to keep: set CHATWOOT_AGENT_TOKEN"),
        ("not a token", "That is no access token"),
        ("unknown", "does not know the agent's token"),
        ("bot_token", "is that of an agent bot or of a platform app, where an agent's is needed"),
    ],
)
def test_one_that_does_not_serve_is_refused_before_anything_is_made(operator: Operator, given: str, words: str):
    token = operator.world.get(given, given)
    said = operator.refused(
        admin_token=operator.world["admin_token"], slug="no", inbox_name="No", agent_token=token, keep_agent_token=True
    )
    assert words in said


def test_somebody_of_another_account_is_refused(operator: Operator):
    operator.as_platform(slug="apart", account_name="Apart", agent=["Ann <ann@apart.test>"], keep_agent_token=True)
    said = operator.refused(
        admin_token=operator.world["admin_token"],
        slug="mixed",
        inbox_name="Mixed",
        agent_token=kept("apart"),
        keep_agent_token=True,
    )
    assert "Ann, whose token is to be kept, is not in the account 'Acme'" in said
