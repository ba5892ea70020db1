"""What opening the chat weighs and takes, in Chromium, on the release build: `make budget`, and a test.

The chat's server is real and runs as an operator's would; the shop that embeds it is a page of another origin. Sizes
are gzip's, also where the browser takes a better coding.

Tasks of the main thread are timed with the processor throttled to a quarter. A machine that does something else
meanwhile makes them longer, never shorter: so the best of some runs counts; and if all are too long, some more runs
without throttling count the processor's time of each task instead, times four, which leaves most of the neighbours out.
"""

import gzip
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Request, WebSocket, sync_playwright

from chat.release import Release
from tests.fixtures.the_build import build
from tests.fixtures.the_server import Serving
from tests.fixtures.the_shop import shop

CHROMIUM = Path("/usr/bin/chromium")
STATIC = Path(__file__).resolve().parent.parent / "static"
THROTTLE = 4
RUNS, MORE_RUNS = 3, 4
SETTLE_MS = 1_000
SCRIPT_BYTES = 5 * 1024
OPEN_BYTES = 31 * 1024
LOCALE_BYTES = 4 * 1024
OPEN_REQUESTS = 5
LONG_TASK_MS = 50
WATCH = """
window.seen = { tasks: [], shift: 0, moved: [] };
const watch = (type, note) =>
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
watch("longtask", ({ startTime, duration }) => seen.tasks.push([performance.timeOrigin + startTime, duration]));
watch("layout-shift", ({ value, sources }) => {
  seen.shift += value;
  for (const { node } of sources) seen.moved.push(node?.tagName ?? "?");
});
"""
ROOT = "document.querySelector('[data-chatproxy]').shadowRoot"
MIDDLE = f"() => {{ const box = {ROOT}.querySelector('button').getBoundingClientRect(); "
MIDDLE += "return [box.x + box.width / 2, box.y + box.height / 2] }"
READY = f"() => new Promise((done) => {{ const look = () => {ROOT}.querySelector('.panel.ready') ? done() : "
READY += "setTimeout(look, 10); look() })"
NOW = "() => performance.timeOrigin + performance.now()"
TASKS = ["-*", "__metadata", "toplevel", "disabled-by-default-devtools.timeline"]


@dataclass(frozen=True, slots=True)
class Transfer:
    path: str
    kind: str
    raw: int
    gzipped: int
    sent: int  # bytes of the body on the wire; none out of the browser's cache

    @property
    def is_code(self) -> bool:
        return self.kind in ("script", "stylesheet")


@dataclass(slots=True)
class Stage:
    """What a browser fetched from us, and suffered, in a part of a visit."""

    transfers: list[Transfer] = field(default_factory=list)
    sockets: int = 0
    longest_ms: float = 0
    shift: float = 0
    moved: list[str] = field(default_factory=list)
    took_ms: float = 0

    @property
    def code_bytes(self) -> int:
        return sum(each.gzipped for each in self.transfers if each.is_code and each.sent)

    def paths(self) -> list[str]:
        return [each.path for each in self.transfers]


@dataclass(slots=True)
class Visit:
    """A page, what it loads when it is idle (the hidden frame of somebody who has written), and the opening."""

    load: Stage
    idle: Stage
    opened: Stage


