"""``pteri fsck`` and ``pteri work`` on a registry that has lived."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from chains import OFFERED
from lived import Lived, lived, signed_in
from pteri.app.audit_ports import Halt
from pteri.app.fsck_progress import Phase
from pteri.checkup_state import read_state, write_state
from pteri.core.ids import Domain, TenantId, to_base64url
from pteri.deployment_key import create_deployment_key
from pteri.settings import ServerSettings, Settings, TenantSettings, write_settings
from world import ORIGIN

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lived")


@pytest.fixture(scope="module")
def registry(place: Path) -> Lived:
    return lived(place)


@pytest.fixture
def settings(registry: Lived, place: Path, tmp_path: Path) -> Path:
    """The settings of a service with a copy of this registry: what one test does to it, no other sees."""
    with (
        closing(sqlite3.connect(place / "pteri.sqlite3")) as lived_in,
        closing(sqlite3.connect(tmp_path / "pteri.sqlite3")) as copy,
    ):
        lived_in.backup(copy)
    server = ServerSettings(
        public_origin=ORIGIN,
        host="127.0.0.1",
        port=8750,
        database=tmp_path / "pteri.sqlite3",
        deployment_key_file=tmp_path / "deployment.key",
    )
    sites = tuple(
        TenantSettings(
            id=TenantId(name),
            domain=Domain(f"{name}.example"),
            network="main",
            client_keys=(to_base64url(key.private.public.sec1),),
        )
        for name, key in registry.world.sites.items()
    )
    create_deployment_key(tmp_path / "deployment.key", hashlib.sha256(b"deployment").digest())
    write_settings(
        tmp_path / "pteri.toml",
        Settings(server=server, tenants=sites, rules={"offline_codes_s": OFFERED.offline_codes_s}),
    )
    return tmp_path / "pteri.toml"


@pytest.fixture
def ledger(registry: Lived, tmp_path: Path) -> Path:
    path = tmp_path / "ledger"
    path.write_bytes(b"".join(msgspec.json.encode(act) + b"\n" for act in registry.acknowledged))
    return path


def fsck(settings: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pteri", "fsck", "--config", str(settings), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_whole_registry_ends_with_0_and_says_what_was_looked_at(settings: Path, ledger: Path) -> None:
    done = fsck(settings, "--ledger", str(ledger))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "2 accounts, 27 events, 27 log positions. Proved again from its signatures: 23 events.",
        "Compared with 10 acknowledged acts.",
        "Not checked, PHONE_UNKNOWN: 1",
        "Whole.",
    ]


def test_a_program_reads_the_same_as_one_object(settings: Path) -> None:
    told = json.loads(fsck(settings, "--json").stdout)
    assert (told["clean"], told["accounts"], told["events"], told["findings"]) == (True, 2, 27, [])


def test_a_registry_that_is_not_whole_ends_with_1_and_names_what_is_wrong(settings: Path, registry: Lived) -> None:
    def move(change: int) -> None:
        with closing(sqlite3.connect(settings.with_name("pteri.sqlite3"))) as connection, connection:
            connection.execute("UPDATE log SET position = position + ? WHERE position >= 25", (change,))

    move(5)
    try:
        done = fsck(settings)
        told = json.loads(fsck(settings, "--json").stdout)
    finally:
        move(-5)
    assert done.returncode == 1
    assert "LOG_GAP" in done.stdout
    assert done.stdout.endswith("Not whole: 1 findings.\n")
    assert [finding["code"] for finding in told["findings"]] == ["LOG_GAP"]


def test_an_acknowledged_sign_in_that_is_missing_ends_with_1(settings: Path, registry: Lived, tmp_path: Path) -> None:
    never = {"request": "lgn_00000000000000000000000000", "account": registry.alice, "at": 1}
    path = tmp_path / "never"
    path.write_text(json.dumps(never) + "\n" + '{"request": "half a li')
    done = fsck(settings, "--ledger", str(path))
    assert done.returncode == 1
    assert "ACKNOWLEDGED_LOST" in done.stdout


@pytest.mark.parametrize("text", ["no JSON\n", '{"request": 5}\n', "[]\n", "\n"])
def test_what_is_no_ledger_ends_with_2_and_names_the_line(settings: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "ledger"
    path.write_text(text)
    done = fsck(settings, "--ledger", str(path))
    assert done.returncode == 2
    assert "line 1" in done.stderr


def test_what_cannot_be_looked_at_ends_with_2_and_a_sentence(settings: Path, tmp_path: Path) -> None:
    for arguments in (("--ledger", str(tmp_path / "none")), ("--ledger", str(tmp_path))):
        assert fsck(settings, *arguments).returncode == 2
    done = fsck(tmp_path / "none.toml", "--json")
    assert done.returncode == 2
    assert "pteri init" in json.loads(done.stdout)["error"]
    settings.with_name("deployment.key").chmod(0o644)
    done = fsck(settings)
    assert done.returncode == 2
    assert "chmod 600" in done.stderr


@pytest.fixture
def fresh_sign_in(registry: Lived) -> None:
    """An event without a log position yet. Asked for before the settings, it is in their copy."""
    registry.acknowledged.append(signed_in(registry.world, registry.phone, "alice@example.com"))


@pytest.mark.usefixtures("fresh_sign_in")
def test_a_worker_gives_each_event_its_log_position_and_ends_when_told_to(settings: Path) -> None:
    command = [sys.executable, "-m", "pteri", "work", "--config", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as worker:
        try:
            assert worker.stdout is not None
            assert json.loads(worker.stdout.readline())["event"] == "working"
            with closing(sqlite3.connect(settings.with_name("pteri.sqlite3"))) as connection:
                while connection.execute("SELECT COUNT(*) FROM unsequenced").fetchone() != (0,):
                    assert worker.poll() is None
            worker.send_signal(signal.SIGTERM)
            told, errors = worker.communicate(timeout=30)
        finally:
            worker.kill()
    assert (worker.returncode, told, errors) == (0, "", "")


def test_a_worker_without_settings_says_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pteri", "work", "--config", str(tmp_path / "none.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "pteri init" in done.stderr


def test_a_check_that_was_interrupted_goes_on_from_its_file_and_says_so(settings: Path, tmp_path: Path) -> None:
    path = tmp_path / "fsck.state"
    assert fsck(settings, "--state", str(path)).returncode == 0
    over = read_state(path)
    assert over is not None
    assert over.finished_at is not None
    write_state(path, msgspec.structs.replace(over, finished_at=None, phase=Phase.CLAIMS, claim=None))
    done = fsck(settings, "--state", str(path))
    assert done.returncode == 0
    assert "goes on from" in done.stderr
    assert f"2 accounts, {over.events} events, 0 findings so far." in done.stderr
    assert f"2 accounts, {over.events} events, {over.events} log positions." in done.stdout
    assert "was interrupted 1 times" in done.stdout
    done = fsck(settings, "--state", str(path))
    assert "Everything is looked at again." in done.stderr
    assert "interrupted" not in done.stdout


def test_a_file_of_another_check_ends_with_2_and_is_left_as_it_was(
    settings: Path, ledger: Path, tmp_path: Path
) -> None:
    path = tmp_path / "fsck.state"
    assert fsck(settings, "--state", str(path)).returncode == 0
    over = read_state(path)
    assert over is not None
    write_state(path, msgspec.structs.replace(over, finished_at=None, phase=Phase.CLAIMS))
    before = path.read_bytes()
    done = fsck(settings, "--state", str(path), "--ledger", str(ledger))
    assert done.returncode == 2
    assert "another ledger" in done.stderr
    path.write_bytes(before[:-1])
    done = fsck(settings, "--state", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "damaged" in done.stderr
    assert path.read_bytes() == before[:-1]


def audit(settings: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pteri", "audit", *arguments, "--config", str(settings)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_halted_account_is_named_until_somebody_lifts_it(settings: Path, registry: Lived) -> None:
    assert audit(settings, "status").stdout == ("No account was looked at yet: the service does that while it runs.\n")
    halt = Halt(tenant=TenantId("bank"), account=registry.alice, at=1, code="SNAPSHOT_DIFFERS", detail="not its fold")
    with closing(sqlite3.connect(settings.with_name("pteri.sqlite3"))) as connection, connection:
        row = ("bank", registry.alice, msgspec.json.encode(halt).decode())
        connection.execute("INSERT INTO halted VALUES (?, ?, ?)", row)
    said = audit(settings, "status")
    assert said.returncode == 1
    assert f"HALTED bank/{registry.alice}: SNAPSHOT_DIFFERS, not its fold" in said.stdout
    assert f"HALTED bank/{registry.alice}" in fsck(settings).stdout
    waiting = audit(settings, "lift", "bank", registry.alice)
    assert waiting.returncode == 1
    assert "Changes that wait in this account: 1." in waiting.stdout
    assert json.loads(audit(settings, "lift", "bank", registry.alice, "--json").stdout)["done"] is False
    lifted = audit(settings, "lift", "bank", registry.alice, "--though-waits")
    assert (lifted.returncode, lifted.stdout) == (0, f"bank/{registry.alice} goes on.\n")
    again = audit(settings, "lift", "bank", registry.alice, "--though-waits")
    assert (again.returncode, again.stderr) == (2, "This account is not halted.\n")
    assert audit(settings, "lift", "bank", "nobody").returncode == 2
