"""The API describes itself: every operation with examples and all its errors, for programs and for people."""

import re
from typing import Any

import pytest
from pydantic import BaseModel

from chat.api import examples
from chat.api.app import api
from chat.api.document import PREFIX, document
from chat.wire import Code, Refusal

DOCUMENT = document(api)
OPERATIONS = {
    f"{method} {path.removeprefix(PREFIX)}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
# Begin and refresh check tokens of their own; an inbox is told to anybody, and nobody guesses a picture's name.
OPEN = {
    "post /session",
    "post /session/refresh",
    "get /inbox/{slug}",
    "get /inbox/{slug}/articles",
    "get /inbox/{slug}/articles/{article_id}",
    "get /avatars/{name}",
    "head /avatars/{name}",
    "get /cards/{card}",
    "head /cards/{card}",
}
BY_TICKET = {"get /attachments/{attachment_id}", "head /attachments/{attachment_id}"}


def test_the_document_is_openapi_3_1_with_its_security_and_tags() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert len(OPERATIONS) >= 20
    assert DOCUMENT["components"]["securitySchemes"]["Bearer"] == {"type": "http", "scheme": "bearer"}
    assert {each["tags"][0] for each in OPERATIONS.values()} == {tag["name"] for tag in DOCUMENT["tags"]}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_what_it_does_and_who_may(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"] and operation["description"]
    ways = [] if name in OPEN else [{"Ticket": []}, {"Bearer": []}] if name in BY_TICKET else [{"Bearer": []}]
    assert operation.get("security", []) == ways


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_shows_an_example_of_its_body_and_its_answer(name: str) -> None:
    operation = OPERATIONS[name]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    assert body is None or "example" in body
    for status, response in operation["responses"].items():
        if int(status) < 300 and "application/json" in response.get("content", {}):
            assert "example" in response["content"]["application/json"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_lists_its_errors_in_the_one_shape(name: str) -> None:
    operation, errors = OPERATIONS[name], 0
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            content = response["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Error"}
            told = content["example"]["error"]
            assert Refusal(told["code"]).status == int(status) or told["code"] == Code.BAD_REQUEST
            errors += 1
    expected = {"429", "500", "503"} | ({"401", "403"} if "security" in operation else set())
    expected |= {"413", "415"} if name.startswith(("post ", "put ", "patch ")) else set()
    expected |= {"400", "422"} if "application/json" in operation.get("requestBody", {}).get("content", {}) else set()
    assert expected <= operation["responses"].keys() and errors >= len(expected)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_shows_an_example_of_each_parameter(name: str) -> None:
    assert all("example" in parameter for parameter in OPERATIONS[name]["parameters"])


def test_links_lead_to_operations_by_what_the_answer_holds() -> None:
    parameters = {each["operationId"]: {p["name"] for p in each["parameters"]} for each in OPERATIONS.values()}
    bodies = {each["operationId"]: "requestBody" in each for each in OPERATIONS.values()}
    found = 0
    for name, operation in OPERATIONS.items():
        for status, response in operation["responses"].items():
            for link in response.get("links", {}).values():
                assert int(status) < 300 and link.get("parameters", {}).keys() <= parameters[link["operationId"]]
                assert "requestBody" not in link or bodies[link["operationId"]]
                shown = str(response["content"]["application/json"]["example"])
                pointers = re.findall(r"\$response\.body#(/[\w/]+)", str(link))
                assert pointers and all(pointer.rpartition("/")[2] in shown for pointer in pointers), name
                found += 1
    assert found > 20


@pytest.mark.parametrize("name", examples.REQUESTS)
def test_an_example_of_a_body_is_a_body(name: str) -> None:
    model, body = examples.REQUESTS[name]
    assert set(model.model_validate(body).model_dump(exclude_unset=True)) == set(body)
    reference = OPERATIONS[name]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert reference.endswith(f"/{model.__name__}")


@pytest.mark.parametrize(("name", "example"), examples.ANSWERS.items())
def test_an_example_of_an_answer_is_what_is_answered(name: str, example: BaseModel) -> None:
    responses = OPERATIONS[name]["responses"]
    (content, *_) = [each["content"]["application/json"] for status, each in responses.items() if int(status) < 300]
    assert f'/{type(example).__name__}"' in str(content["schema"]).replace("'", '"')


async def test_the_document_is_served_and_may_be_cached(anybody: Any) -> None:
    answered = await anybody.call("GET", "openapi.json")
    assert (answered.status_code, answered.json()) == (200, DOCUMENT)
    assert "max-age" in answered["Cache-Control"]


async def test_a_page_shows_the_same_and_asks_no_foreign_host(anybody: Any) -> None:
    answered = await anybody.call("GET", "docs")
    page = answered.content.decode()
    assert answered.status_code == 200
    assert "default-src 'none'" in answered["Content-Security-Policy"]
    for path in DOCUMENT["paths"]:
        assert f"{path}</code>" in page
    assert all(url.startswith("/") for url in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert "<script" not in page and "style=" not in page


@pytest.mark.parametrize("path", ["docs", "openapi.json"])
async def test_a_description_is_only_read(anybody: Any, path: str) -> None:
    answered = await anybody.call("POST", path)
    assert (answered.status_code, answered["Allow"]) == (405, "GET, HEAD")
