"""What can go wrong when we ask Chatwoot for something; the class says what to do next.

ChatwootError
├── Unreachable   certainly never arrived (connect, pool, DNS, TLS)    → send again later
│   └── Crowded   we have no place for it just now; says nothing of Chatwoot
├── Throttled     429, .retry_after_s                                  → pause this Chatwoot, send again then
├── Unsent        we cannot read what is to be sent                    → send again later, or give it up
├── Forbidden     401, 403, 3xx: we are configured wrongly             → pause the inbox, alarm
├── Refused       400, 413: this request will never be taken           → give it up, alarm
└── Ambiguous     5xx, cut, time-out: it may have taken effect         → look first, then send
    ├── NotFound  404                                                  → look: which of the things is gone?
    ├── Invalid   422, .permanent                                      → look, then give up or send again
    ├── Malformed a 2xx (or a cable frame) that we cannot read         → look
    └── TooBig    an answer beyond what we are ready to hold           → ask for less

No text in here holds a secret: details are Chatwoot's own error texts (contract §0.3) or ours, never a URL or a value.
"""


class ChatwootError(Exception):
    """Base of everything that `chat.chatwoot` raises about Chatwoot."""


class Unreachable(ChatwootError):
    """The request certainly had no effect: no connection was made."""


class Crowded(Unreachable):
    """We ask so much at once that this had to wait for too long; Chatwoot may be well."""


class Unsent(ChatwootError):
    """Nothing was asked, for a reason of our own. `permanent`: it will be no better later."""

    def __init__(self, detail: str, *, permanent: bool) -> None:
        super().__init__(detail)
        self.permanent = permanent


class Throttled(ChatwootError):
    """429; Chatwoot counts per IP and clock minute (contract §8)."""

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__(f"throttled for {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


class Forbidden(ChatwootError):
    """401, 403 or a redirect: the address, the token or the configuration is wrong; `detail` may say which."""

    def __init__(self, detail: str = "", *, status: int) -> None:
        super().__init__(f"status {status} {detail}".rstrip())
        self.status = status
        self.detail = detail


class Refused(ChatwootError):
    """400 or 413: nothing was stored and nothing will be."""

    def __init__(self, detail: str = "", *, status: int) -> None:
        super().__init__(f"status {status} {detail}".rstrip())
        self.status = status
        self.detail = detail


class Ambiguous(ChatwootError):
    """Perhaps it took effect, perhaps it will.

    `status` is None when no answer came. `finished`: Rails itself answered (X-Runtime present), so that this attempt
    is over and one look begun after it is conclusive (docs/architecture.md, Delivery).
    """

    def __init__(self, detail: str = "", *, status: int | None = None, finished: bool = False) -> None:
        super().__init__(detail if status is None else f"status {status} {detail}".rstrip())
        self.detail = detail
        self.status = status
        self.finished = finished


class NotFound(Ambiguous):
    """404: the inbox, the contact, the conversation or the message; Chatwoot does not say which."""


class Invalid(Ambiguous):
    """422. `permanent`: a validation that fails again tomorrow; not so for "Too many messages" (contract §1.8)."""

    def __init__(self, detail: str = "", *, permanent: bool, finished: bool = False) -> None:
        super().__init__(detail, status=422, finished=finished)
        self.permanent = permanent


class Malformed(Ambiguous):
    """Chatwoot said yes, but not in words that we know (or something else answered in its place)."""


class TooBig(Ambiguous):
    """The answer is longer than `transport.MAX_BODY_BYTES`; Chatwoot itself is well."""
