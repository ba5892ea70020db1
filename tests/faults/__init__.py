"""The fault suite: real processes, bad lines between them, and one verdict (reliability §4).

A row is a test named after its number, 10–20 lines long::

    async def test_f12_answers_that_are_reset_are_looked_for(make_rig: MakeRig) -> None:
        rig = await make_rig()                        # sandbox, application, three proxies; all as in life
        await rig.visit()                             # 4 visitors in `make test`, 20 in `make faults-full`
        await rig.introduce()                         # each wrote once and it arrived (leave out for cold starts)
        rig.toxic(rig.rest, down={"cut_after": 0, "cut": "reset"})
        await rig.write()                             # 8 (30) messages each, queued over about a second
        await asyncio.sleep(rig.s(20))                # 20 real seconds: 2 in the short tier
        await rig.healed()                            # mends everything, waits, asserts K1–K10

`make_rig(applications=2, marker=True, failpoints="courier.after_send=kill@3", CHATWOOT_RATE_PER_S="10")`: processes on
one database behind `rig.front`; an inbox with a bot token; failpoints of the first application in its first life;
settings by name. `own_database=` takes another than a fresh SQLite file (`database.prepare` makes its tables).

Faults. Each counts in the figures and starts the clock of healing again, so use these and not the parts:
`rig.fault(name, …)` of the sandbox (chat/sandbox/faults.py) · `rig.toxic(rig.front | rig.rest | rig.cable, up={…},
down={…})` (Toxics in proxy.py) and `rig.injected("why")` after `proxy.cut("reset")`, `await proxy.refuse()` ·
`rig.kill(process)` · `rig.kill_chatwoot()`, `rig.restart_chatwoot()` · `rig.freeze(process, s)` ·
`rig.kept.add(application)`: whatever dies of a failpoint or a kill is started again at once. `process.start(**env)`,
`.stop()`, `.cont()`, `.terminate()`, `.stopped` (a failpoint's SIGSTOP). `rig.s(90)`: 90 real seconds at this scale.

People. `rig.visitors`: `.write(text, files=…)`, `.upload(name, content)`, `.tell(type=…)` any frame, `.call(method,
path)` the JSON API, `.drop()`, `.leave()`, `.arrive()`, `.view` (messages, conversations, resets, heard).
`rig.device(visitor)`: a second device. `rig.agent`: reply, note, delete, resolve, begin; `rig.talk_of(visitor).id` is
the display id it wants.
`rig.ledger()` is what an agent would see, also while the sandbox is dead. `rig.until(condition, "words")` waits.

`healed(fenced=False)` gives 180 s instead of 60; `may_duplicate=True` where the design states a residue (K10 still
wants every duplicate counted); `linger_s` waits for what may come late; `expected_errors=[r"…"]` are ERROR lines that
the row causes (any other, and any traceback, fails it). Assert beside it what the row is about: `visitor.view.resets`,
`rig.figures`, `rig.application.starts` - a row whose fault did not happen must fail.

Mark rows `pytest.mark.faults`; one that only makes sense at full size `pytest.mark.full`, too. Files are named after
what is broken. Run one: `.venv/bin/python -m pytest -m faults tests/faults -k f12`; the report of a failure has the
timeline, and the tails of the logs.
"""
