"""Bytes from the left, as transactions and timestamps are read."""

from __future__ import annotations

from pteri.core.errors import Code, Malformed

__all__ = ["Reader"]


class Reader:
    """Whatever is asked for beyond the end of ``raw`` is a refusal: ``Malformed(code)``, ``what`` breaks off."""

    def __init__(self, raw: bytes, *, code: Code, what: str) -> None:
        self.raw = raw
        self.at = 0
        self._code = code
        self._what = what

    def take(self, number: int) -> bytes:
        """The next so many bytes."""
        if number > len(self.raw) - self.at:
            raise Malformed(self._code, f"{self._what} breaks off")
        self.at += number
        return self.raw[self.at - number : self.at]
