"""A row of Chatwoot's that we cannot read, of a later version say, hides no other and holds no lane for nothing."""

from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import orjson
import pytest

from chat import lanes, sql
from chat.looking import Looking
from chat.models import Delivery
from chat.settling import Look, Timing
from chat.writer import Priority
from tests.eventually import eventually
from tests.fixtures.world import World
from tests.test_deep_resync import cut

BASELINE = 10**6
UNKNOWN_KIND = {"message_type": 9}
NO_ID_OF_SENDER = {"sender": {"name": "Bot"}}
NO_FILE = {"attachments": [None]}


class Newer(httpx.AsyncBaseTransport):
    """A Chatwoot whose lists hold one row more: the latest of the visitor, but with these values."""

    def __init__(self, **values: Any) -> None:
        self.is_newer = False
        self._values = {"id": BASELINE + 1} | values
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        is_list = request.method == "GET" and request.url.path.endswith(("/conversations", "/messages"))
        return await self._with_one_more(response) if is_list and self.is_newer else response

    async def _with_one_more(self, response: httpx.Response) -> httpx.Response:
        body = orjson.loads(await response.aread())
        rows = body[0].get("messages", body)
        rows.append([row for row in rows if row["message_type"] == 0][-1] | self._values)
        headers = {name: response.headers[name] for name in ("content-type", "x-runtime")}
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(orjson.dumps(body)))

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.mark.parametrize("odd", [UNKNOWN_KIND, NO_ID_OF_SENDER, NO_FILE], ids=repr)
async def test_it_hides_no_other_from_a_comparison(world: World, odd: dict[str, Any], logged: Any) -> None:
    newer = Newer(**odd)
    runtime, alice = await world.start(transport=newer), await world.person()
    device, talk = await world.talk(runtime, alice)
    await cut(world, runtime)
    world.sandbox.desk.reply(talk, "a reply")
    newer.is_newer = True
    world.sandbox.faults.clear()
    await eventually(lambda: "a reply" in device.texts())
    assert "rows of Chatwoot's that could not be read so far: 1, " in logged.text


async def test_it_holds_no_lane_if_it_is_not_of_a_visitor(world: World) -> None:
    newer = Newer(**UNKNOWN_KIND)
    runtime, alice = await world.start(transport=newer), await world.person()
    await world.talk(runtime, alice)
    newer.is_newer = True
    world.sandbox.faults.set("error_before", method="POST", path="/messages", times=1)
    await alice.say(runtime, "second")
    await world.settled()
    assert world.said(alice) == ["hello", "second"]


@pytest.mark.parametrize(
    ("odd", "complete"),
    [
        (NO_FILE, False),
        (NO_FILE | {"id": None}, False),
        (NO_FILE | {"id": BASELINE}, True),
        (NO_FILE | {"message_type": 1}, True),
        (UNKNOWN_KIND, True),
    ],
    ids=repr,
)
async def test_a_look_is_complete_unless_it_may_be_what_is_looked_for(
    world: World, odd: dict[str, Any], complete: bool
) -> None:
    newer = Newer(**odd)
    runtime, alice = await world.start(transport=newer), await world.person()
    await world.talk(runtime, alice)
    await runtime.courier.close()
    said = await alice.say(runtime, "keep me")
    delivery = await world.ask(Delivery.objects.get, message=said.message_id)
    later = await world.ask(sql.database_now) + 2 * lanes.CONFIRMED_MS  # whatever a comparison confirms meanwhile
    found = await world.ask(lanes.to_confirm, delivery.id, later)
    assert found is not None
    newer.is_newer = True
    upstream = await runtime.upstreams.of(alice.inbox_id)
    write = partial(runtime.writer.write, contacts=(alice.contact_id,), priority=Priority.ATTEMPT)
    claim = replace(found, baseline_id=BASELINE)
    seen = await Looking(claim, upstream, runtime.reader, write, timing=Timing()).run()
    assert isinstance(seen, Look) and seen.complete is complete
