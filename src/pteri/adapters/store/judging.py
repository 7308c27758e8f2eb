"""What becomes of a batch, decided in memory: the outcome of each changeset, and the rows to write for all of them.

The order of questions is part of the contract: the first promise that would be broken names the outcome. The recorded
answer comes first: a repeat must read its first answer back although by now its nonce is spent and its versions are
old. Counts come next: whoever is over a limit learns nothing else.

Changesets are judged one after the other, each on what the database holds and what the ones before it did: a nonce
or key that comes twice in one batch meets itself, like any other repeat. What a refused changeset did is taken back.

Judged once on what is hoped for (every version as expected, nothing spent or taken), a batch needs no reading at all:
each row is written under a condition that makes the hope true, and where one fails nothing is written, and the batch
is judged again on what the database really holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pteri.adapters.store import codec
from pteri.adapters.store.rows import (
    ANSWERED,
    PENDING,
    SHOWN,
    UNLIMITED,
    Held,
    Key,
    Row,
    Writes,
    counter_key,
    window_end,
)
from pteri.app.ports import (
    ChallengeChange,
    Changeset,
    Committed,
    Conflict,
    ConflictKind,
    Limited,
    Outcome,
    Repeated,
)
from pteri.domain.account import Account
from pteri.domain.addresses import Address
from pteri.domain.challenge import Challenge, ChallengeState, SignInAsked
from pteri.domain.chip import KeptChip
from pteri.domain.kept_line import KeptLine

__all__ = ["Judged", "judge"]

_COMMITTED: Final = Committed()
_ABSENT: Final = object()


class Judged(msgspec.Struct, frozen=True):
    """Outcomes in the order of the batch. ``writes``: ``None`` where there is nothing to keep."""

    outcomes: list[Outcome]
    writes: Writes | None

    @property
    def all_committed(self) -> bool:
        """Whether nothing is refused."""
        return all(outcome is _COMMITTED for outcome in self.outcomes)


def judge(batch: Sequence[Changeset], held: Held) -> Judged:
    """The outcome of every changeset in order. ``held`` is used up: afterwards it is what the batch leaves behind."""
    judging = _Judging(held)
    outcomes = [judging.outcome(changeset) for changeset in batch]
    keeps = any(outcome is _COMMITTED for outcome in outcomes)
    return Judged(outcomes, judging.all_writes() if keeps else None)


class _Judging:
    def __init__(self, held: Held) -> None:
        self._held = held
        self._writes = Writes()
        self._undo: list[tuple[dict[Key, Any], Key, Any]] = []
        self._challenges: dict[Key, Challenge] = {}
        self._accounts: dict[Key, Account] = {}
        self._first_challenges: dict[Key, int] = {}
        self._first_accounts: dict[Key, int] = {}
        """Versions before this batch."""
        self._claimed: list[Row] = []
        self._added: dict[Key, int] = {}
        self._ceilings: dict[Key, int] = {}
        self._addresses: dict[Key, Address] = {}
        self._lines: dict[Key, KeptLine] = {}
        self._chips: dict[Key, KeptChip] = {}

    def outcome(self, changeset: Changeset) -> Outcome:
        """Do all of it in memory, or say why not and do nothing."""
        refused = (
            self._repeated(changeset)
            or self._limited(changeset)
            or self._nonce_spent(changeset)
            or self._challenges_moved(changeset)
            or self._account_moved(changeset)
        )
        if refused is None:
            self._record(changeset)
            self._undo.clear()
            return _COMMITTED
        while self._undo:
            mapping, key, before = self._undo.pop()
            if before is _ABSENT:
                del mapping[key]
            else:
                mapping[key] = before
        return refused

    def _set(self, mapping: dict[Key, Any], key: Key, value: object) -> None:
        self._undo.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    def _repeated(self, changeset: Changeset) -> Repeated | Conflict | None:
        answer = changeset.answer
        if answer is None:
            return None
        first = self._held.answers.get((changeset.tenant, answer.caller, answer.key))
        if first is None:
            return None
        if first.request_sha256 != answer.request_sha256:
            return Conflict(ConflictKind.KEY_REUSED)
        return Repeated(first)

    def _limited(self, changeset: Changeset) -> Limited | None:
        totals = self._held.totals
        for count in changeset.counts:
            key = counter_key(changeset.tenant, count)
            total = totals.get(key, 0)
            if count.limit is not None:
                if total >= count.limit:
                    return Limited(count.kind, retry_at=window_end(count))
                # What was there before this batch may be so much and no more for this to be true.
                room = count.limit - 1 - self._added.get(key, 0)
                if room < self._ceilings.get(key, UNLIMITED):
                    self._set(self._ceilings, key, room)
            if count.adds:
                self._set(totals, key, total + 1)
                self._set(self._added, key, self._added.get(key, 0) + 1)
        return None

    def _nonce_spent(self, changeset: Changeset) -> Conflict | None:
        if changeset.spent is None:
            return None
        key = (changeset.tenant, changeset.spent)
        if key in self._held.spent:
            return Conflict(ConflictKind.NONCE_SPENT)
        self._set(self._held.spent, key, True)
        return None

    def _challenges_moved(self, changeset: Changeset) -> Conflict | None:
        for change in changeset.challenges:
            conflict = self._challenge_moved(changeset, change)
            if conflict is not None:
                return Conflict(conflict)
        return None

    def _challenge_moved(self, changeset: Changeset, change: ChallengeChange) -> ConflictKind | None:
        challenge, held = change.challenge, self._held
        nonce = (challenge.tenant, challenge.nonce)
        # The challenge of a spent nonce may be forgotten by now; its nonce never is. One that is issued and answered
        # in the same changeset has spent its own nonce a moment ago.
        new = change.expected_version == 0
        if new and challenge.nonce != changeset.spent and nonce in held.spent:
            return ConflictKind.NONCE_SPENT
        waits = challenge.state is ChallengeState.ISSUED
        # To be asked does no harm; only answers count.
        if not (new and waits) and (challenge.tenant, challenge.account) in held.halted:
            return ConflictKind.ACCOUNT_HALTED
        key = (challenge.tenant, challenge.id)
        now = self._version(held.challenges, key, change.expected_version)
        if now != change.expected_version:
            return ConflictKind.CHALLENGE_VERSION
        holder = held.waiting.get(nonce)
        if new and waits and holder is not None:
            return ConflictKind.NONCE_SPENT
        if held.hoped and holder not in {None, challenge.id}:
            return ConflictKind.NONCE_SPENT  # perhaps: a hope that has to look first
        self._set(held.challenges, key, challenge.version)
        if waits:
            self._set(held.waiting, nonce, challenge.id)
        elif holder == challenge.id:
            self._set(held.waiting, nonce, None)
        self._set(self._challenges, key, challenge)
        self._first_challenges.setdefault(key, now)
        return None

    def _version(self, versions: dict[Key, int], key: Key, expected: int) -> int:
        """The version now; 0 where there is none."""
        now = versions.get(key)
        if now is None:
            now = expected if self._held.hoped else 0
        return now

    def _account_moved(self, changeset: Changeset) -> Conflict | None:
        change = changeset.account
        if change is None:
            return None
        account, held = change.account, self._held
        key = (account.tenant, account.id)
        if key in held.halted:
            return Conflict(ConflictKind.ACCOUNT_HALTED)
        now = self._version(held.accounts, key, change.expected_version)
        if now != change.expected_version:
            return Conflict(ConflictKind.ACCOUNT_VERSION)
        self._set(held.accounts, key, account.version)
        self._set(self._accounts, key, account)
        self._first_accounts.setdefault(key, now)
        self._claimed = []
        for claim in change.claims:
            claimed = (account.tenant, claim.kind.value, claim.value)
            holder = held.claims.get(claimed)
            if holder is None:
                self._set(held.claims, claimed, account.id)
                self._claimed.append((*claimed, account.id, claim.key, claim.bond))
            elif holder != account.id:
                return Conflict(ConflictKind.CLAIM_TAKEN, claim.kind)
        return None

    def _record(self, changeset: Changeset) -> None:
        """Nothing can refuse any more: the rows that are this changeset's alone."""
        tenant, writes = changeset.tenant, self._writes
        if changeset.spent is not None:
            writes.spent.append((tenant, changeset.spent))
        for change in changeset.challenges:
            if change.expected_version == 0 and change.challenge.nonce != changeset.spent:
                writes.fresh.append((tenant, change.challenge.nonce))
        if changeset.account is not None:
            writes.claims += self._claimed
            for each in changeset.account.events:
                writes.events.append((each.tenant, each.account, each.seq, codec.encode(each)))
        for notice in changeset.notices:
            writes.notices.append((tenant, notice.account, notice.id, notice.at, codec.encode(notice)))
        self._record_what_is_kept_beside(changeset)
        answer = changeset.answer
        if answer is not None:
            key = (tenant, answer.caller, answer.key)
            self._held.answers[key] = answer
            writes.answers.append(
                (*key, answer.request_sha256, answer.status, answer.body, answer.at, int(answer.on_log))
            )

    def _record_what_is_kept_beside(self, changeset: Changeset) -> None:
        """Addresses of warnings, lines and chips: of what changed several times in a batch, the last counts."""
        tenant = changeset.tenant
        for address in changeset.addresses:
            place = (tenant, address.account, address.channel)
            before = self._addresses.get(place)
            # Of two changes of one address, the row is written once: as it came, with its last end.
            came = before if before is not None and before.sealed and not address.sealed else address
            self._addresses[place] = msgspec.structs.replace(came, ends_at=address.ends_at)
        if (line := changeset.line) is not None:
            self._lines[tenant, line.account] = line
        if (chip := changeset.chip) is not None:
            self._chips[tenant, chip.account] = chip

    def all_writes(self) -> Writes:
        """The rows of the whole batch: of what changed several times, only how it ends."""
        writes = self._writes
        for key, challenge in self._challenges.items():
            first, payload = self._first_challenges[key], codec.encode(challenge)
            where = (challenge.version, _waits(challenge), _approved(challenge))
            if first:
                writes.moved.append((*key, first, *where, challenge.expires_at, payload))
            else:
                lives = (challenge.issued_at, challenge.expires_at)
                writes.issued.append((*key, challenge.account, *where, *lives, challenge.nonce, payload))
        for key, account in self._accounts.items():
            first, state = self._first_accounts[key], codec.encode(account)
            if first:
                writes.evolved.append((*key, first, account.version, state))
            else:
                writes.opened.append((*key, account.version, state))
        self._write_what_is_kept_beside(writes)
        for key, added in self._added.items():
            writes.counted.append((*key, added, self._ceilings.get(key, UNLIMITED)))
        for key, ceiling in self._ceilings.items():
            if key not in self._added:
                writes.looked.append((*key, ceiling))
        return writes

    def _write_what_is_kept_beside(self, writes: Writes) -> None:
        """Addresses of warnings and lines: sealed, outside of the account that names them by digest."""
        for key, address in self._addresses.items():
            if address.sealed:
                writes.addresses.append((*key, address.sealed, address.since, address.ends_at))
            else:
                writes.ended.append((*key, address.ends_at))
        for key, line in self._lines.items():
            writes.lines.append((*key, line.esim, line.sealed, line.mac, line.mac_key))
        writes.chips += [(*key, chip.chip) for key, chip in self._chips.items()]


def _waits(challenge: Challenge) -> int:
    if challenge.state is not ChallengeState.ISSUED:
        return ANSWERED
    return SHOWN if challenge.prompted and isinstance(challenge.asked, SignInAsked) else PENDING


def _approved(challenge: Challenge) -> int:
    return int(challenge.state is ChallengeState.VERIFIED and isinstance(challenge.asked, SignInAsked))
