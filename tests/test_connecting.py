"""`manage.py connect_chatwoot`: from an empty Chatwoot to a chat, and a second time to the same."""

import re
from typing import Any

import pytest
from django.core.management import CommandError

from chat.chatwoot.accounts import AgentBot
from chat.chatwoot.identity import identifier_hash
from chat.connecting import BOT, bot_of
from chat.models import Inbox
from tests.fixtures.the_operator import Operator

pytestmark = pytest.mark.django_db


def row(slug: str = "main") -> Inbox:
    return Inbox.objects.select_related("chatwoot").get(slug=slug)


def people(operator: Operator, account_id: int | None) -> dict[str, dict[str, Any]]:
    """Of an account that the platform app made, by e-mail address, as that app sees them."""
    platform, path = operator.world["platform_token"], "/platform/api/v1"
    users = operator.ask(f"{path}/accounts/{account_id}/account_users", platform)
    found = [operator.ask(f"{path}/users/{each['user_id']}", platform) for each in users]
    return {user["email"]: user for user in found}


def test_a_platform_token_makes_everything_and_an_administrators_finds_it(operator: Operator):
    said = operator.as_platform()
    inbox = row()
    assert (inbox.chatwoot.url, inbox.chatwoot.cable_url) == (operator.world["base_url"], operator.world["cable_url"])
    assert f"Account 'Support' (number {inbox.account_id}) was created." in said

    links = dict(re.findall(r"(\S+@\S+) signs in at (http\S+)", said))
    assert links.keys() == {"chat-admin@chat.example", "chat-agent@chat.example"}
    assert all(link.startswith(f"{inbox.chatwoot.url}/app/login?email=") for link in links.values())
    assert all(operator.chatwoot.http.get(link).headers["location"] == "/desk/" for link in links.values())

    token = people(operator, inbox.account_id)["chat-admin@chat.example"]["access_token"]
    account = f"/api/v1/accounts/{inbox.account_id}"
    (there,) = operator.ask(f"{account}/inboxes", token)["payload"]
    assert (there["id"], there["name"], there["hmac_mandatory"]) == (inbox.chatwoot_inbox_id, "Website chat", True)
    assert (there["inbox_identifier"], there["hmac_token"]) == (inbox.inbox_identifier, inbox.hmac_token)
    members = operator.ask(f"{account}/inbox_members/{inbox.chatwoot_inbox_id}", token)["payload"]
    roles = {each["email"]: each["role"] for each in members}
    assert roles == {"chat-admin@chat.example": "administrator", "chat-agent@chat.example": "agent"}
    (bot,) = operator.ask(f"{account}/agent_bots", token)
    assert (bot["name"], bot["access_token"]) == (BOT, inbox.bot_token)

    made = operator.everything()
    operator.chatwoot.reset_stats()
    again = operator.as_platform()
    assert "was created" not in again and "is as it was" in again and "signs in at" in again
    assert "is as it was" in operator.connect(admin_token=token)
    assert operator.everything() == made
    (tried,) = [route for route in operator.chatwoot.stats()["routes"] if not route.startswith("GET ")]
    assert tried.endswith("/messages")  # whether the bot may write, where there is no conversation


def test_visitors_read_the_name_of_the_inbox_until_somebody_here_names_it(operator: Operator):
    said = operator.as_admin(slug="titled", inbox_name="Tea and biscuits")
    assert row("titled").name == "Tea and biscuits" and "Visitors read 'Tea and biscuits' above the chat." in said
    for ours, read in (("The tea shop", "The tea shop"), ("", "titled")):
        Inbox.objects.filter(slug="titled").update(name=ours)
        assert f"Visitors read {read!r}" in operator.as_admin(slug="titled", inbox_name="Tea and biscuits")
        assert row("titled").name == ours


def test_what_was_written_down_is_what_a_visitors_message_needs(operator: Operator):
    operator.as_admin(slug="used", inbox_name="Used")
    inbox, http = row("used"), operator.chatwoot.http
    path = f"/public/api/v1/inboxes/{inbox.inbox_identifier}/contacts"
    assert http.post(path, json={"source_id": "stranger"}).status_code == 500  # identity validation is on
    anybody = {"source_id": "alice", "identifier_hash": identifier_hash(inbox.hmac_token, "")}
    assert http.post(path, json=anybody).status_code == 200
    conversation = http.post(f"{path}/alice/conversations").json()
    assert (conversation["inbox_id"], conversation["status"]) == (inbox.chatwoot_inbox_id, "open")
    write = f"/api/v1/accounts/{inbox.account_id}/conversations/{conversation['id']}/messages"
    body = {"content": "hello", "message_type": "incoming"}
    assert http.post(write, json=body, headers={"Api-Access-Token": inbox.bot_token}).status_code == 200


def test_an_inbox_is_for_whom_is_named_and_for_the_holder_of_the_token_if_for_nobody(operator: Operator):
    operator.as_admin(slug="mine", inbox_name="Mine")
    assert emails(operator, "mine") == {operator.world["emails"]["admin"]}
    named = ["Zoe <Zoe@connecting.test>", "zoe@connecting.test", operator.world["emails"]["agent"]]
    said = operator.as_admin(slug="theirs", inbox_name="Theirs", agent=named)
    assert "Zoe <zoe@connecting.test> was invited to the account by Chatwoot." in said
    assert emails(operator, "theirs") == {"zoe@connecting.test", operator.world["emails"]["agent"]}
    made = operator.everything()
    operator.as_admin(slug="theirs", inbox_name="Theirs", agent=named)
    operator.as_admin(slug="theirs")
    assert operator.everything() == made


