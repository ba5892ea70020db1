"""What docs/deploy shows does what it says, as far as that can be tried without systemd and containers."""

import os
import re
import shutil
import signal
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import httpx
import pytest

from chatproxy import settings
from tests.fixtures import containers
from tests.fixtures.containers import Image
from tests.fixtures.examples import ROOT
from tests.fixtures.sandbox import SandboxProcess
from tests.fixtures.the_demo import free_ports
from tests.fixtures.the_proxies import placed
from tests.fixtures.the_server import NOBODY

DEPLOY = ROOT / "docs/deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
UNIT = (DEPLOY / "chatproxy@.service").read_text()
SECRET = "k" * 50


def settings_shown() -> dict[str, str]:
    lines = (DEPLOY / "chatproxy.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def stand_ins(folder: Path, commands: dict[str, str]) -> None:
    """Programs of these names, for a PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, script in commands.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)


class Unit(ConfigParser):
    """A unit of systemd; of names that stand there twice the last counts."""

    optionxform = staticmethod(str)  # type: ignore[assignment]

    def __init__(self, text: str) -> None:
        super().__init__(interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",))
        self.read_string(text)


# The settings


def test_the_settings_that_are_shown_exist_and_can_be_read(tmp_path: Path) -> None:
    shown = settings_shown()
    assert set(shown) <= set(settings.env.names)
    env = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path)} | shown | {"SECRET_KEY": SECRET}
    subprocess.run([sys.executable, str(ROOT / "manage.py"), "check"], env=env, check=True, capture_output=True)


def test_nobody_starts_with_a_secret_that_everybody_can_read() -> None:
    assert settings_shown()["SECRET_KEY"] == ""


# systemd


def test_the_unit_waits_longer_for_an_end_than_a_drain_takes() -> None:
    assert float(Unit(UNIT)["Service"]["TimeoutStopSec"]) > settings.DRAIN_S
    assert float(Unit(UNIT)["Service"]["TimeoutStartSec"]) > float(re.findall(r"--within (\d+)", UNIT)[0])


def test_the_unit_runs_commands_that_exist(tmp_path: Path) -> None:
    service, developing = Unit(UNIT)["Service"], {"DEBUG": "True", "VAR_DIR": str(tmp_path)}
    for name in ("ExecStart", "ExecStartPost"):
        python, *words = service[name].replace("%i", "8001").split()
        assert python == f"{service['WorkingDirectory']}/.venv/bin/python"
        asked = [sys.executable, *words, "--help"]
        told = subprocess.run(asked, cwd=ROOT, env=developing, check=True, capture_output=True, text=True).stdout
        assert all(word in told for word in words if word.startswith("--"))


def test_systemd_finds_nothing_to_say(tmp_path: Path) -> None:
    """The paths of this checkout stand in for those that a machine of an operator's has."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not there: apt-get install systemd")
    unit = tmp_path / "chatproxy@.service"
    unit.write_text(placed(UNIT, {r"/srv/chatproxy/current/.venv/bin/python": sys.executable}))
    said = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    rated = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)]
    assert subprocess.run(rated, capture_output=True, text=True).returncode == 0, "above 2.0"


FIRST = re.search(r"```console\n(.*?)```", (ROOT / "docs/deploying.md").read_text(), re.DOTALL)[1]  # type: ignore[index]
STAND_INS = {
    "make": ":",
    "systemd-run": 'while [ "$1" != manage.py ]; do shift; done\ncd "$ROOT" && exec "$PYTHON" "$@"',
    "systemctl": 'cd "$ROOT" && exec "$PYTHON" manage.py check --deploy --tag chat',  # which every start asks
}


