"""Django's error page and error mails, which would show variables, cookies, settings and the request as they are."""

from collections.abc import ItemsView
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from chatproxy.redaction import HIDDEN, Redact, redactor

SHOWN_SETTINGS = frozenset({"DEBUG", "LOG_LEVEL", "LANGUAGE_CODE", "TIME_ZONE", "INSTALLED_APPS", "MIDDLEWARE"})


class NamesOnly(SafeExceptionReporterFilter):
    """Names of variables and fields, and no values: Django's own shows all of them while DEBUG is on."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> ItemsView[str, Any]:
        return dict.fromkeys(tb_frame.f_locals, HIDDEN).items()

    def get_post_parameters(self, request: Any) -> dict[str, Any]:
        return {name: HIDDEN for name in request.POST} if request is not None else {}

    def get_safe_cookies(self, request: Any) -> dict[str, Any]:
        return {name: HIDDEN for name in request.COOKIES} if hasattr(request, "COOKIES") else {}

    def get_safe_settings(self) -> dict[str, Any]:
        return {name: value for name, value in super().get_safe_settings().items() if name in SHOWN_SETTINGS}

    def get_safe_request_meta(self, request: Any) -> dict[str, Any]:
        shown = ("REQUEST_METHOD", "PATH_INFO", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_HOST", "HTTP_ACCEPT")
        return {name: value for name, value in super().get_safe_request_meta(request).items() if name in shown}


class Reporter(ExceptionReporter):
    """Whatever the rest quotes, such as the words of an exception, goes the way of a log line."""

    def get_traceback_data(self) -> dict[str, Any]:
        data = super().get_traceback_data()
        data["request_GET_items"] = [(name, HIDDEN) for name in self.request.GET] if self.request else []
        return data

    def _get_raw_insecure_uri(self) -> str:
        assert self.request is not None
        return self.request.path

    def get_traceback_html(self) -> SafeString:
        return SafeString(_redact()(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        return SafeString(_redact()(super().get_traceback_text()))


@cache
def _redact() -> Redact:
    return redactor(settings.SECRETS, most=1024 * 1024)  # a page, and nobody's at any time but a developer's
