"""The description of the API, for programs and for people. Both come from here alone; no foreign host is asked."""

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from chat import views
from chat.api.answers import answer, refuse
from chat.api.document import document
from chat.wire.errors import Code, Refusal

CACHED = "public, max-age=300"


class Described:
    """Views of one API's description."""

    def __init__(self, api: NinjaAPI) -> None:
        self._api = api

    async def as_json(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return _refuse_method()
        response = answer(orjson.dumps(document(self._api)))
        response["Cache-Control"] = CACHED
        return response

    async def as_page(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return _refuse_method()
        described = document(self._api)
        return views.page(request, "api.html", {"about": described["info"]["description"], "tags": _tags(described)})


def _refuse_method() -> HttpResponse:
    response = refuse(Refusal(Code.METHOD_NOT_ALLOWED))
    response["Allow"] = "GET, HEAD"
    return response


def _tags(described: dict[str, Any]) -> list[dict[str, Any]]:
    operations = [
        _shown(path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    return [
        tag | {"operations": [each for each in operations if each["tag"] == tag["name"]]} for tag in described["tags"]
    ]


def _shown(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    return {
        "id": operation["operationId"],
        "tag": operation["tags"][0],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "description": operation["description"],
        "needs_token": "security" in operation,
        "parameters": operation["parameters"],
        "bodies": [{"type": kind, "example": _pretty(body.get("example"))} for kind, body in content.items()],
        "answers": [_answer(status, response) for status, response in operation["responses"].items()],
    }


def _answer(status: str, response: dict[str, Any]) -> dict[str, Any]:
    example = response.get("content", {}).get("application/json", {}).get("example")
    is_error = int(status) >= 400
    code = example["error"]["code"] if is_error else ""
    return {
        "status": status,
        "description": response["description"],
        "code": code,
        "example": "" if is_error else _pretty(example),
    }


def _pretty(example: Any) -> str:
    return orjson.dumps(example, option=orjson.OPT_INDENT_2).decode() if example is not None else ""
