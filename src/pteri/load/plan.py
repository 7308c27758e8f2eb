"""What a run of ``pteri load`` will do, with an end to it."""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["MOST_CLIENTS", "MOST_PEOPLE", "MOST_PROCESSES", "MOST_SECONDS", "MOST_SIGN_INS", "Plan", "PlanError"]

MOST_SIGN_INS: Final = 100_000_000
MOST_SECONDS: Final = 7 * 86_400
MOST_CLIENTS: Final = 4096
MOST_PROCESSES: Final = 64
MOST_PEOPLE: Final = 1_000_000


class PlanError(ValueError):
    """A run that will not be started. The message is for the person who wanted it."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Where, who, how many at once, and until when: ``sign_ins`` or ``seconds``, or both and the first that comes.

    ``client_key_file`` holds the relying party's key; the people's keys come out of it, so the same people are there
    again in the next run. ``prompt``: every start is shown on the phones, and so written to the database.
    """

    origin: str
    tenant: str
    domain: str
    network: str
    client_key_file: str
    clients: int
    processes: int
    people: int
    sign_ins: int | None = None
    seconds: float | None = None
    prompt: bool = False
    ledger: str | None = None
    connect: str | None = None
    """Where to connect in place of ``origin``: a service behind a proxy that is to be measured without it."""
    standings: str | None = None
    """A file with what the phones know of their accounts, by number (JSON): then they need not ask for it first."""
    scattered: bool = False
    """As if each request came from another network, for a service that trusts this machine as its proxy."""
    patience_s: float = 30.0
    """How long one request is repeated while the service does not answer, or asks to wait."""

    def checked(self) -> Plan:
        """The same plan, or ``PlanError``: every run ends, and has people for all its clients."""
        if self.sign_ins is None and self.seconds is None:
            raise PlanError("Say how much: --sign-ins N or --seconds N.")
        _within("--sign-ins", self.sign_ins, 1, MOST_SIGN_INS)
        _within("--seconds", self.seconds, 1, MOST_SECONDS)
        _within("--clients", self.clients, 1, MOST_CLIENTS)
        _within("--processes", self.processes, 1, min(MOST_PROCESSES, self.clients))
        # Two sign-ins of one account at once would wait for each other, and one would measure that.
        _within("--people", self.people, self.clients, MOST_PEOPLE)
        return self

    def share(self, process: int) -> Share:
        """What this one of the processes does, counted from 0: about the same as each of the others."""

        def part(whole: int) -> int:
            return (whole + self.processes - 1 - process) // self.processes

        return Share(
            clients=part(self.clients),
            people=tuple(range(process, self.people, self.processes)),
            sign_ins=None if self.sign_ins is None else part(self.sign_ins),
        )


class Share(msgspec.Struct, frozen=True):
    """One process's part of a plan. ``people`` are their numbers."""

    clients: int
    people: tuple[int, ...]
    sign_ins: int | None


def _within(name: str, value: float | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise PlanError(f"{name} is from {least} to {most} here, not {value:g}.")
