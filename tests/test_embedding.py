import pytest

from chat.embedding import BadOrigin, Origins, is_own, is_welcome, parse


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example/", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80/", "http://shop.example"),
        ("http://shop.example:443", "http://shop.example:443"),
        (" http://localhost:3000 ", "http://localhost:3000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("https://*.example.com", "https://*.example.com"),
        ("https://*.example.com:8443", "https://*.example.com:8443"),
    ],
)
def test_an_origin_has_one_spelling(text, origin):
    assert parse(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "shop.example",
        "file://",
        "https://",
        "https://*.com",
        "https://*",
        "https://a.*.com",
        "https://shop.example/path",
        "https://shop.example?q",
        "https://shop.example#f",
        "https://user@shop.example",
        "https://shop.example:port",
        "https://shop.example:99999",
        "https://shop.example; script-src *",
        "https://shop.example https://evil.example",
        "https://[::1",
    ],
)
def test_what_is_not_an_origin_is_refused_in_words(text):
    with pytest.raises(BadOrigin, match="is not an origin"):
        parse(text)


ALLOWED = Origins.of(["https://shop.example", "https://*.example.com", "nonsense", 7])


@pytest.mark.parametrize(
    "origin", ["https://shop.example", "https://SHOP.example:443", "https://www.example.com", "https://a.b.example.com"]
)
def test_a_listed_origin_is_allowed(origin):
    assert ALLOWED.allows(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://example.com",
        "https://evilexample.com",
        "http://www.example.com",
        "https://www.example.com:8443",
        "https://*.example.com",
        "null",
        "",
        "nonsense",
    ],
)
def test_no_other_origin_is_allowed(origin):
    assert not ALLOWED.allows(origin)


def test_what_could_not_be_read_is_kept_to_be_shown():
    assert ALLOWED.bad == ("nonsense", "7")


def test_frame_ancestors_are_our_own_pages_and_the_list():
    assert ALLOWED.frame_ancestors() == "'self' https://shop.example https://*.example.com"
    assert Origins.of([]).frame_ancestors() == "'self'"


def test_our_own_host_is_known_in_any_spelling():
    assert is_own("https://chat.example", "CHAT.example", secure=True)
    assert is_own("https://chat.example", "chat.example:443", secure=True)
    assert is_own("http://localhost:8000", "localhost:8000", secure=False)
    assert is_own("https://chat.example", "chat.example", secure=False)  # TLS ends at a proxy


def test_another_host_port_or_scheme_is_not_our_own():
    assert not is_own("http://chat.example", "chat.example", secure=True)
    assert not is_own("http://localhost:8001", "localhost:8000", secure=False)
    assert not is_own("https://evil.example", "chat.example", secure=True)
    assert not is_own("null", "chat.example", secure=False)
    assert not is_own("https://chat.example", "", secure=False)


def test_a_native_client_without_an_origin_is_welcome():
    assert is_welcome(None, host="chat.example", inbox="main", allowed=[])


def test_a_refusal_names_the_value_and_the_setting(caplog):
    assert not is_welcome("https://evil.example", host="chat.example", inbox="main", allowed=["https://shop.example"])
    (record,) = caplog.records
    assert "'https://evil.example'" in record.getMessage()
    assert "ALLOWED_ORIGINS" in record.getMessage()
    assert "'main'" in record.getMessage()


def test_a_host_that_is_not_ours_makes_nothing_own(caplog):
    assert not is_welcome("https://evil.example", host=None, inbox="main", allowed=[])
