from datetime import timedelta

import pytest
from django.utils import timezone

from chat import sessions
from chat.models import Contact, ContactInbox, Delivery, Session, upsert_inbox

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


def test_a_refresh_token_gives_new_access_tokens_for_the_same_session(inbox):
    opened = sessions.open_anonymous(inbox, now=NOW)
    later = NOW + timedelta(hours=3)
    again = sessions.refresh(opened.refresh_token, now=later)
    assert again.session == opened.session
    assert sessions.check_access(again.access_token, now=later + timedelta(minutes=14)) == opened.session


def test_a_session_lives_for_thirty_days_after_its_last_use(inbox):
    token = sessions.open_anonymous(inbox, now=NOW).refresh_token
    for days in (29, 58):
        used = sessions.refresh(token, now=NOW + timedelta(days=days)).session
        assert sessions.is_due(used, now=NOW + timedelta(days=days))
        sessions.renew(used.pk, now=NOW + timedelta(days=days))
    with pytest.raises(sessions.UnknownToken):
        sessions.refresh(token, now=NOW + timedelta(days=89))


def test_a_refresh_soon_after_another_writes_nothing(inbox, django_assert_num_queries):
    token = sessions.open_anonymous(inbox, now=NOW).refresh_token
    with django_assert_num_queries(1):
        used = sessions.refresh(token, now=NOW + timedelta(minutes=20)).session
    assert not sessions.is_due(used, now=NOW + timedelta(minutes=20))


def test_a_session_that_was_ended_meanwhile_is_not_renewed(inbox):
    opened = sessions.open_anonymous(inbox, now=NOW)
    sessions.end(opened.session)
    sessions.renew(opened.session.pk, now=NOW + timedelta(days=1))
    with pytest.raises(sessions.UnknownToken):
        sessions.refresh(opened.refresh_token, now=NOW + timedelta(days=2))


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


@pytest.mark.parametrize("token", ["", ":", "x.y:z", "a\0b", "\ud83d", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff.9:sig"])
def test_an_access_token_nobody_signed_is_unknown(token):
    for check in BOTH:
        with pytest.raises(sessions.UnknownToken):
            check(token)


def test_an_altered_access_token_is_unknown(inbox):
    key, _, rest = sessions.open_anonymous(inbox).access_token.partition(".")
    expiry, _, signature = rest.partition(":")
    for check in BOTH:
        with pytest.raises(sessions.UnknownToken):
            check(f"{key}.{int(expiry) + 9_000}:{signature}")


def test_a_refresh_token_is_no_access_token(inbox):
    opened = sessions.open_anonymous(inbox)
    for check in BOTH:
        with pytest.raises(sessions.UnknownToken):
            check(opened.refresh_token)
    with pytest.raises(sessions.UnknownToken):
        sessions.refresh(opened.access_token)
