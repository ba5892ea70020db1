"""Every close of a socket has a number and says what the client does next.

``static/chat/`` mirrors this table; a test compares the two.
"""

from enum import IntEnum, StrEnum


class Policy(StrEnum):
    """What a client does after a close."""

    STOP = "stop"
    REFRESH = "refresh"  # refresh the session, then reconnect
    AT_ONCE = "at once"
    AFTER_PAUSE = "after a pause"  # full jitter, doubling
    WITH_JITTER = "with jitter"  # spread over some seconds, however short the outage


class Close(IntEnum):
    RESTART = 1012
    BAD_FRAME = 4400
    UNKNOWN_TOKEN = 4401
    FOREIGN_ORIGIN = 4403
    NO_SUCH_INBOX = 4404
    AUTH_TIMEOUT = 4408
    SLOW = 4409
    TOO_BIG = 4413
    BLOCKED = 4423
    TOO_FAST = 4429
    FAULT = 4500

    @property
    def policy(self) -> Policy:
        return POLICIES[self]


POLICIES: dict[Close, Policy] = {
    Close.RESTART: Policy.WITH_JITTER,
    Close.BAD_FRAME: Policy.STOP,
    Close.UNKNOWN_TOKEN: Policy.REFRESH,
    Close.FOREIGN_ORIGIN: Policy.STOP,
    Close.NO_SUCH_INBOX: Policy.STOP,
    Close.AUTH_TIMEOUT: Policy.AFTER_PAUSE,
    Close.SLOW: Policy.AT_ONCE,
    Close.TOO_BIG: Policy.STOP,
    Close.BLOCKED: Policy.STOP,
    Close.TOO_FAST: Policy.AFTER_PAUSE,
    Close.FAULT: Policy.AFTER_PAUSE,
}
