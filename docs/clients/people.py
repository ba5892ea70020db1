"""Journeys: several conversations, several devices, and the end of them."""

from __future__ import annotations

import uuid
from contextlib import suppress

import host
from story import Story, check, is_out


def ends_and_reopens(story: Story) -> None:
    """the visitor ends the conversation; writing opens it again"""
    story.me.resolve(story.conversation)
    story.me.wait_until(lambda: story.status() == "resolved", "resolved")
    story.agent.until(lambda: story.agent.conversation(story.number)["status"] == "resolved", "resolved at the desk")
    story.me.send("One more thing", story.conversation)
    story.me.wait_until(lambda: story.status() == "open", "open again")
    story.agent.hears(story.number, "One more thing")


def begins_a_second(story: Story) -> None:
    """a second conversation is in the list, with what is unread"""
    key, echo_id, text = str(uuid.uuid4()), str(uuid.uuid4()), f"About my invoice {story.name}"
    begun = [story.me.api.begin_conversation(key, echo_id, text)["conversation"]["id"] for _ in range(2)]
    check(begun[0] == begun[1] != story.conversation, "one new conversation")
    story.agent.reply(story.agent.find(text), "Which invoice?")
    story.hears("Which invoice?")
    listed = {each["id"]: each for each in story.me.api.list_conversations()["conversations"]}
    check(listed.keys() == {begun[0], story.conversation}, "both in the list")
    check((listed[begun[0]]["unread"], listed[begun[0]]["last"]["text"]) == (1, "Which invoice?"), "unread, last line")


def signs_in(story: Story) -> None:
    """whoever signs in takes along what this device has said"""
    story.user = f"customer-{story.name}"
    mine = set(story.me.rows.conversations)
    signed = host.identity_token(host.secret(), story.user, name=f"Ada {story.name}")
    with suppress(OSError):
        story.me.api.once("POST", "/session", {"inbox": "main", "kind": "app", "identity_token": signed})
    story.me.start(signed)  # as if that answer had been lost
    check(story.me.api.read_contact()["verified"], "it is known who this is")
    story.me.wait_until(lambda: set(story.me.rows.conversations) == mine, "the same conversations")


def brings_a_second_device(story: Story) -> None:
    """a second device, which has written before it signed in, then shows the same"""
    story.second.start()
    text = f"From my other phone {story.name}"
    story.second.send(text)
    story.agent.find(text)
    story.second.start(host.identity_token(host.secret(), story.user))
    check(story.second.api.contact == story.me.api.contact, "one person")
    story.second.wait_until(lambda: len(story.second.rows.conversations) == 3, "all conversations")
    story.hears(text)
    story.me.send("On both", story.conversation)
    story.hears("On both", story.second)


def writes_too_fast(story: Story) -> None:
    """who writes too fast is told how long to wait, and nothing is lost"""
    texts = [f"Quick {number} {story.name}" for number in range(60)]
    before = story.me.api.held_back
    for text in texts:
        story.me.send(text, story.conversation)
        if story.me.api.held_back > before:
            break
    check(story.me.api.held_back > before, "a limit")
    story.agent.hears(story.number, text)


def takes_it_all_home(story: Story) -> None:
    """everything that is held of a person can be had"""
    held = story.me.api.export_contact()
    check(len(held["conversations"]) == 3 and len(held["sessions"]) >= 2, "conversations and devices")


def signs_out(story: Story) -> None:
    """signing out ends this device, and no other"""
    story.me.stop()
    story.me.api.end_session()
    check(is_out(story.me), "this one is out")
    story.second.api.read_contact()


def is_forgotten(story: Story) -> None:
    """who is erased is gone, on all devices"""
    story.second.stop()
    story.second.api.erase_contact()
    check(is_out(story.second), "no session is left")


ALL = (
    ends_and_reopens,
    begins_a_second,
    signs_in,
    brings_a_second_device,
    writes_too_fast,
    takes_it_all_home,
    signs_out,
    is_forgotten,
)
