"""``pteri verify``: messages, receipts, logs and chips, checked with nothing of a server.

Exit codes: 0 yes, 1 no (with a stable code), 2 the command line is wrong, or it could not be looked at.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from pteri.core.errors import ProtocolError
from pteri.core.keys.message import MAX_MESSAGE_BYTES, verify_message
from pteri.esim_cli import verify_euicc_command

__all__ = ["app"]

app = typer.Typer(help="Check signatures offline; nothing of a server is needed.", no_args_is_help=True)
app.command("euicc")(verify_euicc_command)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("message")
def verify_message_command(
    address: Annotated[str, typer.Option(help="The Litecoin address that is said to have signed.")],
    signature: Annotated[str, typer.Option(help="The signature, base64, as wallets print it.")],
    message_file: Annotated[Path, typer.Option(help="A file with exactly the signed bytes; - for standard input.")],
    network: Annotated[str, typer.Option(help="main, test or regtest.")] = "main",
    as_json: JsonFlag = False,
) -> None:
    """Check whether this address signed this message."""
    try:
        # One byte more than is accepted, so that a huge file is refused and not read.
        if str(message_file) == "-":
            message = sys.stdin.buffer.read(MAX_MESSAGE_BYTES + 1)
        else:
            with message_file.open("rb") as stream:
                message = stream.read(MAX_MESSAGE_BYTES + 1)
    except OSError as error:
        _usage(f"Cannot read {message_file}: {error.strerror}.", as_json=as_json)
    try:
        verified = verify_message(address, message, signature, network=network)
    except ProtocolError as error:
        refused = {"valid": False, "code": error.code, "detail": error.detail}
        _tell(refused, f"Not valid: {error.detail} ({error.code}).", as_json)
        raise typer.Exit(1) from None
    found = {
        "valid": True,
        "address": verified.address,
        "network": verified.network,
        "kind": verified.kind,
        "signature_type": verified.signature_type,
        "message_sha256": verified.message_sha256.hex(),
    }
    _tell(found, f"Valid: {verified.address} signed this message ({verified.signature_type}).", as_json)


@app.command("receipt")
def verify_receipt_command(
    file: Annotated[Path, typer.Argument(help="The receipt; - for standard input.")],
    log_key: Annotated[str | None, typer.Option(help="Key of the log, name+id+key, from whom you trust.")] = None,
    witness: Annotated[
        list[str] | None, typer.Option(help="Key of a witness whose word you take; as often as you have them.")
    ] = None,
    needed: Annotated[int, typer.Option(help="How many of these witnesses must have seen it.")] = 1,
    known_block: Annotated[
        str | None, typer.Option(help="HEIGHT:HASH of a Litecoin block that you know, from before the anchor.")
    ] = None,
    confirmations: Annotated[int, typer.Option(help="How many blocks an anchor must have.")] = 6,
    network: Annotated[str, typer.Option(help="main, test or regtest.")] = "main",
    as_json: JsonFlag = False,
) -> None:
    """Check what holds of a receipt, and say it. Exit 0: nothing fails, and the log that you named signed it."""
    from pteri.adapters.system import SystemClock
    from pteri.audit.telling import Options, checked
    from pteri.core.log.receipt import MAX_RECEIPT_BYTES

    options = Options(log_key, tuple(witness or ()), needed, known_block, confirmations, network)
    try:
        # One byte more than is accepted, so that a huge file is refused and not read.
        if str(file) == "-":
            raw = sys.stdin.buffer.read(MAX_RECEIPT_BYTES + 1)
        else:
            with file.open("rb") as stream:
                raw = stream.read(MAX_RECEIPT_BYTES + 1)
    except OSError as error:
        _usage(f"Cannot read {file}: {error.strerror}.", as_json=as_json)
    try:
        said = checked(raw, options, at=SystemClock().now())
    except ValueError as error:
        _usage(str(error), as_json=as_json)
    _tell(said.values, said.text, as_json)
    if not said.is_yes:
        raise typer.Exit(1)


def _tell(values: dict[str, Any], text: str, as_json: bool) -> None:
    print(json.dumps(values) if as_json else text)


def _usage(message: str, *, as_json: bool) -> NoReturn:
    if as_json:
        print(json.dumps({"error": message}))
    else:
        print(message, file=sys.stderr)
    raise typer.Exit(2)
