"""Who may import whom, and who may touch the machine (ARCHITECTURE.md, "Layers" and "Conventions").

Everything is read from the source text, so an import inside a function or behind ``TYPE_CHECKING`` counts too: an
arrow in the types is an arrow. A new file without a room in these tables fails; so does a new way to the machine.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest

SRC: Final = Path(__file__).parents[2] / "src"

LAYERS: Final[Mapping[str, frozenset[str]]] = {
    "core": frozenset(),
    "domain": frozenset({"core"}),
    # Its own registry is audited by the same code as anybody's (`pteri fsck`).
    "app": frozenset({"core", "domain", "audit"}),
    "adapters": frozenset({"core", "domain", "app", "durable"}),
    "http": frozenset({"core", "domain", "app"}),
    "oidc": frozenset({"core", "domain", "app"}),
    "console": frozenset({"core", "domain", "app"}),
    "wallet": frozenset({"core", "durable"}),
    "audit": frozenset({"core", "domain"}),
    # Beside the layers, below all who write files: the standard library and nothing of ours.
    "durable": frozenset(),
    # The same for where a registry is: it hides a password, and knows no driver.
    "database": frozenset(),
}
"""The rooms, and what each may import besides itself."""

_SERVER: Final = frozenset({"core", "domain", "app", "adapters", "http"})
ROOTS: Final[Mapping[str, frozenset[str]]] = {
    # The front door of the library: names that are loaded when somebody uses them.
    "": frozenset({"core", "wallet", "sdk"}),
    "__main__": frozenset({"cli"}),
    # Read once, before there is anything to wire; knows no layer above the words of the protocol.
    "settings": frozenset({"core", "durable", "database", "operator_settings", "esim_settings", "log_settings"})
    | {"anchor_settings", "block_settings", "partner_settings"},
    # What an address in the settings may be.
    "asked_url": frozenset(),
    # A table of the settings with a key file of its own.
    "operator_settings": frozenset({"core", "durable", "asked_url"}),
    "esim_settings": frozenset({"core"}),
    "partner_settings": frozenset(),
    "partner_tls": frozenset({"durable", "settings", "partner_settings"}),
    "log_settings": frozenset({"core", "asked_url"}),
    "anchor_settings": frozenset({"node_settings"}),
    "block_settings": frozenset({"core", "node_settings"}),
    # Which addresses and credentials of a node are taken; both tables name one.
    "node_settings": frozenset(),
    # The node, its credentials and its wallet, put together out of that table.
    "anchor_wiring": frozenset({"app", "adapters.chain", "settings", "anchor_settings"}),
    # The recent block of statements out of its table.
    "block_wiring": frozenset({"app", "adapters.chain", "block_settings"}),
    # Anchors as a command: over a service's registry and node, or over a proof alone.
    "anchor_cli": frozenset({"core", "app", "domain", "audit", "settings", "wiring", "command_line"}),
    # A file of the deployment whose refusals are those of the settings.
    "key_files": frozenset({"core", "durable", "settings"}),
    "deployment_key": frozenset({"core", "durable", "settings", "key_files", "adapters.key_ring"}),
    # The deployment keys of a service: they come and go by their own commands.
    "keyring": frozenset({"core", "database", "settings", "deployment_key", "wiring"})
    | {"app.ports", "app.key_ports", "app.deployment", "app.rekeying"}
    | {"adapters.key_ring", "adapters.vault", "adapters.store.opening", "adapters.system"},
    "log_key": frozenset({"core", "durable", "settings", "key_files", "log_settings"}),
    # The log of a service: begun by its own command and never by a service.
    "logbook": frozenset({"core", "durable", "settings", "log_settings", "log_key", "key_files"})
    | {"app.ports", "app.log_ports", "app.log_seen", "app.growing", "adapters.store.opening", "adapters.system"},
    # What the commands of a service share.
    "command_line": frozenset({"settings", "app.ports"}) | {"adapters.store.errors", "adapters.system.EntropyFailure"},
    "log_cli": frozenset({"command_line", "logbook"}),
    "key_cli": frozenset({"command_line", "keyring"}),
    # A new service on disk: keys need randomness, and nothing runs yet.
    "provision": frozenset({"core", "durable", "database", "adapters.system", "settings", "deployment_key"}),
    # A policy as a file: text in, rules out, and what a person should know of it.
    "policies.file": frozenset({"domain", "durable", "settings", "policies.text"}),
    # What policies decide, as a command: over one case, or over a whole registry.
    "policies": frozenset({"core", "domain", "app", "audit", "durable", "settings", "wiring", "command_line"}),
    # The server: the one place that knows every adapter.
    "wiring": _SERVER
    | {
        "durable",
        "database",
        "settings",
        "operator_settings",
        "esim_settings",
        "log_settings",
        "deployment_key",
        "log_key",
    }
    | {"policies.file", "anchor_wiring", "block_wiring"},
    # The process around the server: its sockets, its loops and the time it has to stop.
    "serving": frozenset({"settings", "wiring", "app.loops", "http.asgi", "http.lane", "adapters.system.monotonic_s"})
    | {"http.partners", "partner_settings", "partner_tls"},
    # A simulated operator as a process: its socket, its client's key and the time it has.
    "operator_sim": frozenset(
        {"core", "durable", "settings", "operator_settings", "app.ports", "adapters.system", "adapters.telecom"}
    ),
    # The parent of several such processes; it answers nobody.
    "supervise": frozenset({"settings", "serving", "adapters.system.monotonic_s"}),
    # A look at a whole registry, as a command.
    "checkup": frozenset({"settings", "wiring", "checkup_state", "app.fsck", "app.fsck_progress", "app.findings"}),
    # The look at all accounts that a service takes while it runs: what it found, and lifting that.
    "audited": frozenset({"core", "settings", "wiring", "app.auditing", "app.audit_ports", "app.findings"}),
    "audit_cli": frozenset({"command_line", "audited", "app.audit_ports"}),
    # How far it has come, in a file.
    "checkup_state": frozenset({"core", "durable", "settings", "app.fsck_progress"}),
    # People and their sites as a crowd, from outside: it knows the protocol and nothing of the server.
    "load": frozenset({"core", "durable", "settings", "adapters.system"}),
    # The phone and the relying party as a library, with this machine's clock and randomness.
    "sdk": frozenset({"core", "wallet", "adapters.system"}),
    # What an eSIM chip signed, as a library and as a command: it knows the protocol and nothing of a server.
    "esim": frozenset({"core"}),
    "esim_cli": frozenset({"core", "esim", "adapters.system"}),
    # Where the files of a log are; the auditor's rooms have no files and no sockets.
    "published": frozenset({"audit", "durable"}),
    # Whatever is verified offline, as commands: it knows the auditor's rooms and nothing of a server.
    "verify_cli": frozenset({"core", "audit", "durable", "published", "esim_cli", "command_line", "adapters.system"}),
    # The phone as a command: its callback finds out about this machine.
    "wallet.cli": frozenset({"core", "wallet", "adapters.system", "settings"}),
    # A witness of logs: a memory on disk and a socket. It knows the protocol, and nothing of a service.
    "witness": frozenset({"core", "durable", "adapters.system"}),
    "witness.cli": frozenset({"core", "durable", "adapters.system", "command_line", "witness"}),
    # The command: it starts whatever was asked for.
    "cli": _SERVER
    | {"durable", "wallet", "settings", "deployment_key", "provision", "wiring", "serving", "demo"}
    | {"supervise", "checkup", "load", "operator_sim", "verify_cli", "policies", "command_line", "log_cli"}
    | {"anchor_cli", "audit_cli", "key_cli", "witness"},
    # A play with a whole server and whole phones in it.
    "demo": _SERVER
    | {"durable", "wallet", "settings", "operator_settings", "deployment_key", "provision", "wiring", "serving", "sdk"}
    | {"esim_settings"},
}
"""Composition roots: files that put layers together. No layer imports one, which follows from the table above."""

_LANGUAGE: Final = frozenset(
    {"__future__", "collections", "contextlib", "dataclasses", "enum", "functools", "itertools", "typing"}
)
LIBRARIES: Final[Mapping[str, frozenset[str]]] = {
    "core": _LANGUAGE
    | {"base64", "binascii", "datetime", "hashlib", "hmac", "importlib", "re", "struct", "types", "unicodedata"}
    | {"btclib_secp256k1", "coincurve", "cryptography", "mnemonic", "msgspec", "nacl", "pyhpke"},
    "domain": _LANGUAGE | {"hashlib", "msgspec"},
    "audit": _LANGUAGE | {"base64", "hashlib", "json", "msgspec", "struct"},
    "app": _LANGUAGE | {"asyncio", "hashlib", "hmac", "msgspec", "re"},
}
"""What the rooms without files, sockets and logs may use of the world. A list of what is allowed has no gaps."""

BUILTINS: Final = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"})
"""What no room in ``LIBRARIES`` may call."""

DYNAMIC: Final = {
    "pteri": "loads the names of the library when they are first used",
    "pteri.core.keys.secp256k1": "takes the first of two curve libraries that is installed and passes its self-test",
}
"""Who may import by name at run time, and why. Such an import is invisible here."""

MACHINE: Final[Mapping[str, frozenset[str]]] = {
    "time": frozenset({"pteri.adapters.system"}),
    "secrets": frozenset({"pteri.adapters.system"}),
    "random": frozenset(),
    "uuid": frozenset(),
    "os.environ": frozenset({"pteri.settings"}),
    "os.environb": frozenset(),
    "os.getenv": frozenset(),
    "os.putenv": frozenset(),
    "os.urandom": frozenset(),
    "os.getrandom": frozenset(),
    "datetime.datetime.now": frozenset(),
    "datetime.datetime.today": frozenset(),
    "datetime.datetime.utcnow": frozenset(),
    "datetime.date.today": frozenset(),
    "asyncio.get_running_loop.time": frozenset(),
}
"""Clock, randomness and environment, and the files that may name them."""


class Import(NamedTuple):
    line: int
    name: str
    """Dotted name of a module, or of something in it."""


class Finding(NamedTuple):
    module: str
    line: int
    what: str


def findings(module: str, text: str) -> list[Finding]:
    """Everything that is wrong with the source of one module."""
    tree = ast.parse(text)
    found = [*_relative(tree), *_arrows(module, tree), *_libraries(module, tree), *_machine(module, tree)]
    return [Finding(module, line, what) for line, what in sorted(found)]


def _relative(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno, "imports relatively"


def _imports(tree: ast.Module) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (Import(node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _arrows(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    here = _place(module)
    room = _room_of(here)
    if room is None:
        yield 1, "has no room: give it one in this test, with a reason"
        return
    allowed = {room, *(ROOTS[room] if room in ROOTS else LAYERS[room])}
    for line, name in _imports(tree):
        if name.split(".")[0] == "pteri":
            there = _place(name)
            if not any(_is_in(there, place) for place in allowed):
                yield line, f"{room or 'the package'} may not import {name}"


def _place(name: str) -> str:
    """The name of a module without the package in front."""
    return name.removeprefix("pteri").removeprefix(".")


def _room_of(place: str) -> str | None:
    """The most exact room in the tables, or ``None``."""
    rooms = [room for room in (*LAYERS, *ROOTS) if place == room or (room and _is_in(place, room))]
    return max(rooms, key=len, default=None)


def _is_in(place: str, room: str) -> bool:
    return place == room or place.startswith(f"{room}.")


def _libraries(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    allowed = LIBRARIES.get(_place(module).split(".")[0])
    if allowed is not None:
        for line, name in _imports(tree):
            if name.split(".")[0] not in {*allowed, "pteri"}:
                yield line, f"may not use {name}: no files, sockets, clocks or logs here"
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BUILTINS:
                yield node.lineno, f"may not call {node.func.id}"
    if module not in DYNAMIC:
        for line, name in _named(tree):
            if name in {"importlib.import_module", "__import__"}:
                yield line, "imports by name, which nobody can check"


def _machine(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    for line, name in _named(tree):
        for touched, allowed in MACHINE.items():
            if _is_in(name, touched) and module not in allowed:
                yield line, f"may not touch {name}: it is an argument"


def _named(tree: ast.Module) -> Iterator[Import]:
    """Every dotted name that is used, with what it was imported as put in its place."""
    origins = {name: name for name in BUILTINS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                origins[bound] = alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    yield from _imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            root, path = _path(node)
            if root in origins:
                yield Import(node.lineno, ".".join((origins[root], *path)))


def _path(node: ast.expr) -> tuple[str, tuple[str, ...]]:
    """``a.b().c`` is ("a", ("b", "c")); ("", ...) for what begins with no name."""
    match node:
        case ast.Name(id=name):
            return name, ()
        case ast.Attribute(value=value, attr=attr):
            root, path = _path(value)
            return root, (*path, attr)
        case ast.Call(func=func):
            return _path(func)
        case _:
            return "", ()


# --- the tree -------------------------------------------------------------------------------------------------------


def _modules() -> dict[str, Path]:
    files = sorted((SRC / "pteri").rglob("*.py"))
    names = [".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__") for path in files]
    return dict(zip(names, files, strict=True))


MODULES: Final = _modules()


def test_every_file_keeps_to_its_room() -> None:
    found = [finding for module, path in MODULES.items() for finding in findings(module, path.read_text("utf-8"))]
    assert not found, "\n".join(f"{module}:{line} {what}" for module, line, what in found)


def test_the_tables_name_no_file_that_is_gone() -> None:
    rooms = {"oidc", "console", "audit"} | {_room_of(_place(module)) for module in MODULES}
    assert rooms >= {*LAYERS, *ROOTS}
    assert {*DYNAMIC, *(module for allowed in MACHINE.values() for module in allowed)} <= set(MODULES)


def test_the_layers_have_no_circle() -> None:
    left = dict(LAYERS)
    while left:
        lowest = {room for room, below in left.items() if not below & left.keys()}
        assert lowest, f"a circle among {sorted(left)}"
        left = {room: below for room, below in left.items() if room not in lowest}


def test_only_the_door_makes_a_verified_statement() -> None:
    """Law 1: whoever could make one elsewhere would need no signature."""
    makers = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and _last(node.func) == "Verified"
    }
    assert makers == {"pteri.core.verify"}


def _last(function: ast.expr) -> str:
    root, path = _path(function)
    return (root, *path)[-1]


# --- the checker itself ---------------------------------------------------------------------------------------------

WRONG: Final = [
    ("pteri.core.made_up", "from pteri.domain.rules import Rules"),
    ("pteri.core.made_up", "from pteri import durable"),
    ("pteri.core.made_up", "import pteri.wallet.wallet"),
    ("pteri.core.made_up", "def late():\n    from pteri.app import ports"),
    ("pteri.core.made_up", "if TYPE_CHECKING:\n    from pteri.domain.rules import Rules"),
    ("pteri.core.made_up", "from . import ids"),
    ("pteri.core.made_up", "from .ids import Digest"),
    ("pteri.core.made_up", "import os"),
    ("pteri.core.made_up", "import logging"),
    ("pteri.core.made_up", "from pathlib import Path"),
    ("pteri.core.made_up", "import socket as cable"),
    ("pteri.core.made_up", "print(1)"),
    ("pteri.core.made_up", "text = open('/etc/passwd').read()"),
    ("pteri.core.made_up", "import importlib\nimportlib.import_module('os')"),
    ("pteri.core.made_up", "from importlib import import_module as load\nload('os')"),
    ("pteri.domain.made_up", "from pteri.app.ports import Store"),
    ("pteri.domain.made_up", "import datetime"),
    ("pteri.domain.made_up", "import cryptography"),
    ("pteri.domain.made_up", "__import__('time')"),
    ("pteri.app.made_up", "from pteri.adapters.vault import DeploymentVault"),
    ("pteri.app.made_up", "from pteri.http import wire"),
    ("pteri.app.made_up", "import structlog"),
    ("pteri.adapters.made_up", "from pteri.http.app import build_app"),
    ("pteri.adapters.made_up", "from pteri.settings import Settings"),
    ("pteri.http.made_up", "from pteri.adapters.store.sqlite import SqliteStore"),
    ("pteri.wallet.made_up", "from pteri.domain.account import Account"),
    ("pteri.wallet.made_up", "from pteri.adapters.system import SystemClock"),
    ("pteri.audit.made_up", "from pteri.app.ports import Store"),
    ("pteri.durable", "from pteri.core import ids"),
    ("pteri.settings", "from pteri.domain.rules import rules_from"),
    ("pteri.sdk", "from pteri.adapters.store.sqlite import SqliteStore"),
    ("pteri.serving", "from pteri.adapters.system import SystemClock"),
    ("pteri.esim", "from pteri.adapters.system import SystemClock"),
    ("pteri.supervise", "from pteri.app.ports import Store"),
    ("pteri.witness.made_up", "from pteri.app.log_ports import Witness"),
    ("pteri.witness.made_up", "from pteri.adapters.store.sqlite import SqliteStore"),
    ("pteri.load.made_up", "from pteri.domain.rules import Rules"),
    ("pteri.load.made_up", "from pteri.wallet.wallet import Wallet"),
    ("pteri.database", "from pteri.settings import Settings"),
    ("pteri.helpers", ""),
    ("pteri.corelike.ids", ""),
    ("pteri.wiring", "import time"),
    ("pteri.wiring", "from time import monotonic"),
    ("pteri.wallet.made_up", "import secrets"),
    ("pteri.wallet.made_up", "import random as dice"),
    ("pteri.wallet.made_up", "import os\nhome = os.environ['HOME']"),
    ("pteri.wallet.made_up", "import os as system\nhome = system.environ.get('HOME')"),
    ("pteri.wallet.made_up", "from os import environ"),
    ("pteri.wallet.made_up", "import os\nkey = os.urandom(32)"),
    ("pteri.http.made_up", "from datetime import UTC, datetime\nnow = datetime.now(UTC)"),
    ("pteri.http.made_up", "import datetime as calendar\nnow = calendar.datetime.now()"),
    ("pteri.http.made_up", "import asyncio\nnow = asyncio.get_running_loop().time()"),
    ("pteri.http.made_up", "from uuid import uuid4"),
    ("pteri.settings", "import secrets"),
    ("pteri.adapters.system", "import os\nos.environ"),
]
RIGHT: Final = [
    ("pteri.core.made_up", "from __future__ import annotations\nfrom pteri.core import ids\nimport hashlib"),
    ("pteri.core.made_up", "vault.open(sealed)\nstream.print(1)"),
    ("pteri.core.made_up", "from datetime import UTC, datetime\ndatetime.fromtimestamp(0, UTC)"),
    ("pteri.domain.made_up", "from pteri.core.ids import Digest\nfrom pteri.domain.rules import Rules"),
    ("pteri.app.made_up", "from pteri.domain.policy import decide\nimport asyncio"),
    ("pteri.adapters.made_up", "from pteri import durable\nfrom pteri.app.ports import Store\nimport sqlite3"),
    ("pteri.http.made_up", "from pteri.app.respond import respond\nimport starlette"),
    ("pteri.wallet.made_up", "from pteri.core.verify import Payload\nfrom pteri import durable\nimport os\nos.replace"),
    ("pteri.wallet.cli", "from pteri.adapters.system import SystemClock\nfrom pteri.wallet.wallet import Wallet"),
    ("pteri.audit.made_up", "from pteri.domain.policy import decide"),
    ("pteri.adapters.system", "import time\nimport secrets\ntime.time()\nsecrets.token_bytes(8)"),
    ("pteri.settings", "import os\nos.environ"),
    ("pteri.serving", "from pteri.adapters.system import monotonic_s\nfrom pteri.app.loops import Stopping"),
    ("pteri.load.made_up", "from pteri.core.verify import Payload\nfrom pteri.adapters.system import SystemClock"),
    ("pteri.wiring", "time = 1\ntime.time"),
    ("pteri.demo.made_up", "from pteri.wiring import compose\nfrom pteri.wallet.wallet import Wallet"),
]


@pytest.mark.parametrize(("module", "text"), WRONG)
def test_a_wrong_line_is_found(module: str, text: str) -> None:
    assert findings(module, text)


@pytest.mark.parametrize(("module", "text"), RIGHT)
def test_a_right_line_is_left_alone(module: str, text: str) -> None:
    assert findings(module, text) == []


def test_a_finding_says_where_and_what() -> None:
    [found] = findings("pteri.core.made_up", "\n\nfrom pteri.app.ports import Store\n")
    assert found == ("pteri.core.made_up", 3, "core may not import pteri.app.ports.Store")
