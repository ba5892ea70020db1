"""After a restore: cursors of the time after the backup are of another history than ours."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from chat import feed
from chat.feed import Cursor
from chat.models import Contact
from tests.fixtures.people import Person

pytestmark = pytest.mark.django_db


def cursor_of(person: Person) -> Cursor:
    page = feed.read(person.id, None)
    assert page is not None
    return page.cursor


def test_every_contact_gets_a_new_epoch_in_one_update(alice: Person, bob: Person, django_assert_num_queries: Any):
    before = [cursor_of(each) for each in (alice, bob)]
    said = StringIO()
    with django_assert_num_queries(1):
        call_command("new_epoch", stdout=said)
    assert said.getvalue() == "2 contacts have a new epoch: their devices start again within seconds.\n"
    (epoch,) = set(Contact.objects.values_list("epoch", flat=True))
    for person, cursor in zip((alice, bob), before, strict=True):
        page = feed.read(person.id, cursor)
        assert page is not None
        assert (page.reset, page.cursor) == ("epoch", Cursor(epoch, cursor.seq))
        assert cursor.epoch != epoch
