"""The running stand-in: rows, jobs, cable and faults, and how a request becomes a transaction."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from chat.sandbox import conversations, params, webhooks
from chat.sandbox.account_api.access import authenticate
from chat.sandbox.cable import Cable
from chat.sandbox.canary import planted, planted_in
from chat.sandbox.context import Broadcast, Context, Job, WebhookCall, Work
from chat.sandbox.entities import JSON, Message
from chat.sandbox.faults import Answered, Exchange, Faults
from chat.sandbox.http import (
    ApiError,
    Area,
    Crash,
    Request,
    Response,
    Route,
    conditional,
    exception_page,
    malformed,
    match,
    unrouted,
)
from chat.sandbox.jobs import JobQueue
from chat.sandbox.presence import Presence
from chat.sandbox.routes import ROUTES
from chat.sandbox.stats import Stats
from chat.sandbox.store import Store
from chat.sandbox.timeouts import EXPIRED, Deadline, TimedOut

logger = logging.getLogger(__name__)


class Sandbox:
    def __init__(self, store: Store, front_url: str = "", canary: str = "") -> None:
        self.store, self.front_url, self.canary = store, front_url, canary
        self.world: JSON = {}
        self.presence, self.faults, self.stats = Presence(), Faults(), Stats()
        self.cable = Cable(store, self.presence, self.faults, self.stats)
        self.jobs = JobQueue(self.faults, self._run_job, random.Random())
        self.rack_timeout = True
        self.skew_s = 0.0  # how far this Chatwoot's clock is ahead
        self._tasks: set[asyncio.Task[Any]] = set()
        self._http = httpx.AsyncClient(trust_env=False)

    def start(self) -> None:
        """Start what runs beside the requests; needs the running loop."""
        self.keep(self.jobs.work_forever())
        self.keep(self.cable.ping_forever())

    def keep(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """A task of the process, whatever becomes of the request that started it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def context(self) -> Context:
        return Context(self.store, self.presence, self.clock()(), self.front_url)

    def clock(self) -> Callable[[], float]:
        """Chatwoot's, in seconds; what was begun with it is not reached by a later jump."""
        skew_s = self.skew_s
        return lambda: time.time() + skew_s

    # -- REST --------------------------------------------------------------------

    async def answer(self, request: Request, query: bytes, raw_path: str) -> Response:
        """One REST answer with all its side effects. Raises `faults.Cut`."""
        started, found = time.monotonic(), match(ROUTES, request.method, raw_path)
        self.stats.routes[found[0].name if found else f"{request.method} unrouted"] += 1
        self.stats.areas[(found[0].area if found else Area.OTHER).value] += 1
        deadline = Deadline(request.headers, enabled=self.rack_timeout, clock=self.clock())
        if deadline.expired:
            return EXPIRED

        async def commit() -> Response:
            return await self._committed(request, query, found, exchange.message_id)

        exchange = Exchange(request, deadline, commit, self.keep, self.store.take_message_id)
        by_rails = True
        try:
            await self.faults.before(exchange)
            response = await commit()
            await self.faults.after(exchange)
        except Answered as instead:
            response, by_rails = instead.response, instead.by_rails
        except TimedOut as late:
            response = late.response
        runtime = {"X-Runtime": f"{time.monotonic() - started:.6f}"} if by_rails else {}
        return Response(response.status, response.body, response.content_type, response.headers | runtime)

    async def _committed(
        self, request: Request, query: bytes, found: tuple[Route, dict[str, str]] | None, message_id: int | None
    ) -> Response:
        if found is None:
            return unrouted(request)
        route, request.path_params = found
        try:
            request.params = params.parse(query, request.headers.get("content-type", ""), request.body)
        except params.Malformed:
            return malformed(request)
        return await self._handled(route, request, message_id)

    async def _handled(self, route: Route, request: Request, message_id: int | None) -> Response:
        ctx = self.context()
        try:
            with self.store.transaction(message_id):
                response = self._call(ctx, route, request)
        except ApiError as error:
            return error.response(route.area)
        except Exception:
            logger.exception("%s %s", request.method, route.name)
            return exception_page(500, "Internal Server Error")
        await self.store.journal.settled()
        self.jobs.enqueue(ctx.enqueue)
        return conditional(request, planted_in(response, route.area, self.canary))

    def _call(self, ctx: Context, route: Route, request: Request) -> Response:
        if route.area in (Area.ACCOUNT, Area.PLATFORM):
            authenticate(ctx, route, request)
        if params.has_nul(request.params) or params.has_nul(request.path_params):
            raise Crash
        return route.handler(ctx, request)

    # -- jobs ----------------------------------------------------------------------

    async def _run_job(self, job: Job) -> None:
        """A failing job is logged and lost, as after Sidekiq's last retry."""
        try:
            await self._run(job)
        except ApiError:
            logger.info("a job found its row gone")
        except Exception:
            logger.exception("job %r failed", job)

    async def _run(self, job: Job) -> None:
        ctx = self.context()
        if isinstance(job, Broadcast):
            data = job.render(ctx)
            await self.cable.broadcast(job.streams, job.event, planted(data, self.canary) if self.canary else data)
        elif isinstance(job, WebhookCall):
            self.keep(self._deliver(job, job.render(ctx)))
        else:
            await self.transact(job.run)

    async def transact(self, work: Callable[[Context], None]) -> None:
        ctx = self.context()
        with self.store.transaction():
            work(ctx)
        await self.store.journal.settled()
        self.jobs.enqueue(ctx.enqueue)

    async def _deliver(self, call: WebhookCall, body: JSON) -> None:
        self.stats.webhooks[body["event"]] += 1
        problem = await webhooks.deliver(self._http, call.url, body)
        if problem is not None and call.message_id is not None:
            message_id = call.message_id
            self.jobs.enqueue([Work(lambda ctx: _failed(ctx, message_id, problem))])

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s died", task.get_name(), exc_info=error)


def _failed(ctx: Context, message_id: int, problem: str) -> None:
    message = ctx.find(Message, message_id)
    message.status = "failed"
    message.content_attributes = message.content_attributes | {"external_error": problem}
    conversations.update_message(ctx, message)
