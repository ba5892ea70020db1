"""Every example in the documents is run, or the reason why it cannot be stands here.

Shell blocks are run as they stand, in a folder that looks like a checkout, against the demo or a database of their own;
only what no test can have is replaced (``INSTEAD``). New ones are run without being listed.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.fixtures.examples import ROOT, Example, examples
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.the_demo import Demo, free_ports

ENOUGH_S = 600
KEY = "k" * 50
CONTACT = "7b0e1d6a-6f0b-4d52-9a39-0f6f6f1f7a10"  # as the documents call somebody
# Blocks that are not of the shell: the tests that use them as they stand.
TESTED = {
    ("docs/abuse.md", "python"): "tests/test_examples.py",
    ("docs/composer.md", "json"): "tests/test_policy.py",
    ("docs/embedding.md", "csp"): "tests/e2e/test_embedding.py",
    ("docs/headless.md", "html"): "tests/e2e/test_headless.py",
    ("docs/identity.md", "python"): "tests/test_identity_docs.py",
    ("docs/identity.md", "js"): "tests/test_identity_docs.py",
    ("docs/monitoring.md", "yaml"): "tests/chatproxy/test_metrics.py",
    ("docs/webhooks.md", "python"): "tests/test_webhook_docs.py",
    ("docs/webhooks.md", "js"): "tests/test_webhook_docs.py",
    ("docs/webhooks.md", "json"): "tests/test_webhook_docs.py",
}
NOT_RUN = {
    ("README.md", "html"): "a line of somebody's page; tests/e2e/test_launcher.py loads sdk.js in such pages",
    ("docs/architecture.md", ""): "a drawing",
    ("docs/deploying.md", "console"): "is for root, with systemd; tests/test_deploying.py tries its files",
    ("docs/chatwoot-compat.md", "html"): "a line of somebody's page; tests/js/compat.test.js tries what it brings",
    ("docs/connecting.md", "ruby"): "is for Chatwoot's own Rails console, which no test has",
    ("docs/embedding.md", "html"): "lines of somebody's page; tests/e2e/test_sdk.py loads such pages",
    ("docs/embedding.md", "js"): "calls of somebody's page; tests/e2e/test_sdk.py makes them",
    ("docs/embedding.md", "ts"): "types; tests/js/hosts.types.ts is checked against the same",
    ("docs/identity.md", "ruby"): "needs the gem jwt",
    ("docs/identity.md", "php"): "needs PHP and the package firebase/php-jwt",
}
INSTEAD = {
    "make ": "make --dry-run ",  # the environment is there already: the tests run in it
    "SECRET_KEY=…": f"SECRET_KEY={KEY}",
    "createsuperuser": "createsuperuser --no-input",  # asks at a terminal
    "python3 ": f"{sys.executable} ",
}
UNCONNECTED = "var-unconnected"  # no other example has written tokens of another inbox there
SHELL = [each for each in examples() if each.language == "sh"]
WITH_DEMO = [each for each in SHELL if "http://127.0.0.1:8000" in each.text]
ALONE = [each for each in SHELL if each not in WITH_DEMO]


def name(example: Example) -> str:
    return f"{example.document}: {example.text.splitlines()[0][:60]}"


def as_run(text: str, chatwoot: SandboxProcess | None = None) -> str:
    """`chatwoot`: what is connected to, where the text connects."""
    if chatwoot:
        for name in ("admin", "agent", "platform"):
            text = text.replace(
                f"CHATWOOT_{name.upper()}_TOKEN=…", f"CHATWOOT_{name.upper()}_TOKEN={chatwoot.world[f'{name}_token']}"
            )
        text = text.replace("https://chatwoot.example.com", chatwoot.base_url)
    for shown, instead in INSTEAD.items():
        text = text.replace(shown, instead)
    if "manage.py serve" in text:  # it is the last, and takes over so that a signal reaches it
        return re.sub(r"^(\S+ manage.py serve)$", r"exec \1", text, flags=re.MULTILINE)
    return f"{text}\n.venv/bin/python manage.py check\n" if "export " in text else text


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a checkout, whose `var` holds a database with an inbox and a contact in it."""
    folder = tmp_path_factory.mktemp("checkout")
    for each in ("manage.py", "docs", "Makefile", ".ci", "requirements.txt", "requirements-dev.txt"):
        (folder / each).symlink_to(ROOT / each)
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / ".venv/bin/python").chmod(0o755)
    make = "from chat.models import Contact, upsert_inbox; inbox = upsert_inbox(slug='main', url='http://127.0.0.1:9', "
    make += "cable_url='ws://127.0.0.1:9/', inbox_identifier='abc', name='Shop', allowed_origins=[]); "
    make += f"Contact.objects.create(pk='{CONTACT}', inbox=inbox)"
    manage = [str(folder / ".venv/bin/python"), "manage.py"]
    for command in (["migrate", "--verbosity=0"], ["shell", "--verbosity=0", "--command", make]):
        subprocess.run([*manage, *command], cwd=folder, env=environment(folder), check=True, timeout=ENOUGH_S)
    shutil.copytree(folder / "var", folder / UNCONNECTED)
    return folder


