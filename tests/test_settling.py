"""What an attempt's or a look's end leaves in the row, and when it goes on."""

import logging
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from chat.acceptance import Accepted
from chat.chatwoot.errors import Ambiguous, ChatwootError, Forbidden, Invalid, NotFound, Throttled, Unreachable
from chat.models import Delivery, Inbox, Message
from chat.outbox import Claim
from chat.outcome import DAMAGED, NOT_ACCEPTED, NOT_DELIVERED, POISON
from chat.settling import Look, ReadBack, Settling, Timing
from tests.fixtures.people import NOW, Person, create_upstream, hear, say, write
from tests.fixtures.progress import claim, doubt, incoming, state, taken

pytestmark = pytest.mark.django_db
Kind, State = Delivery.Kind, Delivery.State
DAY = 86_400_000
CRASH = Ambiguous(status=500, finished=True)


class Longest(Random):
    """Waits as long as chance allows."""

    def uniform(self, a: float, b: float) -> float:
        return b


SETTLING = Settling(Timing(), Longest())


def end(person: Person, claimed: Claim, error: ChatwootError, *, now: int = NOW, over_in_ms: int = 20_000) -> None:
    write(SETTLING.attempted, of=person, now=now, claim=claimed, error=error, over_in_ms=over_in_ms)


def look(person: Person, claimed: Claim, seen: Look, *, now: int = NOW, over_in_ms: int = 0) -> None:
    write(SETTLING.looked, of=person, now=now, claim=claimed, look=seen, over_in_ms=over_in_ms)


def of(said: Accepted) -> Delivery:
    return Delivery.objects.get(message=said.message_id)


def marks(person: Person, said: Accepted) -> Claim:
    """A mark of the visitor's that is being sent, with nothing before it."""
    Delivery.objects.filter(message=said.message_id).update(kind=Kind.SEEN)
    return taken(person, said)


# Attempts


@pytest.mark.parametrize(("attempt", "most_s"), [(1, 2), (3, 8), (6, 60), (60, 60)])
def test_the_backoff_doubles_up_to_a_minute(alice: Person, hello: Accepted, attempt: int, most_s: int):
    end(alice, replace(taken(alice, hello), attempt=attempt), Unreachable("ConnectError"))
    assert (of(hello).state, of(hello).due_at) == (State.ACCEPTED, NOW + most_s * 1000)


def test_a_throttled_one_comes_back_when_it_may(alice: Person, hello: Accepted):
    end(alice, taken(alice, hello), Throttled(retry_after_s=17))
    assert of(hello).due_at == NOW + 17_000


def test_an_inbox_that_does_not_let_us_in_is_left_alone(alice: Person, hello: Accepted):
    end(alice, taken(alice, hello), Forbidden(status=401))
    assert Inbox.objects.get().paused_until == NOW + 60_000
    assert of(hello).state == State.ACCEPTED


def test_a_refused_bot_pauses_nothing_and_the_message_goes_on_at_once(alice: Person, hello: Accepted):
    end(alice, replace(taken(alice, hello), through_bot=True), Forbidden(status=401))
    assert (Inbox.objects.get().paused_until, of(hello).due_at) == (0, NOW)


def test_what_may_be_repeated_holds_its_lane_until_its_first_try_is_over(alice: Person, hello: Accepted):
    end(alice, marks(alice, hello), Ambiguous("ReadTimeout"), over_in_ms=17_000)
    assert (of(hello).state, of(hello).due_at) == (State.UNSURE, NOW + 17_000)
    found = claim(alice, hello, now=NOW + 17_000)
    assert found is not None
    look(alice, found, Look(over=True), now=NOW + 17_000)
    assert of(hello).state == State.ACCEPTED


def test_a_mark_on_what_is_gone_is_given_up_after_a_look(alice: Person, hello: Accepted):
    end(alice, marks(alice, hello), NotFound(status=404, finished=True))
    found = claim(alice, hello, now=NOW + 500)
    assert found is not None and found.permanent
    look(alice, found, Look(over=False), now=NOW + 500)
    assert of(hello).state == State.FAILED


# Looks


def test_two_looks_behind_the_fence_are_a_second_apart(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello))
    look(alice, taken(alice, hello), Look(over=True))
    assert (of(hello).state, of(hello).looks, of(hello).due_at) == (State.UNSURE, 1, NOW + 1_000)
    look(alice, taken(alice, hello, now=NOW + 1_000), Look(over=True), now=NOW + 1_000)
    assert of(hello).state == State.ACCEPTED


