"""The keys of a log, followed through its own entries from the one that the auditor brings.

He may bring the first one, or that of today, or any between. What is before it, nobody vouches for but the log itself;
what comes after it must be handed over by it.
"""

from __future__ import annotations

from pteri.core.errors import Code, NotAuthentic, ProtocolError
from pteri.core.log.note import NoteVerifier
from pteri.core.log.rotation import MAX_KEYS, LogKeys, Rotation, parse_rotation, verify_rotation

__all__ = ["Handovers"]


class Handovers:
    """Grown entry by entry."""

    def __init__(self, expected_log: NoteVerifier, keys: LogKeys | None = None) -> None:
        """``keys``: as they were when an earlier run ended."""
        self._brought = expected_log
        self.keys = LogKeys.first(expected_log) if keys is None else keys
        self.earlier: list[tuple[int, Rotation]] = []
        """Hand-overs from keys that nobody brought. They are good if they lead to the key that was."""
        self.wrong: list[tuple[int, ProtocolError]] = []

    def take(self, raw: bytes, place: int) -> None:
        """The hand-over that stands at this place."""
        try:
            found = parse_rotation(raw)
            by = found.by.name, found.by.id
            is_known = len(self.keys.keys) > 1 or self.keys.keys[0][0] > 0
            if not is_known and by != (self._brought.name, self._brought.id):
                self._take_earlier(raw, found, place)
            else:
                self.keys = self.keys.after(raw, place=place)
        except ProtocolError as error:
            # Without its traceback, which would keep what it was about; and not for every entry of a log made of these.
            if len(self.wrong) < MAX_KEYS:
                self.wrong.append((place, error.with_traceback(None)))

    def _take_earlier(self, raw: bytes, found: Rotation, place: int) -> None:
        if len(self.earlier) >= MAX_KEYS:
            raise NotAuthentic(Code.ROTATION, "a log has at most 1024 keys")
        if self.earlier:
            verify_rotation(raw, expected_old=self.earlier[-1][1].new, expected_place=place)
        elif found.place != place or found.new.name != self._brought.name:
            raise NotAuthentic(Code.ROTATION, "a hand-over for another place in the log, or of another log")
        else:
            # Its own signature can be verified, that of the key before it cannot: nobody brought that one.
            found.new.key.verify(found.note.text.encode(), found.note.signatures[1].raw)
        self.earlier.append((place, found))
        if found.new == self._brought:
            self.keys = LogKeys.first(self._brought, place + 1)

    def finish(self) -> list[tuple[int, ProtocolError]]:
        """What is wrong after the last entry: also hand-overs that did not lead to the key that was brought."""
        if self.earlier and self.keys.keys[0][0] == 0:
            error = NotAuthentic(Code.NOTE_SIGNATURE, "handed over by a key that is not the one you brought")
            self.wrong += [(place, error) for place, _ in self.earlier]
        return sorted(self.wrong, key=lambda each: each[0])
