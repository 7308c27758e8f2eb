"""The directory of a witness: its key, its name, the logs it watches, and what it remembers of each.

``witness.toml`` is made by a command and may be edited; everything else is the program's. A witness that has lost its
memory would sign a second history, so a log's memory is begun by the command that trusts the log and never implicitly.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from pteri import durable
from pteri.core.errors import ProtocolError
from pteri.core.keys.ed25519 import KEY_BYTES, NotePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.log.checkpoint import Checkpoint, claimed_head
from pteri.core.log.note import MAX_NOTE_BYTES, KeyKind, NoteSigner, NoteVerifier, parse_note, parse_verifier
from pteri.core.log.witnessing import TrustedLog

__all__ = [
    "Place",
    "WitnessError",
    "distrust",
    "make_witness",
    "memory_path",
    "open_place",
    "read_memory",
    "trust",
    "write_memory",
]

_SETTINGS: Final = "witness.toml"
_KEY: Final = "witness.key"
_LOCK: Final = ".lock"
_MEMORY: Final = "logs"
_MAX_SETTINGS_BYTES: Final = 1 << 20
_MAX_MEMORY_BYTES: Final = 2 * MAX_NOTE_BYTES + 4096
_KEY_FILE: Final = re.compile(rb"[0-9a-f]{64}\n")
_FORMAT: Final = "pteri-witness-memory-1"


class WitnessError(Exception):
    """What keeps a witness from being made or from running, and what to do, in a sentence for people."""


class Place(msgspec.Struct, frozen=True):
    """An open directory: who the witness is, and whom it watches, by origin."""

    directory: Path
    signer: NoteSigner
    logs: dict[str, TrustedLog]


class _Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    logs: tuple[_Log, ...] = ()


class _Memory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    origin: str
    checkpoint: str
    """The note that was cosigned last; empty before the first."""


def make_witness(directory: Path, name: str, random: bytes) -> NoteVerifier:
    """A new witness in a new directory; its key, which is to be given to logs and their verifiers."""
    if len(random) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    try:
        signer = NoteSigner.of(name, KeyKind.WITNESS, NotePrivateKey(Secret(random)))
    except ProtocolError as error:
        raise WitnessError("A name has no spaces and no plus sign: take a host name of yours and a word.") from error
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / _MEMORY).mkdir(mode=0o700, exist_ok=True)
        durable.create(directory / _KEY, random.hex().encode() + b"\n")
        durable.create(directory / _SETTINGS, f"name = {_quoted(name)}\n".encode())
    except FileExistsError as error:
        raise WitnessError(f"There is a witness in {directory} already. Name another directory.") from error
    except OSError as error:
        raise WitnessError(f"Cannot write in {directory}: {error.strerror}.") from error
    return signer.verifier


def trust(directory: Path, key: str) -> NoteVerifier:
    """Watch the log with this key, from now on or under one more key. Doing it twice is doing it once."""
    try:
        verifier = parse_verifier(key)
        TrustedLog.of([verifier])
    except ProtocolError as error:
        raise WitnessError(f"This is not the key of a log: {error.detail}.") from error
    try:
        with durable.locked(directory / _LOCK, wait=True):
            durable.sweep(directory, _SETTINGS)
            settings = _read_settings(directory)
            if any(each.key == key for each in settings.logs):
                return verifier
            if all(parse_verifier(each.key).name != verifier.name for each in settings.logs):
                _begin_memory(directory, verifier.name)
            whole = durable.read_regular(directory / _SETTINGS, _MAX_SETTINGS_BYTES).decode()
            gap = "" if whole.endswith("\n") else "\n"
            durable.replace(directory / _SETTINGS, f"{whole}{gap}\n[[logs]]\nkey = {_quoted(key)}\n".encode())
    except OSError as error:
        raise WitnessError(f"Cannot write in {directory}: {error.strerror}. Is there a witness?") from error
    return verifier


def distrust(directory: Path, key: str, *, surely: bool) -> bool:
    """Take this key from now on for no log's; whether the log is watched under another one. What was seen stays.

    Not ``surely``, it is refused for the only key of a log, and for the one that signed what was seen last: the log may
    not have handed over yet, and would stand still.
    """
    try:
        verifier = parse_verifier(key)
    except ProtocolError as error:
        raise WitnessError(f"This is not the key of a log: {error.detail}.") from error
    try:
        with durable.locked(directory / _LOCK, wait=True):
            durable.sweep(directory, _SETTINGS)
            settings = _read_settings(directory)
            left = tuple(each for each in settings.logs if each.key != key)
            if left == settings.logs:
                raise WitnessError("This witness does not know this key. Those that it knows: pteri witness show")
            goes_on = any(parse_verifier(each.key).name == verifier.name for each in left)
            if not surely:
                _require_retired(directory, verifier, goes_on=goes_on)
            durable.replace(
                directory / _SETTINGS, _without(directory, key, msgspec.structs.replace(settings, logs=left))
            )
    except OSError as error:
        raise WitnessError(f"Cannot write in {directory}: {error.strerror}. Is there a witness?") from error
    return goes_on


def _require_retired(directory: Path, verifier: NoteVerifier, *, goes_on: bool) -> None:
    if not goes_on:
        raise WitnessError(
            f"It is the only key of {verifier.name}, which would be watched no more. If you are sure, add --yes."
        )
    last = read_memory(directory, verifier.name)
    if last is not None and last.note.signature_by(verifier) is not None:
        raise WitnessError(
            f"{verifier.name} still signed with this key when this witness saw it last, so it may not have handed over "
            "yet. If you are sure, add --yes."
        )


def _without(directory: Path, key: str, wanted: _Settings) -> bytes:
    """The settings without the table of this key, and with everything else that somebody wrote there."""
    lines = durable.read_regular(directory / _SETTINGS, _MAX_SETTINGS_BYTES).decode().splitlines(keepends=True)
    heads = [at for at, line in enumerate(lines) if line.lstrip().startswith("[")]
    for begin, end in pairwise([*heads, len(lines)]):
        text = "".join(lines[:begin] + lines[end:])
        # Whoever wrote it in another way than this program does is asked to change it himself.
        with suppress(msgspec.MsgspecError, ValueError):
            if key in "".join(lines[begin:end]) and msgspec.toml.decode(text, type=_Settings) == wanted:
                return text.encode()
    raise WitnessError(f"Take this key out of {directory / _SETTINGS} by hand: it is not written as `trust` writes it.")


def open_place(directory: Path) -> Place:
    """The witness that lives here, with its memory there and whole for each log; ``WitnessError`` otherwise."""
    settings = _read_settings(directory)
    try:
        signer = NoteSigner.of(settings.name, KeyKind.WITNESS, NotePrivateKey(_read_key(directory / _KEY)))
        keys = [parse_verifier(each.key) for each in settings.logs]
        origins = dict.fromkeys(key.name for key in keys)
        logs = {origin: TrustedLog.of([key for key in keys if key.name == origin]) for origin in origins}
    except ProtocolError as error:
        raise WitnessError(f"{directory / _SETTINGS} cannot be used: {error.detail}.") from error
    for origin in logs:
        read_memory(directory, origin)
    return Place(directory, signer, logs)


def memory_path(directory: Path, origin: str) -> Path:
    """The file of one log. An origin has slashes, and could be as long as a name of a file may not be."""
    return directory / _MEMORY / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.json"


def read_memory(directory: Path, origin: str) -> Checkpoint | None:
    """What was cosigned last, ``None`` when nothing ever was; ``WitnessError`` when nobody can tell."""
    path = memory_path(directory, origin)
    try:
        memory = msgspec.json.decode(durable.read_regular(path, _MAX_MEMORY_BYTES), type=_Memory)
    except FileNotFoundError as error:
        raise WitnessError(
            f"What this witness remembers of {origin} is gone ({path}). Whoever signs without memory may sign a second "
            "history: end this witness, tell who relies on it, and make a new one with a new key."
        ) from error
    except OSError as error:
        raise WitnessError(f"Cannot read {path}: {error.strerror}.") from error
    except msgspec.MsgspecError as error:
        raise _damaged(path, origin) from error
    if (memory.format, memory.origin) != (_FORMAT, origin):
        raise _damaged(path, origin)
    if not memory.checkpoint:
        return None
    # Not verified again: a log that has handed over has no old key in the settings any more, and was verified before.
    try:
        note = parse_note(memory.checkpoint.encode())
        said, head = claimed_head(note)
    except ProtocolError as error:
        raise _damaged(path, origin) from error
    if said != origin:
        raise _damaged(path, origin)
    return Checkpoint(origin, head, note)


def write_memory(directory: Path, checkpoint: Checkpoint) -> None:
    """Remember this; when it returns, no power cut makes it forgotten. Hold the lock of the log."""
    memory = _Memory(_FORMAT, checkpoint.origin, checkpoint.note.encoded.decode())
    durable.replace(memory_path(directory, checkpoint.origin), msgspec.json.encode(memory) + b"\n")


def _begin_memory(directory: Path, origin: str) -> None:
    """Nothing was seen yet, unless this command was cut off once: then what is there stays."""
    path = memory_path(directory, origin)
    durable.sweep(path.parent, path.name)
    if path.exists():
        read_memory(directory, origin)
        return
    durable.create(path, msgspec.json.encode(_Memory(_FORMAT, origin, "")) + b"\n")


def _damaged(path: Path, origin: str) -> WitnessError:
    return WitnessError(f"{path} does not say what this witness saw of {origin}. Do not delete it: find out why first.")


def _read_settings(directory: Path) -> _Settings:
    path = directory / _SETTINGS
    try:
        return msgspec.toml.decode(durable.read_regular(path, _MAX_SETTINGS_BYTES), type=_Settings)
    except FileNotFoundError as error:
        raise WitnessError(f"There is no witness in {directory}. Make one with: pteri witness new") from error
    except OSError as error:
        raise WitnessError(f"Cannot read {path}: {error.strerror}.") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise WitnessError(f"{path} cannot be read: {error}.") from error


def _read_key(path: Path) -> Secret:
    try:
        data = durable.read_private(path, 2 * KEY_BYTES + 1)
    except durable.ExposedError as error:
        raise WitnessError(f"Other users of this computer can open the key. Close it: chmod 600 '{path}'") from error
    except OSError as error:
        raise WitnessError(f"Cannot read the key {path}: {error.strerror}.") from error
    if not _KEY_FILE.fullmatch(data):
        raise WitnessError(f"{path} is not the key of a witness: 64 lower-case hex digits and a line end.")
    return Secret(bytes.fromhex(data.decode()))


def _quoted(text: str) -> str:
    """A basic string of TOML; names and keys have no control characters."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
