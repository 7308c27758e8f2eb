"""Verifying a receipt: what of it holds, what does not, and what cannot be said (docs/spec/log.md section 10).

Everything is computed again from the signatures up: the leaves from the records, the account from its events, each
decision from what was known. Whom to believe, a receipt cannot say of itself; what is not told, is ``UNKNOWN``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from pteri.audit.blocks import KnownBlocks, block_of, check_not_before
from pteri.audit.errors import in_our_words
from pteri.audit.event_anchors import anchored_by, read_event_anchor, what_to_give
from pteri.audit.leaves import leaf_of, read_record
from pteri.audit.rechecking import Unchecked
from pteri.audit.refolding import Refolding
from pteri.audit.site import KnownOfficer, Site
from pteri.core.anchor.proof import Block
from pteri.core.errors import Code, Malformed, NotAuthentic, ProtocolError
from pteri.core.ids import TenantId, Thumbprint
from pteri.core.keys.network import network_named
from pteri.core.log.checking import verify_inclusion
from pteri.core.log.checkpoint import claimed_head, open_checkpoint
from pteri.core.log.index import IndexKey, claimed_index, verify_index
from pteri.core.log.leaf import NOTHING, encode_leaf, parse_leaf, verify_account_chain
from pteri.core.log.note import NoteVerifier, parse_note
from pteri.core.log.receipt import Receipt, parse_receipt
from pteri.core.log.tree import leaf_hash
from pteri.core.log.witness import Quorum, verify_witnesses
from pteri.core.statement import instant_text
from pteri.domain.records import RecordedEvent
from pteri.domain.rules import Rules

__all__ = ["Check", "Finding", "Findings", "Trusted", "Verdict", "verify_receipt"]

_RULES: Final = msgspec.json.Decoder(Rules)


class Check(StrEnum):
    """What is looked at, in this order. Closed; a name is never reused."""

    RECORDS = "RECORDS"
    """Each leaf is what its record makes."""
    ACCOUNT = "ACCOUNT"
    """The leaves are in their order, without a gap, under one number."""
    INDEX = "INDEX"
    """The number is this account's, and the only one that it can have."""
    HISTORY = "HISTORY"
    """Signatures verify, decisions are what the rules say, each event can follow the one before it."""
    INCLUSION = "INCLUSION"
    """The last leaf is in the tree of the checkpoint."""
    CHECKPOINT = "CHECKPOINT"
    """The log signed the checkpoint."""
    WITNESSES = "WITNESSES"
    """Enough witnesses saw it."""
    ANCHOR = "ANCHOR"
    """The last leaf was in Litecoin by a certain block."""
    BLOCK = "BLOCK"
    """The last statement was signed after a certain block. Only where it names one."""


class Verdict(StrEnum):
    """What is known of it."""

    HOLDS = "HOLDS"
    FAILS = "FAILS"
    UNKNOWN = "UNKNOWN"
    """Nothing speaks against it; something is missing that would speak for it, and the detail says what."""


class Finding(msgspec.Struct, frozen=True):
    """One check, what came of it, and a sentence for people; the code only where something failed."""

    check: Check
    verdict: Verdict
    detail: str
    code: str | None = None


class Findings(msgspec.Struct, frozen=True):
    """All checks of one receipt: which event of which account it is for, and what holds."""

    tenant: str
    account: str
    seq: int
    event: str
    at: int
    found: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Nothing failed. It may still be that nobody was believed: see :attr:`is_complete`."""
        return all(each.verdict is not Verdict.FAILS for each in self.found)

    @property
    def is_complete(self) -> bool:
        """Everything was checked, and holds."""
        return all(each.verdict is Verdict.HOLDS for each in self.found)


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whom and what the auditor believes already; nothing of it comes from the receipt.

    ``index_key``: by which the accounts of this log have their numbers; ``Malformed(KEY)`` when it is another log's.
    ``at``: now, for the clocks of witnesses. ``block``: one that he knows, of ``network``. ``officers``: those of the
    relying party, by their phones; without them nothing is said of their acts. ``blocks``: headers that he has.
    """

    log: NoteVerifier | None = None
    index_key: IndexKey | None = None
    quorum: Quorum | None = None
    at: int = 0
    network: str = "main"
    block: Block | None = None
    confirmations: int = 6
    officers: Mapping[Thumbprint, KnownOfficer] | None = None
    blocks: KnownBlocks | None = None

    def __post_init__(self) -> None:
        if self.log is not None and self.index_key is not None and self.log.name != self.index_key.name:
            raise Malformed(Code.KEY, "the key of the log and the index key are of two logs")


