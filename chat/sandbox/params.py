"""Rails' reading of query strings and bodies: JSON, bracketed form names, multipart (contract §0.2)."""

import io
import itertools
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.datastructures import MultiValueDict

Params = dict[str, Any]
TRUE_WORDS = (True, 1, "1", "t", "T", "true", "TRUE", "True", "on", "ON")
FALSE_WORDS = (False, 0, "0", "f", "F", "false", "FALSE", "False", "off", "OFF")


class Malformed(Exception):
    """The body is not what its content type says: 400."""


@dataclass(frozen=True)
class UploadedFile:
    filename: str
    content_type: str
    content: bytes
    is_lost: bool = False


def parse(query: bytes, content_type: str, body: bytes) -> Params:
    """Query parameters with the body's over them. Raises `Malformed`; an unknown content type is ignored silently."""
    params = nested(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" and body:
        params |= _json(body)
    elif kind == "application/x-www-form-urlencoded":
        params |= nested(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    elif kind == "multipart/form-data":
        params |= _multipart(content_type, body)
    return params


def nested(pairs: list[tuple[str, Any]]) -> Params:
    """``a[b]=1`` becomes ``{"a": {"b": "1"}}`` and ``a[]=1`` becomes ``{"a": ["1"]}``."""
    params: Params = {}
    for name, value in pairs:
        head, *rest = re.findall(r"[^\[\]]+|\[\]", name) or [name]
        keys = [head, *rest]
        target: Any = params
        for key, following in itertools.pairwise(keys):
            target = _step(target, key, [] if following == "[]" else {})
        if isinstance(target, list):
            target.append(value)
        else:
            target[keys[-1]] = value
    return params


def _step(target: Any, key: str, fresh: Any) -> Any:
    if isinstance(target, list):
        target.append(fresh)
        return fresh
    found = target.setdefault(key, fresh)
    if type(found) is not type(fresh):
        raise Malformed(f"{key} is used in two ways")
    return found


def _json(body: bytes) -> Params:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(str(error)) from error
    return _munged(value) if isinstance(value, dict) else {"_json": _munged(value)}


def _munged(value: Any) -> Any:
    """Rails' deep munge: nulls vanish from lists."""
    if isinstance(value, dict):
        return {key: _munged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_munged(item) for item in value if item is not None]
    return value


def _multipart(content_type: str, body: bytes) -> Params:
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    handlers = [MemoryFileUploadHandler(), TemporaryFileUploadHandler()]
    try:
        fields, files = MultiPartParser(meta, io.BytesIO(body), handlers, "utf-8").parse()
    except MultiPartParserError as error:
        raise Malformed(str(error)) from error
    pairs: list[tuple[str, Any]] = [(name, text) for name, texts in fields.lists() for text in texts]
    return nested(pairs + _uploads(files))


def _uploads(files: MultiValueDict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (name, UploadedFile(file.name, file.content_type or "", file.read()))
        for name, group in files.lists()
        for file in group
    ]


# -- casts of permitted parameters ------------------------------------------


def scalar(value: Any) -> Any:
    """What strong parameters let through for a scalar key; objects and lists are dropped."""
    return None if isinstance(value, dict | list | UploadedFile) else value


def text(value: Any) -> str | None:
    """A string column's cast of a permitted scalar."""
    value = scalar(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


def boolean(value: Any, default: bool = False) -> bool:
    if value is None or value == "":
        return default
    return value not in FALSE_WORDS


def mapping(value: Any) -> Params | None:
    return value if isinstance(value, dict) else None


def blank(value: Any) -> bool:
    return value is None or value is False or value in ({}, []) or (isinstance(value, str) and not value.strip())


def has_nul(value: Any) -> bool:
    """PostgreSQL refuses NUL in a text: 500."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(has_nul(key) or has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(has_nul(item) for item in value)
