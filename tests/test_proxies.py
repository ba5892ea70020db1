"""A visitor's way through nginx and Caddy, as docs/deploy configures them."""

import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from chatproxy import settings
from chatproxy.request import MOST_BYTES
from tests.fixtures.the_demo import HOST, free_ports
from tests.fixtures.the_proxies import DEPLOY, Caddy, Front, Nginx, placed
from tests.fixtures.the_server import Serving
from tests.fixtures.the_tls import certificate

BUILT = "/static/build/of-the-new-release.js"
UPLOAD_MAX_BYTES = 1_000_000


class Older(BaseHTTPRequestHandler):
    """A process of the former release: it is well, and lacks every file of the new one. Says what it was asked with."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps(dict(self.headers)).encode()
        self.send_response(404 if self.path.startswith("/static/build/") else 200)
        self.send_header("X-Runtime", "0.01")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


class Newer(Older):
    def do_GET(self) -> None:
        self.path = "/"
        super().do_GET()


@contextmanager
def answering(handler: type[Older]) -> Iterator[int]:
    server = ThreadingHTTPServer((HOST, 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    more = {"TRUSTED_PROXIES": "127.0.0.1/32", "TRUST_FORWARDED_PROTO": "True", "LIMITS": "all=off sessions=2/min"}
    more |= {"ALLOWED_HOSTS": "localhost,chat.example.com", "UPLOAD_MAX_BYTES": str(UPLOAD_MAX_BYTES)}
    with Serving(tmp_path_factory.mktemp("serving"), **more).migrated().running() as serving:
        yield serving


@pytest.fixture
def trusted(tmp_path: Path) -> ssl.SSLContext:
    """With the certificate that ``front`` shows."""
    certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tmp_path / "tls.pem")
    return context


def started(name: str, folder: Path, targets: list[int]) -> Front:
    if name == "caddy":
        return Caddy(folder, targets, certificate=folder / "tls.pem")
    return Nginx.of_the_documents(folder, targets, certificate=folder / "tls.pem")


@pytest.fixture(params=["nginx", "caddy"])
def front(request: pytest.FixtureRequest, tmp_path: Path, trusted: ssl.SSLContext, serving: Serving) -> Iterator[Front]:
    """Before one process, and another that is away."""
    front = started(request.param, tmp_path, [serving.port, *free_ports(1)])
    yield front
    front.stop()


def visitor(front: Front, trusted: ssl.SSLContext, *, address: str) -> httpx.Client:
    """From an address of this machine's own; no proxy is there."""
    transport = httpx.HTTPTransport(verify=trusted, local_address=address)
    return httpx.Client(base_url=f"https://localhost:{front.port}", transport=transport, timeout=60)


def begin(http: httpx.Client, **headers: str) -> httpx.Response:
    return http.post("/api/v1/session", json={"inbox": "main", "kind": "app"}, headers=headers)


def test_a_visitor_comes_through(front: Front, trusted: ssl.SSLContext) -> None:
    with visitor(front, trusted, address="127.0.0.2") as http:
        assert "max-age" in http.get("/chat/main/").raise_for_status().headers["Strict-Transport-Security"]
        admin = http.get("/admin/login/").raise_for_status()
        assert "__Host-csrftoken" in admin.cookies, "the application does not know that this is TLS"
        token = begin(http).raise_for_status().json()["access_token"]
        url = f"wss://localhost:{front.port}/ws/v1"
        with connect(url, ssl=trusted, proxy=None, compression=None, open_timeout=60) as socket:
            socket.send(json.dumps({"type": "hello", "token": token, "since": None, "visible": True}))
            assert json.loads(socket.recv(timeout=60))["type"] == "reset"
        too_big = b"a" * (UPLOAD_MAX_BYTES + 100_000)
        bearer = {"Authorization": f"Bearer {token}"}
        refused = http.post("/api/v1/uploads", params={"name": "a.txt"}, content=too_big, headers=bearer)
        assert (refused.status_code, list(refused.json())) == (413, ["error"]), "not in our words"


