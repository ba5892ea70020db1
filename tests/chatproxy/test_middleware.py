"""A visitor's request reaches its view without a change of thread; the admin has what it needs."""

import threading

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from chatproxy.health import health

answered_in: list[threading.Thread] = []


async def page(request: HttpRequest) -> HttpResponse:
    answered_in.append(threading.current_thread())
    return HttpResponse("page")


urlpatterns = [path("page/", page), path("healthz", health)]
pytestmark = pytest.mark.urls(__name__)
STATIC = "/static/admin/css/base.css"


async def test_an_asynchronous_view_stays_on_the_loop(async_client: AsyncClient) -> None:
    response = await async_client.get("/page/")
    assert response.content == b"page"
    assert answered_in[-1] is threading.current_thread()
    assert response["X-Content-Type-Options"] == "nosniff"


async def test_a_forgotten_slash_is_added(async_client: AsyncClient) -> None:
    response = await async_client.get("/page")
    assert (response.status_code, response["Location"]) == (301, "/page/")


async def test_static_files_are_served_whole_and_once(async_client: AsyncClient) -> None:
    response = await async_client.get(STATIC)
    assert response["Content-Type"].startswith("text/css")
    assert not response.streaming
    assert len(response.content) == int(response["Content-Length"])
    again = await async_client.get(STATIC, headers={"if-modified-since": response["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")


def test_static_files_are_served_to_synchronous_callers_too(client: Client) -> None:
    assert client.get(STATIC).status_code == 200


async def test_nothing_outside_the_static_folder_is_served(async_client: AsyncClient) -> None:
    assert (await async_client.get("/static/../settings.py")).status_code == 404
    assert (await async_client.get("/static/%2e%2e/settings.py")).status_code == 404


async def test_a_foreign_host_is_one_line_in_the_log(
    async_client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await async_client.get("/page/", headers={"host": "evil.example"})).status_code == 400
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert "evil.example" in record.getMessage()


@pytest.mark.django_db
def test_health_asks_the_database(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"