class Watch:
    """Collects what goes to the chat's server, whichever frame asks."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self._site = urlsplit(site).netloc
        self._asked: list[Request] = []
        self._sockets = 0
        context.on("requestfinished", self._note)
        context.on("page", lambda page: page.on("websocket", self._dialled))

    def _note(self, request: Request) -> None:
        if urlsplit(request.url).netloc == self._site:
            self._asked.append(request)

    def _dialled(self, _: WebSocket) -> None:
        self._sockets += 1

    def forget(self) -> None:
        self._asked, self._sockets = [], 0

    def stage(self, page: Page, *, since: float = 0, took_ms: float = 0) -> Stage:
        """What came since the one before."""
        asked, sockets = self._asked, self._sockets
        self.forget()
        seen = [frame.evaluate("() => window.seen") for frame in page.frames]
        tasks = [ms for each in seen for at, ms in each["tasks"] if at >= since]
        shift = sum(each["shift"] for each in seen)
        moved = [name for each in seen for name in each["moved"]]
        return Stage([_transfer(each) for each in asked], sockets, max(tasks, default=0), shift, moved, took_ms)


def _transfer(request: Request) -> Transfer:
    response = request.response()
    body = response.body() if response and response.status == 200 else b""
    path = urlsplit(request.url).path
    sent = max(0, request.sizes()["responseBodySize"])  # Out of its cache Chromium counts less than nothing.
    return Transfer(path, request.resource_type, len(body), len(gzip.compress(body, mtime=0)), sent)


@dataclass(frozen=True, slots=True)
class Stand:
    """A shop, the chat's server and a browser."""

    browser: Browser
    shop: str
    site: str

    def measure(self, *, throttled: bool = True, latency_ms: float = 0) -> tuple[Visit, Visit]:
        """A newcomer, who then writes and comes back."""
        with self.browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800}) as context:
            context.add_init_script(WATCH)
            watch = Watch(context, self.site)
            newcomer = self._visit(context, watch, throttled, latency_ms)
            page = context.pages[-1]
            page.frames[-1].get_by_role("textbox").fill("Hello")
            page.keyboard.press("Enter")
            page.frames[-1].locator("[data-state=accepted], [data-state=sending]").first.wait_for()
            page.close()
            watch.forget()
            return newcomer, self._visit(context, watch, throttled, latency_ms)

    def _visit(self, context: BrowserContext, watch: Watch, throttled: bool, latency_ms: float) -> Visit:
        page = context.new_page()
        protocol = context.new_cdp_session(page)
        if throttled:
            protocol.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
        if latency_ms:
            line = {"offline": False, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1}
            protocol.send("Network.enable")
            protocol.send("Network.emulateNetworkConditions", line)
        settle_ms = SETTLE_MS + 10 * latency_ms
        page.goto(self.shop, wait_until="load")
        page.wait_for_selector("[data-chatproxy]", state="attached")
        load = watch.stage(page)
        page.wait_for_timeout(settle_ms)
        idle = watch.stage(page)
        x, y = page.evaluate(MIDDLE)
        if not throttled:
            self.browser.start_tracing(page=page, categories=TASKS)
        clicked = page.evaluate(NOW)
        page.mouse.click(x, y)
        page.evaluate(READY)
        took_ms = page.evaluate(NOW) - clicked
        page.wait_for_timeout(settle_ms)
        longest_ms = None if throttled else THROTTLE * longest_by_processor(self.browser.stop_tracing())
        opened = watch.stage(page, since=clicked, took_ms=took_ms)
        opened.longest_ms = opened.longest_ms if longest_ms is None else longest_ms
        return Visit(load, idle, opened)


def longest_by_processor(trace: bytes) -> float:
    """Milliseconds of the longest task that a page's main thread computed."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    tasks = [each for each in events if each["name"] == "RunTask" and (each["pid"], each["tid"]) in mains]
    assert tasks, "the trace holds no task of a page"
    return max(each["tdur"] for each in tasks if "tdur" in each) / 1000


def measured(place: Stand) -> tuple[Visit, Visit]:
    """The best run, as said above."""
    pairs: list[tuple[Visit, Visit]] = []
    while len(pairs) < RUNS + MORE_RUNS:
        pairs.append(place.measure(throttled=len(pairs) < RUNS))
        if longest(pairs[-1]) <= LONG_TASK_MS:
            break
    return min(pairs, key=longest)


def longest(visits: tuple[Visit, Visit]) -> float:
    return max(visit.opened.longest_ms for visit in visits)


@contextmanager
def stand(browser: Browser, folder: Path, **settings: str) -> Iterator[Stand]:
    """`settings`: of the chat's server; without any it is as an operator starts it."""
    with ExitStack() as stack:
        server = Serving(folder, LIMITS="all=off", **settings)
        script = f'<script async src="{server.site}/sdk.js" data-inbox="main"></script>'
        port = stack.enter_context(shop(f"<!doctype html><title>Shop</title><p>A shop</p>{script}"))
        origin = f"http://127.0.0.1:{port}"
        server.env |= {"DEBUG": "False", "SECRET_KEY": "only for measuring " * 4, "ALLOWED_HOSTS": "127.0.0.1"}
        server.env |= {"ALLOWED_ORIGINS": origin}
        stack.enter_context(server.migrated().running())
        yield Stand(browser, origin, server.site)


