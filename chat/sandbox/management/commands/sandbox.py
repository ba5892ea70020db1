"""``manage.py sandbox``: a stand-in for Chatwoot with an agent desk, for loopback only."""

import logging
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat.sandbox import tokens, world
from chat.sandbox.application import SandboxApplication
from chat.sandbox.journal import Journal, Unreadable
from chat.sandbox.sandbox import Sandbox
from chat.sandbox.store import Store


class Command(BaseCommand):
    help = "Serve a stand-in for Chatwoot: Client API, cable, an agent desk and fault switches."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=3000, help="0 takes a free one (default 3000)")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--world", type=Path, help="write tokens and ids to this file once it listens")
        word = os.environ.get("SANDBOX_CANARY", "")
        parser.add_argument("--canary", default=word, help="for tests: what stands in every secret and private field")
        parser.add_argument("--state", type=Path, help="keep everything in this file; survives being killed")

    def handle(self, *args: Any, **options: Any) -> None:
        logging.basicConfig(level=logging.WARNING, format="sandbox: %(levelname)s %(message)s")
        from chat.sandbox.server import SandboxServer  # importing Daphne installs its reactor

        store = Store(Journal(options["state"]))
        sandbox = Sandbox(store, canary=options["canary"])
        tokens.begin_with(options["canary"])
        try:
            store.replay()
            with store.transaction():
                world.seed(sandbox.context(), options["canary"])
            store.persist()
        except Unreadable as error:
            raise CommandError(f"The sandbox cannot use its state: {error}.") from error

        def on_listening(port: int) -> None:
            self._ready(sandbox, options, port)

        server = SandboxServer(SandboxApplication(sandbox), options["host"], options["port"], on_listening)
        server.run()
        if server.failure is not None:
            raise CommandError(f"The sandbox cannot start on {options['host']}:{options['port']}: {server.failure}.")

    def _ready(self, sandbox: Sandbox, options: dict[str, Any], port: int) -> None:
        host = "127.0.0.1" if options["host"] in ("0.0.0.0", "::", "") else options["host"]
        sandbox.front_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        sandbox.world = world.describe(sandbox.context(), sandbox.front_url)
        sandbox.start()
        if options["world"]:
            world.write(options["world"], sandbox.world)
        self.stdout.write(f"Sandbox of Chatwoot: {sandbox.front_url} · agent desk: {sandbox.front_url}/desk/")
        self.stdout.flush()
