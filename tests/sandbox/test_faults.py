"""Each fault switch does what its name says, and no more."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chat.sandbox.faults import AT_ONCE, SWITCHES
from tests.fixtures.sandbox import SandboxProcess
from tests.sandbox.visitor import Socket, Visitor

CUT = (httpx.ReadError, httpx.RemoteProtocolError)


@pytest.fixture
def bob(sandbox: SandboxProcess) -> Visitor:
    return Visitor(sandbox, sandbox.new_inbox())


@pytest.fixture
def talk(bob: Visitor) -> Iterator[int]:
    yield bob.start_conversation()


# -- REST ----------------------------------------------------------------------


def test_an_answer_by_rails_carries_x_runtime(bob: Visitor, talk: int) -> None:
    assert float(bob.say(talk, "hello").headers["x-runtime"]) >= 0


def test_error_before_does_nothing(bob: Visitor, talk: int) -> None:
    bob.sandbox.faults.set("error_before", method="POST", path="/messages", times=1)
    answer = bob.say(talk, "one")
    assert (answer.status_code, answer.json()) == (500, {"status": 500, "error": "Internal Server Error"})
    assert "x-runtime" in answer.headers
    assert bob.say(talk, "two").status_code == 200
    assert bob.contents(talk) == ["two"]


def test_error_after_has_committed(bob: Visitor, talk: int) -> None:
    bob.sandbox.faults.set("error_after", method="POST", path="/messages", times=1)
    assert bob.say(talk, "one").status_code == 500
    assert bob.contents(talk) == ["one"]


def test_lose_answer_commits_and_cuts(bob: Visitor, talk: int) -> None:
    bob.sandbox.faults.set("lose_answer", method="POST", path="/messages", times=1)
    with pytest.raises(CUT):
        bob.say(talk, "one")
    assert bob.contents(talk) == ["one"]


def test_refuse_cuts_and_does_nothing(bob: Visitor, talk: int) -> None:
    bob.sandbox.faults.set("refuse", method="POST", path="/messages", times=1)
    with pytest.raises(CUT):
        bob.say(talk, "one")
    assert bob.contents(talk) == []


def test_delay_comes_before_the_commit(bob: Visitor, talk: int) -> None:
    with bob.sandbox.faults.on("delay", method="POST", path="/messages", seconds=5):
        with pytest.raises(httpx.ReadTimeout):
            bob.say(talk, "one", timeout=0.2)
        assert bob.contents(talk) == []


async def test_delay_answer_comes_after_the_commit(bob: Visitor, talk: int) -> None:
    bob.sandbox.faults.set("delay_answer", method="POST", path="/messages", seconds=10)
    url = f"{bob.sandbox.base_url}{bob.path}/conversations/{talk}/messages"
    async with Socket(bob.sandbox.cable_url) as socket, httpx.AsyncClient(trust_env=False) as http:
        await socket.subscribe(bob.identifier)
        posting = asyncio.create_task(http.post(url, json={"content": "one"}))
        assert (await socket.event("message.created"))["content"] == "one"
        assert not posting.done()
        posting.cancel()
        await asyncio.wait([posting])


@pytest.mark.parametrize("status", [401, 403, 404, 413, 422, 429, 502])
def test_status_answers_what_it_is_told(bob: Visitor, talk: int, status: int) -> None:
    bob.sandbox.faults.set("status", path="/messages", times=1, status=status, body={"message": "no"})
    answer = bob.say(talk, "one")
    assert (answer.status_code, answer.json()) == (status, {"message": "no"})
    assert bob.contents(talk) == []


async def test_late_commit_never_answers_and_commits_afterwards(bob: Visitor, talk: int) -> None:
    async with Socket(bob.sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        bob.sandbox.faults.set("late_commit", method="POST", path="/messages", times=1, seconds=1.5, cut=True)
        with pytest.raises(CUT):
            bob.say(talk, "one")
        assert bob.contents(talk) == []
        assert (await socket.event("message.created"))["content"] == "one"


async def test_a_fenced_request_does_not_commit_late(bob: Visitor, talk: int) -> None:
    bob.sandbox.faults.set("late_commit", method="POST", path="/messages", times=1, seconds=2)
    fence = {"X-Request-Start": f"t={int((time.time() - 88.5) * 1000)}"}
    with pytest.raises(CUT):
        await asyncio.to_thread(bob.say, talk, "one", headers=fence)
    assert bob.contents(talk) == []


async def test_a_frozen_server_commits_even_past_the_fence(bob: Visitor, talk: int) -> None:
    bob.sandbox.faults.set("late_commit", method="POST", path="/messages", times=1, seconds=2, frozen=True)
    fence = {"X-Request-Start": f"t={int((time.time() - 88.5) * 1000)}"}
    with pytest.raises(CUT):
        await asyncio.to_thread(bob.say, talk, "one", headers=fence)
    assert bob.contents(talk) == ["one"]


async def test_down_refuses_everything_but_the_controls(bob: Visitor, talk: int) -> None:
    async with Socket(bob.sandbox.cable_url) as socket:
        with bob.sandbox.faults.on("down"):
            answer = bob.say(talk, "one")
            assert answer.status_code == 502 and "x-runtime" not in answer.headers
            with pytest.raises(ConnectionClosed):
                await socket.until(type="never")
            with pytest.raises(InvalidStatus):
                await Socket(bob.sandbox.cable_url).__aenter__()
    assert bob.contents(talk) == []


def test_a_request_past_its_deadline_is_dropped_before_it_runs(bob: Visitor, talk: int) -> None:
    answer = bob.say(talk, "one", headers={"X-Request-Start": f"t={int((time.time() - 91) * 1000)}"})
    assert answer.status_code == 500 and "x-runtime" not in answer.headers and "content-type" not in answer.headers
    bob.sandbox.settings(rack_timeout=False)
    bob.say(talk, "two", headers={"X-Request-Start": f"t={int((time.time() - 91) * 1000)}"})
    assert bob.contents(talk) == ["two"]


def test_a_delay_past_the_deadline_is_timed_out_by_rails(bob: Visitor, talk: int) -> None:
    bob.sandbox.faults.set("delay", method="POST", path="/messages", times=1, seconds=8)
    answer = bob.say(talk, "one", headers={"X-Request-Start": f"t={int((time.time() - 88.5) * 1000)}"})
    assert answer.status_code == 500 and "x-runtime" in answer.headers
    assert bob.contents(talk) == []


# -- cable -----------------------------------------------------------------------


async def test_cable_cut_closes_every_socket(bob: Visitor) -> None:
    async with Socket(bob.sandbox.cable_url) as one, Socket(bob.sandbox.cable_url) as two:
        await one.until(type="welcome")
        await two.until(type="welcome")
        bob.sandbox.faults.set("cable_cut")
        for socket in (one, two):
            with pytest.raises(ConnectionClosed):
                await socket.until(type="never")


async def test_cable_disconnect_says_goodbye_as_rails_does(bob: Visitor) -> None:
    async with Socket(bob.sandbox.cable_url) as socket:
        await socket.until(type="welcome")
        bob.sandbox.faults.set("cable_disconnect")
        frame = await socket.until(type="disconnect")
        assert frame == {"type": "disconnect", "reason": "server_restart", "reconnect": True}
        with pytest.raises(ConnectionClosed):
            await socket.until(type="never")
        assert socket.connection.close_code == 1000


async def test_cable_refuse_lasts_as_often_as_asked(bob: Visitor) -> None:
    bob.sandbox.faults.set("cable_refuse", times=1)
    with pytest.raises(InvalidStatus):
        await Socket(bob.sandbox.cable_url).__aenter__()
    async with Socket(bob.sandbox.cable_url) as socket:
        await socket.until(type="welcome")


async def test_cable_mute_confirms_and_pings_but_delivers_nothing(bob: Visitor, talk: int) -> None:
    async with Socket(bob.sandbox.cable_url) as socket:
        with bob.sandbox.faults.on("cable_mute"):
            await socket.subscribe(bob.identifier)
            bob.say(talk, "unheard")
            await socket.until(type="ping")
        bob.say(talk, "heard")
        assert (await socket.event("message.created"))["content"] == "heard"


async def test_cable_silent_sends_no_frame_at_all(bob: Visitor, talk: int) -> None:
    async with Socket(bob.sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        with bob.sandbox.faults.on("cable_silent"):
            bob.say(talk, "unheard")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3.5):
                    while "presence.update" in await socket.connection.recv():
                        pass


async def test_cable_no_confirm_and_reject_meet_one_token(bob: Visitor) -> None:
    alice = Visitor(bob.sandbox, bob.inbox)
    bob.sandbox.faults.set("cable_reject", token=bob.session["pubsub_token"], times=1)
    bob.sandbox.faults.set("cable_no_confirm", token=alice.session["pubsub_token"], times=1)
    async with Socket(bob.sandbox.cable_url) as socket:
        await socket.command("subscribe", alice.identifier)
        await socket.command("subscribe", bob.identifier)
        assert (await socket.until(identifier=bob.identifier))["type"] == "reject_subscription"
        await socket.subscribe(bob.identifier)
        await socket.command("unsubscribe", alice.identifier)
        await socket.subscribe(alice.identifier)


# -- Sidekiq -----------------------------------------------------------------------


async def test_stopped_broadcasts_arrive_when_cleared(bob: Visitor, talk: int) -> None:
    async with Socket(bob.sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        with bob.sandbox.faults.on("broadcasts_stopped"):
            bob.say(talk, "late")
            await socket.until(type="ping")
        assert (await socket.event("message.created"))["content"] == "late"


async def test_stopped_and_dropped_broadcasts_never_arrive(bob: Visitor, talk: int) -> None:
    async with Socket(bob.sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        with bob.sandbox.faults.on("broadcasts_stopped", drop=True):
            bob.say(talk, "lost")
        bob.say(talk, "heard")
        assert (await socket.event("message.created"))["content"] == "heard"


async def test_delayed_broadcasts_come_after_the_answer(bob: Visitor, talk: int) -> None:
    async with Socket(bob.sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        with bob.sandbox.faults.on("broadcasts_delayed", seconds=60):
            bob.say(talk, "late")
            assert await socket.until(type="ping")
        assert (await socket.event("message.created"))["content"] == "late"
        bob.sandbox.faults.set("broadcasts_delayed", seconds=0.01)
        bob.say(talk, "a little late")
        assert (await socket.event("message.created"))["content"] == "a little late"


async def test_doubled_broadcasts_arrive_twice(bob: Visitor, talk: int) -> None:
    async with Socket(bob.sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        bob.sandbox.faults.set("broadcasts_doubled")
        bob.say(talk, "one")
        first, second = [await socket.event("message.created") for _ in range(2)]
        assert first == second


async def test_shuffled_broadcasts_arrive_all_the_same(bob: Visitor, talk: int) -> None:
    async with Socket(bob.sandbox.cable_url) as socket:
        await socket.subscribe(bob.identifier)
        bob.sandbox.faults.set("broadcasts_stopped")
        for number in range(30):
            bob.say(talk, str(number))
        bob.sandbox.faults.clear()
        bob.sandbox.faults.set("broadcasts_shuffled")
        for number in range(30, 60):
            bob.say(talk, str(number))
        contents = [(await socket.event("message.created"))["content"] for _ in range(60)]
        assert sorted(contents, key=int) == [str(number) for number in range(60)]


# -- the switches themselves -------------------------------------------------------


def test_every_switch_is_known_and_others_are_refused_in_words(sandbox: SandboxProcess) -> None:
    states = SWITCHES - AT_ONCE - {"down"}
    for name in sorted(states):
        sandbox.faults.set(name, path="/nowhere", token="nobody")
    assert {fault["name"] for fault in sandbox.faults.active()} == states
    sandbox.faults.clear()
    assert sandbox.faults.active() == []
    answer = sandbox.http.post("/sandbox/faults", json={"name": "earthquake"})
    assert answer.status_code == 422 and "earthquake" in answer.json()["error"]


def test_statistics_count_requests_by_route_and_area(bob: Visitor, talk: int) -> None:
    bob.sandbox.reset_stats()
    assert bob.sandbox.stats()["areas"]["client"] == 0
    bob.say(talk, "hello")
    stats = bob.sandbox.stats()
    assert stats["areas"]["client"] == 1
    assert sum(count for route, count in stats["routes"].items() if route.endswith("/messages")) == 1
    assert json.dumps(stats["cable"])


def test_inverted_commits_an_older_id_after_a_younger_one(bob: Visitor, talk: int) -> None:
    bob.sandbox.faults.set("inverted", method="POST", path="/messages", times=1, seconds=1)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(bob.say, talk, "first")
        while not any(route.startswith("POST") and "messages" in route for route in bob.sandbox.stats()["routes"]):
            time.sleep(0.01)
        younger = bob.say(talk, "second").json()["id"]
        assert slow.result().json()["id"] < younger
    assert set(bob.contents(talk)) == {"first", "second"}
