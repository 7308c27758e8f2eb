"""``pteri policy`` as people use it: on files alone, and on a registry that has lived."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lived import Lived, lived
from pteri.core.ids import Domain, TenantId, to_base64url
from pteri.deployment_key import create_deployment_key
from pteri.domain.rules import Rules
from pteri.policies.file import rules_of
from pteri.policies.text import policy_text
from pteri.settings import (
    ServerSettings,
    Settings,
    SettingsError,
    TenantSettings,
    load_settings,
    write_settings,
)
from world import ORIGIN

pytestmark = pytest.mark.slow
STRICT = 'format = 1\n[phones]\nmigration_hold = "4h"\n[freezing]\nfreeze = "48h"\n'
OFFERED = 'format = 1\n[offline_codes]\noffline_codes = "30d"\n'


def pteri(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pteri", "policy", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "PTERI_CONFIG"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lived")


@pytest.fixture(scope="module")
def registry(place: Path) -> Lived:
    return lived(place)


@pytest.fixture(scope="module")
def settings(registry: Lived, place: Path) -> Path:
    """The settings of the service whose registry it is, with a policy and one that watches."""
    (place / "policy.toml").write_text(OFFERED)
    (place / "next.toml").write_text(STRICT)
    sites = tuple(
        TenantSettings(
            id=TenantId(name),
            domain=Domain(f"{name}.example"),
            network="main",
            client_keys=(to_base64url(key.private.public.sec1),),
        )
        for name, key in registry.world.sites.items()
    )
    server = ServerSettings(
        public_origin=ORIGIN,
        host="127.0.0.1",
        port=8750,
        database=place / "pteri.sqlite3",
        deployment_key_file=place / "deployment.key",
        policy=place / "policy.toml",
        shadow_policy=place / "next.toml",
    )
    create_deployment_key(place / "deployment.key", hashlib.sha256(b"deployment").digest())
    write_settings(place / "pteri.toml", Settings(server=server, tenants=sites))
    return place / "pteri.toml"


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_new_policy_is_written_checked_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    made = pteri("new", path)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == f"Made {path}, digest {Rules().digest()}.\n"
    checked = pteri("check", path)
    assert (checked.returncode, checked.stdout) == (
        0,
        f"Valid. Digest {Rules().digest()}\nEvery rule has its default.\n",
    )
    assert pteri("show", path).stdout == pteri("show").stdout == path.read_text() == policy_text(Rules())
    again = pteri("new", path)
    assert (again.returncode, again.stdout) == (2, "")
    assert "Move it away first" in again.stderr


def test_what_a_policy_changes_and_what_is_risky_in_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('format = 1\n[freezing]\nfreezes = 3\nfreeze = "3d"\n')
    told = pteri("check", path)
    assert told.returncode == 0
    assert told.stdout.splitlines()[1:] == [
        "Changed: freezing.freeze is 72h, longer than 24h.",
        "Changed: freezing.freezes is 3, more than 2.",
        told.stdout.splitlines()[-1],
    ]
    risky = "Risky, FROZEN_FOR_EVER: 3 freezes of 72h fill the whole 7d: who found the words of a wallet can keep"
    assert told.stdout.splitlines()[-1].startswith(risky)
    tree = json.loads(pteri("check", path, "--json").stdout)
    assert (tree["valid"], [one["code"] for one in tree["warnings"]]) == (True, ["FROZEN_FOR_EVER"])
    assert tree["digest"] == Rules(freezes=3, freeze_s=259_200).digest()
    assert tree["changes"][1]["rule"] == "freezes"


def test_a_policy_that_is_not_valid_ends_with_1_and_every_mistake(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('format = 1\n[freezing]\nfreezes = 9\n[recovery]\nrecovery_hold = "1h"\n')
    told = pteri("check", path)
    assert (told.returncode, told.stderr) == (1, "")
    assert told.stdout.splitlines() == [
        "Not valid.",
        f"{path}: freezing.freezes: 9 is above the ceiling; allowed is 1 to 3",
        f'{path}: recovery.recovery_hold: "1h" is below the floor; allowed is "72h" or more',
    ]
    tree = json.loads(pteri("check", path, "--json").stdout)
    assert tree["valid"] is False
    assert len(tree["problems"]) == 2


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    for words in (("check", tmp_path / "none"), ("show", tmp_path / "none"), ("check", tmp_path)):
        told = pteri(*words)
        assert (told.returncode, told.stdout) == (2, "")
        assert told.stderr.endswith(".\n") or "pteri policy new" in told.stderr
    assert json.loads(pteri("check", tmp_path / "none", "--json").stdout)["error"]
    assert pteri("show", tmp_path / "none", "--config", tmp_path / "none").returncode == 2


# --- settings -------------------------------------------------------------------------------------------------------


def test_the_rules_of_a_service_are_those_of_its_policy_file(settings: Path) -> None:
    assert rules_of(load_settings(settings)) == Rules(offline_codes_s=2_592_000)
    assert pteri("show", "--config", settings).stdout == policy_text(Rules(offline_codes_s=2_592_000))


def test_rules_in_a_table_become_a_policy_file(settings: Path, tmp_path: Path) -> None:
    text = "".join(line for line in settings.read_text().splitlines(keepends=True) if "policy" not in line)
    old = settings.with_name("old.toml")
    old.write_text(text + "\n[rules]\noffline_codes_s = 2592000\n")
    made = pteri("new", tmp_path / "policy.toml", "--config", old)
    assert made.returncode == 0
    assert (tmp_path / "policy.toml").read_text() == policy_text(Rules(offline_codes_s=2_592_000))
    assert rules_of(load_settings(old)).digest() == rules_of(load_settings(settings)).digest()


def test_rules_in_both_places_start_nothing_and_say_what_to_do(settings: Path) -> None:
    both = settings.with_name("both.toml")
    both.write_text(settings.read_text() + "\n[rules]\nfreezes = 1\n")
    with pytest.raises(SettingsError, match=r"write those of \[rules\] into that file and remove the table"):
        load_settings(both)


def test_a_service_does_not_start_with_a_policy_that_is_wrong(settings: Path) -> None:
    wrong = settings.with_name("wrong.toml")
    wrong.write_text(settings.read_text().replace('"policy.toml"', '"wrong-policy.toml"'))
    settings.with_name("wrong-policy.toml").write_text("format = 1\n[freezing]\nfreezes = 9\n")
    command = [sys.executable, "-m", "pteri", "serve", "--config", str(wrong)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "freezing.freezes: 9 is above the ceiling; allowed is 1 to 3" in done.stderr


# --- cases ----------------------------------------------------------------------------------------------------------


def test_a_recorded_case_is_explained_with_the_verdict_first(settings: Path, registry: Lived) -> None:
    told = pteri("explain", f"{registry.alice}/6", "--config", settings)
    assert (told.returncode, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert lines[0].startswith(f"MigrationConfirmed, event 6 of {registry.alice} at bank, request mig_")
    assert lines[2].startswith("Decision: hold SECURITY_DELAY, until 20")
    assert lines[3] == "by the row of migrate: otherwise"
    assert lines[4] == 'Rules that were looked at: phones.migration_hold = "1h"'
    assert "That is what was recorded, by the same rules." in lines
    assert "  - signed by the wallet of the account" in lines


def test_a_case_goes_out_as_a_file_is_changed_and_tried_without_a_registry(
    settings: Path, registry: Lived, tmp_path: Path
) -> None:
    told = pteri("explain", f"bank/{registry.alice}/6", "--config", settings, "--json")
    case = json.loads(told.stdout)["case"]
    path = tmp_path / "case.json"
    case["account"]["devices"][0]["probation_until"] = case["circumstances"]["at"] + 1
    path.write_text(json.dumps(case))
    tried = json.loads(pteri("explain", path, "--json").stdout)
    assert tried["decided"] == {
        "decision": "refuse",
        "reason": "DEVICE_ON_PROBATION",
        "policy": Rules().digest(),
    }
    assert tried["row"]["condition"] == "phone on probation"
    (tmp_path / "strict.toml").write_text(STRICT)
    stricter = pteri("explain", path, "--policy", tmp_path / "strict.toml")
    assert (stricter.returncode, stricter.stdout.splitlines()[0]) == (0, "migrate, a tried case")


def test_a_case_that_another_policy_decides_otherwise_ends_with_1(settings: Path, registry: Lived) -> None:
    told = pteri("explain", f"{registry.alice}/6", "--config", settings, "--policy", settings.with_name("next.toml"))
    assert told.returncode == 1
    assert "It was recorded by other rules than these; these decide otherwise." in told.stdout


def test_a_request_names_a_case(settings: Path, registry: Lived) -> None:
    act = registry.acknowledged[0]
    told = json.loads(pteri("explain", act.request, "--config", settings, "--json").stdout)
    assert (told["request"], told["account"], told["event"]) == (act.request, act.account, "SignedIn")
    assert told["agrees"] is True


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["acct_00000000000000000000/1"], "There is no account"),
        (["lgn_00000000000000000000000000"], "No event is of request"),
        (["none.json"], "no file that can be read"),
    ],
)
def test_a_case_that_is_not_there_ends_with_2(settings: Path, words: list[str], said: str) -> None:
    told = pteri("explain", *words, "--config", settings)
    assert (told.returncode, told.stdout) == (2, "")
    assert said in told.stderr


def test_a_recorded_case_needs_settings(registry: Lived, tmp_path: Path) -> None:
    assert "Which settings?" in pteri("explain", f"{registry.alice}/6").stderr
    (tmp_path / "case.json").write_text("{}")
    told = pteri("explain", tmp_path / "case.json")
    assert (told.returncode, told.stderr) == (2, f'{tmp_path / "case.json"}: format: must be "pteri policy case 1"\n')


# --- two policies ---------------------------------------------------------------------------------------------------


def test_two_policies_are_compared_over_everything_that_is_recorded(settings: Path, registry: Lived) -> None:
    told = pteri("diff", "recorded", "shadow", "--config", settings, "--limit", "1")
    assert (told.returncode, told.stderr) == (1, "")
    lines = told.stdout.splitlines()
    assert lines[1:4] == [
        "2 accounts, 27 events, 24 decisions made again.",
        "Left out, NOT_DECIDED: 3",
        "6 decisions would have been other ones:",
    ]
    assert "  2 x migrate: hold SECURITY_DELAY -> hold SECURITY_DELAY, gives less" in lines
    assert lines[-2].startswith(f"  bank/{registry.alice}/6 ")
    assert lines[-2].endswith("migrate: hold SECURITY_DELAY -> hold SECURITY_DELAY, 3h longer")
    assert lines[-1] == "... and 5 more; see them with --limit."


def test_the_same_for_a_program(settings: Path) -> None:
    told = json.loads(pteri("diff", "current", settings.with_name("next.toml"), "--config", settings, "--json").stdout)
    assert (told["decided"], told["different"], len(told["cases"])) == (24, 6, 6)
    assert told["first_digest"] == Rules(offline_codes_s=2_592_000).digest()
    assert told["second_digest"] == Rules(migration_hold_s=14_400, freeze_s=172_800).digest()


def test_no_difference_ends_with_0_and_what_no_decision_looked_at_is_named(settings: Path) -> None:
    told = pteri("diff", "recorded", "current", "--config", settings)
    assert told.returncode == 0
    assert told.stdout.endswith("No decision would have been another one.\n")
    longer = settings.with_name("longer.toml")
    longer.write_text(OFFERED + '[freezing]\nfreeze = "48h"\n')
    told = pteri("diff", "current", longer, "--config", settings)
    assert told.returncode == 0
    assert "They differ, too, in rules that no decision here looked at: freezing.freeze" in told.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["current", "recorded"], "can only be the first"),
        (["current", "none.toml"], "There is no policy"),
        (["current", "current", "--limit", "-1"], "--limit"),
    ],
)
def test_what_cannot_be_compared_ends_with_2(settings: Path, words: list[str], said: str) -> None:
    told = pteri("diff", *words, "--config", settings)
    assert (told.returncode, told.stdout) == (2, "")
    assert said in told.stderr


def test_without_a_shadow_in_the_settings_there_is_none_to_compare(settings: Path) -> None:
    text = "".join(line for line in settings.read_text().splitlines(keepends=True) if "shadow" not in line)
    settings.with_name("alone.toml").write_text(text)
    told = pteri("diff", "recorded", "shadow", "--config", settings.with_name("alone.toml"))
    assert told.returncode == 2
    assert "have no shadow_policy" in told.stderr


@pytest.fixture(scope="module", autouse=True)
def _closed(registry: Lived) -> Iterator[None]:
    yield
    registry.world.close()
