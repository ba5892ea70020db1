"""What an operator sees of deliveries, and sends again."""

import asyncio
import uuid

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from chat import operating
from chat.clock import now_ms
from chat.models import Chatwoot, Delivery, Duplicate, Inbox, Message, Process
from tests.eventually import eventually
from tests.fixtures.people import Person, say
from tests.fixtures.world import World

PAGE = "/admin/chat/delivery/"
MINUTE_MS = 60_000
State = Delivery.State


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def delivery(person: Person, state: str, *, reason: str = "", age_ms: int = 0, text: str = "hello") -> Delivery:
    """The delivery of a new message that has come to this."""
    said = say(person, text)
    values = {"state": state, "reason": reason}
    own = Delivery.objects.filter(message=said.message_id)
    own.update(attempt=3, created_at=now_ms() - age_ms, **values)
    Message.objects.filter(id=said.message_id).update(**values)
    return own.get()


def listed(operator: Client, query: str = "") -> set[uuid.UUID]:
    page = operator.get(PAGE + query)
    assert page.status_code == 200
    return {each.pk for each in page.context["cl"].result_list}


def choose(operator: Client, *deliveries: Delivery, confirmed: bool) -> str:
    chosen = {"action": "requeue", "_selected_action": [str(each.pk) for each in deliveries]}
    page = operator.post(f"{PAGE}?show=all", chosen | ({"confirmed": "yes"} if confirmed else {}), follow=True)
    return page.content.decode()


def test_what_needs_a_look_is_listed_first(operator: Client, alice: Person):
    failed = delivery(alice, State.FAILED, reason="Content is too long", age_ms=180 * MINUTE_MS)
    unconfirmed = delivery(alice, State.UNCONFIRMED)
    old = delivery(alice, State.UNSURE, age_ms=11 * MINUTE_MS)
    delivery(alice, State.UNSURE)
    delivery(alice, State.SENT, age_ms=11 * MINUTE_MS)
    discarded = delivery(alice, State.FAILED)
    Message.objects.filter(delivery=discarded).update(deleted=True)
    assert listed(operator) == {failed.pk, unconfirmed.pk, old.pk}
    shown = operator.get(PAGE).content.decode()
    assert "Needs a look" in shown
    assert "Content is too long" in shown
    assert "3 h" in shown
    assert listed(operator, "?show=all") == set(Delivery.objects.values_list("pk", flat=True))
    assert listed(operator, "?show=failed") == {failed.pk, discarded.pk}
    assert listed(operator, "?show=unconfirmed") == {unconfirmed.pk}
    assert old.pk in listed(operator, "?show=open")
    assert failed.pk not in listed(operator, "?show=open")


def test_what_arrived_twice_is_listed_and_counted(operator: Client, alice: Person):
    delivery(alice, State.SENT)
    twice = delivery(alice, State.SENT)
    for chatwoot_id in (71, 72):
        Duplicate.objects.create(delivery=twice, inbox_id=alice.inbox_id, chatwoot_id=chatwoot_id, found_at=now_ms())
    assert listed(operator, "?show=twice") == {twice.pk}
    assert "71, 72" in operator.get(f"{PAGE}{twice.pk}/change/").content.decode()
    page = operator.get("/admin/chat/duplicate/").content.decode()
    assert "71" in page
    assert str(twice.pk) in page
    duplicate = Duplicate.objects.first()
    assert duplicate is not None
    assert operator.get(f"/admin/chat/duplicate/{duplicate.pk}/change/").status_code == 200
    assert operator.post(f"/admin/chat/duplicate/{duplicate.pk}/delete/", {"post": "yes"}).status_code == 403
    assert operator.get("/admin/chat/duplicate/add/").status_code == 403


def test_requeueing_asks_first_and_says_what_it_may_do(operator: Client, alice: Person):
    lost = [delivery(alice, State.FAILED, reason="too long"), delivery(alice, State.UNCONFIRMED)]
    page = choose(operator, *lost, delivery(alice, State.SENT), confirmed=False)
    assert "1 failed" in page
    assert "1 unconfirmed: they may have arrived. Whatever has, the agent will see twice." in page
    assert "1 neither failed nor unconfirmed" in page
    assert {each.state for each in Delivery.objects.filter(pk__in=[each.pk for each in lost])} == {
        State.FAILED,
        State.UNCONFIRMED,
    }
    assert not LogEntry.objects.exists()


def test_what_is_requeued_goes_out_again_and_is_seen_and_logged(operator: Client, alice: Person):
    failed, sent = delivery(alice, State.FAILED, reason="too long"), delivery(alice, State.SENT)
    head = alice.head()
    assert "1 of 2 will be sent again." in choose(operator, failed, sent, confirmed=True)
    failed.refresh_from_db()
    assert (failed.state, failed.reason) == (State.ACCEPTED, "")
    assert alice.head() == head + 1
    shown = alice.rows()[str(failed.message_id)]
    assert (shown["state"], shown["seq"]) == ("accepted", head + 1)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(failed.pk), "Requeued; was failed: too long")
    assert entry.user.username == "operator"
    sent.refresh_from_db()
    assert sent.state == State.SENT


def test_whoever_may_only_look_cannot_requeue(client: Client, alice: Person):
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    client.force_login(reader)
    failed = delivery(alice, State.FAILED)
    assert "Requeue" not in client.get(PAGE).content.decode()
    choose(client, failed, confirmed=True)
    failed.refresh_from_db()
    assert failed.state == State.FAILED
    reader.user_permissions.add(Permission.objects.get(codename="change_delivery"))
    choose(client, failed, confirmed=True)
    failed.refresh_from_db()
    assert failed.state == State.ACCEPTED


