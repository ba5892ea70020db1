"""Journeys: what a network, a limit or another history does to an app, and how it goes on."""

from __future__ import annotations

import uuid

from calls import Refused
from rows import words
from story import Broken, Story, check

LINES = 55  # more than a reset brings


def is_not_delivered(story: Story) -> None:
    """what Chatwoot has refused is sent again, or deleted"""
    story.fails("Please try this again")
    again = story.me.rows.saying("Please try this again")["id"]
    story.me.retry(again)
    story.me.wait_until(lambda: story.state(again) == "sent", "sent at last")
    story.arrives_once("Please try this again")
    story.fails("Forget this")
    forgotten = story.me.rows.saying("Forget this")["id"]
    story.me.discard(forgotten)
    story.me.wait_until(lambda: story.row(forgotten)["deleted"], "deleted")


def says_it_twice(story: Story) -> None:
    """the same echo_id twice is one message; with other words it is refused"""
    echo_id = str(uuid.uuid4())
    first = story.me.send("Only once", story.conversation, echo_id=echo_id)
    again = story.me.send("Only once", story.conversation, echo_id=echo_id)
    check(first["message"] == again["message"], "one answer")
    try:
        story.me.send("Something else", story.conversation, echo_id=echo_id)
    except Refused as refused:
        check(refused.code == "echo_id_mismatch" and refused.status == 422, "why it was refused")
    else:
        raise Broken("other words with the same echo_id are refused")
    story.arrives_once("Only once")


def is_cut_off(story: Story) -> None:
    """a message whose answer was lost, and what was said meanwhile, arrive once"""
    story.me.send_through_a_cut("Are you there?", story.conversation)
    story.arrives_once("Are you there?")
    resets = list(story.me.rows.resets)
    story.me.lose_the_line()
    story.agent.reply(story.number, "I said something while you were away.")
    story.hears("I said something while you were away.")
    check(story.me.rows.resets == resets, "it goes on from the cursor")


def begins_anew(story: Story) -> None:
    """a cursor of another history is answered by a reset"""
    story.me.stop()
    story.me.rows.cursor = "another.1"
    before = len(story.me.rows.resets)
    story.me.wait_until(lambda: len(story.me.rows.resets) > before, "a reset")
    check(story.me.rows.resets[-1] == "epoch" and story.me.rows.saying("Are you there?"), "everything is there again")


def outlives_its_token(story: Story) -> None:
    """an access token that has expired is replaced, and the refresh token with it"""
    former = story.me.api.refresh_token
    story.me.api.access_token = "expired"
    story.me.api.read_contact()
    check(story.me.api.refresh_token != former, "the next refresh token")
    latest, story.me.api.refresh_token = story.me.api.refresh_token, former
    story.me.api.refresh_session(story.me.api.access_token)  # as if the answer had not come
    check(story.me.api.refresh_token == latest, "the same answer to the same question")


def pages_back(story: Story) -> None:
    """the history is paged back, without a gap"""
    lines = [f"Line {number}" for number in range(LINES)]
    for line in lines:
        story.agent.reply(story.number, line)
    story.hears(lines[-1])
    other = story.client(story.site)
    other.api.access_token, other.api.contact = story.me.api.access_token, story.me.api.contact
    other.wait_until(lambda: other.rows.cursor, "the newest messages")
    newest = len(other.rows.thread(story.conversation))
    page = {"more": True}
    while page["more"]:
        oldest = other.rows.thread(story.conversation)[0]["id"]
        page = other.api.history(story.conversation, before=oldest, limit=10)
        other.rows.take_history(story.conversation, page)
    other.stop()
    here, there = story.me.rows.thread(story.conversation), other.rows.thread(story.conversation)
    check(newest == 50 and [row["id"] for row in here] == [row["id"] for row in there], "all of it, in order")
    check([words(row["text"]) for row in there[-LINES:]] == lines, "in the order in which it was written")


ALL = (
    is_not_delivered,
    says_it_twice,
    is_cut_off,
    begins_anew,
    outlives_its_token,
    pages_back,
)
