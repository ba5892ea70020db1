"""Files in a real browser: pictures are shown, and nothing else ever runs or renders."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.the_server import Serving, sent_by_agent

pytestmark = pytest.mark.browser
PAGE = b"<!doctype html><title>owned</title><script>document.title = 'owned ' + document.domain</script>" + b" " * 600
DOT = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00"
    b"\x01\x00\x00\x02\x02D\x01\x00;"
)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, sandbox_process: SandboxProcess) -> Iterator[Serving]:
    inbox = sandbox_process.new_inbox()
    chatwoot = {"CHATWOOT_URL": sandbox_process.base_url, "CHATWOOT_INBOX_IDENTIFIER": inbox.identifier}
    with Serving(tmp_path_factory.mktemp("serving"), **chatwoot).migrated().running() as serving:
        yield serving


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context()
    yield context
    context.close()


def address(serving: Serving, sandbox: SandboxProcess, name: str, content: bytes) -> str:
    token = serving.token()
    file_id = sent_by_agent(serving, sandbox, token, name, content)
    told = httpx.post(
        f"{serving.site}/api/v1/attachments/tickets",
        json={"attachments": [file_id]},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    return serving.site + str(told.json()["urls"][file_id])


def test_t30_a_page_that_is_called_a_picture_is_saved_and_never_rendered(
    serving: Serving, sandbox: SandboxProcess, context: BrowserContext
) -> None:
    url = address(serving, sandbox, "photo.png", PAGE)
    page = context.new_page()
    page.goto(f"{serving.site}/demo/")
    with page.expect_download() as download:
        page.evaluate("url => { const frame = document.createElement('iframe'); frame.src = url;"
                      "document.body.append(frame); }", url)  # fmt: skip
    assert download.value.suggested_filename.startswith("photo")
    assert "owned" not in page.title()
    assert [frame.title() for frame in page.frames if frame.url.startswith(url)] == []


def test_a_picture_with_a_ticket_is_shown_in_a_page(
    serving: Serving, sandbox: SandboxProcess, context: BrowserContext
) -> None:
    url = address(serving, sandbox, "dot.gif", DOT)
    page = context.new_page()
    page.goto(f"{serving.site}/demo/")
    width = page.evaluate(
        "url => new Promise(done => { const image = new Image(); image.onload = () => done(image.naturalWidth);"
        "image.onerror = () => done(0); image.src = url; })",
        url,
    )
    assert width == 1
