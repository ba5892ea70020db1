import uuid

from chat.audience import Audience, Row


class Heard:
    def __init__(self, contact_id: uuid.UUID) -> None:
        self.contact_id, self.session_id = contact_id, uuid.uuid4()
        self.told: list[object] = []

    def changed(self, head_before: int, head_after: int, rows: tuple[Row, ...]) -> None:
        self.told.append((head_before, head_after, rows))

    def hinted(self, head: int) -> None: ...

    def turned(self, epoch: str) -> None:
        self.told.append(epoch)

    def passing(self, frame: bytes) -> None:
        self.told.append(frame)

    def revoked(self) -> None:
        self.told.append("revoked")


class Leaves(Heard):
    audience: Audience

    def changed(self, head_before: int, head_after: int, rows: tuple[Row, ...]) -> None:
        super().changed(head_before, head_after, rows)
        self.audience.leave(self)


ALICE, BOB = uuid.uuid4(), uuid.uuid4()
ROW = Row("message", 1, b"{}")


def test_every_device_of_a_contact_hears_and_nobody_else():
    audience = Audience()
    phone, laptop, bob = Heard(ALICE), Heard(ALICE), Heard(BOB)
    for each in (phone, laptop, bob):
        audience.join(each)
    audience.changed(ALICE, 0, 1, (ROW,))
    audience.turned(ALICE, "an epoch")
    audience.passing(ALICE, b"typing")
    assert phone.told == laptop.told == [(0, 1, (ROW,)), "an epoch", b"typing"]
    assert bob.told == []


def test_who_has_left_hears_nothing_and_leaves_nothing_behind():
    audience = Audience()
    phone, laptop = Heard(ALICE), Heard(ALICE)
    audience.join(phone)
    audience.join(laptop)
    audience.leave(phone)
    audience.changed(ALICE, 0, 1)
    assert (phone.told, laptop.told) == ([], [(0, 1, ())])
    audience.leave(laptop)
    assert tuple(audience.contacts()) == ()


def test_joining_twice_hears_once_and_leaving_twice_is_nothing():
    audience, phone = Audience(), Heard(ALICE)
    audience.join(phone)
    audience.join(phone)
    audience.changed(ALICE, 0, 1)
    assert len(phone.told) == 1
    audience.leave(phone)
    audience.leave(phone)
    assert audience.of(ALICE) == ()


def test_a_listener_may_leave_while_it_is_told():
    audience, leaves, stays = Audience(), Leaves(ALICE), Heard(ALICE)
    leaves.audience = audience
    audience.join(leaves)
    audience.join(stays)
    for head in (1, 2):
        audience.changed(ALICE, head - 1, head)
    assert (len(leaves.told), len(stays.told)) == (1, 2)


def test_a_contact_without_listeners_is_told_to_nobody():
    Audience().changed(ALICE, 0, 1, (ROW,))
    Audience().passing(ALICE, b"typing")