def first_installation(folder: Path, chatwoot: SandboxProcess, without: str = "nothing") -> int:
    """The exit status of what is shown from the first `update.sh` on, with the settings that are shown."""
    release = folder / "2026-12-01"
    (release / "docs").mkdir(parents=True)
    (release / "static").mkdir()
    (release / "docs/deploy").symlink_to(DEPLOY)
    stand_ins(folder / "bin", STAND_INS)
    env = settings_shown() | {"SECRET_KEY": SECRET, "DATABASE_URL": "", "REDIS_URL": "", "VAR_DIR": str(folder)}
    env |= {"CHATWOOT_URL": chatwoot.base_url, "CHATWOOT_ADMIN_TOKEN": chatwoot.world["admin_token"]}  # typed there
    env |= {"ROOT": str(ROOT), "PYTHON": sys.executable, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    lines = FIRST[FIRST.index("sh docs/deploy/update.sh") :].replace("/srv/chatproxy", str(folder)).splitlines()
    script = "\n".join(line for line in lines if without not in line)
    return subprocess.run(["sh", "-euc", script], cwd=release, env=env, capture_output=True).returncode


def test_a_first_installation_has_an_inbox_before_its_processes_start(tmp_path: Path, sandbox: SandboxProcess) -> None:
    assert first_installation(tmp_path / "one", sandbox) == 0
    assert first_installation(tmp_path / "two", sandbox, without="connect_chatwoot") != 0


# The container


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose front end may be changed."""
    if not (shutil.which("node") and (ROOT / "node_modules/esbuild").exists()):
        pytest.skip("Node or esbuild is not installed: there is no release build")
    folder = tmp_path_factory.mktemp("context")
    ignored = (ROOT / ".dockerignore").read_text().split()
    for each in ROOT.iterdir():
        if each.name not in (*ignored, "static"):
            (folder / each.name).symlink_to(each)
    shutil.copytree(ROOT / "static", folder / "static", ignore=shutil.ignore_patterns("build"))
    return folder


def image_of(context: Path, folder: Path, former: Image | None = None) -> Image:
    modules = ROOT / "node_modules"
    return containers.build(CONTAINERFILE, context=context, folder=folder, modules=modules, former=former)


@pytest.fixture(scope="module")
def image(context: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image_of(context, tmp_path_factory.mktemp("image"))


def test_the_image_has_what_serving_takes(image: Image) -> None:
    (port,) = free_ports(1)
    given = NOBODY | {"SECRET_KEY": SECRET, "ALLOWED_HOSTS": "chat.example.com", "PORT": str(port)}
    image.run(["python", "manage.py", "migrate", "--verbosity=0"], **given)
    serving = image.start(image.told("CMD"), **given)
    try:
        image.run([*image.told("HEALTHCHECK"), "--within", "300"], **given)
        page = httpx.get(f"http://127.0.0.1:{port}/chat/main/", headers={"Host": "chat.example.com"}, trust_env=False)
        assert set(re.findall(r"/static/(\w+)/[^\"]+\.js\"", page.text)) == {"build"}
    finally:
        serving.send_signal(getattr(signal, image.said["STOPSIGNAL"]))
        said = serving.communicate(timeout=60)[1]
    assert serving.returncode == 0, said
    assert "Traceback" not in said


def test_the_image_writes_only_where_its_user_may(image: Image) -> None:
    assert image.said["USER"] == "chatproxy"
    assert image.env["VAR_DIR"] == image.said["VOLUME"]


def test_an_image_keeps_what_pages_of_the_former_one_ask_for(context: Path, image: Image, tmp_path: Path) -> None:
    script = context / "static/chat/frame/main.js"
    script.write_text(script.read_text() + "\nconsole.debug(1);\n")
    newer = image_of(context, tmp_path, former=image)
    before, after = [{each.name for each in one.path("static/build").iterdir()} for one in (image, newer)]
    assert before < after


# An update


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """With an old release that runs, a new one beside it, and commands that only say what they were told."""
    said = f'echo "$(basename "$(readlink "{tmp_path}/current")"): $(basename "$0") $*" >> "{tmp_path}/said"'
    does = f'{said}\ncase " $* " in *" $REFUSED "*) exit 1;; esac'
    stand_ins(tmp_path / "bin", dict.fromkeys(("make", "systemd-run", "systemctl"), does))
    (tmp_path / "old/static/build").mkdir(parents=True)
    (tmp_path / "old/static/build/main-ABCDEFGH.js").write_text("old")
    (tmp_path / "new/static").mkdir(parents=True)
    (tmp_path / "new/docs").mkdir()
    (tmp_path / "new/docs/deploy").symlink_to(DEPLOY)
    (tmp_path / "current").symlink_to(tmp_path / "old")
    return tmp_path


def update(machine: Path, *, refused: str = "nothing") -> tuple[int, list[str]]:
    """The exit status, and each command behind the release that was in use then."""
    env = {"PATH": f"{machine / 'bin'}:{os.environ['PATH']}", "REFUSED": refused}
    command = ["sh", str(DEPLOY / "update.sh"), str(machine / "new"), "8001", "8002"]
    status = subprocess.run(command, env=env, capture_output=True).returncode
    said = (machine / "said").read_text().splitlines()
    return status, [re.sub(r" (/|-)\S+", "", line) for line in said]


def test_an_update_migrates_first_and_then_replaces_one_process_after_the_other(machine: Path) -> None:
    assert update(machine) == (
        0,
        [
            "old: make environment",
            "old: make build",
            "old: systemd-run manage.py migrate",
            "new: systemctl restart chatproxy@8001",
            "new: systemctl restart chatproxy@8002",
        ],
    )
    assert (machine / "new/static/build/main-ABCDEFGH.js").read_text() == "old"


@pytest.mark.parametrize(
    ("refused", "last"),
    [
        ("build", "old: make build"),
        ("migrate", "old: systemd-run manage.py migrate"),
        ("chatproxy@8001", "new: systemctl restart chatproxy@8001"),
    ],
)
def test_an_update_ends_at_the_first_thing_that_goes_wrong(machine: Path, refused: str, last: str) -> None:
    status, said = update(machine, refused=refused)
    assert status != 0
    assert said[-1] == last
