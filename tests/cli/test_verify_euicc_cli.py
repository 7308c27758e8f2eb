"""``pteri verify euicc``: exit 0 valid, 1 not valid with the code, 2 usage."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import chip_cases
from chips import LAB

ANSWER = LAB / "phone1" / "authenticateServerResponse.der"
ENABLED = LAB / "phone1" / "001-enable.der"
ASKED = json.loads((LAB / "manifest.json").read_text(encoding="utf-8"))["phone1"]
EXPECTED = ("--challenge", ASKED["server_challenge"], "--transaction", ASKED["transaction_id"])
ADDRESS = ("--address", ASKED["server_address"])
ANCHOR = ("--anchor", str(LAB / "ci.cert.der"))


def verify(*arguments: str | Path, given: bytes | None = None, without: str = "") -> tuple[int, str, str]:
    """The command in a Python where some packages cannot be imported."""
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({without.split()!r}));"
        "from pteri.cli import main; sys.argv[0] = 'pteri'; main()"
    )
    command = [sys.executable, "-c", program, "verify", "euicc", *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_notification_is_valid_and_says_what_was_done() -> None:
    status, out, _ = verify(*ANCHOR, "--lab", ENABLED)
    assert status == 0
    assert (
        out == "Valid: enable of profile 8999990100000000013 on chip 89999901000000000000000000001134, its event 1.\n"
    )


def test_json_says_what_was_verified() -> None:
    status, out, _ = verify(*ANCHOR, "--lab", "--json", ENABLED)
    assert (status, json.loads(out)) == (
        0,
        {
            "valid": True,
            "kind": "notification",
            "eid": "89999901000000000000000000001134",
            "iccid": "8999990100000000013",
            "operation": "enable",
            "sequence": 1,
            "ci_key_id": "f2025da993a5e4bd7815c91328d6c861c009a93a",
        },
    )


def test_an_answer_is_verified_against_what_was_asked() -> None:
    status, out, _ = verify(*ANCHOR, "--lab", *EXPECTED, *ADDRESS, ANSWER)
    assert (status, out) == (0, "Valid: the chip 89999901000000000000000000001134 answered bind.wallet.example.\n")
    status, out, _ = verify(*ANCHOR, "--lab", "--json", *EXPECTED, "--address", "bank.example", ANSWER)
    assert (status, json.loads(out)["valid"], json.loads(out)["code"]) == (1, False, "SERVER_ADDRESS")


def test_an_answer_alone_proves_nothing() -> None:
    status, _, err = verify(*ANCHOR, "--lab", *EXPECTED, ANSWER)
    assert (status, err) == (2, "This is an answer to a server: give --challenge, --transaction and --address.\n")


@pytest.mark.parametrize("result", [chip_cases.result(), chip_cases.package()], ids=["installation", "package"])
def test_a_result_alone_has_no_certificates(result: bytes) -> None:
    status, _, err = verify(*ANCHOR, "--lab", "-", given=result)
    assert (status, "use pteri.esim" in err) == (2, True)


def test_what_is_not_hex_is_a_usage_error() -> None:
    status, out, _ = verify(*ANCHOR, "--lab", "--json", *ADDRESS, "--challenge", "xx", "--transaction", "00", ANSWER)
    assert (status, json.loads(out)) == (2, {"error": "--challenge and --transaction are written in hex."})


def test_an_issuer_for_tests_is_refused_outside_a_lab() -> None:
    status, out, _ = verify(*ANCHOR, ENABLED)
    assert (status, out) == (1, "Not valid: an issuer for tests proves nothing outside a lab (TEST_CI).\n")


def test_the_instant_can_be_chosen() -> None:
    status, out, _ = verify(*ANCHOR, "--lab", "--at", "1", "--json", ENABLED)
    assert (status, json.loads(out)["code"]) == (1, "CERTIFICATE_NOT_YET_VALID")


def test_the_message_may_come_on_standard_input_and_a_huge_one_is_not_read() -> None:
    assert verify(*ANCHOR, "--lab", "-", given=ENABLED.read_bytes())[0] == 0
    status, out, _ = verify(*ANCHOR, "--lab", "--json", "-", given=bytes(1_000_000))
    assert (status, json.loads(out)["code"]) == (1, "TOO_LARGE")


@pytest.mark.parametrize("missing", ["file", "anchor"])
def test_a_missing_file_is_a_usage_error(tmp_path: Path, missing: str) -> None:
    nowhere = tmp_path / "none"
    anchor = ("--anchor", str(nowhere)) if missing == "anchor" else ANCHOR
    status, _, err = verify(*anchor, "--lab", nowhere if missing == "file" else ENABLED)
    assert (status, err) == (2, f"Cannot read {nowhere}: No such file or directory.\n")


def test_an_anchor_is_needed() -> None:
    assert verify(ENABLED)[0] == 2


def test_neither_the_server_nor_the_wallet_extra_is_needed() -> None:
    extras = "alembic asyncpg httptools httpx2 keyring segno starlette structlog uvicorn uvloop opendal"
    assert verify(*ANCHOR, "--lab", ENABLED, without=extras)[0] == 0
