"""What happens to a mobile number, and how a sign-in of Alice's tells the bank of it."""

from __future__ import annotations

from typing import Final

from pteri.demo.cast import EMAIL
from pteri.demo.narrator import OPERATOR, SIGNED, Narrator
from pteri.demo.stage import Answer, Phone

__all__ = ["LineNarrator"]

_MEANS: Final = {
    "CONTINUOUS": "both keys signed, and the operator knows of no change of the line",
    "UNKNOWN": "both keys signed; nobody confirms the line just now, which counts neither for nor against anybody",
    "CHANGED": "both keys signed; the line has changed and its owner had not said so: she is told, not locked out",
}


class LineNarrator(Narrator):
    """A story in which the operator is asked."""

    def _desk(self, name: str, told: str, act: str, **order: str) -> Answer:
        """A step at the desk of the simulated operator."""
        return self._step(name, OPERATOR, lambda: self._at_desk(act, **order), "done", told=told)

    def _signed_in(self, name: str, told: str, line: str, state: str, *, line_level: int = 0) -> None:
        """Alice signs in with her own phone, which she always can, and the bank hears how well the line is known."""
        level = "FULL" if line == "CONTINUOUS" else "REDUCED"
        self._step(
            name,
            "Alice",
            lambda: self._sign_in(self._cast.own),
            "accepted",
            reason=state,
            told=f"{told}; the bank hears: level {level}, line {line} ({state})",
            why=_MEANS[line],
            shows={"level": level, "line": line, "line_level": line_level},
        )

    def _sign_in(self, phone: Phone) -> Answer:
        waiting = self._stage.site.sign_in(EMAIL, prompt=False)
        approved = phone.do("sign-in", waiting.qr, *SIGNED)
        if not approved.ok:
            return approved
        self._cast.codes.append(str(approved["code"]))
        done = self._stage.site.code(waiting, str(approved["code"]))
        # How the line stands is the news here; that the sign-in is complete is seen from the yes.
        # A level of 0 is not spelt out.
        return Answer(done.ok, done.code, {"line_level": 0} | done.told | {"reason": done.told.get("line_state", "")})

    def _rebound(self, name: str, told: str, number: str) -> None:
        """Her own phone says which line it is."""
        rebound = self._step(
            name,
            "Alice",
            lambda: self._cast.own.do("line", "rebind", number, *SIGNED),
            "accepted",
            reason="BOTH_KEYS",
            told=f"pteri wallet line rebind {number}: {told}",
        )
        self._tell.statement("Alice's phone", str(rebound["statement"]))

    def _newest_notice(self, phone: Phone) -> Answer:
        """What this phone is told: the kind of the newest notice, as the reason."""
        seen = phone.do("devices")
        notices = seen.told.get("notices") or [{}]
        return Answer(seen.ok, seen.code, {"reason": notices[0].get("kind", "")})
