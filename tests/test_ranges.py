"""The one part that a Range header asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.ranges import Range


@pytest.mark.parametrize(
    ("header", "within"),
    [
        ("bytes=0-0", (0, 1)),
        ("Bytes=2-", (2, 8)),
        ("bytes=-3", (7, 3)),
        ("bytes=-99", (0, 10)),
        ("bytes=9-99", (9, 1)),
        ("bytes=10-", None),
        ("bytes=-0", None),
    ],
)
def test_a_part_of_ten_bytes(header: str, within: tuple[int, int] | None) -> None:
    wanted = Range.parse(header)
    assert wanted is not None and wanted.within(10) == within


@pytest.mark.parametrize("header", ["", "bytes=", "bytes=-", "bytes=3-1", "bytes=0-1,3-4", "bytes=x-", "items=0-1"])
def test_what_cannot_be_read_is_no_wish(header: str) -> None:
    assert Range.parse(header) is None


@given(first=st.none() | st.integers(0, 30), last=st.none() | st.integers(0, 30), total=st.integers(0, 20))
def test_it_is_what_a_count_by_hand_gives(first: int | None, last: int | None, total: int) -> None:
    wanted = Range.parse(f"bytes={'' if first is None else first}-{'' if last is None else last}")
    if wanted is None:
        assert last is None or (first or 0) > last
        return
    assert Range.parse(str(wanted)) == wanted
    begin = total - (last or 0) if first is None else first
    end = total if first is None or last is None else last + 1
    counted = [number for number in range(total) if begin <= number < end]
    found = wanted.within(total)
    assert (list(range(found[0], sum(found))) if found else []) == counted