def test_a_slow_look_is_said_and_the_next_begins_when_whatever_thawed_with_it_has_ended(
    alice: Person, hello: Accepted, caplog: pytest.LogCaptureFixture
):
    """Of a Chatwoot that is always slow; three such looks take the place of two prompt ones."""
    doubt(alice, taken(alice, hello))
    now = NOW
    for looks in (-1, -2):
        look(alice, taken(alice, hello, now=now), Look(over=True, prompt=False, took_ms=6_000), now=now)
        assert (of(hello).state, of(hello).looks, of(hello).due_at) == (State.UNSURE, looks, now + 5_000 + 2 * 6_000)
        now = of(hello).due_at
    assert "Chatwoot took 6.0 s to answer a look" in caplog.text
    look(alice, taken(alice, hello, now=now), Look(over=True, prompt=False, took_ms=6_000), now=now)
    assert of(hello).state == State.ACCEPTED


@pytest.mark.parametrize("worthless", [Look(over=False), Look(over=True, complete=False)])
def test_a_look_too_early_or_with_gaps_proves_nothing(alice: Person, hello: Accepted, worthless: Look):
    doubt(alice, taken(alice, hello))
    for number in range(4):
        now = NOW + 10_000 * number
        look(alice, taken(alice, hello, now=now), worthless, now=now)
    assert (of(hello).state, of(hello).looks) == (State.UNSURE, 0)


def test_a_look_with_gaps_proves_nothing_even_when_rails_has_answered(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello), finished=True)
    look(alice, taken(alice, hello), Look(over=False, complete=False))
    assert of(hello).state == State.UNSURE
    look(alice, taken(alice, hello, now=NOW + 500), Look(over=False, prompt=False), now=NOW + 500)
    assert of(hello).state == State.ACCEPTED


def test_the_next_look_is_no_later_than_the_fence(alice: Person, hello: Accepted):
    doubt(alice, taken(alice, hello))
    look(alice, taken(alice, hello, now=NOW + 9_000), Look(over=False), now=NOW + 9_000, over_in_ms=1_700)
    assert of(hello).due_at == NOW + 9_000 + 1_700


def test_looks_are_frequent_at_first_and_never_rarer_than_five_seconds():
    assert [Timing().next_look_ms(waited_ms) for waited_ms in (0, 2_000, 60_000)] == [500, 1_000, 5_000]


def test_looks_come_closer_with_the_margin(settings: Any):
    settings.DELIVERY_MARGIN_S = 0.5
    timing = Timing.from_settings()
    assert [timing.next_look_ms(waited_ms) for waited_ms in (0, 200, 60_000)] == [50, 100, 500]


def test_too_many_messages_wait_for_a_minute_and_count_as_no_crash(alice: Person, hello: Accepted):
    end(alice, taken(alice, hello), Invalid("Too many messages", permanent=False, finished=True))
    look(alice, taken(alice, hello, now=NOW + 500), Look(over=False), now=NOW + 500)
    assert (of(hello).state, of(hello).crashes) == (State.ACCEPTED, 0)
    assert of(hello).due_at == NOW + 500 + 75_000  # with jitter, so that not all come back at once


def test_a_validation_fails_with_words_for_the_visitor_and_others_for_the_operator(alice: Person, hello: Accepted):
    end(alice, taken(alice, hello), Invalid("Content is too long", permanent=True, finished=True))
    look(alice, taken(alice, hello, now=NOW + 500), Look(over=False), now=NOW + 500)
    assert state(hello) == (State.FAILED, State.FAILED)
    assert (of(hello).reason, Message.objects.get().reason) == ("status 422 Content is too long", NOT_ACCEPTED)


# Poison, and a day


def crash(person: Person, said: Accepted, *numbers: int) -> None:
    for number in numbers:
        now = NOW + 200_000 * number
        end(person, taken(person, said, now=now), CRASH, now=now)
        look(person, taken(person, said, now=now + 500), Look(over=False), now=now + 500)


def test_what_crashes_chatwoot_again_and_again_is_given_up_once_others_get_through(
    alice: Person, bob: Person, hello: Accepted, caplog: pytest.LogCaptureFixture
):
    crash(alice, hello, 0)
    other = say(bob, "mine arrives")
    create_upstream(bob, 2, said=other)
    taken(bob, other)
    hear(bob, incoming(9, "mine arrives", conversation=2))
    assert state(other)[0] == State.SENT
    crash(alice, hello, *range(1, POISON - 1))
    assert of(hello).state == State.ACCEPTED
    with caplog.at_level(logging.ERROR):
        crash(alice, hello, POISON)
    assert (of(hello).state, Message.objects.get(id=hello.message_id).reason) == (State.FAILED, NOT_DELIVERED)
    assert f"failed after {POISON} attempts" in caplog.text