def test_nobody_moves_our_addresses(front: Front, trusted: ssl.SSLContext) -> None:
    """Who keeps /admin/ or /metrics to themselves lets the proxy decide by the path."""
    with visitor(front, trusted, address="127.0.0.2") as http:
        moved = {"Daphne-Root-Path": "/elsewhere"}
        assert [http.get(path, headers=moved).status_code for path in ("/elsewhere/livez", "/livez")] == [404, 200]


def test_t47_t48_what_supervisors_ask_is_answered_inside_alone(front: Front, trusted: ssl.SSLContext) -> None:
    inside = ["/metrics", "/healthz", "/readyz"]
    with visitor(front, trusted, address="127.0.0.2") as http:
        asked = [*inside, "/%6Detrics", "/a/../healthz", "/readyz?a=1"]
        assert [http.get(path).status_code for path in asked] == [403] * len(asked)
        assert http.get("/livez").status_code == 200
    with visitor(front, trusted, address="127.0.0.1") as http:
        assert [http.get(path).status_code for path in inside] == [404, 200, 200], "there is no METRICS_TOKEN"


def test_the_admin_is_kept_inside_as_the_comments_say(tmp_path: Path, trusted: ssl.SSLContext) -> None:
    nginx = placed((DEPLOY / "nginx.conf").read_text(), {r"^ +# (?=location /admin/ )": "    ", "203.0.113.0/24": HOST})
    with answering(Older) as there:
        front = Nginx.of_the_documents(tmp_path, [there], certificate=tmp_path / "tls.pem", text=nginx)
        for address, status in (("127.0.0.2", 403), (HOST, 200)):
            with visitor(front, trusted, address=address) as http:
                assert http.get("/admin/login/").status_code == status
        front.stop()


def test_each_counts_by_their_own_address_whatever_they_say(front: Front, trusted: ssl.SSLContext) -> None:
    one = {"nginx": "127.0.1.1", "caddy": "127.0.1.2"}[type(front).__name__.lower()]
    with visitor(front, trusted, address=one) as http:
        said = [begin(http, **{"X-Forwarded-For": f"203.0.113.{n}"}).status_code for n in range(4)]
        assert said == [201, 201, 429, 429]
    with visitor(front, trusted, address=one.replace("127.0", "127.1")) as http:
        assert begin(http).status_code == 201


