from datetime import timedelta

import pytest
from django.utils import timezone

from chat import sessions
from chat.models import Contact, ContactInbox, Delivery, Session, upsert_inbox
from chat.wire.errors import Refusal

pytestmark = pytest.mark.django_db
NOW = timezone.now()
BOTH = (sessions.check_access, sessions.admit)


@pytest.fixture
def inbox():
    return upsert_inbox(slug="main", url="https://chatwoot.example", cable_url="wss://c.example", inbox_identifier="i")


def test_a_session_begins_with_a_person_of_its_own(inbox):
    one, two = sessions.open_anonymous(inbox), sessions.open_anonymous(inbox, kind="app")
    assert Contact.objects.count() == ContactInbox.objects.count() == Session.objects.count() == 2
    assert one.session.contact_id != two.session.contact_id
    assert len({each.source_id for each in ContactInbox.objects.all()}) == 2
    assert not Delivery.objects.exists()


def test_a_socket_is_admitted_by_one_statement(inbox, django_assert_num_queries):
    opened = sessions.open_anonymous(inbox)
    with django_assert_num_queries(1):
        sessions.admit(opened.access_token)


def test_the_database_holds_no_token(inbox):
    opened = sessions.open_anonymous(inbox)
    assert opened.refresh_token.startswith("cpr_")
    assert opened.refresh_token not in str(Session.objects.values())
    assert opened.refresh_token not in repr(opened)
    assert opened.access_token not in repr(opened)


def test_an_access_token_names_its_session_for_a_quarter_of_an_hour(inbox):
    opened = sessions.open_anonymous(inbox, now=NOW)
    session = sessions.check_access(opened.access_token, now=NOW + timedelta(minutes=14))
    assert (session, session.contact.inbox) == (opened.session, inbox)
    admission = sessions.admit(opened.access_token, now=NOW + timedelta(minutes=14))
    assert (admission.session_id, admission.contact_id) == (session.pk, session.contact_id)
    assert (admission.inbox, admission.allowed_origins) == (inbox.slug, inbox.allowed_origins)
    assert opened.expires_in == 900
    for check in BOTH:
        with pytest.raises(sessions.UnknownToken):
            check(opened.access_token, now=NOW + timedelta(minutes=16))


def test_a_refresh_gives_new_tokens_for_the_same_session(inbox):
    opened = sessions.open_anonymous(inbox, now=NOW)
    later = NOW + timedelta(hours=3)
    again = sessions.refresh(opened.refresh_token, now=later)
    assert again.session == opened.session
    assert again.refresh_token.startswith("cpr_")
    assert again.refresh_token != opened.refresh_token
    assert sessions.check_access(again.access_token, now=later + timedelta(minutes=14)) == opened.session
    assert again.refresh_token not in str(Session.objects.values())


def lasts(token, *, step, most):
    """How long a session lives that is used once in each step."""
    used, now = 0 * step, NOW
    while used < most + step:
        try:
            token = sessions.refresh(token, now=now + used + step).refresh_token
        except sessions.UnknownToken:
            return used
        used += step
    return used


def test_without_a_name_a_session_lives_for_thirty_days_after_its_last_use_and_half_a_year_at_most(inbox):
    day = timedelta(days=1)
    assert lasts(sessions.open_anonymous(inbox, now=NOW).refresh_token, step=31 * day, most=200 * day) == 0 * day
    assert lasts(sessions.open_anonymous(inbox, now=NOW).refresh_token, step=29 * day, most=200 * day) == 174 * day


def test_of_somebody_verified_it_lives_for_a_day_after_its_last_use_and_thirty_at_most(inbox):
    hour, contact = timedelta(hours=1), Contact.objects.create(inbox=inbox, identifier="alice")
    assert (
        lasts(sessions.begin(contact, kind="app", now=NOW).refresh_token, step=25 * hour, most=800 * hour) == 0 * hour
    )
    assert (
        lasts(sessions.begin(contact, kind="app", now=NOW).refresh_token, step=23 * hour, most=800 * hour) == 713 * hour
    )


def use(opened, *, now):
    """Come with its access token, as a socket does, and let what that tells be written."""
    admission = sessions.admit(opened.access_token, now=now)
    assert admission.news == sessions.news(opened.access_token, sessions.check_access(opened.access_token, now=now))
    if admission.news:
        sessions.confirm(admission.session_id, admission.news)
    return admission.news


def test_an_answer_that_was_lost_is_given_again_however_late(inbox):
    first = sessions.open_anonymous(inbox, now=NOW)
    lost = sessions.refresh(first.refresh_token, now=NOW)
    again = sessions.refresh(first.refresh_token, now=NOW + timedelta(days=3))
    assert again.refresh_token == lost.refresh_token
    assert use(again, now=NOW + timedelta(days=3)) == 1


