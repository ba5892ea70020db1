"""Large files at a real server: its memory stays flat, whoever sends or reads them, and however slowly."""

import http.client
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.the_server import Serving, sent_by_agent

MIB_KB = 1024
FILM = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
PEOPLE = 20


def film(size: int) -> bytes:
    return FILM + bytes(size - len(FILM))


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, sandbox_process: SandboxProcess) -> Iterator[Serving]:
    inbox = sandbox_process.new_inbox()
    chatwoot = {"CHATWOOT_URL": sandbox_process.base_url, "CHATWOOT_INBOX_IDENTIFIER": inbox.identifier}
    chatwoot["TRUSTED_PROXIES"] = "127.0.0.0/8"
    with Serving(tmp_path_factory.mktemp("serving"), **chatwoot).migrated().running() as serving:
        yield serving
    shutil.rmtree(serving.folder / "uploads")  # nearly a gigabyte, of which pytest would keep three


def most_kb(serving: Serving, act: Callable[[], object]) -> int:
    """How much the server grew at most while that was done."""
    before = most = serving.rss_kb()
    with ThreadPoolExecutor(1) as one:
        acting = one.submit(act)
        while not acting.done():
            most = max(most, serving.rss_kb())
            time.sleep(0.02)
    acting.result()
    return most - before


def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}


def upload(serving: Serving, token: str, content: bytes, *, address: str = "203.0.113.1") -> httpx.Response:
    url = f"{serving.site}/api/v1/uploads?name=film.mp4"
    told = headers(token) | {"X-Forwarded-For": address}
    return httpx.post(url, content=content, headers=told, trust_env=False, timeout=300)


def kept(serving: Serving) -> list[int]:
    return sorted(each.stat().st_size for each in (serving.folder / "uploads").glob("*"))


def test_t29_many_large_uploads_at_once_leave_the_memory_flat(serving: Serving) -> None:
    upload(serving, serving.token(), film(1_000))  # what is loaded with the first one
    tokens, content = [serving.token() for _ in range(PEOPLE)], film(39_900_000)
    answers: list[httpx.Response] = []

    def send_from_home(who: tuple[int, str]) -> httpx.Response:
        return upload(serving, who[1], content, address=f"203.0.113.{who[0]}")

    def send() -> None:
        with ThreadPoolExecutor(PEOPLE) as together:
            answers.extend(together.map(send_from_home, enumerate(tokens)))

    grown = most_kb(serving, send)
    assert [each.status_code for each in answers] == [201] * PEOPLE
    assert kept(serving)[-PEOPLE:] == [39_900_000] * PEOPLE
    assert grown < 50 * MIB_KB


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (film(40_000_001), 413, "file_too_big"),
        (film(40_100_000), 413, "file_too_big"),
        (b"", 422, "file_empty"),
        (b"<html>" + bytes(1_000_000), 415, "file_refused"),
    ],
    ids=["a byte too many", "40.1 MB", "nothing", "a page"],
)
def test_what_is_refused_says_why_and_leaves_nothing(serving: Serving, content: bytes, status: int, code: str) -> None:
    before = kept(serving)
    answer = upload(serving, serving.token(), content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert kept(serving) == before


def test_an_upload_that_is_cut_leaves_nothing_and_disturbs_nobody(serving: Serving) -> None:
    token, before = serving.token(), kept(serving)
    with socket.create_connection(("127.0.0.1", serving.port)) as line:
        lines = [f"{name}: {value}" for name, value in headers(token).items()]
        head = ["POST /api/v1/uploads HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 40000000", *lines, "", ""]
        line.sendall("\r\n".join(head).encode() + film(20_000_000))
    assert upload(serving, token, film(1_000)).status_code == 201
    assert len(kept(serving)) == len(before) + 1


@pytest.mark.parametrize("path", ["/api/v1/session", "/admin/login/"])
def test_a_form_is_not_parsed_into_memory(serving: Serving, path: str) -> None:
    """Twisted would, of any size and before anybody has asked who sends it."""
    kind = {"Content-Type": "multipart/form-data; boundary=x"}

    def send() -> None:
        form = b"--x\r\n" * 8_000_000
        answer = httpx.post(serving.site + path, content=form, headers=kind, trust_env=False, timeout=300)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_big")

    assert most_kb(serving, send) < 20 * MIB_KB


class SlowReader:
    """Asks for a file, and reads as little of it as it is told."""

    def __init__(self, serving: Serving, token: str, file_id: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", serving.port))
        head = [f"GET /api/v1/attachments/{file_id} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
        self.socket.sendall("\r\n".join([*head, "", ""]).encode())
        self.response = http.client.HTTPResponse(self.socket)
        self.response.begin()

    def close(self) -> None:
        self.response.close()
        self.socket.close()


def everything(response: Any) -> bytes:
    parts = []
    while part := response.read(1_000_000):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("ours", [True, False], ids=["from our disk", "from Chatwoot"])
def test_a_client_that_does_not_read_costs_no_memory(serving: Serving, sandbox: SandboxProcess, ours: bool) -> None:
    token, content = serving.token(), film(30_000_000)
    file_id = (
        upload(serving, token, content).json()["id"]
        if ours
        else sent_by_agent(serving, sandbox, token, "film.mp4", content)
    )
    upload(serving, token, b"warm")
    readers: list[SlowReader] = []

    def begin() -> None:
        readers.extend(SlowReader(serving, token, file_id) for _ in range(4))
        time.sleep(2)  # in which the server would have read all of it

    assert most_kb(serving, begin) < 16 * MIB_KB
    for each in readers[1:]:
        each.close()
    assert readers[0].response.headers["Content-Type"] == "video/mp4"
    read: list[bytes] = []
    assert most_kb(serving, lambda: read.append(everything(readers[0].response))) < 16 * MIB_KB
    assert read == [content]
    readers[0].close()


def test_an_answer_that_breaks_off_is_cut_and_not_taken_for_the_whole(serving: Serving) -> None:
    token = serving.token()
    file_id = upload(serving, token, film(30_000_000)).json()["id"]
    newest = max((serving.folder / "uploads").glob("*"), key=lambda each: each.stat().st_mtime)
    reader = SlowReader(serving, token, file_id)
    reader.socket.settimeout(30)  # less than an idle connection may last: it is cut at once
    assert reader.response.headers["Content-Length"] == "30000000"
    _cut(newest)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        if len(everything(reader.response)) < 30_000_000:
            raise ConnectionError
    reader.close()
    assert serving.get("/livez").status_code == 200


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(15_000_000)


def test_a_reader_who_has_gone_frees_its_place(serving: Serving) -> None:
    token = serving.token()
    file_id = upload(serving, token, film(30_000_000)).json()["id"]
    readers = [SlowReader(serving, token, file_id) for _ in range(6)]
    assert {each.response.status for each in readers} == {200}
    url, own = f"{serving.site}/api/v1/attachments/{file_id}", headers(token)
    refused = httpx.head(url, headers=own, trust_env=False)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    for each in readers:
        each.close()
    while httpx.head(url, headers=own, trust_env=False).status_code != 200:
        time.sleep(0.05)
