"""What a cable connection tells (contract §3.2). Identifiers hold a pubsub_token, so they never enter `repr`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Welcomed:
    """Subscribes are being sent from now on."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    identifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """The server will not; the identifier is forgotten here."""

    identifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Silent:
    """Not confirmed in time; still wanted here, and a late confirm still counts."""

    identifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Silent for 30 s on a connection where a second try means nothing: try it on another one."""

    identifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Received:
    identifier: str = field(repr=False)
    message: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Closing:
    """The server is about to close; without `reconnect` it does not want us back soon."""

    reason: str
    reconnect: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """Too long without a frame: close it and dial again."""


@dataclass(frozen=True, slots=True)
class Unwelcome:
    """Too long without a welcome, whatever else came: close it and dial again."""


SubscriptionEvent = Confirmed | Rejected | Silent | Unanswered | Received
CableEvent = Welcomed | Closing | Stale | Unwelcome | SubscriptionEvent
