"""The guides are run, not believed: every command exists, and the first steps work as written."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from pteri import cli
from pteri.settings import ServerSettings, TenantSettings
from pteri.wallet.cli import app as wallet_app

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
STARTED = ROOT / "docs" / "guide" / "getting-started.md"


def blocks(document: Path) -> list[str]:
    return BLOCK.findall(document.read_text(encoding="utf-8"))


def commands(document: Path) -> list[list[str]]:
    """Words of every ``pteri`` command in a code block, without the comment after it and optional brackets."""
    lines = [line.partition("   #")[0] for block in blocks(document) for line in block.splitlines()]
    return [shlex.split(re.sub(r"[\[\]]", "", line))[1:] for line in lines if line.startswith("pteri ")]


COMMANDS = [pytest.param(words, id=" ".join(words)) for document in DOCUMENTS for words in commands(document)]


def below(app: typer.Typer) -> dict[str, TyperCommand]:
    """Commands by their words, those of groups too."""
    found: dict[str, TyperCommand] = {}
    waiting = [("", get_command(app))]
    while waiting:
        name, command = waiting.pop()
        if isinstance(command, TyperGroup):
            waiting += [(f"{name} {inner}".strip(), below) for inner, below in command.commands.items()]
        else:
            assert isinstance(command, TyperCommand)
            found[name] = command
    return found


WALLET = below(wallet_app)
PROGRAM = below(cli.app) | {f"wallet {name}": command for name, command in WALLET.items()}


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_and_option_in_the_guides_exists(words: list[str]) -> None:
    [name] = [name for name in PROGRAM if words[: len(name.split())] == name.split()]
    known = {spelling for parameter in PROGRAM[name].params for spelling in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_every_command_of_the_wallet_is_in_the_guide() -> None:
    text = (ROOT / "docs" / "guide" / "phone.md").read_text(encoding="utf-8")
    for name in WALLET:
        assert f"`{name}" in text or f"pteri wallet {name}" in text, name


def test_every_setting_is_in_the_guide() -> None:
    text = (ROOT / "docs" / "guide" / "operating.md").read_text(encoding="utf-8")
    told = set(
        re.findall(r"`([a-z_]+)`", " ".join(line.split("|")[1] for line in text.splitlines() if line[:2] == "| "))
    )
    assert {*ServerSettings.__struct_fields__, *TenantSettings.__struct_fields__} <= told


@contextmanager
def running(*arguments: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "src"),
        "PTERI_WALLET_HOME": str(home / "phone"),
        "PTERI_PASSPHRASE_FILE": str(home / "passphrase"),
    }
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until_ready(port: int, service: subprocess.Popen[str]) -> None:
    for _ in range(400):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except urllib.error.URLError:
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"the service ended with {service.wait(timeout=0.05)}")
    pytest.fail("the service did not start")


def phone_code(home: Path, *words: str) -> str:
    with running("-m", "pteri", *words, "--yes", "--json", home=home) as phone:
        told = json.loads(phone.communicate(timeout=60)[0])
    assert told["ok"], told
    return str(told["code"])


@pytest.mark.slow
def test_the_first_steps_work_as_they_are_written(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def here(text: str) -> str:
        return text.replace("/tmp/try", str(tmp_path)).replace("8750", str(port))

    init, serve, enroll = (
        shlex.split(here(line))[1:]
        for block in blocks(STARTED)
        for line in block.splitlines()
        if line.startswith(("pteri init", "pteri serve", "pteri wallet enroll"))
    )
    (tmp_path / "passphrase").write_text("twelve or more letters\n")
    (tmp_path / "passphrase").chmod(0o600)
    [site] = [block for block in blocks(STARTED) if "from pteri import Client" in block]
    (tmp_path / "bank.py").write_text(here(site))
    for words in ([*init, "--port", str(port)], ["wallet", "create"]):
        with running("-m", "pteri", *words, home=tmp_path) as made:
            made.communicate(timeout=60)
            assert made.returncode == 0
    with running("-m", "pteri", *serve, home=tmp_path) as service:
        until_ready(port, service)
        for step, answer in (("link", enroll[:-1]), ("sign-in", ["wallet", "sign-in"])):
            with running(str(tmp_path / "bank.py"), step, home=tmp_path) as page:
                assert page.stdout is not None
                page.stdout.readline()
                invitation = page.stdout.readline().removeprefix("code to scan: ").rstrip("\n")
                signed_in = page.communicate(phone_code(tmp_path, *answer, invitation) + "\n", timeout=60)[0]
            assert "SignedIn(state='COMPLETED'" in signed_in