def environment(folder: Path) -> dict[str, str]:
    (port,) = free_ports(1)
    passing = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return passing | {
        "VAR_DIR": str(folder / "var"),
        "SECRET_KEY": KEY,
        "ALLOWED_HOSTS": "127.0.0.1",
        "PORT": str(port),
        "DJANGO_SUPERUSER_USERNAME": "operator",
        "DJANGO_SUPERUSER_EMAIL": "operator@example.com",
        "DJANGO_SUPERUSER_PASSWORD": KEY,
    }


def healthy(sandbox: SandboxProcess) -> dict[str, str]:
    """A Chatwoot that is there, for the inbox of the checkout."""
    inbox = sandbox.new_inbox()
    named = {"CHATWOOT_INBOX_IDENTIFIER": inbox.identifier, "CHATWOOT_HMAC_TOKEN": inbox.hmac_token}
    return {"CHATWOOT_URL": sandbox.base_url, **named}


def start(text: str, folder: Path, env: dict[str, str]) -> "subprocess.Popen[str]":
    command = ["bash", "-euo", "pipefail", "-c", text]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)


def ended(process: "subprocess.Popen[str]") -> str:
    try:
        out, errors = process.communicate(timeout=ENOUGH_S)
    finally:
        process.kill()
    assert process.returncode == 0, f"{process.returncode}\n{out}{errors}"
    return out


@pytest.mark.parametrize("example", ALONE, ids=name)
def test_a_block_of_the_shell_does_what_it_shows(
    example: Example, checkout: Path, request: pytest.FixtureRequest
) -> None:
    if "sqlite3 " in example.text and shutil.which("sqlite3") is None:
        pytest.skip("sqlite3 is not there")
    env = environment(checkout)
    chatwoot = request.getfixturevalue("sandbox_process") if "connect_chatwoot" in example.text else None
    if "check_chatwoot" in example.text:
        env |= healthy(request.getfixturevalue("sandbox")) | {"VAR_DIR": str(checkout / UNCONNECTED)}
    process = start(as_run(example.text, chatwoot), checkout, env)
    if "manage.py serve" in example.text:
        stop_once_it_answers(process, f"http://127.0.0.1:{env['PORT']}/chat/main/")
    ended(process)


def stop_once_it_answers(process: "subprocess.Popen[str]", address: str) -> None:
    end = time.monotonic() + ENOUGH_S
    while process.poll() is None and time.monotonic() < end:
        try:
            httpx.get(address, trust_env=False).raise_for_status()
            break
        except httpx.TransportError:
            time.sleep(0.2)
    process.send_signal(signal.SIGTERM)


def test_what_a_newcomer_types_works_against_the_demo(demo: Demo, checkout: Path) -> None:
    """All blocks at once: they mostly wait for the agent."""
    env = environment(checkout) | {"VAR_DIR": str(demo.log.parent)}
    running = [(each.text, start(for_demo(each.text, demo), checkout, env)) for each in WITH_DEMO]
    printed = {text: ended(process) for text, process in running}
    for text, out in printed.items():
        scripts = len(re.findall(r"docs/clients/\w+\.py", text))
        assert out.count("journeys are done.") == scripts
        assert scripts or "Where is my parcel?" in out
    asked = demo.http.get("/sandbox/stats").json()["routes"]
    assert any(route.endswith("/toggle_typing") for route in asked), "the agents were not told that somebody types"


def for_demo(text: str, demo: Demo) -> str:
    """With the addresses of this demo, the desk's also where the usual one goes without saying."""
    site, desk = "http://127.0.0.1:8000", "http://127.0.0.1:3000"
    said = re.sub(rf"(docs/clients/\w+\.py {site})$", rf"\1 {desk}", as_run(text), flags=re.MULTILINE)
    return said.replace(site, demo.url).replace(desk, demo.desk_url.removesuffix("/desk/"))


def test_every_other_example_is_used_by_a_test_or_is_said_not_to_be() -> None:
    shown = {(each.document, each.language) for each in examples() if each.language != "sh"}
    assert shown == TESTED.keys() | NOT_RUN.keys()
    for (document, _), test in TESTED.items():
        assert document in (ROOT / test).read_text(), f"{test} does not read {document}"


def asked(token: str, answer: dict[str, Any]) -> tuple[str | None, httpx.Request]:
    """What the challenge in docs/abuse.md says, and what it asked."""
    (text,) = [each.text for each in examples() if (each.document, each.language) == ("docs/abuse.md", "python")]
    requests: list[httpx.Request] = []

    def verify(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=answer)

    def open_client(**options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(verify), **options)

    names: dict[str, Any] = {"SECRET": "s", "httpx": SimpleNamespace(AsyncClient=open_client)}
    exec(text, names)
    request = SimpleNamespace(headers={"X-Challenge": token}, META={"REMOTE_ADDR": "192.0.2.7"})
    return asyncio.run(names["is_human"](request, None)), requests[0]


def test_the_challenge_of_the_document_asks_and_believes_the_answer() -> None:
    refused, request = asked("t", {"success": False})
    assert refused == "Please show first that you are no machine."
    assert request.content == b"secret=s&response=t&remoteip=192.0.2.7"
    assert asked("t", {"success": True})[0] is None