def test_two_tabs_at_the_same_moment_get_the_same_token(inbox):
    first = sessions.open_anonymous(inbox, now=NOW)
    one, two = (sessions.refresh(first.refresh_token, now=NOW) for _ in range(2))
    assert use(one, now=NOW) == 1
    late = sessions.refresh(first.refresh_token, now=NOW + timedelta(seconds=59))
    assert one.refresh_token == two.refresh_token == late.refresh_token


def test_t4_a_spent_refresh_token_that_comes_back_is_found_out(inbox):
    """By whomever it is used, the thief or the owner."""
    stolen = sessions.open_anonymous(inbox, now=NOW).refresh_token
    use(sessions.refresh(stolen, now=NOW), now=NOW)
    with pytest.raises(sessions.Reused):
        sessions.refresh(stolen, now=NOW + timedelta(seconds=61))


def test_t4_a_token_older_than_the_one_before_is_unknown(inbox):
    oldest = sessions.open_anonymous(inbox, now=NOW).refresh_token
    before = sessions.refresh(oldest, now=NOW).refresh_token
    sessions.refresh(before, now=NOW)
    with pytest.raises(sessions.UnknownToken) as unknown:
        sessions.refresh(oldest, now=NOW)
    assert not isinstance(unknown.value, sessions.Reused)


def test_only_the_newest_generation_is_confirmed_and_only_once(inbox):
    first = sessions.open_anonymous(inbox, now=NOW)
    assert use(first, now=NOW) == 0
    second = sessions.refresh(first.refresh_token, now=NOW)
    assert use(first, now=NOW) == 0
    assert [use(second, now=NOW) for _ in range(3)] == [1, 0, 0]
    assert sessions.check_access(first.access_token, now=NOW) == first.session  # another tab goes on with it


def test_a_refresh_writes_one_row(inbox, django_assert_num_queries):
    token = sessions.open_anonymous(inbox, now=NOW).refresh_token
    with django_assert_num_queries(3):
        sessions.refresh(token, now=NOW)
    with django_assert_num_queries(1):
        sessions.refresh(token, now=NOW)


def test_where_people_have_to_sign_in_nobody_begins_or_goes_on_without_a_name(inbox):
    token = sessions.open_anonymous(inbox).refresh_token
    inbox.requires_identity = True
    inbox.save()
    for call in (lambda: sessions.open_anonymous(inbox), lambda: sessions.refresh(token)):
        with pytest.raises(Refusal, match="identity_required"):
            call()
    contact = Contact.objects.create(inbox=inbox, identifier="alice")
    assert sessions.refresh(sessions.begin(contact, kind="app").refresh_token).session.contact == contact


def test_a_session_that_was_ended_meanwhile_is_not_renewed(inbox):
    opened = sessions.open_anonymous(inbox, now=NOW)
    again = sessions.refresh(opened.refresh_token, now=NOW)
    sessions.end(opened.session)
    for token in (opened.refresh_token, again.refresh_token):
        with pytest.raises(sessions.UnknownToken):
            sessions.refresh(token, now=NOW)


def test_an_ended_session_is_unknown_at_once(inbox):
    opened = sessions.open_anonymous(inbox)
    sessions.end(opened.session)
    for unknown in (
        lambda: sessions.refresh(opened.refresh_token),
        lambda: sessions.check_access(opened.access_token),
        lambda: sessions.admit(opened.access_token),
    ):
        with pytest.raises(sessions.UnknownToken):
            unknown()


@pytest.mark.parametrize("token", ["", "cpr_", "cpr_guess", "a\0b", "\ud83d", "ü" * 500])
def test_a_refresh_token_nobody_issued_is_unknown(token):
    with pytest.raises(sessions.UnknownToken):
        sessions.refresh(token)


@pytest.mark.parametrize("token", ["", ":", "x.y:z", "a\0b", "\ud83d", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff.0.9:sig"])
def test_an_access_token_nobody_signed_is_unknown(token):
    for check in BOTH:
        with pytest.raises(sessions.UnknownToken):
            check(token)


def test_an_altered_access_token_is_unknown(inbox):
    signed, _, signature = sessions.open_anonymous(inbox).access_token.partition(":")
    key, generation, expiry = signed.split(".")
    for altered in (f"{key}.{generation}.{int(expiry) + 9_000}", f"{key}.7.{expiry}", f"{key}.{expiry}"):
        for check in BOTH:
            with pytest.raises(sessions.UnknownToken):
                check(f"{altered}:{signature}")


def test_a_refresh_token_is_no_access_token(inbox):
    opened = sessions.open_anonymous(inbox)
    for check in BOTH:
        with pytest.raises(sessions.UnknownToken):
            check(opened.refresh_token)
    with pytest.raises(sessions.UnknownToken):
        sessions.refresh(opened.access_token)
