"""How it goes, on one page, for all processes."""

import re
import uuid

import pytest
from django.contrib.auth.models import Permission, User
from django.db import OperationalError, connection
from django.test import Client, RequestFactory

from chat import minutes, sql
from chat.admin.chart import bars
from chat.admin.status import status
from chat.clock import now_ms
from chat.models import Delivery, Duplicate, Inbox, Minute, Process
from tests.fixtures.people import Person, say

pytestmark = pytest.mark.django_db
PAGE = "/admin/status/"
ONE = {
    "lines": 1,
    "deaf": 0,
    "wanted": 3,
    "confirmed": 2,
    "canary_s": 0.041,
    "asked_per_s": 1.5,
    "rate_per_s": 20,
    "waiting": 0,
    "open": True,
}


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def process(alice: Person, *, age_ms: int = 0, sockets: int = 1, **one: object) -> Process:
    """A process that talks to Alice's Chatwoot."""
    pk = str(chatwoot_of(alice))
    figures = {"sockets": sockets, "polls": 0, "resyncs": 12, "missed": 0, "inboxes": {str(alice.inbox_id): [3, 2]}}
    seen_at = sql.database_now() - age_ms
    return Process.objects.create(started_at=seen_at, seen_at=seen_at, figures=figures | {"chatwoots": {pk: ONE | one}})


def chatwoot_of(person: Person) -> int:
    return Inbox.objects.get(pk=person.inbox_id).chatwoot_id


