"""How an auditor's verifiers say no."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pteri.core.errors import Malformed, ProtocolError

__all__ = ["AuditError", "DoesNotHold", "NotKept", "Unreadable", "in_our_words"]


class AuditError(Exception):
    """What was shown is no proof. ``code`` is stable; ``detail`` is for people and may change."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Unreadable(AuditError):
    """Not of the form that such a proof has."""


class NotKept(Unreadable):
    """What the auditor brought himself is not what he thinks it is. It says nothing of the log."""


class DoesNotHold(AuditError):
    """Of the right form, and it does not prove what it claims."""


@contextmanager
def in_our_words() -> Iterator[None]:
    """Every refusal of the core, as one of these."""
    try:
        yield
    except ProtocolError as error:
        kind = Unreadable if isinstance(error, Malformed) else DoesNotHold
        raise kind(str(error.code), error.detail) from error