def test_only_so_many_are_requeued_at_once(operator: Client, alice: Person):
    first = delivery(alice, State.FAILED)
    copies = [
        Delivery(
            kind="seen", contact_inbox_id=alice.contact_inbox_id, lane="l", position=n, state=State.FAILED, created_at=n
        )
        for n in range(200)
    ]
    Delivery.objects.bulk_create(copies)
    assert "Choose at most 200 at once." in choose(operator, first, *copies, confirmed=True)
    assert not Delivery.objects.filter(kind="message", state=State.ACCEPTED).exists()


def test_a_chatwoot_says_what_is_known_about_it(operator: Client, alice: Person):
    page = "/admin/chat/chatwoot/"
    assert "not checked yet, so it counts as unfenced" in operator.get(page).content.decode()
    Chatwoot.objects.update(fence="fenced", fence_checked_at=now_ms(), skew_ms=-1500, skew_error_ms=200)
    shown = operator.get(page).content.decode()
    assert "fenced: a request that we gave up on cannot take effect later" in shown
    assert "1.5 s behind ours (± 0.2 s)" in shown
    assert "go out" in shown
    assert "X-Runtime" not in shown
    Chatwoot.objects.update(hides_runtime=True, fence="unfenced", skew_ms=2000, paused_until=now_ms() + 30_000)
    shown = operator.get(f"{page}{Chatwoot.objects.get().pk}/change/").content.decode()
    assert "unfenced: a request that we gave up on may still take effect later" in shown
    assert "X-Runtime does not reach us" in shown
    assert "2.0 s ahead of ours" in shown
    assert "it asked us to slow down" in shown


def test_processes_are_listed_and_cannot_be_changed(operator: Client):
    process = Process.objects.create(started_at=now_ms() - 120 * MINUTE_MS, seen_at=now_ms())
    shown = operator.get("/admin/chat/process/").content.decode()
    assert str(process.pk) in shown
    assert "2 h" in shown
    assert operator.post(f"/admin/chat/process/{process.pk}/change/", {"draining": "on"}).status_code == 403


async def test_a_running_process_tells_who_is_here_and_delivers_once(world: World):
    runtime = await world.start()
    person = await world.person()
    device, _ = await world.talk(runtime, person, "before")
    refusal = {"message": "Content is too long (maximum is 150000 characters)", "attributes": ["content"]}
    world.sandbox.faults.set("status", method="POST", path="/messages", status=422, body=refusal, times=1)
    await person.say(runtime, "again")
    await eventually(lambda: device.states() == ["sent", "failed"])
    failed = await world.ask(Delivery.objects.select_related("contact_inbox").get, kind="message", state=State.FAILED)
    told = device.heard.count(b'"accepted"')
    assert await asyncio.to_thread(operating.requeue, failed, running=runtime)
    assert device.heard.count(b'"accepted"') == told + 1  # by the writer, not by a poll
    await eventually(lambda: device.states() == ["sent", "sent"])
    assert world.said(person) == ["before", "again"]
    assert not await asyncio.to_thread(operating.requeue, failed, running=runtime)


def test_the_bot_token_goes_in_with_its_account_and_never_out(operator: Client, alice: Person):
    inbox = Inbox.objects.get()
    page = f"/admin/chat/inbox/{inbox.pk}/change/"
    stays = {"slug": inbox.slug, "chatwoot": str(inbox.chatwoot_id), "look": "{}", "texts": "{}"}
    form = stays | {"allowed_origins": "[]", "inbox_identifier": "", "hmac_token": "", "bot_token": "hushBot"}

    def edited(**changes: str) -> str:
        answered = operator.post(page, form | changes, follow=True).content.decode()
        inbox.refresh_from_db()
        assert "hushBot" not in answered
        return answered

    assert "of no use without the number of its account" in edited()
    assert "Write the number" in edited(account_id="0")
    assert "letters, digits" in edited(account_id="3", bot_token="hush Bot")
    assert inbox.bot_token == ""
    edited(account_id="3")
    assert (inbox.bot_token, inbox.account_id) == ("hushBot", 3)
    shown = operator.get(page).content.decode()
    assert "hushBot" not in shown
    assert "This token is power" in shown
    assert "every message carries a mark of ours" in shown
    edited(account_id="3", bot_token="", forget_bot_token="on")
    assert inbox.bot_token == ""


def test_a_bot_token_that_was_switched_off_says_why_and_is_switched_on_again(operator: Client, alice: Person):
    inbox = Inbox.objects.get()
    page = f"/admin/chat/inbox/{inbox.pk}/change/"
    form = {"slug": inbox.slug, "chatwoot": str(inbox.chatwoot_id), "look": "{}", "texts": "{}", "account_id": "3"}
    form |= {"allowed_origins": "[]", "inbox_identifier": "", "hmac_token": "", "bot_token": ""}

    def switched_off() -> None:
        Inbox.objects.update(account_id=3, bot_token="hushBot", marker_off="it answered for another inbox")

    switched_off()
    assert "not used: it answered for another inbox" in operator.get(page).content.decode()
    operator.post(page, form)
    assert Inbox.objects.get().marker_off == "it answered for another inbox"
    operator.post(page, form | {"use_bot_token": "on"})
    assert Inbox.objects.get().marker_off == ""
    switched_off()
    operator.post(page, form | {"bot_token": "another"})
    assert (Inbox.objects.get().marker_off, Inbox.objects.get().bot_token) == ("", "another")