def words(page: str) -> str:
    """Without tags, and each run of blanks as one."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def shown(operator: Client) -> str:
    page = operator.get(PAGE)
    assert page.status_code == 200
    return words(page.content.decode())


def test_all_processes_are_shown_as_one_and_each_alone(operator: Client, alice: Person):
    process(alice, sockets=3)
    process(alice, sockets=4, canary_s=0.25)
    page = shown(operator)
    assert "4 of 6 confirmed" in page and "up, with 2 sockets" in page
    assert "back after 250 ms" in page and "3.0 times a second, of 40 allowed" in page
    assert page.count("serves") == 2


def test_its_own_words_are_explained(operator: Client, alice: Person):
    process(alice)
    page = operator.get(PAGE).content.decode()
    explained = page[page.index('id="words"') :]
    for word in ("Subscriptions", "Canary", "Fence", "Outbox", "Polls", "Resyncs", "Cable misses"):
        assert f"<dt>{word}</dt>" in explained and word in page.removesuffix(explained)


def test_who_has_gone_is_not_counted_and_said_to_be_gone(operator: Client, alice: Person):
    process(alice, age_ms=60_000)
    page = shown(operator)
    assert "not heard any more" in page and "no process has talked to it yet, or none is running" in page


@pytest.mark.parametrize(
    ("one", "said"),
    [
        ({"lines": 0}, "down: those who are here are served by polling"),
        ({"deaf": 1}, "1 of 1 sockets are deaf"),
        ({"lines": 0, "deaf": 1}, "open sockets: 0; dialled anew, because they pinged but brought nothing: 1"),
        ({"lines": 1, "deaf": 2}, "open sockets: 1; dialled anew, because they pinged but brought nothing: 2"),
        ({"lines": 0, "wanted": 0}, "not needed: nobody is here"),
        ({"canary_s": None}, "none has come back yet"),
        ({"open": False}, "it is left alone"),
        ({"waiting": 7}, "7 requests wait"),
        ({"oldest_s": 12.3}, "it answers; a request has waited for its answer for 12 s"),
    ],
)
def test_what_is_not_well_is_said_in_words(operator: Client, alice: Person, one: dict[str, object], said: str):
    process(alice, **one)
    assert said in shown(operator)


def test_a_process_of_another_release_that_says_nothing_is_shown(operator: Client, alice: Person):
    Process.objects.create(started_at=now_ms(), seen_at=sql.database_now())
    page = shown(operator)
    assert "has not said yet" in page and "The processes have not said yet how they are." in page


def test_each_inbox_says_what_is_on_its_way_given_up_and_doubled(operator: Client, alice: Person):
    process(alice)
    said = say(alice, "hello")
    Delivery.objects.update(created_at=sql.database_now() - 90_000)
    lost = say(alice, "lost")
    Delivery.objects.filter(message=lost.message_id).update(state=Delivery.State.FAILED)
    delivery = Delivery.objects.get(message=said.message_id)
    Duplicate.objects.create(delivery=delivery, inbox_id=alice.inbox_id, chatwoot_id=9, found_at=now_ms() - 120_000)
    page = operator.get(PAGE)
    ((row,),) = [each["inboxes"] for each in page.context["chatwoots"]]
    assert (row["waiting"], row["lost"], row["duplicates"]) == (Delivery.objects.count() - 1, 1, 1)
    assert row["oldest"].startswith("9") and row["newest"] == "the latest 2 min ago"
    assert (
        f"/admin/chat/delivery/?show=open&amp;contact_inbox__inbox__id__exact={alice.inbox_id}" in page.content.decode()
    )


def test_a_paused_inbox_says_for_how_long_and_why(operator: Client, alice: Person):
    process(alice)
    said = say(alice, "hello")
    assert "paused" not in shown(operator)
    Delivery.objects.filter(message=said.message_id).update(reason="status 401", started_at=sql.database_now())
    Inbox.objects.update(paused_until=sql.database_now() + 45_500)
    assert re.search(r"paused for 4\d s more: status 401", shown(operator))


def test_that_redis_is_away_stands_above(operator: Client, alice: Person):
    process(alice)
    assert "cannot use Redis" not in shown(operator)
    ill = process(alice)
    Process.objects.filter(pk=ill.pk).update(figures=ill.figures | {"redis_away": True})
    assert "1 of 2 processes cannot use Redis" in shown(operator)


@pytest.mark.parametrize("table", ["django_session", "chat_process"])
def test_where_the_database_is_away_the_admin_says_so_in_words(
    operator: Client, table: str, caplog: pytest.LogCaptureFixture
):
    def fail(execute, statement, *rest):
        if table in statement:
            raise OperationalError("connection refused")
        return execute(statement, *rest)

    with connection.execute_wrapper(fail):
        page = operator.get(PAGE)
    assert page.status_code == 503 and page["Retry-After"]
    assert page.content.decode().startswith("The database cannot be used just now (OperationalError)")
    assert [(each.levelname, each.exc_info) for each in caplog.records] == [("WARNING", None)]


def test_a_database_that_refuses_writes_stands_above_all_else(operator: Client, alice: Person, rf: RequestFactory):
    request = rf.get(PAGE)
    request.user = User.objects.get()
    page = status(request, broken=lambda: "OperationalError").render().content.decode()
    assert "The database refuses what is written to it (OperationalError)" in words(page)
    assert "refuses" not in shown(operator)


def test_a_part_that_cannot_be_read_hides_no_other(operator: Client, alice: Person):
    process(alice)

    def fail(execute, statement, *rest):
        if "chat_duplicate" in statement:
            raise OperationalError("it takes too long")
        return execute(statement, *rest)

    with connection.execute_wrapper(fail):
        page = shown(operator)
    assert "cannot be read just now" in page and "2 of 3 confirmed" in page


def test_the_last_hour_is_drawn_without_script_or_style(operator: Client, alice: Person):
    pk, at = str(chatwoot_of(alice)), sql.database_now() // minutes.MINUTE_MS
    for ago, one in ((2, ONE), (1, ONE | {"lines": 0, "canary_s": None})):
        Minute.objects.create(at=at - ago, figures={"sockets": 5, "chatwoots": {pk: one}, "outbox": {pk: ago}})
    page = operator.get(PAGE).content.decode()
    drawn = re.findall(r"<figure.*?</figure>", page, re.S)
    assert len(drawn) == 6
    assert "style=" not in "".join(drawn) and "<script" not in "".join(drawn)
    assert 'aria-label="Outbox, minute by minute in the last hour"' in page
    assert len(re.findall(r"M\d+ 40", drawn[2])) == 2  # the minutes that are known
    assert re.search('class="fault" d="M', drawn[1])


def test_nothing_is_a_line_and_the_unknown_a_gap():
    drawn = bars([0, None, 4, 2], name="Sockets")
    assert 'class="bars" d="M0 40v-1h3v1zM8 40v-40h3v40zM12 40v-20h3v20z"' in drawn
    assert "<b>2, at most 4</b>" in drawn
    assert "<b>nothing is known yet</b>" in bars([None, None], name="Sockets")
    assert "&lt;i&gt;" in bars([1], name="<i>")


def test_only_who_may_see_processes_sees_the_page_and_the_way_to_it(client: Client, alice: Person):
    clerk = User.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get("/admin/").content.decode()
    clerk.user_permissions.set(Permission.objects.filter(codename="view_process"))
    assert client.get(PAGE).status_code == 200
    assert PAGE in client.get("/admin/").content.decode()


def test_a_stranger_is_asked_to_sign_in(client: Client):
    page = client.get(PAGE)
    assert page.status_code == 302 and page["Location"].startswith("/admin/login/")


def test_no_token_stands_on_the_page(operator: Client, alice: Person):
    process(alice)
    page = operator.get(PAGE).content.decode()
    assert alice.source_id not in page and str(uuid.UUID(alice.source_id)) not in page


def test_names_are_shown_to_whoever_may_see_those(client: Client, alice: Person):
    process(alice)
    inbox = Inbox.objects.select_related("chatwoot").get(pk=alice.inbox_id)
    looker = User.objects.create_user("looker", is_staff=True)
    for codename, seen in (
        ("view_process", (False, False)),
        ("view_chatwoot", (True, False)),
        ("view_inbox", (True, True)),
    ):
        looker.user_permissions.add(Permission.objects.get(codename=codename))
        client.force_login(looker)
        page = client.get(PAGE).content.decode()
        assert (inbox.chatwoot.url in page, f">{inbox.slug}<" in page) == seen
