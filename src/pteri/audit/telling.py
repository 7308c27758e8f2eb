"""The findings of a receipt in words, as ``pteri verify receipt`` prints them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pteri.audit.blocks import known_blocks
from pteri.audit.errors import AuditError
from pteri.audit.receipts import Check, Findings, Trusted, Verdict, verify_receipt
from pteri.core.anchor.proof import Block, read_block
from pteri.core.errors import ProtocolError
from pteri.core.keys.network import network_named
from pteri.core.log.index import parse_index_key
from pteri.core.log.note import parse_verifier
from pteri.core.log.witness import Quorum

__all__ = ["Options", "Said", "checked"]

_WORDS: Final = {
    Verdict.HOLDS: "holds   ",
    Verdict.FAILS: "FAILS   ",
    Verdict.UNKNOWN: "unknown ",
}


class Options(msgspec.Struct, frozen=True):
    """Whom the person at the terminal believes, as it was typed."""

    log_key: str | None
    index_key: str | None
    witnesses: tuple[str, ...]
    needed: int
    known_block: str | None
    confirmations: int
    network: str
    headers: bytes | None = None


class Said(msgspec.Struct, frozen=True):
    """The answer: for programs, for people, and whether it is yes."""

    values: dict[str, Any]
    text: str
    is_yes: bool


def checked(raw: bytes, options: Options, *, at: int) -> Said:
    """What holds of this receipt, at this second. ``ValueError``, in a sentence, for options that cannot be."""
    trusted = _trusted(options, at)
    try:
        found = verify_receipt(raw, trusted=trusted)
    except AuditError as error:
        refused = {"valid": False, "code": error.code, "detail": error.detail}
        return Said(refused, f"Not a receipt: {error.detail} ({error.code}).", is_yes=False)
    is_signed = any(each.check is Check.CHECKPOINT and each.verdict is Verdict.HOLDS for each in found.found)
    is_yes = found.is_sound and is_signed
    values = {"valid": is_yes, "complete": found.is_complete, **msgspec.to_builtins(found)}
    return Said(values, _in_words(found, is_signed=is_signed), is_yes=is_yes)


def _in_words(found: Findings, *, is_signed: bool) -> str:
    lines = [f"{found.event}, event {found.seq} of {found.account} at {found.tenant}, second {found.at}.", ""]
    for each in found.found:
        code = "" if each.code is None else f" ({each.code})"
        lines.append(f"{_WORDS[each.verdict]} {each.check.lower():<11}{each.detail}{code}")
    lines.append("")
    if not found.is_sound:
        lines.append("This receipt does not hold.")
    elif not is_signed:
        lines.append("Nothing fails, but nobody vouches for it: give the key of the log with --log-key.")
    elif found.is_complete:
        lines.append("All of it holds.")
    else:
        lines.append("Nothing fails. What is unknown above was not checked.")
    return "\n".join(lines)


def _trusted(options: Options, at: int) -> Trusted:
    if options.headers is not None and options.known_block is None:
        raise ValueError(
            "Cannot use these options: --headers counts from a block that you know: give --known-block too."
        )
    try:
        block = None if options.known_block is None else _block(options.known_block)
        return Trusted(
            log=None if options.log_key is None else parse_verifier(options.log_key),
            index_key=None if options.index_key is None else parse_index_key(options.index_key),
            quorum=Quorum.of(options.needed, [parse_verifier(each) for each in options.witnesses])
            if options.witnesses
            else None,
            at=at,
            network=network_named(options.network).name,
            block=block,
            confirmations=options.confirmations,
            blocks=None
            if options.headers is None or block is None
            else known_blocks(options.headers, expected_network=options.network, known=block),
        )
    except ProtocolError as error:
        raise ValueError(f"Cannot use these options: {error.detail} ({error.code}).") from error


def _block(text: str) -> Block:
    height, _, shown = text.partition(":")
    return read_block(int(height) if height.isascii() and height.isdigit() and len(height) < 12 else None, shown)
