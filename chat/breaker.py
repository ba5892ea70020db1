"""When to stop asking a Chatwoot that does not answer."""

import logging

FAILURES = 5

log = logging.getLogger(__name__)


class Breaker:
    """Opens after some failures in a row; any success closes it. Whoever holds it goes on asking now and then."""

    def __init__(self, name: str = "Chatwoot", *, failures: int = FAILURES) -> None:
        self._name, self._most = name, failures
        self._failures = 0

    @property
    def open(self) -> bool:
        return self._failures >= self._most

    def failed(self) -> None:
        """No answer came, or none of Chatwoot's own."""
        if self.open:
            return
        self._failures += 1
        if self.open:
            log.warning("%s failed %d times in a row: asking it nothing for now", self._name, self._failures)

    def succeeded(self) -> None:
        """Chatwoot itself answered, whatever it said."""
        if self.open:
            log.warning("%s answers again", self._name)
        self._failures = 0
