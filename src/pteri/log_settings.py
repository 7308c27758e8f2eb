"""The table ``[log]`` of the settings file: under which name and key the log is signed, and who watches it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import msgspec

from pteri.asked_url import require_url
from pteri.core.errors import ProtocolError
from pteri.core.log.note import MAX_SIGNATURES, KeyKind, NoteVerifier, parse_verifier
from pteri.core.log.witness import Quorum

__all__ = ["LogSettings", "WitnessSettings"]

_ORIGIN: Final = re.compile(r"[!-*,-~]{1,200}")


class WitnessSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[log.witnesses]]`` table."""

    key: str
    """Its key, ``name+id+key``, from whoever runs it."""
    url: str
    """Where it is asked: ``https://``, or ``http://`` on this very machine; ``/add-checkpoint`` comes behind it."""

    def __post_init__(self) -> None:
        require_url("url", self.url)

    @property
    def verifier(self) -> NoteVerifier:
        """The key."""
        return parse_verifier(self.key)


class LogSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without this table events have an order, and nobody outside can see it."""

    origin: str
    """The name of the log for ever, and of its key: a host name of yours and a path, without a scheme."""
    key_file: Path
    """Its private key: 32 random bytes in hex, mode 0600; made by ``pteri log new`` and never implicitly."""
    index_key_file: Path
    """The key that numbers its accounts, made in the same way: whoever has it can tell whose leaves are whose."""
    directory: Path | None = None
    """Where the log is published as files, for any web server. The service itself serves it under ``/log/``, too."""
    witnesses: tuple[WitnessSettings, ...] = ()
    needed: Annotated[int, msgspec.Meta(ge=0)] = 0
    """How many of them must have seen a checkpoint before anything rests on it."""
    answers_wait: bool = True
    """Whether a change of authority is answered only when a witnessed checkpoint has it."""

    def __post_init__(self) -> None:
        if not _ORIGIN.fullmatch(self.origin) or "://" in self.origin:
            raise ValueError("origin is a host name and a path, such as bank.example/pteri, without a scheme")
        try:
            self.quorum  # noqa: B018 - whatever is wrong with it is said now
        except ProtocolError as error:
            raise ValueError(error.detail) from error

    @property
    def quorum(self) -> Quorum | None:
        """Whom a checkpoint needs; ``None`` where nobody watches."""
        if not self.witnesses and not self.needed:
            return None
        if len(self.witnesses) > MAX_SIGNATURES - 1:
            raise ValueError(f"a checkpoint has room for {MAX_SIGNATURES - 1} witnesses")
        verifiers = [witness.verifier for witness in self.witnesses]
        if any(verifier.kind is not KeyKind.WITNESS for verifier in verifiers):
            raise ValueError("the key of a witness, and not that of a log")
        return Quorum.of(self.needed, verifiers)
