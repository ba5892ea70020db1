"""Who somebody is, by a site's word: only what was signed with our secret, for this inbox, just now, counts."""

import base64
import hashlib
import hmac
import json
import string
import unicodedata
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chat.chatwoot.identity import identifier_hash
from chat.identity import MAX_NAME, BadIdentity, Identity, clean_name, is_email, is_phone, read_claim, read_hash

SECRET = "a secret between the site and us, and nobody else"
FORMER = "the secret that it had before this one came"
NOW = 1_800_000_000
HS256 = {"alg": "HS256", "typ": "JWT"}
patiently = settings(deadline=None)  # a busy machine is no mistake of ours
CLAIMS = {"aud": "main", "sub": "alice-7", "iat": NOW, "exp": NOW + 300}


def encoded(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def sign(claims: Any = None, *, header: Any = None, secret: str = SECRET, digest: str = "sha256", **more: Any) -> str:
    signed = f"{encoded(header or HS256)}.{encoded(CLAIMS | more if claims is None else claims)}"
    return f"{signed}.{encoded(hmac.new(secret.encode(), signed.encode(), digest).digest())}"


def read(token: Any, *, now: float = NOW, secrets: tuple[str, ...] = (SECRET, FORMER)) -> Identity:
    return read_claim(token, secrets=secrets, audience="main", now=now)


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in CLAIMS.items() if name not in names}


def test_a_claim_says_who_somebody_is() -> None:
    told = {"email": "alice@shop.example", "phone": "+4930123456", "name": "Alice", "jti": "n1"}
    assert read(sign(**told)) == Identity(identifier="alice-7", expires_at=NOW + 300, **told)
    assert read(sign(without("iat"))).email == ""


def test_nothing_of_it_is_printed() -> None:
    assert "alice" not in repr(read(sign(email="alice@shop.example", name="alice", jti="alice")))


@pytest.mark.parametrize("exp", [NOW + 0.5, NOW + 300, NOW + 300.0])
def test_times_may_have_decimals(exp: float) -> None:
    assert read(sign(exp=exp)).expires_at == exp


def test_the_clock_of_the_site_may_be_ahead_by_a_minute() -> None:
    assert read(sign(iat=NOW + 59, exp=NOW + 359))


WRONG_TOKENS = {
    "none": None,
    "empty": "",
    "a list": [sign()],
    "true": True,
    "a number": 7,
    "bytes": sign().encode(),
    "unsigned": sign().rpartition(".")[0] + ".",
    "two parts": sign().rpartition(".")[0],
    "four parts": sign() + ".e30",
    "not ASCII": sign() + "ü",
    "half a pair": "\ud83d",
    "padded": sign() + "=",
    "with a line feed": sign() + "\n",
    "one megabyte": "x" * 1_000_000,
    "one megabyte signed": sign(sub="x" * 1_000_000),
    "another secret": sign(secret="some other secret of 32 characters"),
    "no secret": sign(secret=""),
    "alg none": sign(header={"alg": "none"}),
    "alg none, unsigned": f"{encoded({'alg': 'none'})}.{encoded(CLAIMS)}.",
    "alg None in capitals": sign(header={"alg": "NONE"}),
    "alg in a list": sign(header={"alg": ["HS256"]}),
    "no alg": sign(header={"typ": "JWT"}),
    "lower-case alg": sign(header={"alg": "hs256"}),
    "HS512": sign(header={"alg": "HS512"}, digest="sha512"),
    "HS256 that is HS512": sign(digest="sha512"),
    "RS256": sign(header={"alg": "RS256"}),
    "crit": sign(header=HS256 | {"crit": ["exp"]}),
    "header a list": sign(header=[1]),
    "payload a list": sign([CLAIMS]),
    "payload no JSON": sign(b"{"),
    "payload too deep": sign(b"[" * 2_000),
    "payload no UTF-8": sign(b'{"sub": "\xff"}'),
}


@pytest.mark.parametrize("token", WRONG_TOKENS.values(), ids=WRONG_TOKENS.keys())
def test_t8_what_is_not_signed_by_the_site_proves_nothing(token: Any) -> None:
    with pytest.raises(BadIdentity):
        read(token)


WRONG_CLAIMS: list[dict[str, Any]] = [
    *({"aud": aud} for aud in ("other", "", "Main", ["main"], None, True, 1)),
    *({"sub": sub} for sub in ("", " ", "\n", None, 7, True, ["alice-7"], {}, "a\0b", "x" * 256)),
    *({"exp": exp} for exp in (NOW, NOW - 1, 0, NOW + 301, NOW + 3_600, 2**70, str(NOW + 60), None, True, [NOW + 60])),
    *({"iat": iat} for iat in (NOW + 61, NOW - 1, str(NOW), None, True, -1)),  # `exp` counts from it
    *({"nbf": nbf} for nbf in (NOW + 61, "soon")),
    *({name: value} for name in ("email", "phone", "name", "jti") for value in (True, 7, ["x"], "a\0b", "x" * 256)),
]


@pytest.mark.parametrize("claims", WRONG_CLAIMS, ids=repr)
def test_t8_what_is_signed_must_be_for_this_inbox_and_for_now(claims: dict[str, Any]) -> None:
    with pytest.raises(BadIdentity):
        read(sign(**claims))


@pytest.mark.parametrize("name", ["aud", "sub", "exp"])
def test_t8_nothing_that_counts_may_be_missing(name: str) -> None:
    with pytest.raises(BadIdentity):
        read(sign(without(name)))


