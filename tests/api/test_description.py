from tests.api.conftest import ApiClient


async def test_the_description_of_the_socket_is_served_as_that_of_the_api(anybody: ApiClient) -> None:
    ours, ninjas = await anybody.call("GET", "asyncapi.json"), await anybody.call("GET", "openapi.json")
    assert ours.status_code == ninjas.status_code == 200
    assert {**ours.headers} | {"Content-Length": ""} == {**ninjas.headers} | {"Content-Length": ""}
    assert ours.json()["asyncapi"] == "3.0.0"


async def test_it_names_the_address_at_which_it_was_asked_for(anybody: ApiClient) -> None:
    plain = await anybody.get("/api/v1/asyncapi.json")
    assert plain.json()["servers"] == {"this": {"host": "testserver", "protocol": "ws"}}
    secure = await anybody.get("/api/v1/asyncapi.json", secure=True)
    assert secure.json()["servers"] == {"this": {"host": "testserver", "protocol": "wss"}}


async def test_it_is_only_read(anybody: ApiClient) -> None:
    refused = await anybody.call("POST", "asyncapi.json", {})
    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")
    assert refused.json()["error"]["code"] == "method_not_allowed"