def excesses(newcomer: Visit, returning: Visit, *, long_task_ms: float = LONG_TASK_MS) -> list[str]:
    """What is over its budget, in words."""
    before, opened = newcomer.load, newcomer.opened
    weight = weight_of(newcomer)
    calls = [each for each in returning.idle.paths() if each.endswith("/sync")]
    held = {
        f"page load: {before.paths() + newcomer.idle.paths()}": before.paths() + newcomer.idle.paths() == ["/sdk.js"],
        f"sdk.js: {before.code_bytes} bytes": before.code_bytes <= SCRIPT_BYTES,
        f"scripts and styles until one can type: {weight} bytes": weight <= OPEN_BYTES,
        f"requests of the first open: {opened.paths()}": len(opened.transfers) <= OPEN_REQUESTS,
        f"sockets of somebody who has never written: {opened.sockets}": opened.sockets == 0,
        f"calls for the badge: {calls}": len(calls) == 1,
        f"sockets behind a closed launcher: {returning.idle.sockets}": returning.idle.sockets == 0,
    }
    for who, visit in {"a newcomer": newcomer, "somebody who returns": returning}.items():
        stages = (visit.load, visit.idle, visit.opened)
        longest_ms, shift = visit.opened.longest_ms, max(stage.shift for stage in stages)
        moved = [name for stage in stages for name in stage.moved]
        held[f"longest task at a quarter of the speed, {who}: {longest_ms:.0f} ms"] = longest_ms <= long_task_ms
        held[f"layout shift, {who}: {shift} by {moved}"] = shift == 0
    return [what for what, is_held in held.items() if not is_held]


def weight_of(visit: Visit) -> int:
    """Bytes of scripts and styles until one can type."""
    return sum(stage.code_bytes for stage in (visit.load, visit.idle, visit.opened))


def catalogues() -> dict[str, int]:
    """Bytes of each language, compressed, as built."""
    release = Release.read(STATIC)
    names = sorted(path.name for path in STATIC.glob("chat/locales/*.js"))
    built = {name: (STATIC / release.file(f"chat/locales/{name}").name).read_bytes() for name in names}
    return {name: len(gzip.compress(content, mtime=0)) for name, content in built.items()}


def table(visit: Visit) -> Iterator[str]:
    for stage, name in ((visit.load, "page load"), (visit.idle, "idle"), (visit.opened, "open")):
        for each in stage.transfers:
            yield f"  {name:10} {each.path:48} {each.raw:8} {each.gzipped:8} {each.sent:8}"
    opened = visit.opened
    yield (
        f"  ready after {opened.took_ms:.0f} ms, longest task {opened.longest_ms:.0f} ms, "
        f"sockets {visit.idle.sockets} + {opened.sockets}, layout shift {opened.shift:g}"
    )


def main() -> int:
    build()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        with stand(browser, Path(folder)) as place:
            newcomer, returning = measured(place)
        browser.close()
    print(f"{'':60} {'raw':>8} {'gzip':>8} {'sent':>8}")
    for who, visit in {"A newcomer": newcomer, "Somebody who returns": returning}.items():
        print(who, *table(visit), sep="\n")
    over = excesses(newcomer, returning)
    for name, size in catalogues().items():
        print(f"  locales/{name:50} {size:17}")
        over += [f"{name}: {size} bytes"] if size > LOCALE_BYTES else []
    for what in over:
        print(f"over budget: {what}")
    print(f"page load {newcomer.load.code_bytes} bytes, usable chat {weight_of(newcomer)} bytes")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
