"""What opening the chat may weigh and take; `make budget` prints the figures."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import budget

pytestmark = pytest.mark.browser


def test_a_newcomer_and_somebody_who_returns_open_the_chat_within_the_budget(
    chromium: Browser, built: None, tmp_path: Path
) -> None:
    with budget.stand(chromium, tmp_path) as place:
        visits = budget.measured(place)
    # Other tests run beside this one, which makes tasks longer: `make budget`, alone, allows half of it.
    assert budget.excesses(*visits, long_task_ms=2 * budget.LONG_TASK_MS) == []


def test_a_catalogue_is_at_most_4_kb(built: None) -> None:
    assert {name: size for name, size in budget.catalogues().items() if size > budget.LOCALE_BYTES} == {}
