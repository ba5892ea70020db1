"""What the bridge holds for one contact, and what a holder gets in hand."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Subscription:
    """One contact's subscription, whatever socket carries it. Lives as long as it is held, and lingers a while."""

    key: Hashable
    identifier: str = field(repr=False)
    waiting_since: float  # not live since
    holds: int = 0
    visible_holds: int = 0
    confirmed: bool = False
    live: bool = False  # confirmed on a socket that is not deaf
    live_since: float = 0.0
    told_silent: bool = False
    moved: bool = False  # it had its second try, on another socket
    presence_at: float = 0.0  # next update_presence, while visible


class Hold:
    """Somebody's interest in a contact. Release it; releasing twice does nothing."""

    def __init__(self, subscription: Subscription, release: Callable[[Subscription], None]) -> None:
        self._subscription = subscription
        self._release = release
        self._visible = False
        self._released = False

    def __repr__(self) -> str:
        return f"<Hold {self._subscription.key!r} live={self.live} visible={self._visible}>"

    @property
    def live(self) -> bool:
        """Confirmed on a socket that is not deaf, and not lost since."""
        return self._subscription.live and not self._released

    @property
    def live_since(self) -> float | None:
        """By the hub's clock; None while it is not live."""
        return self._subscription.live_since if self.live else None

    @property
    def visible(self) -> bool:
        """A page is in view: Chatwoot is told every 15 s that this contact is present."""
        return self._visible

    @visible.setter
    def visible(self, visible: bool) -> None:
        if self._released or visible == self._visible:
            return
        self._visible = visible
        self._subscription.visible_holds += 1 if visible else -1

    def release(self) -> None:
        if not self._released:
            self.visible = False
            self._released = True
            self._release(self._subscription)
