"""``pteri verify``: messages, receipts, logs and chips, checked with nothing of a server.

Exit codes: 0 yes, 1 no (with a stable code), 2 the command line is wrong, or it could not be looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from pteri.command_line import JsonFlag, tell, usage
from pteri.core.errors import ProtocolError
from pteri.core.keys.message import MAX_MESSAGE_BYTES, verify_message
from pteri.esim_cli import verify_euicc_command

if TYPE_CHECKING:
    from pteri.audit.published import ReadFile

__all__ = ["app"]

app = typer.Typer(help="Check signatures offline; nothing of a server is needed.", no_args_is_help=True)
app.command("euicc")(verify_euicc_command)


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
        usage(f"Cannot read {message_file}: {error.strerror}.", as_json=as_json)
    try:
        verified = verify_message(address, message, signature, network=network)
    except ProtocolError as error:
        refused = {"valid": False, "code": error.code, "detail": error.detail}
        tell(refused, f"Not valid: {error.detail} ({error.code}).", as_json=as_json)
        raise typer.Exit(1) from None
    found = {
        "valid": True,
        "address": verified.address,
        "network": verified.network,
        "kind": verified.kind,
        "signature_type": verified.signature_type,
        "message_sha256": verified.message_sha256.hex(),
    }
    tell(found, f"Valid: {verified.address} signed this message ({verified.signature_type}).", as_json=as_json)


@app.command("receipt")
def verify_receipt_command(
    file: Annotated[Path, typer.Argument(help="The receipt; - for standard input.")],
    log_key: Annotated[str | None, typer.Option(help="Key of the log, name+id+key, from whom you trust.")] = None,
    index_key: Annotated[
        str | None, typer.Option(help="Index key of the log, name+id+key, from whom you trust.")
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option(help="Key of a witness whose word you take; as often as you have them.")
    ] = None,
    needed: Annotated[int, typer.Option(help="How many of these witnesses must have seen it.")] = 1,
    known_block: Annotated[
        str | None, typer.Option(help="HEIGHT:HASH of a Litecoin block that you know, from before the anchor.")
    ] = None,
    confirmations: Annotated[int, typer.Option(help="How many blocks an anchor must have.")] = 6,
    headers: Annotated[
        Path | None,
        typer.Option(help="Headers that follow the known block, 80 bytes each: for the block that a statement names."),
    ] = None,
    network: Annotated[str, typer.Option(help="main, test or regtest.")] = "main",
    as_json: JsonFlag = False,
) -> None:
    """Check what holds of a receipt, and say it. Exit 0: nothing fails, and the log that you named signed it."""
    from pteri import durable
    from pteri.adapters.system import SystemClock
    from pteri.audit.telling import Options, checked
    from pteri.core.anchor.header_chain import MAX_FILE_BYTES
    from pteri.core.log.receipt import MAX_RECEIPT_BYTES

    try:
        known_headers = None if headers is None else durable.read_regular(headers, MAX_FILE_BYTES)
    except OSError as error:
        usage(
            f"Cannot read {headers}: {error.strerror or 'it is too long; begin after a newer block'}.", as_json=as_json
        )
    options = Options(
        log_key, index_key, tuple(witness or ()), needed, known_block, confirmations, network, known_headers
    )
    try:
        # One byte more than is accepted, so that a huge file is refused and not read.
        if str(file) == "-":
            raw = sys.stdin.buffer.read(MAX_RECEIPT_BYTES + 1)
        else:
            with file.open("rb") as stream:
                raw = stream.read(MAX_RECEIPT_BYTES + 1)
    except OSError as error:
        usage(f"Cannot read {file}: {error.strerror}.", as_json=as_json)
    try:
        said = checked(raw, options, at=SystemClock().now())
    except ValueError as error:
        usage(str(error), as_json=as_json)
    tell(said.values, said.text, as_json=as_json)
    if not said.is_yes:
        raise typer.Exit(1)


LogKeys = Annotated[
    list[str], typer.Option(help="Key of the log, name+id+key, from whom you trust; all that you know.")
]


@app.command("log")
def verify_log_command(
    where: Annotated[str, typer.Argument(help="The directory or the URL that has `checkpoint` and `tile/`.")],
    *,
    log_key: Annotated[str, typer.Option(help="A key that the log has or had, name+id+key, from whom you trust.")],
    witness: Annotated[
        list[str] | None, typer.Option(help="Key of a witness whose word you take; as often as you have them.")
    ] = None,
    needed: Annotated[int, typer.Option(help="How many of these witnesses must have seen it.")] = 1,
    known: Annotated[Path | None, typer.Option(help="A checkpoint of this log that you kept.")] = None,
    state: Annotated[
        Path | None, typer.Option(help="What you verified so far, written when all holds: only what is new is read.")
    ] = None,
    evidence: Annotated[
        Path, typer.Option(help="Where two checkpoints go that contradict each other. Nothing is overwritten.")
    ] = Path("pteri-log-suspicion.json"),
    as_json: JsonFlag = False,
) -> None:
    """Read a whole published log, and say what holds. Exit 0: the log that you named signed it, and nothing fails."""
    from pteri import durable
    from pteri.adapters.system import SystemClock
    from pteri.audit.log_state import MAX_STATE_BYTES
    from pteri.audit.telling_logs import LogOptions, checked_log
    from pteri.core.log.note import MAX_NOTE_BYTES
    from pteri.published import CannotAsk

    try:
        kept = None if state is None or not state.exists() else durable.read_regular(state, MAX_STATE_BYTES)
        seen = None if known is None else durable.read_regular(known, MAX_NOTE_BYTES)
    except OSError as error:
        usage(f"Cannot read {error.filename}: {error.strerror}.", as_json=as_json)
    options = LogOptions(log_key, tuple(witness or ()), needed, seen, kept)
    try:
        with _bar() as progress:
            found = checked_log(_reader(where), options, at=SystemClock().now(), progress=progress)
    except (CannotAsk, ValueError) as error:
        usage(str(error), as_json=as_json)
    values, text = found.said.values, found.said.text
    # Evidence of an earlier day is not overwritten by that of today.
    if found.suspicion is not None and _written(durable.create, evidence, found.suspicion, values):
        text += f"\nBoth checkpoints are in {evidence}. Keep it; anybody verifies it with: pteri verify split"
        values["evidence"] = str(evidence)
    if state is not None and found.state is not None:
        _written(durable.replace, state, found.state, values)
    tell(values, text, as_json=as_json)
    if not found.said.is_yes:
        raise typer.Exit(1)


@app.command("split")
def verify_split_command(
    file: Annotated[Path, typer.Argument(help="Two checkpoints that somebody kept, as `verify log` writes them.")],
    *,
    log_key: LogKeys,
    as_json: JsonFlag = False,
) -> None:
    """Check what somebody shows against a log. Exit 0: the log signed both, and they are as the file says."""
    from pteri import durable
    from pteri.audit.telling_logs import checked_suspicion
    from pteri.core.log.following import MAX_SUSPICION_BYTES

    try:
        raw = durable.read_regular(file, MAX_SUSPICION_BYTES)
    except OSError as error:
        usage(f"Cannot read {file}: {error.strerror}.", as_json=as_json)
    try:
        said = checked_suspicion(raw, log_key)
    except ValueError as error:
        usage(str(error), as_json=as_json)
    tell(said.values, said.text, as_json=as_json)
    if not said.is_yes:
        raise typer.Exit(1)


def _written(write: Callable[[Path, bytes], None], path: Path, content: bytes, values: dict[str, Any]) -> bool:
    """What was found is worth more than the file that cannot be written: that is said, and ends nothing."""
    try:
        write(path, content)
    except OSError as error:
        values.setdefault("not_written", []).append(str(path))
        print(f"Cannot write {path}: {error.strerror}.", file=sys.stderr)
        return False
    return True


def _reader(where: str) -> ReadFile:
    from pteri.adapters.system import monotonic_s
    from pteri.published import directory_reader, site_reader

    return site_reader(where, monotonic_s=monotonic_s) if "://" in where else directory_reader(Path(where))


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, if a person sits there."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Reading every entry", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
