"""Chatwoot's rules that no recording shows: matching, merging, reopening, assignment, templates."""

import json
from typing import Any

import pytest

from tests.fixtures.sandbox import SandboxInbox, SandboxProcess
from tests.sandbox.visitor import Socket, Visitor


@pytest.fixture
def inbox(sandbox: SandboxProcess) -> SandboxInbox:
    return sandbox.new_inbox()


def agent_identifier(sandbox: SandboxProcess) -> str:
    world = sandbox.world
    owner = {"account_id": world["account_id"], "user_id": world["agent_id"]}
    return json.dumps({"channel": "RoomChannel", "pubsub_token": world["agent_pubsub_token"], **owner})


def update(visitor: Visitor, **fields: Any) -> dict[str, Any]:
    return dict(visitor.sandbox.http.patch(visitor.path, json=fields).json())


# -- people ----------------------------------------------------------------------


async def test_a_phone_number_of_somebody_else_merges_the_two(sandbox: SandboxProcess, inbox: SandboxInbox) -> None:
    owner, other = Visitor(sandbox, inbox, "Owner"), Visitor(sandbox, inbox, "Other")
    update(owner, phone_number="+4179000001", custom_attributes={"kept": 1})
    conversation = other.start_conversation()
    other.say(conversation, "mine")
    async with Socket(sandbox.cable_url) as socket:
        await socket.subscribe(other.identifier)
        merged = update(other, name="Submitted", phone_number="+4179000001")
        assert (merged["id"], merged["name"]) == (owner.session["id"], "Submitted")
        assert merged["custom_attributes"] == {"kept": 1}
        moved = await socket.event("message.updated")
        assert moved["previous_changes"]["sender_id"] == [other.session["id"], owner.session["id"]]
    again = sandbox.http.get(other.path).json()
    assert (again["pubsub_token"], again["id"]) == (other.session["pubsub_token"], owner.session["id"])
    assert other.contents(conversation) == ["mine"]


def test_a_phone_number_is_not_taken_from_who_has_another_address(sandbox: SandboxProcess, inbox: SandboxInbox) -> None:
    owner, other = Visitor(sandbox, inbox), Visitor(sandbox, inbox)
    update(owner, phone_number="+4179000002", email="owner@merge.test")
    changed = update(other, phone_number="+4179000002", email="other@merge.test")
    assert (changed["id"], changed["phone_number"]) == (other.session["id"], None)


def test_an_answer_to_a_private_note_gives_its_text_away(sandbox: SandboxProcess, inbox: SandboxInbox) -> None:
    bob = Visitor(sandbox, inbox)
    conversation = bob.start_conversation()
    note = sandbox.desk.private_note(conversation, "secret")
    answer = sandbox.http.patch(f"{bob.path}/conversations/{conversation}/messages/{note['id']}", json={})
    assert answer.json()["content"].startswith("secret")


def test_an_empty_source_id_crashes_and_a_dot_is_not_routed(sandbox: SandboxProcess, inbox: SandboxInbox) -> None:
    assert sandbox.http.post(f"{inbox.path}/contacts", json={"source_id": ""}).status_code == 500
    assert sandbox.http.post(f"{inbox.path}/contacts", json={"source_id": {"a": 1}}).status_code == 500
    dotted = sandbox.http.get(f"{inbox.path}/contacts/a.b")
    assert (dotted.status_code, dotted.headers["content-type"]) == (404, "text/html; charset=UTF-8")


# -- the life of a conversation ----------------------------------------------------


def test_a_message_wakes_a_snoozed_conversation(sandbox: SandboxProcess, inbox: SandboxInbox) -> None:
    bob = Visitor(sandbox, inbox)
    conversation = bob.start_conversation()
    sandbox.desk.set_status(conversation, "snoozed")
    bob.say(conversation, "hello")
    assert sandbox.desk.conversations(inbox_id=inbox.id)[0]["status"] == "open"


async def test_assignment_in_the_same_save_swallows_the_status_change(sandbox: SandboxProcess) -> None:
    bob = Visitor(sandbox, sandbox.new_inbox(enable_auto_assignment=True))
    conversation = bob.start_conversation()
    sandbox.http.post(f"{bob.path}/conversations/{conversation}/toggle_status")
    sandbox.desk.call("POST", f"/conversations/{conversation}/assignments", json={"assignee_id": None})
    async with Socket(sandbox.cable_url) as desk, Socket(sandbox.cable_url) as socket:
        await desk.subscribe(agent_identifier(sandbox))
        await socket.subscribe(bob.identifier)
        bob.say(conversation, "again")
        events = []
        while "conversation.updated" not in events:
            message = json.loads(await socket.connection.recv()).get("message")
            events.append(message["event"] if isinstance(message, dict) else "")
        assert "conversation.status_changed" not in events
    assert sandbox.desk.conversations(assignee_type="me")[0]["id"] == conversation


