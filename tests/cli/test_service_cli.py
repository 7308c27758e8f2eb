"""``pteri init`` and ``pteri serve``: dangerous things are made by their own command, and refusals are sentences."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path


def _pteri(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pteri", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=30)


def test_a_new_service_has_closed_keys_and_absolute_paths(tmp_path: Path) -> None:
    made = _pteri("init", "svc", "--domain", "bank.example", "--json", cwd=tmp_path)
    assert made.returncode == 0
    settings = Path(json.loads(made.stdout)["settings"])
    assert settings == tmp_path / "svc" / "pteri.toml"
    for name in ("deployment.key", "client.key"):
        assert stat.S_IMODE((tmp_path / "svc" / name).stat().st_mode) == 0o600


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    first = _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example")
    before = {path.name: path.read_bytes() for path in (tmp_path / "svc").iterdir()}
    second = _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example")
    assert (first.returncode, second.returncode) == (0, 2)
    assert {path.name: path.read_bytes() for path in (tmp_path / "svc").iterdir()} == before


def test_a_bad_name_leaves_nothing_behind(tmp_path: Path) -> None:
    for wrong in (("--domain", "Bank Example"), ("--domain", "bank.example", "--tenant", "A!")):
        assert _pteri("init", str(tmp_path / "svc"), *wrong).returncode == 2
    assert not (tmp_path / "svc").exists()


def test_serve_without_settings_says_what_to_do(tmp_path: Path) -> None:
    done = _pteri("serve", "--config", str(tmp_path / "none.toml"))
    assert done.returncode == 2
    assert "pteri init" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_refuses_a_database_that_is_not_ours(tmp_path: Path) -> None:
    _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example")
    (tmp_path / "svc" / "pteri.sqlite3").write_bytes(os.urandom(8192))
    done = _pteri("serve", "--config", str(tmp_path / "svc" / "pteri.toml"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_serve_refuses_an_unknown_setting_and_a_rule_below_its_floor(tmp_path: Path) -> None:
    _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example")
    settings = tmp_path / "svc" / "pteri.toml"
    good = settings.read_text()
    for extra, named in (("[rules]\nrecovery_hold_s = 60\n", "recovery_hold_s"), ("[rulez]\nx = 1\n", "rulez")):
        settings.write_text(good.replace("[rules]\n", "") + "\n" + extra)
        done = _pteri("serve", "--config", str(settings))
        assert done.returncode == 2
        assert named in done.stderr