def verify_receipt(data: bytes, *, trusted: Trusted | None = None) -> Findings:
    """What of this receipt holds. Without ``trusted``, whatever rests on somebody's word is ``UNKNOWN``.

    Raises :class:`pteri.audit.AuditError` when it cannot be read at all; what fails is a finding, and no exception.
    """
    believed = Trusted() if trusted is None else trusted
    with in_our_words():
        receipt = parse_receipt(data)
        network_named(believed.network)
        recorded = [read_record(entry.record) for entry in receipt.entries]
    found = list(_checked(receipt, recorded, believed))
    last = recorded[-1]
    return Findings(receipt.tenant, receipt.account, last.seq, last.event.name, last.event.at, tuple(found))


@dataclass(slots=True)
class _Folded:
    """What came of folding the history: the epoch after each event, and everything that was said on the way."""

    epochs: list[int] = field(default_factory=list)
    wrong: list[Finding] = field(default_factory=list)
    unchecked: Counter[Unchecked] = field(default_factory=Counter)
    proved: int = 0


def _checked(receipt: Receipt, recorded: Sequence[RecordedEvent], believed: Trusted) -> Iterator[Finding]:
    folded = _fold(receipt, recorded, believed)
    yield _held(Check.RECORDS, "every leaf is what its record makes", lambda: _check_leaves(receipt, recorded, folded))
    yield _held(Check.ACCOUNT, "the leaves follow each other, under one number", lambda: _check_account(receipt))
    yield _numbered(receipt, believed)
    yield from _history(folded)
    yield _held(Check.INCLUSION, "the event is in the tree of the checkpoint", lambda: _check_inclusion(receipt))
    yield from _signed(receipt, believed)
    yield _anchored(receipt, believed)
    yield from _signed_after(recorded[-1], believed.blocks)


def _held(check: Check, holds: str, verify: Callable[[], object]) -> Finding:
    try:
        verify()
    except ProtocolError as error:
        return Finding(check, Verdict.FAILS, error.detail, str(error.code))
    return Finding(check, Verdict.HOLDS, holds)


def _fold(receipt: Receipt, recorded: Sequence[RecordedEvent], believed: Trusted) -> _Folded:
    made = _Folded()

    def note(code: str, seq: int, sentence: str) -> None:
        made.wrong.append(Finding(Check.HISTORY, Verdict.FAILS, f"event {seq}: {sentence}", code))

    try:
        rules = _RULES.decode(receipt.rules)
    except (msgspec.DecodeError, UnicodeError):
        # Every event names the digest of its rules, so others than those would be seen as such.
        rules = Rules()
    refolding = Refolding(
        receipt.tenant,
        receipt.account,
        site=_site(receipt.tenant, believed),
        rules=rules,
        note=note,
    )
    for each in recorded:
        try:
            refolding.take(each)
        except Exception as error:  # noqa: BLE001 - a record that an enemy made may be impossible in any way
            note("EVENT_ILLEGAL", each.seq, f"nothing that a service records: {type(error).__name__}")
            refolding.lose(each.seq)
        made.epochs.append(-1 if refolding.account is None else refolding.account.epoch)
    made.unchecked, made.proved = refolding.unchecked, refolding.proved
    return made


@dataclass(frozen=True, slots=True)
class _Believed:
    """A relying party as whoever verifies the receipt describes it."""

    id: TenantId
    network: str
    officers: Mapping[Thumbprint, KnownOfficer] | None


def _site(tenant: TenantId, believed: Trusted) -> Site:
    """The relying party as far as an auditor knows it. Its domain stands in the statements; it has no keys here."""
    network = network_named(believed.network)
    return _Believed(tenant, network.name, believed.officers)


def _check_leaves(receipt: Receipt, recorded: Sequence[RecordedEvent], folded: _Folded) -> None:
    previous = NOTHING
    for entry, record, epoch in zip(receipt.entries, recorded, folded.epochs, strict=True):
        index = parse_leaf(entry.leaf).index
        made = leaf_of(record, entry.record, index=index, previous=previous, salt=entry.salt, epoch=epoch)
        if encode_leaf(made) != entry.leaf:
            raise NotAuthentic(Code.LEAF, f"the leaf of event {record.seq} is not what its record makes")
        previous = leaf_hash(entry.leaf)


def _check_account(receipt: Receipt) -> None:
    leaves = [entry.leaf for entry in receipt.entries]
    verify_account_chain(leaves, expected_index=parse_leaf(leaves[0]).index)


def _numbered(receipt: Receipt, believed: Trusted) -> Finding:
    """Whether the number of the first leaf is the account's; that all others have it, is the chain's to say."""
    try:
        index = parse_leaf(receipt.entries[0].leaf).index
        if believed.index_key is None:
            if claimed_index(receipt.index_proof) != index:
                raise NotAuthentic(Code.LEAF, "the index is not that of this account")
            return Finding(Check.INDEX, Verdict.UNKNOWN, "nobody said which index key is that of the log")
        verify_index(
            receipt.index_proof,
            expected_key=believed.index_key,
            expected_index=index,
            expected_tenant=receipt.tenant,
            expected_account=receipt.account,
        )
    except ProtocolError as error:
        return Finding(Check.INDEX, Verdict.FAILS, error.detail, str(error.code))
    return Finding(Check.INDEX, Verdict.HOLDS, "this number in the log is the account's, and its only one")


