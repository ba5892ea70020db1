"""Who proves, on one connection, that what is published comes through: a contact in view, else the canary contact."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chat.bridge.canary import ACTION, EVENT, Canary
from chat.bridge.connection import Connection
from chat.bridge.dial import CableDeaf
from chat.bridge.subscription import Subscription
from chat.bridge.timing import Timing
from chat.chatwoot.cable_events import Confirmed, Received, Rejected, Silent, SubscriptionEvent


@dataclass(slots=True)
class CanaryContact:
    """One for all sockets of a hub: a contact of ours at Chatwoot whom no visitor knows of."""

    identifier: str | None = field(default=None, repr=False)
    wanted: bool = False  # a socket needs it, and there is none, or its token is not Chatwoot's any more


class Hearing:
    def __init__(
        self,
        connection: Connection,
        subscriptions: Mapping[str, Subscription],
        contact: CanaryContact,
        *,
        now: float,
        timing: Timing,
    ) -> None:
        self._connection = connection
        self._subscriptions = subscriptions
        self._contact = contact
        self._timing = timing
        self._canary = Canary(now=now, every_s=timing.canary_s, answer_s=timing.canary_answer_s)
        self._subscribed: str | None = None  # the canary contact's identifier, as this connection knows it
        self._confirmed = False

    def tick(self, now: float, overslept: bool) -> None:
        """Ask who is due. Raises CableDeaf."""
        if overslept:
            self._canary.forgive(now)
        if self._canary.asked is not None and not self._is_confirmed(self._canary.asked):
            self._canary.forget(now)
        if self._canary.deaf(now):
            raise CableDeaf("it pings, but nothing that is published comes through")
        if self._canary.due(now) and any(each.confirmed for each in self._subscriptions.values()):
            self._ask(now)

    @property
    def took_s(self) -> float | None:
        """The latest answer; None before any."""
        return self._canary.took_s

    def answers(self, event: SubscriptionEvent, now: float) -> bool:
        """True when this is the answer that was waited for."""
        is_presence = isinstance(event, Received) and event.message.get("event") == EVENT
        return is_presence and self._canary.heard(event.identifier, now)

    def takes(self, event: SubscriptionEvent) -> bool:
        """True for what concerns the canary contact, which is nobody else's business."""
        if event.identifier != self._subscribed or event.identifier in self._subscriptions:
            return False
        if isinstance(event, Confirmed):
            self._confirmed = True
        elif isinstance(event, Silent | Rejected):
            self._contact.wanted = True
        return True

    def _is_confirmed(self, identifier: str) -> bool:
        subscription = self._subscriptions.get(identifier)
        return subscription.confirmed if subscription else identifier == self._subscribed and self._confirmed

    def _ask(self, now: float) -> None:
        in_view = [each for each in self._subscriptions.values() if each.visible_holds and each.confirmed]
        if in_view:
            asked = in_view[self._canary.missed % len(in_view)]  # somebody else the second time
            asked.presence_at = now + self._timing.presence_s
            self._perform(asked.identifier, now)
        elif self._contact.identifier is None:
            self._contact.wanted = True
            self._canary.later(now)
        elif self._contact.identifier != self._subscribed:
            self._subscribe(self._contact.identifier)
        elif self._confirmed:
            self._perform(self._subscribed, now)

    def _perform(self, identifier: str, now: float) -> None:
        self._connection.perform(identifier, ACTION)
        self._canary.ask(identifier, now)

    def _subscribe(self, identifier: str) -> None:
        if self._subscribed is not None:
            self._connection.unsubscribe(self._subscribed)
        self._subscribed, self._confirmed = identifier, False
        self._connection.subscribe(identifier, retries=0)
