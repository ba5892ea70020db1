"""/metrics: whom it answers, and that what it says is what Prometheus, the dashboard and the alerts expect."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import AsyncClient
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from chat import runtime
from chat.models import Inbox
from chatproxy.measures import BY_STATE, CLOSES, MEASURES
from tests.test_docs import rows

DOCS = Path(__file__).resolve().parents[2] / "docs"
MONITORING = (DOCS / "monitoring.md").read_text()
TOKEN = "a token for nobody but Prometheus"
# Each has few values, and none of a visitor's.
LABELS = {"answer", "chatwoot", "code", "kind", "limit", "reason", "state"}
UNITS = ("_seconds", "_bytes", "_per_second")
DASHBOARD = json.loads((DOCS / "grafana-dashboard.json").read_text())
ALERTS: list[dict[str, Any]] = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"][0]["rules"]
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
QUERIES += [alert["expr"] for alert in ALERTS]
NAME = re.compile(r"chatproxy_\w+")


@pytest.fixture
async def asked(inbox: Inbox, settings: Any) -> AsyncIterator[None]:
    settings.METRICS_TOKEN = TOKEN
    yield
    await runtime.stop_current()


@pytest.fixture
async def families(asked: None, async_client: AsyncClient) -> list[Metric]:
    await runtime.current().upstreams.of((await Inbox.objects.aget()).pk)
    answer = await async_client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200 and answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    return list(text_string_to_metric_families(answer.content.decode()))


# Access


@pytest.mark.django_db
async def test_without_a_token_of_its_own_there_is_nothing_here(async_client: AsyncClient, settings: Any) -> None:
    for token in ("", "Bearer ", f"Bearer {TOKEN}"):
        assert (await async_client.get("/metrics", headers={"Authorization": token})).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("said", ["", TOKEN, "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xe9"])
async def test_whoever_has_another_token_is_refused(async_client: AsyncClient, settings: Any, said: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    refused = await async_client.get("/metrics", headers={"Authorization": said})
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")
    assert b"chatproxy_" not in refused.content


# The format


@pytest.mark.django_db(transaction=True)
async def test_everything_has_a_help_and_a_name_by_the_conventions(families: list[Metric]) -> None:
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    for family in families:
        assert family.documentation.strip() and family.type in ("counter", "gauge"), family.name
        assert re.fullmatch(r"chatproxy(_[a-z0-9]+)+", family.name)
        ends = {sample.name.endswith("_total") for sample in family.samples}
        assert ends <= {family.type == "counter"}
        assert not re.search(r"_(s|ms|kb|minutes)(_|$)", family.name), "base units: seconds and bytes"
        for sample in family.samples:
            assert sample.labels.keys() <= LABELS
            assert all(re.fullmatch(r"[\w-]{1,40}", value) for value in sample.labels.values()), sample
            assert sample.value >= 0 or sample.name.endswith("_skew_seconds")


@pytest.mark.django_db(transaction=True)
async def test_all_that_is_measured_is_said_with_its_zeros(families: list[Metric]) -> None:
    found = {family.name: family for family in families}
    told = {f"chatproxy_{each.name.removesuffix('_total')}" for each in (*MEASURES, *BY_STATE)}
    assert told == {name for name in found if not name.startswith("chatproxy_process_")}
    assert "chatproxy_process_resident_memory_bytes" in found
    closed = {sample.labels["code"]: sample.value for sample in found["chatproxy_ws_closed"].samples}
    assert closed == dict.fromkeys(CLOSES, 0)
    answers = {sample.labels["answer"]: sample.value for sample in found["chatproxy_upstream_answers"].samples}
    assert {"ok", "Ambiguous", "Forbidden"} < answers.keys() and answers["Ambiguous"] == 0
    states = {sample.labels["state"] for sample in found["chatproxy_outbox_age_seconds"].samples}
    assert states == {"accepted", "sending", "unsure", "unconfirmed"}
    (duplicates, _) = found["chatproxy_outbox_duplicates"].samples
    assert duplicates.value == 0  # from no series to 1, Prometheus would see no increase


@pytest.mark.django_db(transaction=True)
async def test_series_are_few(families: list[Metric]) -> None:
    assert sum(len(family.samples) for family in families) < 200


# The documents


def test_the_document_tells_every_metric_as_the_help_does() -> None:
    told = [(name.strip("`"), labels.replace("`", ""), words) for name, labels, words in rows(MONITORING, "metric")]
    assert told == [(f"chatproxy_{each.name}", ", ".join(each.labels), each.help) for each in (*MEASURES, *BY_STATE)]


def known() -> Iterator[tuple[str, set[str]]]:
    for each in (*MEASURES, *BY_STATE):
        yield f"chatproxy_{each.name}", set(each.labels)
    yield "chatproxy_process_resident_memory_bytes", set()


@pytest.mark.parametrize("query", QUERIES)
def test_what_the_dashboard_and_the_alerts_ask_for_exists(query: str) -> None:
    measured = dict(known())
    named = set(NAME.findall(query))
    assert named <= measured.keys() and (named or query.startswith("up{"))
    may_be_named = {"instance", "job"}.union(*(measured[name] for name in named))
    assert set(re.findall(r"(\w+)=~?\"", query)) <= may_be_named
    for labels in re.findall(r"(?:by|on) \(([^)]*)\)", query):
        assert set(labels.split(", ")) <= may_be_named
    assert query.count("(") == query.count(")")


@pytest.mark.django_db(transaction=True)
async def test_the_values_of_labels_that_they_ask_for_exist(families: list[Metric]) -> None:
    said = {(sample.name, *each) for family in families for sample in family.samples for each in sample.labels.items()}
    asked = [
        (query, name, *each)
        for query in QUERIES
        for name, labels in re.findall(r"(chatproxy_\w+)\{([^}]*)\}", query)
        for each in re.findall(r'(\w+)=~?"([^"]*)"', labels)
    ]
    assert asked
    for query, *which in asked:
        assert any([name, label] == which[:2] and re.fullmatch(which[2], value) for name, label, value in said), query


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for query in QUERIES[: -len(ALERTS)] for name in NAME.findall(query)}
    assert {name for name, _ in known()} <= shown


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    assert {"uid", "title", "schemaVersion", "time", "templating", "panels"} <= DASHBOARD.keys()
    assert [each["type"] for each in DASHBOARD["templating"]["list"]] == ["datasource"]
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))
    for panel in DASHBOARD["panels"]:
        assert {"type", "title", "gridPos"} <= panel.keys()
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}" and panel["targets"]
            assert all(target["legendFormat"] and target["expr"] for target in panel["targets"])


def test_every_alert_has_a_row_that_says_what_to_do() -> None:
    cures = {name.strip("`"): (meaning, cure) for name, meaning, cure in rows(MONITORING, "alert")}
    assert [alert["alert"] for alert in ALERTS] == list(cures)
    for alert in ALERTS:
        assert all(len(text) > 10 for text in cures[alert["alert"]])
        assert alert["labels"]["severity"] in ("critical", "warning")
        runbook = f"docs/monitoring.md of chatproxy, Alerts, {alert['alert']}"
        assert alert["annotations"]["summary"] and alert["annotations"]["runbook"] == runbook
        assert re.fullmatch(r"\d+[mh]", alert.get("for", "1m"))


def test_the_document_shows_how_prometheus_asks() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", MONITORING, re.DOTALL)  # docs/monitoring.md
    (job,) = yaml.safe_load(shown)["scrape_configs"]
    assert job["job_name"] == "chatproxy" and job.keys() == {"job_name", "authorization", "static_configs"}
    deployed = (DOCS / "deploy/chatproxy.env").read_text()
    (listening,) = re.findall(r"^BIND=(.+)$", deployed, re.MULTILINE)
    assert job["static_configs"] == [{"targets": [f"{listening}:8001", f"{listening}:8002"]}]
    assert re.search(rf"^ALLOWED_HOSTS=.*\b{re.escape(listening)}$", deployed, re.MULTILINE)
    assert "\nMETRICS_TOKEN=\n" in deployed
