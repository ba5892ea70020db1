"""Django's error page, at its most talkative, and its mails: where it went wrong, and no value of anything."""

import logging
import random
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from django.utils.log import AdminEmailHandler

from chat.models import Inbox
from chatproxy.logs import UtcFormatter

ROOT = Path(__file__).resolve().parents[2]
# Made here, so that the lines of source which the page shows do not hold them.
WORDS, COOKIE, QUERY, FORM, BEARER, SETTING = SECRETS = [uuid.uuid4().hex for _ in range(6)]
SECRETS.append(TOKEN := "".join(random.choices("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", k=24)))


def fail(request: HttpRequest) -> HttpResponse:
    spoken = WORDS
    try:
        raise KeyError(spoken and f"pubsub_token={TOKEN}")
    except KeyError as error:
        raise RuntimeError(f"cannot reach /public/api/v1/inboxes/{TOKEN}/contacts") from error


async def afail(request: HttpRequest) -> HttpResponse:
    return fail(request)


urlpatterns = [path("fail", fail), path("afail", afail)]
SENT: dict[str, Any] = {"data": {"name": FORM}, "headers": {"authorization": f"Bearer {BEARER}"}}


@pytest.fixture(autouse=True)
def talkative(settings: Any) -> Any:
    settings.ROOT_URLCONF, settings.DEBUG = __name__, True
    settings.CHATWOOT_HMAC_TOKEN = settings.REDIS_URL = SETTING
    return settings


def shown(page: str) -> list[str]:
    return [secret for secret in SECRETS if secret in page]


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_an_error_page_shows_where_and_no_value(accept: str) -> None:
    client = Client(raise_request_exception=False)
    client.cookies["chatproxy-main"] = COOKIE
    answer = client.post(f"/fail?claim={QUERY}&x={TOKEN}", **SENT, HTTP_ACCEPT=accept)
    page = answer.content.decode()
    assert answer.status_code == 500 and "RuntimeError" in page and "test_reporting.py" in page
    assert shown(page) == []


async def test_an_error_page_of_a_coroutine_shows_no_value_either() -> None:
    client = AsyncClient(raise_request_exception=False)
    headers = {"authorization": f"Bearer {BEARER}", "accept": "text/html"}
    page = (await client.get(f"/afail?x={QUERY}", headers=headers)).content.decode()
    assert "RuntimeError" in page and shown(page) == []


def test_a_mail_about_an_error_shows_no_value(talkative: Any, mailoutbox: list[Any], rf: Any) -> None:
    talkative.ADMINS, talkative.DEBUG = [("A", "a@example.com")], False
    request = rf.post(f"/fail?claim={QUERY}", HTTP_COOKIE=f"c={COOKIE}", **SENT)
    try:
        fail(request)
    except RuntimeError as error:
        trace = (RuntimeError, error, error.__traceback__)
    record = logging.LogRecord("django.request", logging.ERROR, __file__, 1, "failed", (), trace)
    record.request = request
    AdminEmailHandler(include_html=True).emit(record)
    (mail,) = mailoutbox
    text = mail.body + mail.alternatives[0][0]
    assert "RuntimeError" in text and shown(text) == []


AROUND = """
import logging
loggers = [logging.getLogger(), *logging.root.manager.loggerDict.values()]
handlers = [each for logger in loggers for each in getattr(logger, "handlers", ())]
print({type(each.formatter).__name__ for each in handlers if type(each) is not logging.NullHandler})
"""


def test_no_handler_goes_around_the_formatter() -> None:
    """In a process of its own: this one has the handlers of tests, too."""
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "--command", AROUND]
    said = subprocess.run(command, env={"DEBUG": "True"}, check=True, capture_output=True, text=True)
    assert said.stdout == f"{ {UtcFormatter.__name__} }\n"


@pytest.mark.django_db
def test_a_model_with_secrets_prints_without_them(inbox: Inbox) -> None:
    assert "identifier" not in f"{inbox!r}{inbox}"