async def test_out_of_office_answers_once_a_day(sandbox: SandboxProcess) -> None:
    closed = [{"day_of_week": day, "closed_all_day": True} for day in range(7)]
    settings = {"working_hours_enabled": True, "working_hours": closed, "out_of_office_message": "We are closed."}
    bob = Visitor(sandbox, sandbox.new_inbox(**settings))
    conversation = bob.start_conversation()
    async with Socket(sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        bob.say(conversation, "one")
        first, second = [await socket.event("message.created") for _ in range(2)]
        assert (first["content"], second["content"]) == ("one", "We are closed.")
        bob.say(conversation, "two")
        bob.say(conversation, "three")
        assert [(await socket.event("message.created"))["content"] for _ in range(2)] == ["two", "three"]


@pytest.mark.parametrize(("labels", "asked"), [(["vip"], 1), (["other"], 0)])
async def test_label_rules_decide_about_the_survey(sandbox: SandboxProcess, labels: list[str], asked: int) -> None:
    rules = {"display_type": "star", "survey_rules": {"operator": "contains", "values": ["vip"]}}
    bob = Visitor(sandbox, sandbox.new_inbox(csat_survey_enabled=True, csat_config=rules))
    conversation = bob.start_conversation()
    sandbox.desk.call("POST", f"/conversations/{conversation}/labels", json={"labels": labels})
    async with Socket(sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        sandbox.desk.resolve(conversation)
        await socket.event("conversation.updated")
        bob.say(conversation, "end")
        while (await socket.event("message.created"))["content"] != "end":
            pass
    surveys = [m for m in sandbox.desk.messages(conversation) if m["content_type"] == "input_csat"]
    assert [m["content_attributes"] for m in surveys] == [{"display_type": "star"}] * asked


# -- reading -----------------------------------------------------------------------


def test_agents_page_forwards_and_backwards(sandbox: SandboxProcess, inbox: SandboxInbox) -> None:
    bob = Visitor(sandbox, inbox)
    conversation = bob.start_conversation()
    ids = [bob.say(conversation, str(number)).json()["id"] for number in range(30)]
    path = f"/conversations/{conversation}/messages"

    def page(**bounds: int) -> list[int]:
        return [m["id"] for m in sandbox.desk.call("GET", path, params=bounds)["payload"]]

    assert page() == ids[-20:]
    assert page(before=ids[10]) == ids[:10]
    assert page(after=ids[10]) == ids[11:]
    assert page(after=ids[10], before=ids[12]) == ids[10:12]


def test_only_an_administrator_deletes_and_what_was_deleted_is_unknown(
    sandbox: SandboxProcess, inbox: SandboxInbox
) -> None:
    bob = Visitor(sandbox, inbox)
    first, second = bob.start_conversation(), bob.start_conversation()
    bob.say(first, "gone")
    account = f"/api/v1/accounts/{sandbox.world['account_id']}"

    def delete(path: str, by: str) -> int:
        headers = {"Api-Access-Token": sandbox.world[f"{by}_token"]}
        return sandbox.http.delete(account + path, headers=headers).status_code

    assert delete(f"/conversations/{first}", "agent") == 401
    assert delete(f"/conversations/{first}", "admin") == 200
    assert sandbox.http.get(f"{bob.path}/conversations/{first}/messages").status_code == 404
    assert [each["id"] for each in sandbox.http.get(f"{bob.path}/conversations").json()] == [second]
    assert delete(f"/contacts/{bob.session['id']}", "agent") == 401
    assert delete(f"/contacts/{bob.session['id']}", "admin") == 200
    assert sandbox.http.get(f"{bob.path}/conversations").status_code == 404


def test_who_has_an_answer_already_gets_304(sandbox: SandboxProcess, inbox: SandboxInbox) -> None:
    first = sandbox.http.get(inbox.path)
    again = sandbox.http.get(inbox.path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_head_is_answered_like_get_without_a_body(sandbox: SandboxProcess, inbox: SandboxInbox) -> None:
    answer = sandbox.http.head(inbox.path)
    assert (answer.status_code, answer.content) == (200, b"")


def test_an_existing_address_is_adopted_by_a_platform_app(sandbox: SandboxProcess) -> None:
    headers = {"Api-Access-Token": sandbox.world["platform_token"]}
    body = {"name": "Impostor", "email": sandbox.world["emails"]["agent"], "password": "Passw0rd!"}
    user = sandbox.http.post("/platform/api/v1/users", json=body, headers=headers).json()
    assert (user["name"], user["access_token"]) == ("Gus Agent", sandbox.world["agent_token"])


def test_a_platform_app_gives_new_people_a_password_of_every_kind_of_sign(sandbox: SandboxProcess) -> None:
    headers = {"Api-Access-Token": sandbox.world["platform_token"]}
    for password in ("", "password", "Passw0rd", "PASSW0RD!", "aA1!"):
        body = {"name": "New", "email": "new@rules.test", "password": password}
        answer = sandbox.http.post("/platform/api/v1/users", json=body, headers=headers)
        assert (answer.status_code, answer.json()["attributes"]) == (422, ["password"])


def test_agents_are_added_by_administrators_and_once(sandbox: SandboxProcess) -> None:
    path, body = f"/api/v1/accounts/{sandbox.world['account_id']}/agents", {"name": "Zoe", "email": "zoe@rules.test"}

    def add(by: str) -> int:
        headers = {"Api-Access-Token": sandbox.world[f"{by}_token"]}
        return sandbox.http.post(path, json=body, headers=headers).status_code

    assert (add("agent"), add("admin"), add("admin")) == (401, 200, 422)
    assert "Zoe" in [each["name"] for each in sandbox.desk.call("GET", "/agents")]


def test_a_bots_token_is_shown_to_administrators_alone(sandbox: SandboxProcess) -> None:
    path = f"/api/v1/accounts/{sandbox.world['account_id']}/agent_bots"
    headers = {"Api-Access-Token": sandbox.world["admin_token"]}
    (bot,) = sandbox.http.get(path, headers=headers).json()
    assert bot["access_token"] == sandbox.world["bot_token"]
    (seen,) = sandbox.desk.call("GET", "/agent_bots")
    assert "access_token" not in seen and seen["name"] == bot["name"]
    refused = sandbox.http.post(path, json={"name": "x"}, headers={"Api-Access-Token": sandbox.world["agent_token"]})
    assert refused.status_code == 401
    assert sandbox.http.post(path, json={"name": " "}, headers=headers).status_code == 422
