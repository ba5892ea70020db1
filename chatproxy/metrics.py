"""GET /metrics: the figures of this process in Prometheus's text format, for whoever has METRICS_TOKEN.

Without that setting there is nothing here. Each process answers for itself; what is on its way to Chatwoot is read from
the database, so that all of them say the same of it.
"""

import hmac
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from chat import figures, runtime
from chat.figures import Figures, Outbox
from chatproxy import measures
from chatproxy.measures import BY_STATE, MEASURES, Measure, Values

PREFIX = "chatproxy_"
_process = ProcessCollector(namespace="chatproxy", registry=CollectorRegistry())
_outbox = Outbox()


class Exposition(Collector):
    """One answer. ``waiting``: None where the database did not answer, of which nothing is said then."""

    def __init__(self, found: Figures, waiting: measures.Outbox | None) -> None:
        self._found, self._waiting = found, waiting

    def collect(self) -> Iterator[Metric]:
        yield from (_family(each, each.read(self._found)) for each in MEASURES)
        yield from (_family(each, each.read(self._waiting or {})) for each in BY_STATE)
        yield from _process.collect()


def _family(measure: Measure[Any], values: Values) -> Metric:
    kind = CounterMetricFamily if measure.counts else GaugeMetricFamily
    family = kind(PREFIX + measure.name, measure.help, labels=measure.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


async def metrics(request: HttpRequest) -> HttpResponse:
    if not settings.METRICS_TOKEN:
        raise Http404
    if not _may(request.headers.get("Authorization", "")):
        refused = HttpResponse("A bearer token is needed: METRICS_TOKEN.\n", status=401, content_type="text/plain")
        refused["WWW-Authenticate"] = "Bearer"
        return refused
    running = runtime.current()
    exposition = Exposition(figures.of(running), await _outbox.read(running.reader))
    response = HttpResponse(generate_latest(exposition), content_type=CONTENT_TYPE_PLAIN_0_0_4)
    response["Cache-Control"] = "no-store"
    return response


def _may(authorization: str) -> bool:
    scheme, _, token = authorization.partition(" ")
    is_right = hmac.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    return is_right and scheme.lower() == "bearer"
