"""The example of docs/headless.md, as it stands there, on a page of another origin."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.fixtures.the_server import Serving

pytestmark = pytest.mark.browser
DOCUMENT = Path(__file__).resolve().parents[2] / "docs/headless.md"
EXAMPLE = re.findall(r"```html\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[0]


@pytest.fixture
def elsewhere() -> Iterator[ThreadingHTTPServer]:
    """A site of somebody else's; its page is `page`."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<!doctype html><title>Shop</title>{self.server.page}".encode()  # type: ignore[attr-defined]
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """A test's output is no access log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_the_example_talks_from_another_site_and_resumes(
    chromium: Browser, elsewhere: ThreadingHTTPServer, tmp_path: Path
) -> None:
    site = f"http://localhost:{elsewhere.server_port}"
    with Serving(tmp_path, ALLOWED_ORIGINS=site).migrated().running() as serving:
        elsewhere.page = EXAMPLE.replace("https://chat.example", serving.site)  # type: ignore[attr-defined]
        context = chromium.new_context()
        page = context.new_page()
        page.goto(site)
        page.get_by_label("Message").fill("Hello from elsewhere")
        page.get_by_role("button", name="Send").click()
        expect(page.locator("li.incoming")).to_have_text(["Hello from elsewhere"])
        assert context.cookies() == []
        page.reload()
        expect(page.locator("li.incoming")).to_have_text(["Hello from elsewhere"])
        page.get_by_label("Message").fill("And again")
        page.get_by_label("Message").press("Enter")
        expect(page.locator("li")).to_have_text(["Hello from elsewhere", "And again"])
        context.close()
