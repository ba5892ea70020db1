"""The protocol as tables: no socket, no clock, no waiting."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.chatwoot.cable import CableProtocol, CableTiming
from chat.chatwoot.cable_events import (
    Closing,
    Confirmed,
    Received,
    Rejected,
    Silent,
    Stale,
    Unanswered,
    Unwelcome,
    Welcomed,
)
from chat.chatwoot.identity import cable_identifier

ALICE = cable_identifier("alice")
BOB = cable_identifier("bob")
WELCOME = '{"type":"welcome"}'
PING = '{"type":"ping","message":1795355808}'


def frame(identifier: str, **rest: object) -> str:
    return json.dumps({"identifier": identifier, **rest})


def confirm(identifier: str) -> str:
    return frame(identifier, type="confirm_subscription")


def welcomed(*, now: float = 0) -> CableProtocol:
    cable = CableProtocol(now=now)
    cable.receive_frame(WELCOME, now=now)
    assert cable.events_received() == [Welcomed()]
    return cable


def live(*identifiers: str, now: float = 0) -> CableProtocol:
    cable = welcomed(now=now)
    for identifier in identifiers:
        cable.subscribe(identifier, now=now)
        cable.receive_frame(confirm(identifier), now=now)
    cable.events_received()
    cable.data_to_send()
    return cable


def sent(cable: CableProtocol) -> list[tuple[str, str]]:
    """What goes out, as (command, token)."""
    commands = [json.loads(text) for text in cable.data_to_send()]
    return [(each["command"], json.loads(each["identifier"])["pubsub_token"]) for each in commands]


def tick_until(cable: CableProtocol, end: float, *, start: float = 0) -> None:
    """Tick each second, with pings, as a healthy connection does."""
    for now in range(int(start) + 1, int(end) + 1):
        cable.receive_frame(PING, now=now)
        cable.tick(now=now)


def test_nothing_is_sent_before_the_welcome():
    cable = CableProtocol(now=0)
    cable.subscribe(ALICE, now=0)
    assert cable.data_to_send() == []
    cable.receive_frame(WELCOME, now=1)
    assert cable.data_to_send() == ['{"command":"subscribe","identifier":' + json.dumps(ALICE) + "}"]


def test_a_second_welcome_changes_nothing():
    cable = live(ALICE)
    cable.receive_frame(WELCOME, now=1)
    assert (cable.events_received(), cable.data_to_send()) == ([], [])


def test_a_confirmed_subscription_is_live_and_may_perform():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    cable.perform(ALICE, "update_presence")
    assert sent(cable) == [("subscribe", "alice")]  # too early to perform
    cable.receive_frame(confirm(ALICE), now=1)
    assert cable.events_received() == [Confirmed(ALICE)]
    cable.perform(ALICE, "update_presence")
    command = json.loads(cable.data_to_send()[0])
    assert command == {"command": "message", "identifier": ALICE, "data": '{"action":"update_presence"}'}


def test_wanting_it_twice_subscribes_once():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    cable.subscribe(ALICE, now=1)
    assert sent(cable) == [("subscribe", "alice")]


def test_at_most_a_window_of_subscribes_is_unconfirmed():
    cable = welcomed()
    everyone = [cable_identifier(f"v{n}") for n in range(20)]
    for identifier in everyone:
        cable.subscribe(identifier, now=0)
    assert len(sent(cable)) == 8
    for identifier in everyone[:3]:
        cable.receive_frame(confirm(identifier), now=0.1)
    assert sent(cable) == [("subscribe", f"v{n}") for n in (8, 9, 10)]
    assert cable.load == 20


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "7", '"x"', b"\xff\xfe", "[" * 5000, '{"type":"new"}', '{"type":[]}', '{"identifier":[1]}',
     '{"identifier":{},"message":{}, "type":"ping2"}', '{"message":[]}', frame(ALICE, message="text")],
)  # fmt: skip
def test_what_is_not_a_cable_frame_is_counted_and_does_no_harm(text: str | bytes):
    cable = live(ALICE)
    cable.receive_frame(text, now=1)
    assert cable.events_received() == []
    assert cable.malformed == 1
    cable.receive_frame(frame(ALICE, message={"event": "x"}), now=2)
    assert cable.events_received() == [Received(ALICE, {"event": "x"})]


@given(
    st.text()
    | st.binary()
    | st.recursive(st.none() | st.text(), lambda c: st.dictionaries(st.text(), c)).map(json.dumps)
)
def test_no_frame_whatsoever_raises(text: str | bytes):
    live(ALICE).receive_frame(text, now=1)


def test_messages_are_routed_by_the_exact_identifier():
    cable = live(ALICE)
    cable.receive_frame(frame(ALICE.replace(":", ": "), message={"event": "x"}), now=1)
    assert cable.events_received() == []
    assert cable.stray == 1


def test_messages_count_before_the_confirm_too():
    """`subscribed` may fail after its stream is set: no confirm, yet messages (performance.md §4)."""
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    cable.receive_frame(frame(ALICE, message={"event": "x"}), now=1)
    assert cable.events_received() == [Received(ALICE, {"event": "x"})]


def test_a_rejection_is_told_and_frees_the_window():
    cable = welcomed()
    for n in range(9):
        cable.subscribe(cable_identifier(f"v{n}"), now=0)
    cable.data_to_send()
    cable.receive_frame(frame(cable_identifier("v0"), type="reject_subscription"), now=1)
    assert cable.events_received() == [Rejected(cable_identifier("v0"))]
    assert sent(cable) == [("subscribe", "v8")]


@pytest.mark.parametrize(
    ("extra", "reconnect"), [({"reconnect": True}, True), ({"reconnect": False}, False), ({}, True)]
)
def test_a_disconnect_frame_is_told(extra: dict[str, bool], reconnect: bool):
    cable = live(ALICE)
    cable.receive_frame(json.dumps({"type": "disconnect", "reason": "server_restart"} | extra), now=1)
    assert cable.events_received() == [Closing("server_restart", reconnect)]


def test_nine_seconds_without_a_frame_are_stale_and_told_once():
    cable = live(ALICE)
    cable.receive_frame(PING, now=3)
    cable.tick(now=11)
    assert cable.events_received() == []
    cable.tick(now=12)
    cable.tick(now=13)
    assert cable.events_received() == [Stale()]


def test_a_socket_that_is_never_welcomed_is_stale_too():
    cable = CableProtocol(now=0)
    cable.tick(now=9)
    assert cable.events_received() == [Stale()]


def test_a_socket_that_pings_and_never_welcomes_is_given_up_and_told_once():
    cable = CableProtocol(now=0)
    cable.subscribe(ALICE, now=0)
    tick_until(cable, 8)
    assert cable.events_received() == []
    tick_until(cable, 20, start=8)
    assert cable.events_received() == [Unwelcome()]


def test_after_we_slept_ourselves_the_welcome_has_its_time_again():
    cable = CableProtocol(now=0)
    cable.forgive(now=8)
    tick_until(cable, 16, start=8)
    assert cable.events_received() == []


def test_after_we_slept_ourselves_silence_proves_nothing():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    cable.forgive(now=60)
    cable.tick(now=61)
    assert cable.events_received() == []


# The confirm deadline


def test_five_seconds_without_a_confirm_are_silence():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    tick_until(cable, 4)
    assert cable.events_received() == []
    tick_until(cable, 20, start=4)
    assert cable.events_received() == [Silent(ALICE)]


def test_the_deadline_counts_from_the_last_confirm_on_that_socket():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    cable.subscribe(BOB, now=0)
    cable.receive_frame(confirm(BOB), now=4)
    cable.tick(now=8.9)
    assert cable.events_received() == [Confirmed(BOB)]
    cable.tick(now=9)
    assert cable.events_received() == [Silent(ALICE)]


def test_on_a_busy_socket_silence_shows_when_later_ones_were_confirmed():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    for now in range(1, 8):
        other = cable_identifier(f"v{now}")
        cable.subscribe(other, now=now)
        cable.receive_frame(confirm(other), now=now + 0.1)
        cable.tick(now=now + 0.2)
        assert (Silent(ALICE) in cable.events_received()) == (now == 5)


def test_a_late_confirm_still_counts():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    tick_until(cable, 6)
    cable.receive_frame(confirm(ALICE), now=7)
    assert cable.events_received() == [Silent(ALICE), Confirmed(ALICE)]


def test_silent_ones_make_room_in_the_window():
    cable = welcomed()
    for n in range(16):
        cable.subscribe(cable_identifier(f"v{n}"), now=0)
    assert len(sent(cable)) == 8
    tick_until(cable, 5)
    assert len(sent(cable)) == 8


# One second try


def silent_for(seconds: int, *, another_took: float | None) -> CableProtocol:
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    if another_took is not None:
        cable.subscribe(BOB, now=10)
        cable.receive_frame(confirm(BOB), now=10 + another_took)
    tick_until(cable, seconds)
    return cable


def test_where_others_are_confirmed_promptly_it_is_tried_once_more_after_thirty_seconds():
    cable = silent_for(29, another_took=0.2)
    assert sent(cable) == [("subscribe", "alice"), ("subscribe", "bob")]
    tick_until(cable, 30, start=29)
    assert sent(cable) == [("unsubscribe", "alice")]
    tick_until(cable, 31, start=30)
    assert sent(cable) == [("subscribe", "alice")]  # after a pause: commands run in any order
    tick_until(cable, 300, start=31)
    assert sent(cable) == []


def test_a_second_try_that_is_confirmed_makes_it_live():
    cable = silent_for(31, another_took=0.2)
    cable.receive_frame(confirm(ALICE), now=31.5)
    assert Confirmed(ALICE) in cable.events_received()


@pytest.mark.parametrize("another_took", [None, 1.5])
def test_elsewhere_it_goes_to_the_next_socket(another_took: float | None):
    cable = silent_for(30, another_took=another_took)
    assert Unanswered(ALICE) in cable.events_received()
    cable.data_to_send()
    cable.unsubscribe(ALICE, now=30)
    assert sent(cable) == [("unsubscribe", "alice")]
    tick_until(cable, 100, start=30)
    assert sent(cable) == []


def test_without_retries_it_stays_silent():
    cable = welcomed()
    cable.subscribe(ALICE, now=0, retries=0)
    tick_until(cable, 100)
    assert cable.events_received() == [Silent(ALICE)]
    assert sent(cable) == [("subscribe", "alice")]


# Unsubscribing


def test_a_live_one_is_unsubscribed_at_once_and_heard_no_more():
    cable = live(ALICE)
    cable.unsubscribe(ALICE, now=1)
    assert sent(cable) == [("unsubscribe", "alice")]
    cable.receive_frame(frame(ALICE, message={"event": "x"}), now=1.1)
    cable.unsubscribe(ALICE, now=2)
    assert cable.events_received() == []
    assert (cable.stray, cable.load) == (1, 0)


def test_one_that_was_not_sent_yet_is_simply_forgotten():
    cable = CableProtocol(now=0)
    cable.subscribe(ALICE, now=0)
    cable.unsubscribe(ALICE, now=0)
    cable.receive_frame(WELCOME, now=1)
    assert cable.data_to_send() == []


def test_an_unconfirmed_one_is_not_unsubscribed_within_thirty_seconds():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    cable.unsubscribe(ALICE, now=1)
    assert cable.load == 1
    tick_until(cable, 29)
    assert sent(cable) == [("subscribe", "alice")]
    tick_until(cable, 30, start=29)
    assert sent(cable) == [("unsubscribe", "alice")]
    assert cable.events_received() == []
    assert cable.load == 0


def test_its_confirm_makes_the_unsubscribe_safe():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    cable.unsubscribe(ALICE, now=1)
    cable.receive_frame(confirm(ALICE), now=2)
    assert sent(cable) == [("subscribe", "alice"), ("unsubscribe", "alice")]
    assert cable.events_received() == []


def test_wanting_it_again_cancels_the_unsubscribe():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    cable.unsubscribe(ALICE, now=1)
    cable.subscribe(ALICE, now=2)
    cable.receive_frame(confirm(ALICE), now=3)
    tick_until(cable, 60, start=3)
    assert sent(cable) == [("subscribe", "alice")]
    assert cable.events_received() == [Confirmed(ALICE)]


def test_wanting_a_silent_one_again_tells_that_it_is_silent():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    cable.unsubscribe(ALICE, now=1)
    tick_until(cable, 10)
    cable.subscribe(ALICE, now=10)
    assert cable.events_received() == [Silent(ALICE)]


def test_a_rejected_one_that_nobody_wants_is_not_told():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    cable.unsubscribe(ALICE, now=1)
    cable.receive_frame(frame(ALICE, type="reject_subscription"), now=2)
    assert cable.events_received() == []
    assert cable.load == 0


def test_after_an_unsubscribe_the_same_one_rests_a_second():
    cable = live(ALICE)
    cable.unsubscribe(ALICE, now=1)
    cable.subscribe(ALICE, now=1.1)
    cable.subscribe(BOB, now=1.1)
    assert sent(cable) == [("unsubscribe", "alice"), ("subscribe", "bob")]
    cable.tick(now=2)
    assert sent(cable) == [("subscribe", "alice")]


@pytest.mark.parametrize("text", [confirm(ALICE), frame(ALICE, type="reject_subscription")])
def test_answers_that_nobody_waits_for_are_stray(text: str):
    cable = welcomed()
    cable.receive_frame(text, now=1)
    assert (cable.events_received(), cable.stray) == ([], 1)


def test_the_number_of_identifiers_is_bounded():
    cable = CableProtocol(now=0, timing=CableTiming(max_identifiers=1))
    cable.subscribe(ALICE, now=0)
    with pytest.raises(ValueError, match="too many"):
        cable.subscribe(BOB, now=0)


def test_tokens_do_not_print():
    cable = welcomed()
    cable.subscribe(ALICE, now=0)
    cable.receive_frame(confirm(ALICE), now=0)
    cable.receive_frame(frame(ALICE, message={"event": "x", "data": "secret"}), now=0)
    text = repr(cable.events_received()) + repr(cable)
    assert "alice" not in text
    assert "secret" not in text


WORDS = st.lists(st.tuples(st.sampled_from(["want", "drop", "confirm", "tick"]), st.integers(0, 11)), max_size=80)


@given(WORDS)
def test_whatever_happens_the_window_holds_and_nothing_unsure_is_unsubscribed(words: list[tuple[str, int]]):
    cable, now = welcomed(), 0.0
    unconfirmed: dict[str, float] = {}
    for word, n in words:
        identifier = cable_identifier(f"v{n}")
        match word:
            case "want":
                cable.subscribe(identifier, now=now)
            case "drop":
                cable.unsubscribe(identifier, now=now)
            case "confirm" if f"v{n}" in unconfirmed:
                cable.receive_frame(confirm(identifier), now=now)
                del unconfirmed[f"v{n}"]
            case "tick":
                now += n
                cable.receive_frame(PING, now=now)
                cable.tick(now=now)
        for command, token in sent(cable):
            if command == "subscribe":
                unconfirmed[token] = now
            else:
                assert now - unconfirmed.pop(token, -30) >= 30
        assert sum(now - at < 5 for at in unconfirmed.values()) <= 8
