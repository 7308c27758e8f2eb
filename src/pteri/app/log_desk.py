"""How this service signs its log, and who else must have seen it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from pteri.app.log_ports import LogFiles, Witness
from pteri.core.log.index import AccountIndexes
from pteri.core.log.note import NoteSigner
from pteri.core.log.witness import Quorum

__all__ = ["Asked", "LogDesk", "Stance", "Standing"]


class Stance(StrEnum):
    """What a witness does when it is shown a checkpoint."""

    SIGNS = "signs"
    SILENT = "silent"
    """It does not answer, or not as agreed."""
    REFUSES = "refuses"
    """It does not know the log, or its key."""
    CONTRADICTS = "contradicts"
    """It saw something else: another tree, or more than there is."""


class Standing(msgspec.Struct, frozen=True):
    """How a witness answered, and in words why."""

    stance: Stance
    why: str = ""


class Asked(msgspec.Struct, frozen=True):
    """For a tree of ``size`` leaves, at this second."""

    size: int
    at: int


@dataclass(frozen=True, slots=True)
class LogDesk:
    """``signer``: the log's own key; its name is the log's origin. ``indexes``: the numbers of the accounts in it.

    ``quorum``: which witnesses must have seen a checkpoint before anything is said to rest on it, and ``None`` where
    nobody watches; ``witnesses`` are then those of the quorum, and how to ask them.
    ``files``: where it is published. ``answers_wait``: until a witnessed checkpoint has a change of authority.
    """

    signer: NoteSigner
    indexes: AccountIndexes
    quorum: Quorum | None = None
    witnesses: tuple[Witness, ...] = ()
    files: LogFiles | None = None
    answers_wait: bool = True
    showing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a checkpoint is on its way to the witnesses."""
    seen: dict[str, int] = field(default_factory=dict)
    """What each witness saw last, as far as this process knows: it is learned again when it is lost."""
    asked: dict[str, Asked] = field(default_factory=dict)
    """When each witness was asked last, and for which size."""
    standing: dict[str, Standing] = field(default_factory=dict)
    """How each witness answered when it was asked last."""
    told: dict[str, Stance] = field(default_factory=dict)
    """What the operator knows of each."""