def test_while_nobody_gets_through_nothing_is_given_up(alice: Person, hello: Accepted):
    crash(alice, hello, *range(2 * POISON))
    assert of(hello).state == State.ACCEPTED


def test_what_gets_through_in_the_same_conversation_gives_up_nothing(alice: Person, hello: Accepted):
    """Chatwoot may stumble over the conversation, and not over the words."""
    second = say(alice, "second", to=hello.conversation_id)
    crash(alice, hello, *range(POISON))
    Delivery.objects.filter(message=second.message_id).update(state=State.SENT)
    Message.objects.filter(id=second.message_id).update(state=State.SENT, chatwoot_id=99)
    crash(alice, hello, POISON + 1)
    assert of(hello).state == State.ACCEPTED


@pytest.mark.parametrize(("certain", "expected"), [(True, State.FAILED), (False, State.UNCONFIRMED)])
def test_after_a_day_a_message_has_failed_or_stays_unconfirmed(
    alice: Person, hello: Accepted, certain: bool, expected: str
):
    now = NOW + DAY + 1
    doubt(alice, taken(alice, hello), finished=certain)
    look(alice, taken(alice, hello, now=now), Look(over=False), now=now)
    assert state(hello) == (expected, expected)
    assert of(hello).due_at in (NOW, now + 60_000)


def test_after_a_day_without_a_connection_it_has_failed(alice: Person, hello: Accepted):
    end(alice, taken(alice, hello, now=NOW + DAY + 1), Unreachable("ConnectError"), now=NOW + DAY + 1)
    assert (of(hello).state, Message.objects.get().reason) == (State.FAILED, NOT_DELIVERED)


def test_who_waits_for_a_conversation_that_cannot_be_created_is_told_after_a_day(alice: Person):
    old, young = say(alice, "old"), say(alice, "young", now=NOW + DAY)
    Delivery.objects.filter(kind=Kind.CONTACT).update(state=State.SENT)
    opening = claim(alice, kind=Kind.CONVERSATION, now=NOW + DAY + 1)
    assert opening is not None
    end(alice, opening, Unreachable("ConnectError"), now=NOW + DAY + 1)
    assert (state(old), state(young)) == ((State.FAILED, State.FAILED), (State.ACCEPTED, State.ACCEPTED))
    assert Delivery.objects.get(kind=Kind.CONVERSATION).state == State.ACCEPTED


def test_the_timing_of_production_keeps_clear_of_what_counts_as_a_jump(settings: Any):
    settings.DELIVERY_PAUSE_S = settings.DELIVERY_BACKOFF_S = 3_600
    timing = Timing.from_settings()
    assert timing.pause_ms * 1.25 <= 600_000 and timing.backoff_ms <= 600_000
    assert (timing.budget_ms, timing.margin_ms, timing.apart_ms) == (20_000, 5_000, 1_000)


def test_after_a_day_of_fruitless_looks_nothing_waits_behind_a_mark_or_a_creation(alice: Person, hello: Accepted):
    now = NOW + DAY + 1
    end(alice, marks(alice, hello), NotFound(status=404, finished=True))
    look(alice, taken(alice, hello, now=now), Look(over=False, complete=False), now=now)
    assert of(hello).state == State.FAILED


def test_a_message_whose_conversation_stays_in_doubt_for_a_day_has_failed(alice: Person):
    said = say(alice, "hello")
    Delivery.objects.filter(kind=Kind.CONTACT).update(state=State.SENT)
    opening = claim(alice, kind=Kind.CONVERSATION)
    assert opening is not None
    end(alice, opening, Ambiguous("ReadTimeout"))
    now = NOW + DAY + 1
    found = claim(alice, kind=Kind.CONVERSATION, now=now)
    assert found is not None
    look(alice, found, Look(over=False, complete=False), now=now)
    assert state(said) == (State.FAILED, State.FAILED)
    assert Delivery.objects.get(kind=Kind.CONVERSATION).state == State.UNSURE


@pytest.mark.parametrize(("now", "state"), [(NOW + DAY, State.UNSURE), (NOW + DAY + 1, State.SENT)])
def test_files_are_read_back_for_a_day_at_most(alice: Person, hello: Accepted, now: int, state: str):
    """However long Chatwoot names no address for them, or something keeps the attempt from being over."""
    held = replace(taken(alice, hello), found=True)
    hear(alice, incoming(9))
    Delivery.objects.update(state=State.UNSURE)
    seen = ReadBack(False, "nothing is there", over=False)
    write(SETTLING.read_back, of=alice, now=now, claim=held, seen=seen, over_in_ms=500)
    assert of(hello).state == state
    assert Message.objects.get().reason == (DAMAGED if state == State.SENT else "")
