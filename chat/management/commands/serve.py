from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from chat import starting


class Command(BaseCommand):
    help = "Serve the chat under Daphne until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default=settings.BIND, help="address to listen on (BIND, default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="port to listen on (PORT, default 8000)")

    def handle(self, *_: Any, bind: str, port: int, **options: Any) -> None:
        try:
            starting.prepare_once()
        except ImproperlyConfigured as refusal:
            raise CommandError(str(refusal)) from None
        connections.close_all()
        from chatproxy.server import Server  # installs the reactor: not before it is needed

        server = Server(bind=bind, port=port)
        server.run()
        if server.refusal:
            raise CommandError(f"Cannot listen on {bind} port {port}: {server.refusal}")
