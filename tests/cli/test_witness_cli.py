"""``pteri witness`` as somebody uses it who has never run one."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner, Result

from notes import LOG, ORIGIN, WITNESSES
from pteri.cli import app as whole_program
from pteri.core.log.note import KeyKind, parse_verifier
from pteri.log_settings import WitnessSettings
from pteri.witness.cli import app
from watching import NEXT_KEY, OTHER_TREE, TREE, running, shown, witness_command


def ended(*words: str, status: int = 0) -> Result:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == status, done.output
    return done


def told(*words: str, status: int = 0) -> dict[str, Any]:
    return dict(json.loads(ended(*words, "--json", status=status).stdout))


def test_from_nothing_to_a_proof_against_a_log(tmp_path: Path) -> None:
    home = str(tmp_path / "witness")
    key = told("new", home, "--name", "watch.example")["witness_key"]
    assert parse_verifier(key).kind is KeyKind.WITNESS
    assert told("trust", home, LOG.verifier.text) == {"log": ORIGIN, "log_key": LOG.verifier.text}
    [nothing] = told("show", home)["logs"]
    assert (nothing["log"], nothing["size"], nothing["root"], nothing["split_views"]) == (ORIGIN, 0, None, [])
    assert "nothing cosigned yet" in ended("show", home).stdout
    with running(Path(home)) as (_, said):
        assert (said["witness_key"], said["logs"]) == (key, [ORIGIN])
        for body, status in ((shown(0, 20), 200), (shown(20, 20, OTHER_TREE), 409)):
            assert httpx2.post(f"{said['url']}/add-checkpoint", content=body).status_code == status
        # It may be looked at while it runs.
        [log] = told("show", home, status=1)["logs"]
    assert (log["size"], log["root"]) == (20, TREE.heads[20].root.hex())
    [proof] = log["split_views"]
    assert proof["size"] == 20
    checked = CliRunner().invoke(whole_program, ["verify", "split", proof["file"], "--log-key", LOG.verifier.text])
    assert checked.exit_code == 0, checked.output
    assert "proves it to anybody" in checked.stdout
    printed = ended("show", home, status=1)
    assert "IT SIGNED TWO TREES OF 20 LEAVES" in printed.stdout
    assert proof["file"] in printed.stdout


def test_what_it_prints_first_is_what_a_log_writes_into_its_settings(tmp_path: Path) -> None:
    home = str(tmp_path / "witness")
    made = ended("new", home, "--name", "watch.example")
    assert f"pteri witness trust {home}" in made.stdout
    assert f"pteri witness run {home}" in ended("trust", home, LOG.verifier.text).stdout
    command = witness_command("run", home, "--port", "0", "--for", "1")
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    [table] = tomllib.loads(run.stdout[run.stdout.index("[[log.witnesses]]") :])["log"]["witnesses"]
    settings = WitnessSettings(**table)
    assert settings.verifier.name == "watch.example"
    assert settings.verifier.text in made.stdout


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("new", "{home}", "--name", "two words"), "no spaces"),
        (("trust", "{home}", LOG.verifier.text), "Is there a witness"),
        (("show", "{home}"), "pteri witness new"),
        (("run", "{home}"), "pteri witness new"),
    ],
)
def test_what_is_wrong_is_a_sentence(tmp_path: Path, words: tuple[str, ...], said: str, as_json: bool) -> None:
    home = tmp_path / "witness"
    done = ended(*(word.format(home=home) for word in words), *(["--json"] * as_json), status=2)
    assert said in (json.loads(done.stdout)["error"] if as_json else done.stderr)


def test_who_watches_nobody_or_has_no_port_does_not_run(tmp_path: Path) -> None:
    home = str(tmp_path / "witness")
    told("new", home, "--name", "watch.example")
    assert "pteri witness trust" in told("run", home, status=2)["error"]
    assert "not the key of a log" in told("trust", home, WITNESSES[0].verifier.text, status=2)["error"]
    told("trust", home, LOG.verifier.text)
    with running(Path(home)) as (_, said):
        port = said["url"].rsplit(":", 1)[1]
        assert "--port" in told("run", home, "--port", port, status=2)["error"]


def test_a_proof_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    home = tmp_path / "witness"
    told("new", str(home), "--name", "watch.example")
    told("trust", str(home), LOG.verifier.text)
    [memory] = (home / "logs").glob("*.json")
    memory.with_name(f"{memory.stem}.split-20.json").write_text("{}")
    assert "cannot be read" in told("show", str(home), status=2)["error"]


def test_a_retired_key_is_taken_out_by_a_command(tmp_path: Path) -> None:
    home = str(tmp_path / "witness")
    told("new", home, "--name", "watch.example")
    told("trust", home, LOG.verifier.text)
    told("trust", home, NEXT_KEY.verifier.text)
    assert told("distrust", home, LOG.verifier.text) == {
        "log": ORIGIN,
        "distrusted": LOG.verifier.text,
        "is_watched": True,
    }
    [log] = told("show", home)["logs"]
    assert log["log_keys"] == [NEXT_KEY.verifier.text]
    assert "--yes" in told("distrust", home, NEXT_KEY.verifier.text, status=2)["error"]
    assert "no more" in ended("distrust", home, NEXT_KEY.verifier.text, "--yes").stdout
    assert told("show", home)["logs"] == []


def test_a_web_server_in_front_has_an_address(tmp_path: Path) -> None:
    home = str(tmp_path / "witness")
    told("new", home, "--name", "watch.example")
    told("trust", home, LOG.verifier.text)
    assert "no address" in told("run", home, "--proxy", "web.example", status=2)["error"]