def test_the_proxy_names_each_call_for_the_log_and_no_visitor_does(front: Front, trusted: ssl.SSLContext) -> None:
    with visitor(front, trusted, address="127.0.0.2") as http:
        first, second = (http.get("/livez", headers={"X-Request-Id": "mine"}).headers["X-Request-Id"] for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{32}|[0-9a-f-]{36}", first)
    assert second not in (first, "mine")


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_a_file_of_the_new_release_comes_from_the_process_that_has_it(
    name: str, tmp_path: Path, trusted: ssl.SSLContext
) -> None:
    with answering(Older) as older, answering(Newer) as newer:
        front = started(name, tmp_path, [older, newer])
        try:
            with visitor(front, trusted, address="127.0.0.2") as http:
                assert [http.get(BUILT).status_code for _ in range(4)] == [200] * 4
        finally:
            front.stop()


def test_nginx_leads_to_tls_and_keeps_no_ticket(tmp_path: Path, trusted: ssl.SSLContext) -> None:
    (plain_port,) = free_ports(1)
    with answering(Older) as there:
        pem = tmp_path / "tls.pem"
        nginx = Nginx.of_the_documents(tmp_path, [there], certificate=pem, plain_port=plain_port)
        with visitor(nginx, trusted, address="127.0.0.2") as http:
            http.get("/api/v1/attachments/7?ticket=opens-a-file", headers={"Referer": "https://x.test/?ticket=another"})
            http.post("/hooks/chatwoot/main/opens-the-hook", json={})
        answer = httpx.get(f"http://{HOST}:{plain_port}/chat/main/?a=1", headers={"Host": "chat.example.com"})
        nginx.stop()
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://chat.example.com/chat/main/?a=1")
    assert "/api/v1/attachments/7" in nginx.log.read_text()
    assert "ticket" not in nginx.log.read_text() and "hook" not in nginx.log.read_text()


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_t46_a_proxy_says_of_a_process_that_is_away_and_keeps_secrets(
    name: str, tmp_path: Path, trusted: ssl.SSLContext
) -> None:
    front = started(name, tmp_path, free_ports(2))
    with visitor(front, trusted, address="127.0.0.2") as http:
        http.get("/api/v1/attachments/7?ticket=opens-it", headers={"Referer": "https://x.test/?ticket=opens-too"})
        http.post("/hooks/chatwoot/main/opens-the-hook", content=b"a" * 100_000)
    front.stop()
    said = (tmp_path / "error.log").read_text()
    assert "opens" not in said
    assert name == "nginx" or "/api/v1/attachments/7" in said, "Caddy says nothing of it any more"


def test_nginx_counts_uploads_of_a_network_as_the_application_does(tmp_path: Path) -> None:
    """Each address inside a /64 would be a client of its own."""
    (port,) = free_ports(1)
    (keyed,) = re.findall(r"^map \$binary_remote_addr .*?^}\n", (DEPLOY / "nginx.conf").read_text(), re.M | re.S)
    (key,) = re.findall(r"limit_conn_zone (\S+) ", (DEPLOY / "nginx.conf").read_text())
    peer = f"set_real_ip_from {HOST}; real_ip_header X-Forwarded-For;"
    site = f"server {{ listen {HOST}:{port}; {peer} location / {{ return 200 {key}; }} }}\n"
    nginx = Nginx(tmp_path, keyed + site, port)

    def ask(address: str) -> bytes:
        return httpx.get(f"http://{HOST}:{port}/", headers={"X-Forwarded-For": address}).content

    keys = {address: ask(address) for address in ("203.0.113.7", "203.0.113.8", "2001:db8::1", "2001:db8:0:1::1")}
    assert len(set(keys.values())) == 4 and all(keys.values())
    assert ask("2001:db8::a:2:3:4") == keys["2001:db8::1"] == ask("2001:db8:0:0:ffff::")
    nginx.stop()


def test_what_may_be_uploaded_passes_both_and_so_much_nowhere_else() -> None:
    nginx = re.findall(r"client_max_body_size (\d+)m;", (DEPLOY / "nginx.conf").read_text())
    caddy = re.findall(r"max_size (\d+)MB", (DEPLOY / "Caddyfile").read_text())
    for least, most in (sorted(map(int, nginx)), sorted(map(int, caddy))):
        assert MOST_BYTES < least * 1_000_000 < settings.UPLOAD_MAX_BYTES < most * 1_000_000


def test_a_proxy_before_chatwoot_leaves_our_start_as_it_is_and_makes_one_for_others(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with answering(Older) as chatwoot:
        snippet = (DEPLOY / "nginx-chatwoot.conf").read_text()
        (line,) = re.findall(r"^# +(proxy_set_header .*;)$", snippet, re.MULTILINE)
        site = f"server {{ listen {HOST}:{port}; location / {{ {line} proxy_pass http://{HOST}:{chatwoot}; }} }}\n"
        nginx = Nginx(tmp_path, snippet + site, port)
        ours = httpx.get(f"http://{HOST}:{port}/", headers={"X-Request-Start": "t=1700000000000"})
        others = httpx.get(f"http://{HOST}:{port}/")
        nginx.stop()
    assert ours.json()["X-Request-Start"] == "t=1700000000000"
    assert re.fullmatch(r"t=\d{10}\.\d{3}", others.json()["X-Request-Start"])
    assert ours.headers["X-Runtime"]
