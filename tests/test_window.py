from chat.window import Pace, Window


def window(**limits):
    opened = Window(**{"limit_bytes": 100, "limit_s": 30} | limits)
    opened.resume("e.1")
    return opened


def test_what_is_sent_is_outstanding_until_it_is_acknowledged():
    w = window()
    w.sent("e.2", 40, now=0)
    w.sent("e.4", 50, now=1)
    assert (w.cursor, w.acknowledged, w.outstanding_bytes, w.clear) == ("e.4", "e.1", 90, False)
    w.acknowledge("e.4")
    assert (w.cursor, w.acknowledged, w.outstanding_bytes, w.clear) == ("e.4", "e.4", 0, True)


def test_an_acknowledgement_covers_everything_before_it_and_nothing_after():
    w = window()
    for seq in (2, 3, 4):
        w.sent(f"e.{seq}", 10, now=seq)
    w.acknowledge("e.3")
    assert (w.acknowledged, w.outstanding_bytes, w.deadline) == ("e.3", 10, 34)


def test_a_cursor_that_was_never_sent_acknowledges_nothing():
    w = window()
    w.sent("e.2", 10, now=0)
    for cursor in ("e.99", "x.2", "", "e.1"):
        w.acknowledge(cursor)
    assert (w.acknowledged, w.outstanding_bytes) == ("e.1", 10)


def test_the_same_acknowledgement_twice_changes_nothing():
    w = window()
    w.sent("e.2", 10, now=0)
    w.sent("e.3", 10, now=0)
    w.acknowledge("e.2")
    w.acknowledge("e.2")
    assert (w.acknowledged, w.outstanding_bytes) == ("e.2", 10)


def test_a_frame_that_brings_nothing_new_needs_no_acknowledgement():
    w = window()
    w.sent("e.1", 80, now=0)
    assert w.clear
    assert w.deadline is None


def test_the_oldest_unacknowledged_frame_sets_the_deadline():
    w = window()
    w.sent("e.2", 10, now=5)
    w.sent("e.3", 10, now=20)
    assert w.deadline == 35


def test_live_frames_beyond_the_window_overrun_it():
    w = window()
    w.sent("e.2", 100, now=0)
    assert not w.full
    w.sent("e.3", 1, now=0)
    assert w.full
    assert w.overrun


def test_a_page_larger_than_the_window_fills_it_but_does_not_overrun_it():
    w = window()
    w.sent("e.900", 5_000, now=0, paged=True)
    assert w.full
    assert not w.overrun
    w.acknowledge("e.900")
    assert not w.full


def test_epoch_and_number_are_read_from_the_cursor():
    w = window()
    assert (w.epoch, w.seq) == ("e", 1)
    for unusable in (None, "", "nonsense", "e.", "e.٣", "e.-1"):
        w.resume(unusable)
        assert w.seq is None


def test_frames_may_come_in_a_burst_and_then_at_the_rate():
    pace = Pace(rate=20, burst=40)
    assert all(pace.take(now=0) for _ in range(40))
    assert not pace.take(now=0)
    assert pace.take(now=0.05)
    assert not pace.take(now=0.05)


def test_a_pause_does_not_save_up_more_than_a_burst():
    pace = Pace(rate=20, burst=40)
    pace.take(now=0)
    assert sum(pace.take(now=3600) for _ in range(100)) == 40
