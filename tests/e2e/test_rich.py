"""Questions of agents in a browser, with a server that the test plays: shown, answered in place, kept, announced."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.e2e.test_frame import say
from tests.fixtures.browser import PlayedServer
from tests.fixtures.rich_messages import WHERE, answered, articles, card, cards, choices, csat, drawing

pytestmark = pytest.mark.browser

CHAT = "/chat/main/"


@pytest.fixture(autouse=True)
def _strict(played: PlayedServer) -> None:
    played.strict = True


def message(page: Page, row: dict[str, Any]) -> Locator:
    return page.locator(f"[data-message-id='{row['id']}']")


def takes(played: PlayedServer, row: dict[str, Any], values: Any, state: str = "accepted") -> None:
    """The server has the answer and tells so."""
    attributes = row["attributes"] | answered(values, state)
    played.changes([row | {"attributes": attributes, "seq": played.seq + 1}])
    played.seq += 1


def values_of(page: Page, played: PlayedServer, count: int = 1) -> Any:
    """Of the newest answer, once so many have come."""
    for _ in range(100):
        if len(played.frames("answer")) >= count:
            break
        page.wait_for_timeout(50)
    frames = played.frames("answer")
    assert len(frames) == count
    return frames[-1]["values"]


def test_a_choice_is_answered_in_place_and_shows_in_every_tab(
    context: BrowserContext, played: PlayedServer, returning: Page
) -> None:
    row = played.message("Which case?", **choices("Oak", "Ash", "Brass"))
    played.messages.append(row)
    returning.goto(CHAT)
    other = context.new_page()
    other.goto(CHAT)
    expect(message(other, row).get_by_role("button")).to_have_count(3)
    message(returning, row).get_by_role("button", name="Ash").focus()
    returning.keyboard.press("Enter")
    expect(message(returning, row).locator(".chosen")).to_contain_text("Ash")
    expect(message(returning, row).get_by_role("button")).to_have_count(0)
    expect(message(returning, row).locator(".chosen")).to_be_focused()
    assert values_of(returning, played) == [{"title": "Ash", "value": "ash"}]
    expect(message(returning, row).get_by_text("Sending")).to_be_visible()
    takes(played, row, [{"title": "Ash", "value": "ash"}])
    takes(played, row, [{"title": "Ash", "value": "ash"}], "sent")
    for page in (returning, other):
        expect(message(page, row).locator(".chosen")).to_contain_text("Ash")
        expect(message(page, row).get_by_text("Sending")).to_be_hidden()
    assert returning.evaluate("Object.keys(localStorage).filter((key) => key.includes('answer:'))") == []


def test_what_was_answered_elsewhere_takes_no_focus(played: PlayedServer, returning: Page) -> None:
    played.config = {"still": True}
    ash = [{"title": "Ash", "value": "ash"}]
    rows = [played.message("Which case?", **choices("Oak", "Ash")) for _ in range(2)]
    rows[0]["attributes"] |= answered(ash, "sent")
    played.messages += rows
    returning.goto(CHAT)
    expect(message(returning, rows[0]).locator(".chosen")).to_contain_text("Ash")
    takes(played, rows[1], ash)
    expect(message(returning, rows[1]).locator(".chosen")).to_contain_text("Ash")
    assert returning.evaluate("document.activeElement === document.body")


def test_an_answer_given_offline_waits_over_a_reload_and_its_failure_can_be_tried_again(
    played: PlayedServer, returning: Page
) -> None:
    row = played.message("Which case?", **choices("Oak", "Ash"))
    played.messages.append(row)
    returning.goto(CHAT)
    message(returning, row).get_by_role("button", name="Oak").wait_for()
    played.reachable = False
    played.cut()
    message(returning, row).get_by_role("button", name="Oak").click()
    expect(message(returning, row).get_by_text("Waiting to be sent")).to_be_visible()
    assert played.frames("answer") == []
    played.reachable = True
    returning.reload()
    oak = [{"title": "Oak", "value": "oak"}]
    assert values_of(returning, played) == oak
    expect(message(returning, row).locator(".chosen")).to_contain_text("Oak")
    takes(played, row, oak, "failed")
    again = message(returning, row).get_by_role("button", name="Try again")
    expect(message(returning, row).get_by_text("Not sent.")).to_be_visible()
    again.click()
    assert values_of(returning, played, 2) == oak
    takes(played, row, oak, "sent")
    expect(again).to_be_hidden()


def test_a_form_says_below_each_field_what_is_wrong_and_becomes_a_summary(
    played: PlayedServer, returning: Page
) -> None:
    row = played.message("Where may we write to you?", **WHERE)
    played.messages.append(row)
    returning.goto(CHAT)
    form = message(returning, row)
    form.get_by_label("Order number").fill("12")
    form.get_by_role("button", name="Send").click()
    email = form.get_by_label("E-mail")
    expect(email).to_be_focused()
    expect(email).to_have_accessible_description("Please fill this in.")
    expect(form.get_by_label("Order number")).to_have_accessible_description("Four digits, please.")
    email.fill("ada@example")
    expect(email).to_have_accessible_description("Please write an e-mail address, like name@example.com.")
    email.fill("ada@example.test")
    expect(email).to_have_accessible_description("")
    form.get_by_label("Order number").fill("1234")
    form.get_by_label("Size of the dial").select_option("Large, 20 cm")
    played.changes([row | {"text": [{"t": "p", "c": ["Where may we write?"]}], "seq": played.seq + 1}])
    expect(message(returning, row)).to_contain_text("Where may we write?")
    expect(email).to_have_value("ada@example.test")  # an edit of the question takes nothing away
    form.get_by_role("button", name="Send").click()
    values = [
        {"name": "email", "value": "ada@example.test"},
        {"name": "size", "value": "l"},
        {"name": "order", "value": "1234"},
        {"name": "note", "value": ""},
    ]
    assert values_of(returning, played) == values
    expect(form.locator("dd")).to_have_text(["ada@example.test", "Large, 20 cm", "1234", "Left empty"])


@pytest.mark.parametrize(("display", "names"), [("emoji", ("Very bad", "Good")), ("star", ("1 star", "4 stars"))])
def test_a_survey_takes_a_rating_then_a_line_and_thanks(
    played: PlayedServer, returning: Page, display: str, names: tuple[str, str]
) -> None:
    row = played.message("How did we do?", **csat(display))
    played.messages.append(row)
    returning.goto(CHAT)
    survey = message(returning, row)
    expect(survey.get_by_role("button", name=names[0])).to_be_visible()
    survey.get_by_role("button", name=names[1], exact=True).click()
    rated = {"csat_survey_response": {"rating": 4, "feedback_message": ""}}
    assert values_of(returning, played) == rated
    takes(played, row, rated, "sent")
    survey.get_by_role("textbox", name="Anything you would like to add?").fill("Kind and quick")
    survey.get_by_role("button", name="Send").click()
    told = {"csat_survey_response": {"rating": 4, "feedback_message": "Kind and quick"}}
    assert values_of(returning, played, 2) == told
    expect(survey.get_by_text("Thank you")).to_be_visible()
    takes(played, row, told, "sent")
    expect(survey.get_by_text("Kind and quick")).to_be_visible()
    expect(survey.get_by_role("button", pressed=True)).to_be_disabled()


def test_cards_open_pages_and_say_things_and_other_types_are_never_blank(played: PlayedServer, returning: Page) -> None:
    shelf = cards(card("Harbour clock", "Brass", Look_at_it="https://shop.example/a", I_want_this="say"))
    rows = [
        played.message("Two that go well together", **shelf),
        played.message([], **articles({"title": "Winding", "description": "", "link": "https://help.example/w"})),
        played.message([], content_type="input_email"),
        played.message("Join the call", content_type="integrations"),
        played.message([], deleted=True),
        played.message("👍"),
        played.message("x" * 400),
    ]
    played.messages += rows
    returning.goto(CHAT)
    link = message(returning, rows[0]).get_by_role("link", name="Look at it")
    expect(link).to_have_attribute("href", "https://shop.example/a")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(message(returning, rows[1]).get_by_role("link", name="Winding")).to_be_visible()
    expect(message(returning, rows[2]).get_by_label("E-mail address")).to_be_visible()
    expect(message(returning, rows[3])).to_contain_text("Join the callOpen in another app to see more")
    expect(message(returning, rows[4])).to_contain_text("Message removed")
    assert message(returning, rows[5]).locator(".bubble").evaluate("(e) => getComputedStyle(e).fontSize") == "36px"
    assert returning.evaluate("document.querySelector('.scroller').scrollWidth <= innerWidth")
    message(returning, rows[0]).get_by_role("button", name="I want this").click()
    expect(returning.locator("chat-message.own")).to_contain_text("I want this")
    assert played.frames("send")[0]["text"] == "I want this"


def test_a_card_shows_its_picture_from_our_site_and_does_without_one_that_does_not_come(
    context: BrowserContext, played: PlayedServer, returning: Page
) -> None:
    context.route("**/api/v1/cards/clock", lambda route: route.fulfill(body=drawing(), content_type="image/png"))
    context.route("**/api/v1/cards/gone", lambda route: route.fulfill(body="no picture"))
    clock, case, plain = card("Harbour clock", "Brass"), card("Case", "Oak"), card("Key", "Steel")
    shelf = cards(clock | {"picture": "/api/v1/cards/clock"}, case | {"picture": "/api/v1/cards/gone"}, plain)
    row = played.message("Three that go well together", **shelf)
    played.messages.append(row)
    returning.goto(CHAT)
    expect(message(returning, row).locator(".card")).to_have_count(3)
    picture = message(returning, row).locator("img")
    expect(picture).to_have_count(1)
    shown = picture.evaluate("(e) => [e.naturalWidth, e.offsetWidth, e.offsetHeight, e.alt, e.referrerPolicy]")
    assert shown == [480, 240, 135, "", "no-referrer"]


# Counts, for each message, how often something in it is news to a screen reader.
SPOKEN = """() => {
  window.spoken = {};
  const log = document.querySelector("[role=log]");
  new MutationObserver((records) => {
    const now = new Set(); // What is added in one go is read in one go.
    for (const { addedNodes } of records) for (const node of addedNodes) {
      const element = node instanceof Element ? node : node.parentElement;
      if (element?.closest("[aria-live], [role=log]") !== log) continue;
      now.add(element.closest("chat-message") ?? element);
    }
    for (const { dataset, className, innerText } of now) {
      (window.spoken[dataset.messageId ?? className] ??= []).push(innerText);
    }
  }).observe(log, { childList: true, subtree: true });
}"""


def test_each_message_of_an_agent_is_announced_once_in_words(played: PlayedServer, returning: Page) -> None:
    played.messages.append(played.message("Hello"))
    returning.goto(CHAT)
    returning.get_by_text("Hello", exact=True).wait_for()
    expect(returning.locator("[role=log]")).to_have_attribute("aria-live", "polite")
    returning.evaluate(SPOKEN)
    rows = [
        played.says("Which case?", **choices("Oak", "Ash")),
        played.says([], **choices("Small", "Large")),
        played.says("How did we do?", **csat()),
        played.says([], **articles({"title": "Winding", "description": "How far"})),
    ]
    expect(returning.locator(".rich-part > *")).to_have_count(4)
    spoken = returning.evaluate("window.spoken")
    assert {name: len(parts) for name, parts in spoken.items()} == {row["id"]: 1 for row in rows}
    assert "Which case?" in spoken[rows[0]["id"]][0]
    assert "Please choose: Small, Large" in spoken[rows[1]["id"]][0]
    assert "Have a look: Winding" in spoken[rows[3]["id"]][0]


def test_what_becomes_of_a_message_is_not_read_out_as_if_it_were_new(played: PlayedServer, returning: Page) -> None:
    question = played.message("Which case?", **choices("Oak", "Ash"))
    played.messages.append(question)
    returning.goto(CHAT)
    expect(returning.locator(".choices")).to_be_visible()
    expect(returning.locator("[role=log]")).to_have_attribute("aria-live", "polite")
    returning.evaluate(SPOKEN)
    say(returning, "My own words")
    own = returning.locator("chat-message.own")
    expect(own).to_have_attribute("data-state", "accepted")
    row = played.messages[-1]
    for state in ("sending", "sent"):
        played.seq += 1
        played.changes([row | {"state": state, "seq": played.seq}])
        expect(own).to_have_attribute("data-state", state)
    takes(played, question, [{"title": "Ash", "value": "ash"}])
    takes(played, question, [{"title": "Ash", "value": "ash"}], "sent")
    expect(message(returning, question).locator(".chosen")).to_contain_text("Ash")
    (parts,) = returning.evaluate("window.spoken").values()
    assert [part.count("My own words") for part in parts] == [1]


def test_who_answers_from_now_on_is_named_and_a_reply_shows_what_it_answers(
    played: PlayedServer, returning: Page
) -> None:
    said = played.message("Is the brass one in stock?", own=True)
    mara = {"name": "Mara", "avatar": None, "kind": "agent"}
    quote = {"reply_to": {"id": said["id"], "text": "Is the brass one in stock?", "own": True}}
    rows = [said, played.message("One moment"), played.message("It is.", sender=mara, attributes=quote)]
    played.messages += rows
    returning.goto(CHAT)
    expect(returning.get_by_text("You are now talking to Mara")).to_be_visible()
    expect(message(returning, rows[2]).locator(".quoted")).to_have_text("In reply to you: Is the brass one in stock?")
    played.changes([said | {"deleted": True, "text": [], "seq": played.seq + 1}])
    expect(message(returning, rows[2]).locator(".quoted")).to_have_text("In reply to you: Message removed")


def test_a_question_comes_although_the_browser_keeps_its_module_as_lost(played: PlayedServer, returning: Page) -> None:
    row = played.message("Which case?", **choices("Oak", "Ash"))
    played.messages.append(row)
    returning.clock.install()
    returning.route("**/elements/rich.js", lambda route: route.abort("connectionreset"))
    returning.goto(CHAT)
    expect(message(returning, row)).to_contain_text("Please choose: Oak, Ash")
    returning.clock.run_for(10_000)
    expect(message(returning, row).get_by_role("button", name="Oak")).to_be_visible()


# Where the first message stands that is well in view.
TOP = """() => {
  const tops = [...document.querySelectorAll("chat-message")].map((message) => message.getBoundingClientRect().top);
  return Math.round(tops.find((top) => top > 150));
}"""


def test_nothing_moves_when_parts_arrive_below_what_is_read(played: PlayedServer, returning: Page) -> None:
    for number in range(12):
        played.messages.append(played.message(f"number {number}", age_s=600))
        played.messages.append(played.message("Which case?", age_s=500, **choices("Oak", "Ash")))
    late: list[Any] = []
    returning.route("**/elements/rich.js", lambda route: late.append(route))
    returning.goto(CHAT)
    returning.get_by_text("number 11", exact=True).wait_for()
    returning.locator(".scroller").evaluate("(e) => { e.scrollTop = e.scrollHeight / 2 }")
    returning.wait_for_timeout(200)
    before = returning.evaluate(TOP)
    for route in late:
        route.continue_()
    expect(returning.locator(".choices")).to_have_count(12)
    assert abs(returning.evaluate(TOP) - before) <= 1
