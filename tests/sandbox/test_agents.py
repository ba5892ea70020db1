"""What the stand-in does for agents alone: their pictures, and transcripts, which are counted by the hour."""

from collections.abc import Callable

import httpx

from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.world_of_agents import PNG, Staff
from tests.sandbox.visitor import Visitor


def test_a_picture_is_shown_wherever_its_agent_is(sandbox: SandboxProcess) -> None:
    staff = Staff(sandbox)
    token = staff.hire("Zoe", picture=PNG)
    headers = {"Api-Access-Token": token}
    path = f"/api/v1/accounts/{staff.account_id}/inbox_members/{staff.inbox_id}"
    (zoe,) = sandbox.http.get(path, headers=headers).json()["payload"]
    assert zoe["thumbnail"] == sandbox.http.get("/api/v1/profile", headers=headers).json()["avatar_url"]
    assert zoe["thumbnail"].startswith(f"{sandbox.base_url}/rails/active_storage/representations/redirect/")
    assert sandbox.http.get(zoe["thumbnail"], follow_redirects=True).content == PNG
    (gus,) = [each for each in sandbox.desk.call("GET", "/agents") if each["name"] == "Gus Agent"]
    assert gus["thumbnail"] == ""


def test_thirty_an_hour_are_sent_and_then_none(start_sandbox: Callable[..., SandboxProcess]) -> None:
    sandbox = start_sandbox()  # of its own: nobody else's hours are used up
    number = Visitor(sandbox, sandbox.new_inbox()).start_conversation()
    path = f"/api/v1/accounts/{sandbox.world['account_id']}/conversations/{number}/transcript"

    def ask(**body: str) -> httpx.Response:
        return sandbox.http.post(path, json=body, headers={"Api-Access-Token": sandbox.world["agent_token"]})

    assert (ask().status_code, ask().json()) == (422, {"error": "email param missing"})
    answers = [ask(email="ada@example.test") for _ in range(31)]
    assert [each.status_code for each in answers] == [200] * 30 + [429]
    assert (answers[0].content, answers[-1].text) == (b"", "Retry later\n")
    assert [row["transcripts"] for row in sandbox.ledger()] == [["ada@example.test"] * 30]