def _check_inclusion(receipt: Receipt) -> None:
    _, head = claimed_head(parse_note(receipt.checkpoint.encode()))
    verify_inclusion(receipt.entries[-1].leaf, receipt.path, expected_index=receipt.leaf_index, expected_head=head)


def _history(folded: _Folded) -> Iterator[Finding]:
    yield from folded.wrong
    unsaid = {reason: number for reason, number in sorted(folded.unchecked.items()) if number > 0}
    if unsaid:
        words = ", ".join(f"{reason} ({number})" for reason, number in unsaid.items())
        yield Finding(Check.HISTORY, Verdict.UNKNOWN, f"not all of the history can be checked from here: {words}")
    elif not folded.wrong:
        yield Finding(
            Check.HISTORY,
            Verdict.HOLDS,
            f"both signatures of {folded.proved} events verify, and every decision is what the rules say",
        )


def _signed(receipt: Receipt, believed: Trusted) -> Iterator[Finding]:
    raw = receipt.checkpoint.encode()
    if believed.log is None:
        yield Finding(Check.CHECKPOINT, Verdict.UNKNOWN, "nobody said which key is that of the log")
        yield Finding(Check.WITNESSES, Verdict.UNKNOWN, "without the key of the log nothing says what was witnessed")
        return
    try:
        opened = open_checkpoint(raw, expected_log=believed.log)
    except ProtocolError as error:
        yield Finding(Check.CHECKPOINT, Verdict.FAILS, error.detail, str(error.code))
        yield Finding(Check.WITNESSES, Verdict.UNKNOWN, "there is no checkpoint of this log that could be witnessed")
        return
    yield Finding(
        Check.CHECKPOINT, Verdict.HOLDS, f"{opened.origin} signed a tree of {opened.head.size} events with this root"
    )
    if believed.quorum is None:
        yield Finding(Check.WITNESSES, Verdict.UNKNOWN, "nobody said whose word counts as a witness")
        return
    try:
        seen = verify_witnesses(opened, expected_quorum=believed.quorum, at=believed.at).seen
    except ProtocolError as error:
        yield Finding(Check.WITNESSES, Verdict.FAILS, error.detail, str(error.code))
        return
    yield Finding(Check.WITNESSES, Verdict.HOLDS, "seen by " + ", ".join(name for name, _ in seen))


def _anchored(receipt: Receipt, believed: Trusted) -> Finding:
    try:
        fields = msgspec.json.decode(receipt.anchor)
    except RecursionError:
        return Finding(Check.ANCHOR, Verdict.FAILS, "the proof of the anchor is nested too deep", str(Code.ANCHOR))
    if fields is None:
        return Finding(Check.ANCHOR, Verdict.UNKNOWN, "the receipt has no anchor in Litecoin")
    try:
        proof = read_event_anchor(fields, receipt)
        if believed.block is None:
            return Finding(Check.ANCHOR, Verdict.UNKNOWN, what_to_give(proof))
        said = anchored_by(proof, believed.block, network=believed.network, confirmations=believed.confirmations)
    except ProtocolError as error:
        return Finding(Check.ANCHOR, Verdict.FAILS, error.detail, str(error.code))
    return Finding(Check.ANCHOR, Verdict.HOLDS, said)


def _signed_after(recorded: RecordedEvent, known: KnownBlocks | None) -> Iterator[Finding]:
    """Not before its block, and nothing about how long after: whoever signs may wait."""
    block = block_of(recorded)
    if block is None:
        return
    said = f"signed after block {block}"
    if known is None:
        yield Finding(Check.BLOCK, Verdict.UNKNOWN, f"{said}, if that is one of Litecoin's: nobody gave its headers")
        return
    if block == known.known.shown_id:
        yield Finding(Check.BLOCK, Verdict.HOLDS, f"{said}, the known one, of height {known.known.height}")
        return
    mined = known.blocks.get(block)
    if mined is None:
        where = f"it is not among the {len(known.blocks)} headers after block {known.known.height}"
        yield Finding(Check.BLOCK, Verdict.UNKNOWN, f"{said}, if that is one of Litecoin's: {where}")
        return
    said = f"{said} of height {mined.height}, found at {instant_text(mined.time)} by its miner's clock"
    yield _held(
        Check.BLOCK,
        f"{said}; {mined.after} headers follow it",
        lambda: check_not_before(mined, at=recorded.event.at),
    )