def test_t8_without_iat_a_claim_lives_no_longer_either() -> None:
    with pytest.raises(BadIdentity, match=r"."):
        read(sign(without("iat") | {"exp": NOW + 361}))


def test_t8_without_a_secret_nobody_can_prove_anything() -> None:
    for secrets in ((), ("",), ("", "")):
        with pytest.raises(BadIdentity):
            read(sign(secret=""), secrets=secrets)
        with pytest.raises(BadIdentity):
            read_hash("alice-7", identifier_hash("", "alice-7"), secrets=secrets)


def test_t10_both_secrets_count_while_one_takes_the_place_of_the_other() -> None:
    old, new = sign(secret=FORMER), sign()
    assert read(old).identifier == read(new).identifier == "alice-7"
    hashed = identifier_hash(FORMER, "alice-7")
    assert read_hash("alice-7", hashed, secrets=(SECRET, FORMER)).identifier == "alice-7"
    for secrets in ((SECRET,), (SECRET, "")):
        with pytest.raises(BadIdentity):
            read(old, secrets=secrets)
        with pytest.raises(BadIdentity):
            read_hash("alice-7", hashed, secrets=secrets)


IDENTIFIERS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=255)


@patiently
@given(IDENTIFIERS, st.sampled_from([SECRET, FORMER]))
def test_t9_the_exact_hash_passes_and_leads_to_the_exact_identifier(identifier: str, secret: str) -> None:
    assume(identifier.strip())
    expected = hmac.new(secret.encode(), identifier.encode(), hashlib.sha256).hexdigest()
    assert read_hash(identifier, expected, secrets=(SECRET, FORMER)).identifier == identifier


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.binary(max_size=64),
    st.lists(st.text(), max_size=2),
    st.text(max_size=70),
    st.text(string.hexdigits, min_size=63, max_size=65),
)


@patiently
@given(ANYTHING, ANYTHING)
def test_t9_nothing_else_passes(identifier: Any, hashed: Any) -> None:
    with pytest.raises(BadIdentity):
        read_hash(identifier, hashed, secrets=(SECRET, FORMER))


@patiently
@given(IDENTIFIERS, st.data())
def test_t9_a_hash_that_differs_anywhere_does_not_pass(identifier: str, data: st.DataObject) -> None:
    assume(identifier.strip())
    exact = identifier_hash(SECRET, identifier)
    at = data.draw(st.integers(0, 63))
    other = data.draw(st.sampled_from([each for each in string.hexdigits + " ü" if each != exact[at]]))
    variants = (exact[:at] + other + exact[at + 1 :], exact + "\n", f" {exact}", exact[:-1], exact + exact[-1])
    for variant in {*variants, exact.upper()} - {exact}:
        with pytest.raises(BadIdentity):
            read_hash(identifier, variant, secrets=(SECRET,))


@patiently
@given(IDENTIFIERS)
def test_t9_what_only_looks_alike_is_somebody_else(identifier: str) -> None:
    assume(identifier.strip())
    exact = identifier_hash(SECRET, identifier)
    alike = {unicodedata.normalize(form, identifier) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    alike |= {identifier.strip(), identifier.casefold(), identifier.upper(), identifier + " "}
    for other in alike - {identifier}:
        with pytest.raises(BadIdentity):
            read_hash(other, exact, secrets=(SECRET,))


@patiently
@given(st.data())
def test_t9_a_claim_with_any_other_sign_in_it_does_not_pass(data: st.DataObject) -> None:
    token = sign()
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_.=+/ "))
    assume(other != token[at])
    with pytest.raises(BadIdentity):
        read(token[:at] + other + token[at + 1 :])


@patiently
@given(st.recursive(ANYTHING.filter(lambda each: not isinstance(each, bytes)), lambda each: st.lists(each, max_size=3)))
def test_t8_whatever_a_site_signs_is_read_or_refused(value: Any) -> None:
    try:
        sign(sub=value)
    except UnicodeEncodeError:
        return
    for name in ("sub", "aud", "exp", "iat", "email"):
        try:
            read(sign(**{name: value}))
        except BadIdentity:
            continue


def test_every_refusal_looks_the_same_to_the_one_who_asks() -> None:
    bodies = []
    for token in (*WRONG_TOKENS.values(), sign(aud="other"), sign(exp=NOW)):
        with pytest.raises(BadIdentity) as refused:
            read(token)
        bodies.append((refused.value.status, refused.value.body))
        assert "alice" not in refused.value.why
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0][0] == 401


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("  Alice\n\tSmith ", "Alice Smith"),
        ("\u202eecila\u200b", "ecila"),
        ('=HYPERLINK("x")', 'HYPERLINK("x")'),
        ("+-@ Alice", "Alice"),
        ("x" * 300, "x" * MAX_NAME),
        ("\0\x07", ""),
    ],
)
def test_a_name_is_one_plain_line(given_name: str, shown: str) -> None:
    assert clean_name(given_name) == shown


def test_only_what_chatwoot_takes_counts_as_an_address_or_number() -> None:
    assert is_email("alice.smith+shop@mail.example.com")
    assert is_phone("+4930123456")
    for text in ("", "alice", "alice@", "@b.example", "a b@c.example", "alice@c.example\n", "a@b@c.example", "ä@c.de"):
        assert not is_email(text)
    for text in ("", "+0301", "030123456", "+49 30 1", "+4930123456\n", "+1234567890123456", "x+4930123456"):
        assert not is_phone(text)
