"""Bounds of the bridge in one place; seconds unless the name says otherwise."""

from dataclasses import dataclass, field

from chat.chatwoot.cable import CableTiming


@dataclass(frozen=True, slots=True)
class Timing:
    cable: CableTiming = field(default_factory=CableTiming)
    tick_s: float = 1
    overslept_s: float = 2  # a tick so much too late means that we slept ourselves: silence proves nothing
    presence_s: float = 15  # Chatwoot forgets a contact's presence after 20 s (contract §3.6)
    down_patience_s: float = 5  # without a socket for so long, its contacts are to be polled
    queue_patience_s: float = 20  # the same for those that wait in the window of a slow server
    healthy_s: float = 10  # a socket that held for so long makes the next redial quick again
    redial_base_s: float = 1
    redial_cap_s: float = 30
    refused_redial_s: float = 60  # after an answer that will hardly change soon (4xx, reconnect: false)
