"""Requests, answers, routes and the errors Chatwoot answers with (contract §0.3)."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import unquote

import orjson

HTML_404 = b"<!DOCTYPE html><html><head><title>The page you were looking for doesn't exist (404)</title></head></html>"


class Area(Enum):
    """Which family of endpoints a route belongs to; each words its errors differently."""

    CLIENT = "client"
    ACCOUNT = "account"
    PLATFORM = "platform"
    OTHER = "other"


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    params: dict[str, Any] = field(default_factory=dict)
    path_params: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    loses_files: bool = False  # the fault "blob_lost"

    def number(self, name: str) -> int:
        """A path parameter as ActiveRecord casts it for a look-up; 0, which nothing has, when it is not a number."""
        text = self.path_params[name]
        return int(text) if text.isdecimal() and len(text) < 18 else 0


@dataclass
class Response:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def json_response(value: Any, status: int = 200) -> Response:
    return Response(status, orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS), "application/json; charset=utf-8")


def head(status: int = 200) -> Response:
    """Rails' ``head :ok``: a JSON content type and not one byte."""
    return Response(status)


class ApiError(Exception):
    """A request that ends in an error answer; the transaction is undone."""

    def response(self, area: Area) -> Response:
        raise NotImplementedError


class NotFound(ApiError):
    def response(self, area: Area) -> Response:
        if area is Area.ACCOUNT:
            return json_response({"error": "Resource could not be found"}, 404)
        return exception_page(404, "Not Found")


class Crash(ApiError):
    """An exception in Chatwoot's own code."""

    def response(self, area: Area) -> Response:
        return exception_page(500, "Internal Server Error")


class Invalid(ApiError):
    """A record that failed validation: pairs of attribute and message, in the model's order."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        self.problems = problems
        super().__init__(self.message)

    @property
    def message(self) -> str:
        return ", ".join(text if name == "base" else f"{_humanized(name)} {text}" for name, text in self.problems)

    def response(self, area: Area) -> Response:
        names = list(dict.fromkeys(name for name, _ in self.problems))
        return json_response({"message": self.message, "attributes": names}, 422)


class Unprocessable(ApiError):
    def response(self, area: Area) -> Response:
        return json_response({"error": str(self)}, 422)


class TooMany(ApiError):
    """Of a kind that is counted for each account; in the words of rack-attack."""

    def response(self, area: Area) -> Response:
        return Response(429, b"Retry later\n", "text/plain")


class Unauthorized(ApiError):
    def response(self, area: Area) -> Response:
        return json_response({"error": str(self)}, 401)


class Forbidden(ApiError):
    def response(self, area: Area) -> Response:
        return json_response({"error": str(self)}, 403)


def exception_page(status: int, text: str) -> Response:
    """What Rails' exceptions application renders where the route pins the format to JSON."""
    return Response(status, orjson.dumps({"status": status, "error": text}), "application/json; charset=UTF-8")


def unrouted(request: Request) -> Response:
    if "application/json" in request.headers.get("accept", ""):
        return exception_page(404, "Not Found")
    return Response(404, HTML_404, "text/html; charset=UTF-8")


def malformed(request: Request) -> Response:
    if "application/json" in request.headers.get("accept", ""):
        return exception_page(400, "Bad Request")
    return Response(400, b"", "text/html; charset=UTF-8")


def conditional(request: Request, response: Response) -> Response:
    """A weak ``ETag`` on what was read, and 304 for who has it already (contract §0.2)."""
    if request.method != "GET" or response.status != 200 or not response.body:
        return response
    tag = f'W/"{hashlib.md5(response.body, usedforsecurity=False).hexdigest()}"'
    headers = {
        **response.headers,
        "ETag": tag,
        "Cache-Control": "max-age=0, private, must-revalidate",
    } | response.headers
    if request.headers.get("if-none-match") == tag:
        return Response(304, b"", "", headers)
    return Response(response.status, response.body, response.content_type, headers)


def _humanized(name: str) -> str:
    return name.replace("_", " ").capitalize()


Handler = Callable[..., Response]


@dataclass
class Route:
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    area: Area
    handler: Handler
    name: str
    bots: bool = False


class Router:
    """Routes of one area, tried in order. ``:name`` matches a segment without a raw dot, as Rails does."""

    def __init__(self, area: Area, prefix: str = "") -> None:
        self.area, self.prefix, self.routes = area, prefix, list[Route]()

    def on(self, methods: str, path: str, *, bots: bool = False) -> Callable[[Handler], Handler]:
        """Register a handler; `bots`: a bot's token may use it."""

        def register(handler: Handler) -> Handler:
            whole = self.prefix + path
            pattern = re.compile(re.sub(r":(\w+)", r"(?P<\1>[^/.?]+)", whole).replace("*rest", "(?P<rest>.*)") + r"/?")
            self.routes.append(
                Route(tuple(methods.split("|")), pattern, self.area, handler, f"{methods} {whole}", bots)
            )
            return handler

        return register


def match(routes: list[Route], method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
    for route in routes:
        if ("GET" if method == "HEAD" else method) in route.methods and (found := route.pattern.fullmatch(raw_path)):
            return route, {name: unquote(text) for name, text in found.groupdict().items()}
    return None
