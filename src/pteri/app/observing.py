"""What operators say of the line of an account, heard before a decision and recorded with it (spec section 8.8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from pteri.app.deployment import Deployment
from pteri.app.operators import Operator
from pteri.app.ports import LineAnswer, Store, Vault
from pteri.core.errors import Malformed
from pteri.core.esim import line_commitment, line_reference
from pteri.core.ids import AccountId, Digest, RequestId, TenantId
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.domain.account import Account
from pteri.domain.continuity import line_status, observed
from pteri.domain.events import Event
from pteri.domain.evolving import evolve
from pteri.domain.facts import Circumstances, LineStatus
from pteri.domain.kept_line import Heard, KeptLine
from pteri.domain.line import FRESH_S
from pteri.domain.signals import Finding, Question, Signal

__all__ = [
    "LineWatch",
    "Looked",
    "commitment_to",
    "keep_line",
    "kept_anew",
    "kept_number",
    "line_salts",
    "look_at_line",
    "nobody_to_ask",
    "opened_line",
    "salt_of_line",
]

_SALTED: Final = b"\0"
"""No line begins like this: it is followed by the salt of the commitment."""
_SALT_BYTES: Final = 32
_Place = tuple[TenantId, AccountId, Digest]


class Looked(msgspec.Struct, frozen=True):
    """The circumstances of a decision, the account in which they have happened, and how they did."""

    circumstances: Circumstances
    account: Account | None
    events: tuple[Event, ...] = ()


async def look_at_line(
    deployment: Deployment,
    tenant: TenantId,
    account: Account | None,
    *,
    of: AccountId,
    esim: Digest | None,
    request: RequestId,
    at: int,
) -> Looked:
    """Ask about the line ``esim`` of the account ``of``, which may not be bound yet. Also silence is recorded."""
    if esim is None:
        return Looked(Circumstances(at=at, line=LineStatus.UNKNOWN, line_checked_at=None), account)
    line = None if account is None else account.mobile_line
    answer = await deployment.line.heard(tenant, of, esim, since=at if line is None else line.since, at=at)
    events: tuple[Event, ...] = ()
    if account is not None:
        events = observed(
            account,
            answer.signals,
            request=request,
            at=at,
            answered_at=answer.answered_at,
            rules=deployment.rules,
        )
        for event in events:
            account = evolve(account, event)
        line = account.mobile_line
    status = line_status(line, answer.signals, at)
    seen = Circumstances(at=at, line=status, line_checked_at=answer.answered_at, signals=answer.signals)
    return Looked(seen, account, events)


def line_salts(deployment: Deployment, tenant: TenantId, account: AccountId) -> tuple[bytes, ...]:
    """32 bytes that hide the line of this account in its commitment: one for each key, new commitments by the first."""
    return deployment.vault.salts("line-salt", tenant, account)


async def salt_of_line(deployment: Deployment, account: Account) -> bytes:
    """The salt of the commitment that the account shows now, which may be of a key that writes no more."""
    salts = line_salts(deployment, account.tenant, account.id)
    found = await deployment.store.line(account.tenant, account.id)
    if found is None or found[0].esim != account.esim:
        return salts[0]  # of an older program, which kept no lines, and had one key
    return opened_line(deployment.vault, found[0])[1] or salts[0]


def commitment_to(deployment: Deployment, tenant: TenantId, account: AccountId, line: str) -> Digest:
    """What the account says of this line; ``Malformed`` for what names none."""
    return line_commitment(line_reference(line), salt=line_salts(deployment, tenant, account)[0], tenant=tenant)


def keep_line(vault: Vault, tenant: TenantId, account: AccountId, esim: Digest, line: str) -> KeptLine:
    """The line as it is kept: sealed for its own place with its salt, and a keyed hash to find it by."""
    salts = vault.salts("line-salt", tenant, account)
    fitting = [salt for salt in salts if line_commitment(line, salt=salt, tenant=tenant) == esim]
    return _kept(vault, (tenant, account, esim), line, fitting[0] if fitting else None)


def kept_anew(vault: Vault, kept: KeptLine) -> KeptLine:
    """The same line as the key that writes keeps it; ``ValueError`` for one that does not open."""
    line, salt = opened_line(vault, kept)
    if salt is None:
        return keep_line(vault, kept.tenant, kept.account, kept.esim, line)
    return _kept(vault, (kept.tenant, kept.account, kept.esim), line, salt)


def _kept(vault: Vault, place: _Place, line: str, salt: bytes | None) -> KeptLine:
    plain = line.encode("ascii") if salt is None else b"".join((_SALTED, salt, line.encode("ascii")))
    found_by = vault.spellings("line", place[0], line)[0]
    return KeptLine(*place, vault.seal(plain, _context(*place)), found_by.digest, found_by.key)


def opened_line(vault: Vault, kept: KeptLine) -> tuple[str, bytes | None]:
    """The line, and the salt of its commitment where it is kept with it; ``ValueError`` for another place or key."""
    plain = vault.open(kept.sealed, _context(kept.tenant, kept.account, kept.esim))
    if plain[:1] == _SALTED:
        return plain[1 + _SALT_BYTES :].decode("ascii"), plain[1 : 1 + _SALT_BYTES]
    return plain.decode("ascii"), None


def _context(tenant: TenantId, account: AccountId, esim: Digest) -> str:
    return f"line:{tenant}:{account}:{esim}"


def kept_number(vault: Vault, kept: KeptLine) -> PhoneNumber | None:
    """The number to ask operators about.

    A line may be named otherwise, by the number of its SIM say: then no operator is asked about it.
    """
    try:
        return PhoneNumber(opened_line(vault, kept)[0])
    except Malformed:
        return None


def nobody_to_ask(at: int) -> Signal:
    """What is known of possession where no operator is to be asked about this line."""
    return Signal(
        operator="none", question=Question.POSSESSION, finding=Finding.UNKNOWN, code="NOT_OFFERED", asked_at=at
    )


@dataclass(frozen=True, slots=True)
class LineWatch:
    """The ``LineEvidence`` port over the operators of each tenant: an answer counts for five minutes, in all processes.

    What an operator said is made durable before anybody decides on it (law 2).
    """

    store: Store
    vault: Vault
    operators: Mapping[TenantId, Operator]
    alarm: Callable[[Signal], None] = lambda _: None
    """Hears of each answer that is about another line, or not authentic: of which operator, and never of whom."""

    async def heard(self, tenant: TenantId, account: AccountId, esim: Digest, *, since: int, at: int) -> LineAnswer:
        """What they say now; nothing, where nobody is to be asked about this line."""
        operator = self.operators.get(tenant)
        found = None if operator is None else await self.store.line(tenant, account)
        if operator is None or found is None or found[0].esim != esim:
            return LineAnswer()
        kept, before = found
        # Rebound in the same second or not: what was heard of the line before that says nothing of it now.
        if before is not None and since <= before.asked_at <= at < before.asked_at + FRESH_S:
            return LineAnswer(before.signals, before.answered_at)
        number = self._number(kept)
        if number is None:
            return LineAnswer()
        signals = await operator.ask(number, since=since, at=at)
        for signal in signals:
            if signal.finding is Finding.CONTRADICTED:
                # As a change to the owner; to whoever runs the service it says that somebody lies, or is mistaken.
                self.alarm(signal)
        answered = any(signal.finding is not Finding.UNKNOWN for signal in signals)
        last = None if before is None else before.answered_at
        heard = Heard(esim, at, at if answered else last, signals)
        await self.store.hear(tenant, account, heard)
        return LineAnswer(signals, heard.answered_at)

    async def alive(self, tenant: TenantId, account: AccountId, esim: Digest, token: Secret, *, at: int) -> Signal:
        """The word of the one operator of the tenant that may see tokens."""
        try:
            operator = self.operators.get(tenant)
            found = None if operator is None else await self.store.line(tenant, account)
            number = None if found is None or found[0].esim != esim else self._number(found[0])
            if operator is None or number is None:
                return nobody_to_ask(at)
            return await operator.possession(number, token, at=at)
        finally:
            token.wipe()

    def _number(self, kept: KeptLine) -> PhoneNumber | None:
        return kept_number(self.vault, kept)
