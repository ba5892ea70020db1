"""The examples for integrators sign what we accept."""

import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from chat.identity import Identity, read_claim

DOCUMENT = (Path(__file__).resolve().parent.parent / "docs/identity.md").read_text()
SECRET = "a secret between the site and us, and nobody else"


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


def by_python() -> str:
    names: dict[str, Any] = {}
    exec(example("python"), names)
    token: str = names["identity_token"](SECRET, "main", 17, name="Älice", jti="n1")
    return token


def by_node() -> str:
    script = f"""{example("js")}
    process.stdout.write(identityToken({SECRET!r}, "main", 17, {{ name: "Älice", jti: "n1" }}));"""
    return subprocess.run(["node", "-e", script], check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("sign", [by_python, by_node])
def test_an_example_signs_what_is_accepted(sign: Any) -> None:
    now = time.time()
    read = read_claim(sign(), secrets=(SECRET,), audience="main", now=now)
    expected = Identity("17", name="Älice", jti="n1", expires_at=read.expires_at)
    assert read == expected
    assert now + 290 < read.expires_at <= now + 310
