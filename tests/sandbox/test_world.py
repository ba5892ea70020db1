"""Starting, the world file, the desk's way in, and clear words when it cannot start."""

import stat
from collections.abc import Callable

import pytest

from tests.fixtures.sandbox import NotStarted, SandboxProcess
from tests.sandbox.visitor import Visitor


def test_the_world_file_says_where_it_listens_and_who_is_who(sandbox: SandboxProcess) -> None:
    world = sandbox.world
    assert world["base_url"] == sandbox.base_url and world["cable_url"].endswith("/cable")
    headers = {"Api-Access-Token": world["agent_token"]}
    profile = sandbox.http.get("/api/v1/profile", headers=headers).json()
    assert (profile["id"], profile["pubsub_token"]) == (world["agent_id"], world["agent_pubsub_token"])
    for key in ("inbox", "hmac_inbox", "demo_inbox"):
        shown = sandbox.http.get(f"/public/api/v1/inboxes/{world[key]['identifier']}").json()
        assert shown["identity_validation_enabled"] is world[key]["hmac_mandatory"]
    assert stat.S_IMODE(sandbox.world_file.stat().st_mode) == 0o600


def test_the_greeting_names_sandbox_and_desk_on_one_line(sandbox: SandboxProcess) -> None:
    assert sandbox.base_url in sandbox.greeting and f"{sandbox.base_url}/desk/" in sandbox.greeting


def test_a_taken_port_is_said_in_words(sandbox: SandboxProcess, start_sandbox: Callable[..., SandboxProcess]) -> None:
    port = int(sandbox.base_url.rpartition(":")[2])
    with pytest.raises(NotStarted, match=f"cannot start on 127.0.0.1:{port}"):
        start_sandbox(port=port)


def test_it_stops_cleanly_when_asked_to(start_sandbox: Callable[..., SandboxProcess]) -> None:
    process = start_sandbox()
    Visitor(process, process.new_inbox())
    assert process.stop() == 0
    assert process.log.read_text() == ""


def test_the_desk_gets_its_credentials_and_files(sandbox: SandboxProcess) -> None:
    session = sandbox.http.get("/desk/session.json").json()
    assert session["agent_token"] == sandbox.world["agent_token"] and session["agent_name"] == "Gus Agent"
    assert sandbox.http.get("/").headers["location"] == "/desk/"
    page = sandbox.http.get("/desk/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path", ["/desk/../settings.py", "/desk/%2e%2e/settings.py", "/desk/nothing.js", "/desk//etc/passwd"]
)
def test_the_desk_serves_its_own_files_only(sandbox: SandboxProcess, path: str) -> None:
    assert sandbox.http.get(path).status_code == 404


def test_health_needs_no_token(sandbox: SandboxProcess) -> None:
    assert sandbox.http.get("/api").json()["version"] == "4.10.0"


def test_the_ledger_shows_what_an_agent_would_see(sandbox: SandboxProcess) -> None:
    bob = Visitor(sandbox, sandbox.new_inbox())
    conversation = bob.start_conversation()
    bob.say(conversation, "hello", json={"echo_id": "e-1"})
    wrong = sandbox.desk.reply(conversation, "wrong")
    sandbox.desk.reply(conversation, "careful", private=True)
    sandbox.desk.delete(conversation, wrong["id"])
    (row,) = sandbox.ledger(bob.inbox)
    assert row["id"] == conversation and row["source_id"] == bob.session["source_id"]
    seen = [(m["message_type"], m["content"], m["echo_id"], m["private"], m["deleted"]) for m in row["messages"]]
    assert seen == [
        ("incoming", "hello", "e-1", False, False),
        ("outgoing", "This message was deleted", None, False, True),
        ("outgoing", "careful", None, True, False),
    ]


def test_two_hundred_messages_in_a_minute_are_too_many(sandbox: SandboxProcess) -> None:
    bob = Visitor(sandbox, sandbox.new_inbox())
    conversation = bob.start_conversation()
    answers = [bob.say(conversation, str(number)) for number in range(201)]
    assert [answer.status_code for answer in answers] == [200] * 200 + [422]
    assert answers[-1].json() == {"message": "Too many messages", "attributes": ["base"]}


def test_a_nul_character_crashes_as_in_postgresql(sandbox: SandboxProcess) -> None:
    bob = Visitor(sandbox, sandbox.new_inbox())
    answer = bob.say(bob.start_conversation(), "a\0b")
    assert (answer.status_code, answer.json()) == (500, {"status": 500, "error": "Internal Server Error"})


def test_a_failing_webhook_marks_the_message_as_failed(sandbox: SandboxProcess) -> None:
    nowhere = f"{sandbox.base_url}/nowhere"
    bob = Visitor(sandbox, sandbox.new_inbox(channel={"webhook_url": nowhere}))
    conversation = bob.start_conversation()
    sandbox.faults.set("status", path="/nowhere", status=500, times=50)
    bob.say(conversation, "hello")
    messages = sandbox.desk.messages(conversation)
    while messages[0]["status"] == "sent":
        messages = sandbox.desk.messages(conversation)
    assert messages[0]["status"] == "failed"
    assert messages[0]["content_attributes"] == {"external_error": "500 Internal Server Error"}
