"""The real processes of a row: each in a session of its own, ended by its process id only, its log kept in a file."""

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.faults.ports import HOST, Port
from tests.fixtures.the_postgres import end_with_parent

ROOT = Path(__file__).resolve().parents[2]
START_S = 60  # the machine may be busy with three other rows
SECRET_KEY = "a secret key of the fault suite that no log may show, "


class Process:
    """Something of ours that runs, and may be killed, stopped, and started again on the same port."""

    ready_path = "/"

    def __init__(self, name: str, folder: Path, command: list[str], env: Mapping[str, str]) -> None:
        self.name, self.env = name, {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **env}
        self.log = folder / f"{name}.log"
        self.limits: dict[int, int] = {}  # of the next start: {resource.RLIMIT_NOFILE: 64}
        self.starts = 0
        self._reserved = Port()
        self.port = self._reserved.number
        self._command = [sys.executable, str(ROOT / "manage.py"), *command, "--port", str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether there is a process, stopped ones included."""
        return self._process is not None and self._process.poll() is None

    @property
    def stopped(self) -> bool:
        """By SIGSTOP, ours or a failpoint's."""
        return self.alive and self._stat()[0] == "T"

    async def start(self, **env: str) -> None:
        """Start, or start again; `env` holds for this start only. Returns when it answers."""
        self.launch(**env)
        await self.ready()

    def launch(self, **env: str) -> None:
        assert not self.alive, f"{self.name} runs already"
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self.env | env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,
                preexec_fn=self._begin,
            )

    def _begin(self) -> None:
        """In the child, before its program."""
        end_with_parent()
        for kind, most in self.limits.items():
            resource.setrlimit(kind, (most, most))

    async def ready(self) -> None:
        """Until it answers. It may die on the way, by a failpoint for example: then this returns, too."""
        deadline = time.monotonic() + START_S
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=5) as http:
            while self.alive and not self.stopped:
                with contextlib.suppress(httpx.HTTPError):
                    await http.get(self.ready_path)
                    return
                assert time.monotonic() < deadline, f"{self.name} does not answer:\n{self.tail()}"
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """SIGKILL, at whatever instruction it is."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        """SIGTERM; the exit status."""
        return await self._end(signal.SIGTERM)

    def stop(self) -> None:
        """SIGSTOP: frozen where it is, its sockets open."""
        os.kill(self.pid, signal.SIGSTOP)

    def cont(self) -> None:
        if self.alive:
            os.kill(self.pid, signal.SIGCONT)

    async def restart(self, **env: str) -> None:
        await self.kill()
        await self.start(**env)

    async def close(self) -> None:
        await self.kill()
        self._reserved.close()

    async def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self.alive:
            os.kill(self.pid, number)
            if number != signal.SIGKILL:
                self.cont()
        deadline = time.monotonic() + START_S
        while (code := self._process.poll()) is None:
            assert time.monotonic() < deadline, f"{self.name} does not end at {number.name}"
            await asyncio.sleep(0.02)
        return code

    @property
    def exit_status(self) -> int | None:
        """Of the latest start; -9 after SIGKILL, None while it runs."""
        return None if self._process is None else self._process.poll()

    def rss_kb(self) -> int:
        """Resident memory."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)

    def cpu_s(self) -> float:
        """Processor time of this life so far, all threads. Hardly depends on what else runs here."""
        user, system = self._stat()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def text(self) -> str:
        """All that it has said so far, in every life."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self) -> str:
        return "\n".join(self.text().splitlines()[-30:])

    def _stat(self) -> list[str]:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()


class Sandbox(Process):
    """The stand-in for Chatwoot. Its state survives it; what stands there is the oracle (`tests.faults.oracle`)."""

    ready_path = "/sandbox/world"

    def __init__(self, folder: Path, *, born: Path) -> None:
        """`born`: the state of a sandbox that was only just born, so that tokens are known before it starts."""
        self.state = folder / "chatwoot.jsonl"
        shutil.copy(born, self.state)
        super().__init__("chatwoot", folder, ["sandbox", "--state", str(self.state)], {})


class Application(Process):
    """`manage.py serve`; several share a database."""

    ready_path = "/healthz"

    def __init__(self, number: int, folder: Path, env: Mapping[str, str]) -> None:
        folder_of_its_own = folder / f"application-{number}"
        folder_of_its_own.mkdir()
        own = {"VAR_DIR": str(folder_of_its_own), "SECRET_KEY": SECRET_KEY, "ALLOWED_HOSTS": HOST, "LOG_LEVEL": "DEBUG"}
        own["LIMITS"] = "all=off"  # visitors here write without end, and all from one address
        super().__init__(f"application-{number}", folder, ["serve", "--bind", HOST], own | dict(env))


def manage(*arguments: str, env: Mapping[str, str]) -> None:
    """Run a command to its end."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    subprocess.run(command, env={"PATH": os.environ["PATH"], **env}, check=True, capture_output=True)
