"""vectors/backup.json, replayed by the wallet and by the stand-alone program of the documents."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from pteri.core.keys.secret import Secret
from pteri.wallet.backup import open_backup
from pteri.wallet.backup_code import backup_code_from_text
from pteri.wallet.backup_slots import ByCode, ByDevice, ByPasskey, ByPassphrase, Opener
from pteri.wallet.errors import WalletError
from vectors import make_backup

ROOT: Final = Path(__file__).parents[2]
ALONE: Final = ROOT / "docs" / "decrypt_backup.py"
FILE: Final = json.loads((ROOT / "vectors" / "backup.json").read_text(encoding="utf-8"))
KINDS: Final = {"passphrase": 1, "code": 2, "device": 3, "passkey": 4}

OPENERS: Final[dict[str, Callable[[Secret], Opener]]] = {
    "passphrase": ByPassphrase,
    "code": ByCode,
    "device": ByDevice,
    "passkey": ByPasskey,
}

every_backup = pytest.mark.parametrize("case", FILE["backups"], ids=lambda case: str(case["why"]))
every_code = pytest.mark.parametrize("case", FILE["codes"], ids=lambda case: str(case["why"]))


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("decrypt_backup", ALONE)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


alone: Final = _load()


def secret_of(case: dict[str, Any]) -> bytes:
    given = str(case["secret"])
    return bytes.fromhex(given) if case["by"] in {"device", "passkey"} else given.encode()


def opener_of(case: dict[str, Any]) -> Opener:
    return OPENERS[case["by"]](Secret(secret_of(case)))


def told_of(case: dict[str, Any]) -> dict[str, Any]:
    return {name: case[name] for name in ("entropy", "network", "created_at", "keystore_id")}


@every_backup
def test_the_wallet_opens_or_refuses_each_backup(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["file"])
    if case["expect"] == "reject":
        with pytest.raises(WalletError) as caught:
            open_backup(data, opener_of(case))
        assert caught.value.code == case["code"]
    else:
        found = open_backup(data, opener_of(case))
        assert told_of(case) == {
            "entropy": found.entropy.reveal().hex(),
            "network": found.network,
            "created_at": found.created_at,
            "keystore_id": found.keystore_id.hex(),
        }


@every_backup
def test_the_program_of_the_documents_says_the_same(case: dict[str, Any]) -> None:
    data, kind = bytes.fromhex(case["file"]), KINDS[case["by"]]
    if case["expect"] == "reject":
        with pytest.raises(alone.BackupError) as caught:
            alone.open_backup(data, kind, secret_of(case))
        assert caught.value.code == case["code"]
    else:
        assert alone.open_backup(data, kind, secret_of(case)) == told_of(case)


@every_code
def test_codes_mean_what_the_vectors_say(case: dict[str, Any]) -> None:
    if case["expect"] == "reject":
        with pytest.raises(WalletError) as caught:
            backup_code_from_text(case["typed"])
        assert caught.value.code == case["code"]
    else:
        assert backup_code_from_text(case["typed"]).reveal().decode() == case["means"]
        assert alone.code_as_sealed(case["typed"]).decode() == case["means"]


def test_most_vectors_are_bad_and_the_file_is_what_its_maker_makes() -> None:
    for cases in (FILE["backups"], FILE["codes"]):
        assert sum(case["expect"] == "reject" for case in cases) > len(cases) / 2
    assert (ROOT / "vectors" / "backup.json").read_text(encoding="utf-8") == make_backup.vectors()


def test_the_program_of_the_documents_needs_nothing_of_ours() -> None:
    tree = ast.parse(ALONE.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= {*sys.stdlib_module_names, "cryptography"}


@pytest.mark.slow
def test_the_program_of_the_documents_runs_by_itself(tmp_path: Path) -> None:
    [case] = [case for case in FILE["backups"] if case["why"] == "four ways to open, by device"]
    (tmp_path / "backup").write_bytes(bytes.fromhex(case["file"]))
    (tmp_path / "key").write_text(case["secret"] + "\n")
    (tmp_path / "wrong").write_text("00" * 32)
    for key, status in (("key", 0), ("wrong", 1)):
        done = subprocess.run(
            [sys.executable, "-I", str(ALONE), str(tmp_path / "backup"), "--device", str(tmp_path / key)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == status, done.stderr
        if status:
            assert "(WRONG_KEY_OR_DAMAGED)" in done.stderr
        else:
            assert json.loads(done.stdout) == told_of(case)
