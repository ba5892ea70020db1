"""What is posted arrives as it is, and only where it may."""

from typing import Any

import pytest

from chat.posting import BadUrl, NotTaken, check_url, post
from tests.fixtures.receiver import Certificate, Receiver

HEADERS = {"Chatproxy-Signature": "t=1,v1=2"}


async def send(url: str, *, inside: bool = True, **options: Any) -> None:
    await post(url, b'{"a":1}', HEADERS, inside=inside, timeout_s=1, **options)


def names(*addresses: str) -> Any:
    async def resolve(host: str, port: int) -> list[str]:
        assert host in ("app.example", "other.example")
        return list(addresses)

    return resolve


async def test_the_body_arrives_as_it_was_signed(receiver: Receiver) -> None:
    await send(receiver.url)
    (call,) = receiver.calls
    assert (call.method, call.target, call.body) == ("POST", "/notices", b'{"a":1}')
    assert call.headers["chatproxy-signature"] == "t=1,v1=2"
    assert call.headers["content-type"] == "application/json"


async def test_the_address_that_was_checked_is_asked_by_the_hosts_name(receiver: Receiver) -> None:
    await send(f"http://app.example:{receiver.port}/notices?key=1", resolve=names("127.0.0.1"))
    assert receiver.calls[0].headers["host"] == f"app.example:{receiver.port}"
    assert receiver.calls[0].target == "/notices?key=1"


async def test_over_https_the_certificate_must_be_the_hosts(
    secure_receiver: Receiver, certificate: Certificate
) -> None:
    """Though it is the address that is connected to."""
    for host in ("app.example", "other.example"):
        url = f"https://{host}:{secure_receiver.port}/"
        sending = send(url, resolve=names("127.0.0.1"), trust=certificate.trust)
        if host == "app.example":
            await sending
        else:
            with pytest.raises(NotTaken, match="could not be reached: ConnectError"):
                await sending
    assert [call.headers["host"] for call in secure_receiver.calls] == [f"app.example:{secure_receiver.port}"]


async def test_an_unknown_authority_is_not_trusted(secure_receiver: Receiver) -> None:
    with pytest.raises(NotTaken, match="could not be reached: ConnectError"):
        await send(f"https://app.example:{secure_receiver.port}/", resolve=names("127.0.0.1"))
    assert not secure_receiver.calls


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_any_2xx_is_a_yes(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    await send(receiver.url)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(500, "answered 500"), (404, "answered 404"), ("cut", "could not be reached"), ("hang", "did not answer")],
)
async def test_everything_else_is_said_in_words(receiver: Receiver, answer: Any, words: str) -> None:
    receiver.answers = [answer]
    with pytest.raises(NotTaken, match=words) as caught:
        await send(receiver.url)
    assert not caught.value.gone and str(receiver.port) not in str(caught.value)


async def test_410_says_that_nobody_is_there_any_more(receiver: Receiver) -> None:
    receiver.answers = [410]
    with pytest.raises(NotTaken) as caught:
        await send(receiver.url)
    assert caught.value.gone


async def test_nobody_listening_is_said(receiver: Receiver) -> None:
    with pytest.raises(NotTaken, match="could not be reached"):
        await send("http://127.0.0.1:1/")


async def test_t31_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [f"http://127.0.0.1:{receiver.port}/inside"]
    with pytest.raises(NotTaken, match="redirects are not followed"):
        await send(receiver.url)
    assert receiver.connections == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"])
async def test_t31_nothing_inside_our_network_is_connected_to(receiver: Receiver, host: str) -> None:
    """The receiver listens there, and proves that nobody came."""
    with pytest.raises(NotTaken, match=r"inside a network|could not be reached"):
        await send(f"https://{host}:{receiver.port}/", inside=False)
    assert receiver.connections == 0


INSIDE = [
    "10.0.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b:1::7f00:1",
    "fec0::1",
]


@pytest.mark.parametrize("address", INSIDE)
async def test_t31_a_name_that_leads_inside_is_not_followed(receiver: Receiver, address: str) -> None:
    """One such address among public ones is enough."""
    for found in ([address], ["93.184.216.34", address]):
        with pytest.raises(NotTaken, match="inside a network"):
            await send(f"https://app.example:{receiver.port}/", inside=False, resolve=names(*found))
    assert receiver.connections == 0


async def test_t31_a_name_is_resolved_once_and_its_answer_used(receiver: Receiver) -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"]]  # the name server changes its mind

    async def rebinding(host: str, port: int) -> list[str]:
        return answers.pop(0)

    await send(f"http://app.example:{receiver.port}/", resolve=rebinding)
    assert receiver.connections == 1 and len(answers) == 1


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "..", "no-such-host.invalid"])
async def test_a_name_without_an_address_is_said(host: str) -> None:
    with pytest.raises(NotTaken, match="could not be reached"):
        await send(f"https://{host}/")
    with pytest.raises(NotTaken, match="could not be reached"):
        await send("https://app.example/", resolve=names())


async def test_t31_plain_http_goes_nowhere_unless_allowed(receiver: Receiver) -> None:
    with pytest.raises(NotTaken, match="none that may be used"):
        await send(receiver.url, inside=False)
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "app.example",
        "https://",
        "ftp://app.example/",
        "file:///etc/passwd",
        "gopher://app.example/",
        "https://user:secret@app.example/",
        "https://app.example@127.0.0.1/",
        "https://app.example/#part",
        "https://app.example:0/",
        "https://app.example:99999/",
        "https://[::1/",
        "https://app.example/\r\nX-Other: 1",
        "https://app.example/a b",
        "https://app.example\\@127.0.0.1/",
        "https://ä.example/",
        "https://app.example/" + "x" * 500,
    ],
)
def test_t42_an_address_with_anything_odd_in_it_is_refused(url: str) -> None:
    for inside in (False, True):
        with pytest.raises(BadUrl, match="Write an http"):
            check_url(url, inside=inside)


def test_an_ordinary_address_is_taken() -> None:
    check_url("https://app.example:8443/hooks/chat?tenant=7&key=a%20b", inside=False)
    check_url("http://127.0.0.1:9000/", inside=True)
