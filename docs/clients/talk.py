"""Journeys: from the first look at an inbox to files and forms."""

from __future__ import annotations

from rows import words
from story import Story, check, picture


def reads_the_inbox(story: Story) -> None:
    """an inbox says its name, its hours and its limits before there is a session"""
    inbox = story.me.api.read_inbox()
    check(inbox["name"] and inbox["limits"]["text"] and "hours" in inbox, "name, hours and limits")


def begins_a_session(story: Story) -> None:
    """a session begins, as nobody in particular"""
    story.me.start()
    check(story.me.rows.resets == ["start"] and not story.me.rows.conversations, "an empty start")


def says_who_they_are(story: Story) -> None:
    """name, e-mail address and attributes are kept"""
    told = {"name": f"Ada {story.name}", "email": "ada@example.com", "attributes": {"plan": "gold"}}
    story.me.api.change_contact(**told)
    kept = story.me.api.read_contact()
    check({key: kept[key] for key in told} == told and not kept["verified"], "what was said, as unproven")


def writes_first(story: Story) -> None:
    """the first message begins a conversation and reaches the agent"""
    text = f"Where is my parcel {story.name}?"
    accepted = story.me.send(text)
    story.conversation = accepted["conversation"]
    story.number = story.agent.find(text)
    shown = story.agent.conversation(story.number)["meta"]["sender"]
    check(shown["name"] == f"Ada {story.name}" and shown["custom_attributes"]["plan"] == "gold", "who writes")
    own = story.me.wait_until(lambda: story.state(accepted["message"]) == "sent" and story.row(accepted["message"]))
    check(own["conversation"] == story.conversation and words(own["text"]) == text, "the message itself")


def learns_the_hours(story: Story) -> None:
    """once somebody has written, the inbox says whether it is open"""
    story.me.wait_until(lambda: story.me.api.read_inbox()["open"] is not None, "whether it is open")


def hears_the_agent(story: Story) -> None:
    """the agent's reply arrives, and is unread until it is seen"""
    story.agent.reply(story.number, "It is **on its way**.")
    reply = story.hears("It is on its way.")
    check(reply["direction"] == "outgoing" and reply["sender"]["name"], "who wrote it")
    check(story.me.api.unread()["total"] == 1, "one unread message")
    story.me.seen(story.conversation, reply["id"])
    check(story.me.api.unread()["total"] == 0, "nothing unread")
    story.agent.until(lambda: story.agent.conversation(story.number)["contact_last_seen_at"], "seen by the visitor")


def sees_who_types(story: Story) -> None:
    """typing is told both ways, and seen by the agent is shown"""
    own = story.me.send("When will it come?", story.conversation)["message"]
    story.me.typing(story.conversation, True)
    story.me.typing(story.conversation, False)
    if story.me.hears_typing:
        # Told once and kept by nobody: what falls into a cut is lost, and who types on says so again.
        story.me.wait_until(lambda: story.agent_types() or story.agent.typing(story.number, True), "the agent types")
        story.me.wait_until(lambda: not story.agent_types() or story.agent.typing(story.number, False), "no more")
    story.agent.hears(story.number, "When will it come?")
    story.agent.look(story.number)
    story.agent.reply(story.number, "Tomorrow.")  # Chatwoot tells with its next news that they have looked
    story.me.wait_until(lambda: story.row(own) and story.agent_has_seen(story.row(own)), "seen by the agent")


def sends_a_picture(story: Story) -> None:
    """a picture is uploaded and sent"""
    stored = story.me.api.upload("label.png", picture())
    sent = story.me.send("This was on it", story.conversation, files=[stored["id"]])
    messages = story.agent.hears(story.number, "This was on it")
    names = [each["data_url"].rpartition("/")[2] for row in messages for each in row.get("attachments", [])]
    check(names == ["label.png"], "the agent has the picture")
    row = story.me.wait_until(lambda: story.state(sent["message"]) == "sent" and story.row(sent["message"]))
    check(story.me.api.download(row["attachments"][0]["id"])[:4] == b"\x89PNG", "the picture, read back")


def gets_a_file(story: Story) -> None:
    """the agent's file is downloaded by a ticket"""
    story.agent.attach(story.number, "Is it this one?", "parcel.png", picture())
    (file,) = story.hears("Is it this one?")["attachments"]
    address = story.me.api.tickets([file["id"]])[file["id"]]
    check(story.me.api.show(address) == picture() and file["name"] == "parcel.png", "the file as it was sent")


def answers_questions(story: Story) -> None:
    """a choice, a form and a survey are answered"""
    sizes = [{"title": "Small", "value": "s"}, {"title": "Large", "value": "l"}]
    choice = story.agent.reply(
        story.number, "Which one?", content_type="input_select", content_attributes={"items": sizes}
    )
    story.me.answer(story.hears("Which one?")["id"], sizes[1:])
    fields = [{"name": "email", "type": "email", "label": "E-mail"}]
    form = story.agent.reply(story.number, "Where to?", content_type="form", content_attributes={"items": fields})
    story.me.answer(story.hears("Where to?")["id"], [{"name": "email", "value": "ada@example.com"}])
    survey = story.agent.reply(story.number, "How was it?", content_type="input_csat")
    story.hears("How was it?")
    story.me.api.rate(story.conversation, 5, "Quick")
    answered = {"rating": 5, "feedback_message": "Quick"}
    story.agent.until(lambda: story.answer_to(choice) == sizes[1:], "the choice")
    story.agent.until(lambda: story.answer_to(form) == [{"name": "email", "value": "ada@example.com"}], "the form")
    story.agent.until(lambda: story.answer_to(survey) == {"csat_survey_response": answered}, "the survey")


def learns_of_a_deletion(story: Story) -> None:
    """what the agent takes back disappears here, too"""
    number = story.agent.reply(story.number, "This was for somebody else.")
    wrong = story.hears("This was for somebody else.")
    story.agent.delete(story.number, number)
    row = story.me.wait_until(lambda: story.row(wrong["id"])["deleted"] and story.row(wrong["id"]), "the deletion")
    check(row["seq"] > wrong["seq"] and row["text"] == [], "the same row, empty, with a higher number")


ALL = (
    reads_the_inbox,
    begins_a_session,
    says_who_they_are,
    writes_first,
    learns_the_hours,
    hears_the_agent,
    sees_who_types,
    sends_a_picture,
    gets_a_file,
    answers_questions,
    learns_of_a_deletion,
)
