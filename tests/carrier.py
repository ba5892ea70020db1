"""A process of its own that delivers what is in a database, until it is killed: ``python -m tests.carrier <name>``."""

import asyncio
import os
import sys
from dataclasses import replace

import django
from django.conf import settings


async def carry() -> None:
    from chat.runtime import Runtime
    from tests.fixtures.world import QUICK, Eager, quick_http, quick_hub

    timing = replace(QUICK, carrying=replace(QUICK.carrying, lease_ms=2_000))
    runtime = Runtime(open_http=quick_http, open_hub=quick_hub, chance=Eager(), timing=timing)
    runtime.start()
    print("carrying", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    settings.DATABASES["default"]["NAME"] = sys.argv[1]
    django.setup()
    asyncio.run(carry())
