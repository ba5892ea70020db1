"""Commands that quote what others wrote, such as agents' names: it steers no operator's terminal."""

from typing import Any

from django.core.management.base import BaseCommand, OutputWrapper

from chatproxy.logs import UNSEEN


class Plain(OutputWrapper):
    """Escapes as JSON does, so that a document stays one; lines stay lines."""

    def write(  # type: ignore[override]  # as Django's own
        self, msg: str = "", style_func: Any = None, ending: str | None = None
    ) -> None:
        lines = [UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in msg.split("\n")]
        super().write("\n".join(lines), style_func, ending)


class PlainCommand(BaseCommand):
    def __setattr__(self, name: str, value: Any) -> None:
        """Django replaces both at times."""
        is_raw = isinstance(value, OutputWrapper) and not isinstance(value, Plain)
        super().__setattr__(name, Plain(value._out) if is_raw else value)
