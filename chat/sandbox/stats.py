"""Counts of what was asked of this server, so that a test can say "nothing"."""

from collections import Counter
from typing import Any


class Stats:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.routes: Counter[str] = Counter()
        self.areas: Counter[str] = Counter()
        self.cable: Counter[str] = Counter()
        self.webhooks: Counter[str] = Counter()

    def shown(self) -> dict[str, Any]:
        return {
            "routes": dict(self.routes),
            "areas": {name: self.areas[name] for name in ("client", "account", "platform", "other")},
            "cable": {
                name: self.cable[name] for name in ("connections", "subscribe", "unsubscribe", "update_presence")
            },
            "webhooks": dict(self.webhooks),
        }
