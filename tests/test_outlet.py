import asyncio

from chat.outlet import Outlet


async def finished():
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
    await asyncio.sleep(0)


async def test_a_server_that_takes_at_once_gets_the_message_within_the_call():
    sent = []

    async def send(message):
        sent.append(message)

    outlet = Outlet(send)
    outlet.push({"n": 1})
    outlet.push({"n": 2})
    assert sent == [{"n": 1}, {"n": 2}]
    assert outlet.idle


async def test_a_server_that_waits_gets_every_message_in_order():
    sent, gate = [], asyncio.Event()

    async def send(message):
        await gate.wait()
        await asyncio.sleep(0)
        sent.append(message["n"])

    outlet = Outlet(send)
    for n in range(3):
        outlet.push({"n": n})
    assert not outlet.idle
    gate.set()
    await finished()
    assert sent == [0, 1, 2]


async def test_a_peer_that_is_gone_is_no_error():
    async def send(message):
        raise RuntimeError("Attempt to send on a closed protocol")

    async def send_later(message):
        await asyncio.sleep(0)
        raise OSError("gone")

    Outlet(send).push({})
    outlet = Outlet(send_later)
    outlet.push({})
    outlet.push({})
    await finished()
    assert outlet.idle


async def test_what_waits_is_counted_and_somebody_is_told_when_nothing_does():
    gate, flushes = asyncio.Event(), []

    async def send(message):
        await gate.wait()

    outlet = Outlet(send, flushed=lambda: flushes.append(outlet.waiting_bytes))
    assert outlet.waiting_since is None
    for text in ("being sent", "four", "more"):
        outlet.push({"text": text})
    assert (outlet.waiting_bytes, outlet.idle) == (8, False)
    assert outlet.waiting_since is not None
    gate.set()
    await finished()
    assert (flushes, outlet.idle, outlet.waiting_since) == ([0], True, None)


async def test_a_close_overtakes_what_nobody_reads():
    sent, never = [], asyncio.Event()

    async def send(message):
        sent.append(message)
        if "text" in message:
            await never.wait()

    outlet = Outlet(send)
    for text in ("stuck", "behind"):
        outlet.push({"text": text})
    outlet.close({"code": 4409})
    assert sent == [{"text": "stuck"}, {"code": 4409}]
    never.set()
    await finished()
    assert len(sent) == 2
