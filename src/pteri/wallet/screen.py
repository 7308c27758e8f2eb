"""What a person sees in a terminal, and what a program reads instead: one JSON object on standard output.

Nothing that came from outside is printed as markup or with control characters: a terminal obeys them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from rich.box import ROUNDED
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pteri.core.acts import Authenticate, RevokeDevice
from pteri.wallet.refusals import utc_text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pteri.core.errors import ProtocolError
    from pteri.core.statement import Statement
    from pteri.wallet.ceremony import Review, Signed
    from pteri.wallet.errors import WalletError
    from pteri.wallet.phone import Phone

__all__ = ["Screen", "Told", "proof_line", "signed_told", "statement_told"]

Told = Mapping[str, object]
"""What a command found out, as JSON values."""

_MAX_TERMS = 2000
_HANDS_OVER = "The waiting time is over. Say yes, and this phone hands your wallet to the new one now."
_AGAIN = "Asked once more: the phones of your account have changed since this phone last looked."


class Screen:
    """Standard output for the answer, standard error for refusals; with ``as_json`` the answer is one JSON object."""

    def __init__(self, *, as_json: bool, no_color: bool, is_interactive: bool) -> None:
        self.as_json = as_json
        self.is_interactive = is_interactive
        self._out = Console(stderr=as_json, no_color=no_color, highlight=False, soft_wrap=True)
        self._err = Console(stderr=True, no_color=no_color, highlight=False, soft_wrap=True)

    def say(self, *lines: str) -> None:
        """Sentences for a person; nothing for a program."""
        if not self.as_json:
            self._out.print(*lines, sep="\n", markup=False)

    def tell(self, told: Told) -> None:
        """The answer for a program; nothing for a person, who has been told already."""
        if self.as_json:
            _write_json({"ok": True, **told})

    def fail(self, error: WalletError | ProtocolError, message: str) -> None:
        """A refusal, with its stable code."""
        if self.as_json:
            extra = {name: getattr(error, name, None) for name in ("field", "status", "until", "evidence")}
            known = {name: value for name, value in extra.items() if value}
            _write_json({"ok": False, "code": str(error.code), "message": message, **known})
        else:
            until = getattr(error, "until", None)
            when = [] if until is None else [f"From {utc_text(until)} on it can succeed."]
            evidence = getattr(error, "evidence", None)
            proof = [] if evidence is None else [proof_line(evidence)]
            self._err.print(message, *when, *proof, f"({error.code})", sep="\n", markup=False)

    def show_review(self, review: Review, *, details: bool) -> None:
        """What is asked, in words; the exact text and its digest under ``details`` (a Ledger shows the digest only)."""
        statement, act = review.statement, review.statement.act
        about: list[RenderableType] = [
            Text(act.sentence(statement.domain)),
            Text(f"\nAsked by: {statement.domain}\nUntil: {utc_text(statement.expires_at)}"),
        ]
        if review.hands_over:
            about.insert(0, Text(f"{_HANDS_OVER}\n", style="bold"))
        if review.is_again:
            about.insert(0, Text(f"{_AGAIN}\n", style="bold"))
        if isinstance(act, Authenticate):
            about.append(Text(f"Number on the other screen: {act.code}", style="bold"))
        if review.recovery_terms is not None:
            about.append(Text(f"\nIf you lose this phone:\n{_printable(review.recovery_terms)}"))
        if details:
            about.append(Text(f"\n{review.text}\n\nSHA-256: {review.sha256_hex}", style="dim"))
        title = "REMOVE A PHONE" if isinstance(act, RevokeDevice) else act.verb
        self._out.print(Panel(Group(*about), title=Text(title), title_align="left", expand=False), soft_wrap=False)

    @contextmanager
    def busy(self, sentence: str) -> Iterator[None]:
        """Say what takes a while, as long as it takes; in a terminal only."""
        if self.as_json or not self.is_interactive:
            yield
            return
        with self._out.status(Text(sentence)):
            yield

    def show_table(self, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows for a person; nothing for a program."""
        if self.as_json:
            return
        table = Table(title=Text(title), title_justify="left", box=ROUNDED)
        for head in heads:
            table.add_column(head, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._out.print(table, soft_wrap=False)

    def show_qr(self, text: str) -> None:
        """A code for another phone's camera, in a terminal only."""
        if self.as_json or not self.is_interactive:
            return
        try:
            import segno  # noqa: PLC0415 - optional: comes with the extra "wallet"
        except ImportError:
            return
        segno.make_qr(text).terminal(out=sys.stdout, compact=True)


def _printable(text: str) -> str:
    kept = "".join(character for character in text[:_MAX_TERMS] if character.isprintable() or character == "\n")
    return kept.strip()


def proof_line(evidence: str) -> str:
    """Where two checkpoints are that do not follow each other, and who can look at them."""
    return f"The proof is in {evidence}: anybody verifies it with pteri verify split, who has the key of the log."


def _write_json(told: Told) -> None:
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")


def signed_told(phone: Phone, signed: Signed, *, details: bool) -> dict[str, object]:
    """What a program hears of a statement that the server has accepted."""
    return {
        "decision": signed.decision,
        "reason": signed.reason,
        "until": signed.until,
        **statement_told(phone, signed.statement, details=details),
    }


def statement_told(phone: Phone, statement: Statement, *, details: bool) -> dict[str, object]:
    """What a program hears of a statement that this phone has signed."""
    told: dict[str, object] = {
        "purpose": statement.purpose,
        "domain": statement.domain,
        "account": statement.act.account,
        "request": statement.request_id,
        "phone": phone.name,
    }
    if details:
        told["statement"] = statement.encode().decode("ascii")
        told["statement_sha256"] = statement.sha256().hex().upper()
    return told
