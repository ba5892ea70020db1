"""How fast and how big: the short tier runs at a tenth of the real times with few visitors, the full one as in life."""

import os
from dataclasses import dataclass

# Seconds in real life; the short tier divides them. Named as in docs/settings.md.
SECONDS = {
    "DELIVERY_BUDGET_S": 20.0,
    "DELIVERY_MARGIN_S": 5.0,
    "DELIVERY_UNFENCED_S": 120.0,
    "DELIVERY_LEASE_S": 60.0,
    "DELIVERY_PAUSE_S": 60.0,
    "DELIVERY_BACKOFF_S": 60.0,
    "CABLE_RETRY_S": 30.0,
    "CABLE_CANARY_S": 15.0,
    "CABLE_REDIAL_S": 30.0,
    "POLL_S": 10.0,
    "AUDIT_S": 300.0,
    "RESYNC_PAUSE_S": 10.0,
    "RECONNECT_JITTER_S": 10.0,
}
# What a tenth would make wrong: Chatwoot pings every 3 s, and a busy machine needs its time for an answer.
SHORT = {"CABLE_STALE_S": 4.0, "CABLE_CONFIRM_S": 1.5, "CABLE_ECHO_S": 2.0, "DRAIN_S": 5.0, "CABLE_LINGER_S": 6}
FULL = {"CABLE_STALE_S": 9.0, "CABLE_CONFIRM_S": 5.0, "CABLE_ECHO_S": 10.0, "DRAIN_S": 25.0, "CABLE_LINGER_S": 60}


@dataclass(frozen=True)
class Scale:
    """`factor`: real seconds per second here."""

    factor: float
    visitors: int
    messages: int

    def s(self, real_s: float) -> float:
        """So many seconds of real life, here."""
        return real_s / self.factor

    @property
    def short(self) -> bool:
        return self.factor > 1

    @property
    def settings(self) -> dict[str, str]:
        """The application's timing, as environment variables."""
        scaled = {name: self.s(real_s) for name, real_s in SECONDS.items()}
        return {name: f"{value:g}" for name, value in (scaled | (SHORT if self.short else FULL)).items()}


def scale() -> Scale:
    """The tier that FAULTS names: short (the default) or full."""
    if os.environ.get("FAULTS") == "full":
        return Scale(1, visitors=20, messages=30)
    return Scale(10, visitors=4, messages=8)
