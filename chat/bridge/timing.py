"""Bounds of the bridge in one place; seconds unless the name says otherwise."""

from dataclasses import dataclass, field
from typing import Self

from chat.chatwoot.cable import CableTiming


@dataclass(frozen=True, slots=True)
class Timing:
    cable: CableTiming = field(default_factory=CableTiming)
    tick_s: float = 1
    overslept_s: float = 2  # a tick so much too late means that we slept ourselves: silence proves nothing
    presence_s: float = 15  # Chatwoot forgets a contact's presence after 20 s (contract §3.6)
    canary_s: float = 15  # how often each socket must prove that it is not deaf
    canary_answer_s: float = 5
    down_patience_s: float = 5  # without a socket for so long, its contacts are to be polled
    queue_patience_s: float = 20  # the same for those that wait in the window of a slow server
    healthy_s: float = 10  # a socket that held for so long makes the next redial quick again
    redial_base_s: float = 1
    redial_cap_s: float = 30
    refused_redial_s: float = 60  # after an answer that will hardly change soon (4xx, reconnect: false)

    @classmethod
    def of(cls, *, stale_s: float, confirm_s: float, retry_s: float, canary_s: float, redial_s: float) -> Self:
        """From the limits that are settings; what is no setting keeps its proportion to them."""
        tick_s = min(1, stale_s / 9)
        return cls(
            cable=CableTiming(
                stale_s=stale_s,
                welcome_s=stale_s,
                confirm_deadline_s=confirm_s,
                unsure_s=retry_s,
                prompt_s=min(1, confirm_s / 5),
                rest_s=min(1, retry_s / 30),
            ),
            tick_s=tick_s,
            overslept_s=max(0.5, 2 * tick_s),
            canary_s=canary_s,
            canary_answer_s=confirm_s,
            down_patience_s=confirm_s,
            queue_patience_s=4 * confirm_s,
            healthy_s=2 * confirm_s,
            redial_base_s=redial_s / 30,
            redial_cap_s=redial_s,
            refused_redial_s=2 * redial_s,
        )
