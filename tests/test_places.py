import uuid

from chat.lanes import Due
from chat.places import AT_ONCE, UPLOADS_AT_ONCE, Places

ONE, OTHER = 1, 2


def due(chatwoot_pk: int = ONE, *, files: bool = False) -> Due:
    return Due(uuid.uuid4(), uuid.uuid4(), 7, chatwoot_pk, "message", "accepted", files)


def test_each_chatwoot_has_its_own_places() -> None:
    places, many, another = Places(), [due() for _ in range(AT_ONCE + 1)], due(OTHER)
    places.find([*many, another])
    assert places.take() == [*many[:AT_ONCE], another]
    assert places.full() == {ONE}


def test_a_place_that_becomes_free_goes_to_whoever_has_waited_longest() -> None:
    places, many = Places(), [due() for _ in range(AT_ONCE + 2)]
    places.find(many)
    places.take()
    assert places.take() == []
    places.leave(many[3])
    assert places.take() == [many[AT_ONCE]]


def test_files_have_fewer_places_and_keep_nothing_else_waiting() -> None:
    places, files, text = Places(), [due(files=True) for _ in range(UPLOADS_AT_ONCE + 1)], due()
    places.find([*files, text])
    assert places.take() == [*files[:UPLOADS_AT_ONCE], text]
    assert places.full_of_uploads() == {ONE}
    places.leave(files[0])
    assert places.take() == [files[-1]]


def test_who_waits_for_a_full_chatwoot_stays_and_the_rest_is_read_anew() -> None:
    places, many, gone, new = Places(), [due() for _ in range(AT_ONCE + 1)], due(OTHER, files=True), due(OTHER)
    uploads = [due(OTHER, files=True) for _ in range(UPLOADS_AT_ONCE)]
    places.find([*many, *uploads, gone])
    places.take()
    places.find([new])
    assert places.take() == [new]
    places.leave(many[0])
    places.leave(uploads[0])
    assert places.take() == [many[-1]]


def test_what_is_under_way_is_not_begun_again() -> None:
    places, one = Places(), due()
    places.find([one])
    places.take()
    places.find([one])
    assert places.take() == []


def test_after_a_failure_who_waits_is_forgotten() -> None:
    places, many = Places(), [due() for _ in range(AT_ONCE + 1)]
    places.find(many)
    places.take()
    places.forget()
    places.leave(many[0])
    assert places.take() == []
