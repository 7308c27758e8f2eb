# ruff: noqa: PLC0415, T201
"""``pteri verify euicc``: whether an eSIM chip signed what is in a file, offline.

Exit codes as of all commands: 0 yes, 1 no (with a stable code), 2 the command line is wrong.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

__all__ = ["verify_euicc_command"]

_MAX_BYTES = 16_384
_WITHOUT_CERTIFICATES = (b"\xbf\x37", b"\xbf\x51")
"""The results of installations and of packages."""


def verify_euicc_command(
    file: Annotated[Path, typer.Argument(help="What the chip sent, in DER; - for standard input.")],
    *,
    anchor: Annotated[
        list[Path], typer.Option(help="A certificate issuer (CI) to trust, in DER; several are allowed.")
    ],
    at: Annotated[
        int | None, typer.Option(help="The instant to verify for, in Unix seconds; now, if not given.")
    ] = None,
    lab: Annotated[bool, typer.Option("--lab", help="Let certificate issuers for tests in.")] = False,
    challenge: Annotated[str | None, typer.Option(help="What the chip was asked, in hex: for an answer.")] = None,
    transaction: Annotated[str | None, typer.Option(help="The transaction, in hex: for an answer.")] = None,
    address: Annotated[str | None, typer.Option(help="The server that asked: for an answer.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check what an eSIM chip signed: what it did to one of its profiles, or its answer to a server."""
    from pteri.adapters.system import SystemClock
    from pteri.core.errors import ProtocolError
    from pteri.core.euicc.challenge import RESPONSE
    from pteri.esim import TrustAnchors, verify_authenticate_response, verify_notification

    instant = SystemClock().now() if at is None else at
    try:
        der = _read(file)
        anchors = TrustAnchors.load(anchor, lab=lab)
        if der.startswith(RESPONSE.to_bytes(2, "big")):
            if challenge is None or transaction is None or address is None:
                _usage("This is an answer to a server: give --challenge, --transaction and --address.", as_json)
            proof = verify_authenticate_response(
                der,
                anchors=anchors,
                at=instant,
                expected_challenge=_hex(challenge, as_json),
                expected_transaction_id=_hex(transaction, as_json),
                expected_address=address,
            )
            found: dict[str, Any] = {"kind": "answer", "eid": proof.eid, "server_address": proof.server_address}
            found |= {"matching_id": proof.matching_id, "ci_key_id": proof.ci_key_id}
            said = f"Valid: the chip {proof.eid} answered {proof.server_address}."
        elif der.startswith(_WITHOUT_CERTIFICATES):
            _usage("The certificates of this result are with the server that asked for it: use pteri.esim.", as_json)
        else:
            event = verify_notification(der, anchors=anchors, at=instant)
            found = {"kind": "notification", "eid": event.eid, "iccid": event.iccid, "operation": str(event.operation)}
            found |= {"sequence": event.sequence, "ci_key_id": event.ci_key_id}
            said = f"Valid: {event.operation} of profile {event.iccid} on chip {event.eid}, its event {event.sequence}."
    except OSError as error:
        _usage(f"Cannot read {error.filename}: {error.strerror}.", as_json)
    except ProtocolError as error:
        refused = {"valid": False, "code": str(error.code), "detail": error.detail}
        print(json.dumps(refused) if as_json else f"Not valid: {error.detail} ({error.code}).")
        raise typer.Exit(1) from None
    print(json.dumps({"valid": True, **found}) if as_json else said)


def _read(file: Path) -> bytes:
    # One byte more than is accepted, so that a huge file is refused and not read.
    if str(file) == "-":
        return sys.stdin.buffer.read(_MAX_BYTES + 1)
    with file.open("rb") as stream:
        return stream.read(_MAX_BYTES + 1)


def _hex(text: str, as_json: bool) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        _usage("--challenge and --transaction are written in hex.", as_json)


def _usage(message: str, as_json: bool) -> NoReturn:
    if as_json:
        print(json.dumps({"error": message}))
    else:
        print(message, file=sys.stderr)
    raise typer.Exit(2)
