"""What no log line and no error page may hold, taken out by its shape, and by value where this process knows it.

Libraries quote addresses, headers and frames; an exception quotes whatever it was about. This works on the finished
text, so that it does not matter how something came into it.
"""

import re
from collections.abc import Callable, Iterable

MAX_TEXT = 32 * 1024  # characters; more than that is nobody's log line, and would cost time
_LONGEST = 2048  # what may stand across that border and is still recognised
_LEAST = 8  # shorter values are found in words, too
HIDDEN = "***"

_NAMES = ["token", "secret", "password", "passwd", "authorization", "signature", "source_id", "inbox_identifier"]
_NAMES += ["identifier_hash", "field_keys", "api_key"]
MINTED = ["cpr_", "cpw_"]  # what our own secrets begin with: refresh tokens, secrets of outgoing webhooks
# After a name: = or : with whatever quotes repr, JSON and HTML put around it, or as a pair in a repr.
_QUOTE = r"""(?:\\*["']|&(?:quot|\#x27|\#39);)"""
_IS = rf"(?:{_QUOTE}\s*,\s*b?{_QUOTE}|{_QUOTE}?\s*[:=]\s*(?:b?{_QUOTE})?)"
_VALUE = r"""(?:(?:bearer|basic)\s+)?[^\s"'\\,;&)}\]>]+"""
# By words of which one must occur, in lower case: looking for them costs a tenth of looking for the shape.
_PATTERNS: tuple[tuple[list[str], str, str], ...] = (
    # A frame as the websockets library logs it is a body, and cut in the middle, where no shape is left.
    (["text ", "binary ", "cont "], r"(?s)(?<=[<>] )(?-i:(TEXT|BINARY|CONT)) .*", rf"\1 {HIDDEN}"),
    (["cookie"], rf"((?:set-)?cookie{_IS})[^\"'\r\n]+", rf"\1{HIDDEN}"),
    (_NAMES, rf"((?:{'|'.join(_NAMES)}){_IS}){_VALUE}", rf"\1{HIDDEN}"),
    (["bearer", "basic"], r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=:-]{8,}", rf"\1 {HIDDEN}"),
    (["/inboxes/"], r"(/public/api/v1/inboxes/)[^/\s\"'?]+", rf"\1{HIDDEN}"),
    (["/contacts/"], r"(/contacts/)[^/\s\"'?]+", rf"\1{HIDDEN}"),
    (["/rails/", "hook"], r"(/(?:rails/active_storage|webhooks?|hooks?)/)[^\s\"'?]+", rf"\1{HIDDEN}"),
    (["?"], r"\?(?=[\w.~%\[\]-]{1,100}=)[^\s\"'<>]+", f"?{HIDDEN}"),  # a query: what signs an address stands there
    (["://"], r"(?<=://)[^/\s\"'@]+@", f"{HIDDEN}@"),
    (MINTED, rf"({'|'.join(MINTED)})[\w-]{{16,}}", rf"\1{HIDDEN}"),
    (["eyj"], r"(?<![\w-])eyJ[\w-]{5,}\.[\w.-]+", HIDDEN),  # a JWT
    ([":"], r":[\w-]{43}(?![\w-])", f":{HIDDEN}"),  # the signature of what Django signed: our access tokens
    (["gaaaaa"], r"gAAAAA[\w=-]{20,}", HIDDEN),  # what is encrypted at rest
)
_SHAPES = [(words, re.compile(pattern, re.IGNORECASE), instead) for words, pattern, instead in _PATTERNS]
# Every token and identifier of Chatwoot is 24 signs of base58, wherever it stands.
_BASE58 = re.compile(r"(?<![A-Za-z0-9])[1-9A-HJ-NP-Za-km-z]{24}(?![A-Za-z0-9])")

Redact = Callable[[str], str]


def redactor(values: Iterable[str] = (), *, most: int = MAX_TEXT) -> Redact:
    """A function that takes out every known shape and these values, and cuts what is longer than ``most``."""
    known = sorted({each for each in values if len(each) >= _LEAST}, key=len, reverse=True)
    by_value = re.compile("|".join(map(re.escape, known))) if known else None

    def redact(text: str) -> str:
        cut = len(text) - most
        text = text[: most + _LONGEST]
        if by_value:
            text = by_value.sub(HIDDEN, text)
        lowered = text.lower()
        for words, shape, instead in _SHAPES:
            if any(word in lowered for word in words):
                text = shape.sub(instead, text)
        text = _BASE58.sub(_unless_a_word, text)
        return text if cut <= 0 else f"{text[:most]}… ({cut} more characters)"

    return redact


def _unless_a_word(found: "re.Match[str]") -> str:
    """Names of classes may be as long; they have no digits and few capitals."""
    text = found[0]
    capitals = sum(sign.isupper() for sign in text)
    return HIDDEN if capitals > 4 or (capitals and any(map(str.isdigit, text))) else text