def emails(operator: Operator, slug: str) -> set[str]:
    return {each["email"] for each in operator.account(f"/inbox_members/{row(slug).chatwoot_inbox_id}")["payload"]}


def test_people_are_told_apart_by_address_and_nobody_loses_rights(operator: Operator):
    boss, bo = "Boss <boss@people.test>", "Bo <bo@people.test>"
    said = operator.as_platform(slug="people", account_name="People", admin=boss, agent=[boss.upper(), bo])
    assert said.count("became") == 2
    found = people(operator, row("people").account_id)
    assert {email: user["role"] for email, user in found.items()} == {
        "boss@people.test": "administrator",
        "bo@people.test": "agent",
    }
    operator.as_platform(slug="people", admin=bo, agent=[boss])
    found = people(operator, row("people").account_id)
    assert {user["role"] for user in found.values()} == {"administrator"}


def test_somebody_with_that_address_is_adopted_and_that_is_said(operator: Operator):
    email = operator.world["emails"]["agent"]
    said = operator.as_platform(slug="adopting", account_name="Adopting", agent=[f"Impostor <{email}>"])
    assert f"Gus Agent <{email}> was there already and became agent." in said


def test_an_inbox_is_adopted_by_its_name_with_identity_validation_from_then_on(operator: Operator):
    there = operator.chatwoot.new_inbox("Adopted", channel={"webhook_url": "https://kept.test/"})
    said = operator.as_admin(slug="adopted", inbox_name="Adopted")
    assert f"'Adopted' ({there.id})" in said and "insists on identity validation" in said
    inbox = row("adopted")
    assert (inbox.chatwoot_inbox_id, inbox.inbox_identifier) == (there.id, there.identifier)
    (shown,) = [each for each in operator.account("/inboxes")["payload"] if each["id"] == there.id]
    assert (shown["hmac_mandatory"], shown["webhook_url"]) == (True, "https://kept.test/")


def test_an_inbox_that_was_renamed_in_chatwoot_is_still_the_same(operator: Operator):
    operator.as_admin(slug="renamed", inbox_name="Before")
    path = f"/api/v1/accounts/{operator.world['account_id']}/inboxes/{row('renamed').chatwoot_inbox_id}"
    headers = {"Api-Access-Token": operator.world["admin_token"]}
    operator.chatwoot.http.patch(path, json={"name": "After"}, headers=headers).raise_for_status()
    made = operator.everything()
    assert "Inbox 'After'" in operator.as_admin(slug="renamed")
    assert operator.everything() == made


@pytest.mark.parametrize("path", ["/inbox_members", "/agent_bots"])
def test_what_was_cut_short_is_gone_on_with(operator: Operator, path: str):
    name = f"Cut at {path[1:]}"
    operator.chatwoot.faults.set("status", path=path, status=500, times=1)
    with pytest.raises(CommandError, match=r"failed \(status 500\). Run the same command again"):
        operator.as_admin(slug="cut", inbox_name=name)
    assert not Inbox.objects.filter(slug="cut").exists()
    assert f"Inbox '{name}' (number" in operator.as_admin(slug="cut", inbox_name=name)
    assert [each["name"] for each in operator.account("/inboxes")["payload"]].count(name) == 1


def test_a_bot_token_that_serves_no_more_is_replaced_and_used_again(operator: Operator):
    operator.as_admin(slug="bot", inbox_name="Bot")
    right = row("bot").bot_token
    Inbox.objects.filter(slug="bot").update(marker_off="an answer did not fit")
    operator.as_admin(slug="bot")
    assert row("bot").marker_off == "an answer did not fit"  # that is for an operator to judge
    inbox = row("bot")
    inbox.bot_token = "revoked"
    inbox.save()
    operator.as_admin(slug="bot")
    assert (row("bot").bot_token, row("bot").marker_off) == (right, "")


def test_a_bot_token_that_nothing_replaces_is_forgotten(operator: Operator):
    operator.as_admin(slug="botless", inbox_name="Botless")
    assert row("botless").bot_serves
    operator.chatwoot.faults.set("status", path="/messages", status=401)
    said = operator.as_admin(slug="botless")
    assert "messages will go without a mark" in said and "is as it was" not in said
    assert (row("botless").bot_token, row("botless").bot_serves) == ("", False)


def test_an_inbox_that_was_deleted_there_is_made_anew_while_nothing_was_said(operator: Operator):
    operator.as_admin(slug="gone", inbox_name="Gone")
    before = row("gone")
    path = f"/api/v1/accounts/{operator.world['account_id']}/inboxes/{before.chatwoot_inbox_id}"
    headers = {"Api-Access-Token": operator.world["admin_token"]}
    operator.chatwoot.http.delete(path, headers=headers).raise_for_status()
    assert "'Gone' (number" in operator.as_admin(slug="gone", inbox_name="Gone")
    (there,) = [each for each in operator.account("/inboxes")["payload"] if each["name"] == "Gone"]
    after = row("gone")
    assert (after.chatwoot_inbox_id, after.inbox_identifier) == (there["id"], there["inbox_identifier"])
    assert there["id"] != before.chatwoot_inbox_id and (after.account_id, after.bot_serves) == (before.account_id, True)


def test_only_a_bot_of_the_account_is_ours():
    theirs = [AgentBot(1, BOT, None, "t"), AgentBot(2, BOT, 8, "t"), AgentBot(3, "other", 7, "t")]
    assert bot_of(theirs, 7) is None
    assert bot_of([*theirs, ours := AgentBot(4, BOT, 7, "t")], 7) is ours
