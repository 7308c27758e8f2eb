"""The findings of a log, and suspicions, in words, as ``pteri verify log`` and ``pteri verify split`` print them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from pteri.audit.errors import AuditError, NotKept
from pteri.audit.log_findings import LogFindings
from pteri.audit.logs import verify_log
from pteri.audit.published import ReadFile
from pteri.audit.receipts import Verdict
from pteri.audit.telling import Said
from pteri.core.errors import ProtocolError
from pteri.core.log.checkpoint import claimed_head
from pteri.core.log.following import Suspicion, SuspicionKind, encode_suspicion, verify_suspicion
from pteri.core.log.note import NoteVerifier, parse_note, parse_verifier
from pteri.core.log.rotation import ROTATION_TAG, parse_rotation
from pteri.core.log.witness import Quorum

__all__ = ["LogOptions", "LogSaid", "checked_log", "checked_suspicion"]

_WORDS: Final = {Verdict.HOLDS: "holds   ", Verdict.FAILS: "FAILS   ", Verdict.UNKNOWN: "unknown "}
_KINDS: Final = {
    SuspicionKind.SPLIT_VIEW: "for one size it signed two trees",
    SuspicionKind.REWRITTEN: "it signed two trees, and the newer one does not begin with the older one",
    SuspicionKind.WENT_BACK: "it showed a smaller tree after a larger one; perhaps somebody showed an old one again",
    SuspicionKind.TWO_HANDOVERS: "and a key hands over once",
    SuspicionKind.NOT_SHOWN: "asked how the newer tree follows from the older one, it answered what is wrong",
}


class LogOptions(msgspec.Struct, frozen=True):
    """Whom the person at the terminal believes, as it was typed, and what he kept."""

    log_key: str
    witnesses: tuple[str, ...] = ()
    needed: int = 1
    known: bytes | None = None
    state: bytes | None = None


class LogSaid(msgspec.Struct, frozen=True):
    """The answer, and the files that are to be written: a suspicion to keep, a state for the next run."""

    said: Said
    suspicion: bytes | None = None
    state: bytes | None = None


def checked_log(read: ReadFile, options: LogOptions, *, at: int, progress: Callable[[int, int], None]) -> LogSaid:
    """What holds of this log, at this second. ``ValueError``, in a sentence, for options that cannot be."""
    log = _key(options.log_key)
    try:
        quorum = Quorum.of(options.needed, [_key(each) for each in options.witnesses]) if options.witnesses else None
    except ProtocolError as error:
        raise _unusable(error) from error
    try:
        found = verify_log(
            read,
            expected_log=log,
            quorum=quorum,
            at=at,
            known=options.known,
            state=options.state,
            progress=progress,
        )
    except NotKept as error:
        raise ValueError(f"Cannot use {error.detail} ({error.code}).") from error
    except AuditError as error:
        refused = {"valid": False, "code": error.code, "detail": error.detail}
        return LogSaid(Said(refused, f"Nothing can be verified: {error.detail} ({error.code}).", is_yes=False))
    kept = {"state", "suspicion"}
    told = {name: value for name, value in msgspec.to_builtins(found).items() if name not in kept}
    values: dict[str, Any] = {"valid": found.is_sound, "complete": found.is_complete, **told}
    values["suspicion"] = None if found.suspicion is None else str(found.suspicion.kind)
    said = Said(values, _in_words(found), is_yes=found.is_sound)
    suspicion = None if found.suspicion is None else encode_suspicion(found.suspicion)
    return LogSaid(said, suspicion, found.state)


def checked_suspicion(raw: bytes, log_keys: Sequence[str]) -> Said:
    """Whether this file shows what it says of the log with these keys. ``ValueError`` for keys that are none."""
    logs = [_key(each) for each in log_keys]
    try:
        found = verify_suspicion(raw, expected_logs=logs)
        if found.kind is SuspicionKind.TWO_HANDOVERS:
            return _two_handovers(found)
        notes = [parse_note(each.encode()) for each in (found.seen, found.shown)]
        (origin, first), (_, second) = (claimed_head(note) for note in notes)
    except ProtocolError as error:
        refused = {"valid": False, "code": str(error.code), "detail": error.detail}
        return Said(refused, f"This accuses nobody: {error.detail} ({error.code}).", is_yes=False)
    values: dict[str, Any] = {"valid": True, "proof": found.kind.is_proof, "kind": str(found.kind), "origin": origin}
    values["sizes"] = [first.size, second.size]
    lines = [
        f"{origin} signed both checkpoints, of {first.size} and of {second.size} entries: {_KINDS[found.kind]}.",
        "This proves it to anybody who has the log's key. Pass it on."
        if found.kind.is_proof
        else "By itself this is no proof. Ask the log for a path between the two, and keep both.",
    ]
    return Said(values, "\n".join(lines), is_yes=True)


def _two_handovers(found: Suspicion) -> Said:
    first, second = (parse_rotation(ROTATION_TAG + each.encode()) for each in (found.seen, found.shown))
    values: dict[str, Any] = {"valid": True, "proof": True, "kind": str(found.kind), "origin": first.new.name}
    values |= {"places": [first.place, second.place], "keys": [first.new.text, second.new.text]}
    said = (
        f"One key of {first.new.name} signed both hand-overs, for place {first.place} to {first.new.text} and for "
        f"place {second.place} to {second.new.text}: {_KINDS[found.kind]}. Somebody else has it, or its owner lies."
    )
    lines = [said, "This proves it to anybody who has the key. Pass it on."]
    return Said(values, "\n".join(lines), is_yes=True)


def _in_words(found: LogFindings) -> str:
    new = "" if found.first == 0 else f", of which {found.first} were verified before"
    lines = [f"{found.origin}, {found.size} entries{new}, {found.accounts} accounts.", ""]
    for each in found.found:
        code = "" if each.code is None else f" ({each.code})"
        where = "" if each.where is None else f"{each.where}: "
        lines.append(f"{_WORDS[each.verdict]} {each.check.lower():<11}{where}{each.detail}{code}")
    lines.append("")
    if not found.is_sound:
        lines.append("This log does not hold.")
    elif found.is_complete:
        lines.append("All of it holds.")
    else:
        lines.append("Nothing fails. What is unknown above was not checked.")
    return "\n".join(lines)


def _key(text: str) -> NoteVerifier:
    try:
        return parse_verifier(text)
    except ProtocolError as error:
        raise _unusable(error) from error


def _unusable(error: ProtocolError) -> ValueError:
    return ValueError(f"Cannot use these options: {error.detail} ({error.code}).")
