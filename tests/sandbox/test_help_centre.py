"""The stand-in's help centre: what is published, by locale, and only to whom it knows by the host."""

from typing import Any

import pytest

from tests.fixtures.sandbox import SandboxProcess

STRANGER = "Domain: elsewhere.example is not registered with us."


def titles(answer: Any) -> list[str]:
    return [each["title"] for each in answer.json()["payload"]]


def test_published_articles_of_a_locale_are_listed_by_position_or_by_views(sandbox: SandboxProcess) -> None:
    portal = sandbox.new_portal(
        {"title": "One", "views": 1},
        {"title": "Two", "views": 2},
        {"title": "Draft", "status": 0},
        {"title": "Eins", "locale": "de"},
    )
    address = f"/hc/{portal}/en/articles.json"
    answer = sandbox.http.get(address)
    assert (titles(answer), answer.json()["meta"]) == (["One", "Two"], {"articles_count": 2})
    assert titles(sandbox.http.get(address, params={"sort": "views"})) == ["Two", "One"]
    assert titles(sandbox.http.get(address, params={"per_page": 1, "page": 2})) == ["Two"]
    assert titles(sandbox.http.get(f"/hc/{portal}/de/articles.json")) == ["Eins"]
    assert titles(sandbox.http.get(f"/hc/{portal}/fr/articles.json")) == []
    assert sandbox.http.get(f"/hc/{portal}/fr.json").json()["meta"]["default_locale"] == "en"


@pytest.mark.parametrize("path", ["/hc/nothing/en/articles.json", "/hc/nothing/en.json"])
def test_a_portal_that_does_not_exist_is_a_page_of_html(sandbox: SandboxProcess, path: str) -> None:
    answer = sandbox.http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=UTF-8")


def test_another_host_is_a_stranger_unless_it_is_a_portal_s_own(sandbox: SandboxProcess) -> None:
    portal = sandbox.new_portal({"title": "One"}, custom_domain="help.example")
    address = f"/hc/{portal}/en/articles.json"
    answer = sandbox.http.get(address, headers={"Host": "elsewhere.example:3000"})
    assert answer.status_code == 401 and answer.json()["error"].startswith(STRANGER)
    assert titles(sandbox.http.get(address, headers={"Host": "help.example"})) == ["One"]


def test_the_demo_has_articles_in_two_languages(sandbox: SandboxProcess) -> None:
    portal = sandbox.world["demo_portal"]
    english, german = (titles(sandbox.http.get(f"/hc/{portal}/{locale}/articles.json")) for locale in ("en", "de"))
    assert len(english) == 6 and len(german) == 2
