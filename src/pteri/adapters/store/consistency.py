"""Whether a changeset agrees with itself, before any database is asked.

What fails here is no race and no policy but a bug of ours: a gap in an account's events would be found years later,
by an auditor, so the store never lets it in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pteri.adapters.store.errors import InconsistentChangeset

if TYPE_CHECKING:
    from pteri.app.ports import AccountChange, Changeset

__all__ = ["at_most", "check_consistency"]


def check_consistency(changeset: Changeset) -> None:
    """Return for a changeset of one tenant whose versions grow and whose events follow without a gap.

    Raises ``InconsistentChangeset`` for any other.
    """
    tenant = changeset.tenant
    for change in changeset.challenges:
        _require(change.challenge.tenant == tenant, "a challenge of another tenant")
        # A version that stands still would let two commits win the same compare-and-swap.
        _require(0 <= change.expected_version < change.challenge.version, "a challenge without a new version")
    for notice in changeset.notices:
        _require(notice.tenant == tenant, "a notice of another tenant")
    for address in changeset.addresses:
        _require(address.tenant == tenant, "an address of another tenant")
    if changeset.chip is not None:
        _require(changeset.chip.tenant == tenant, "a chip of another tenant")
    if changeset.line is not None:
        _require(changeset.line.tenant == tenant, "a line of another tenant")
    for count in changeset.counts:
        _require(count.window_s > 0, "a window without length")
    if changeset.account is not None:
        _require(changeset.account.account.tenant == tenant, "an account of another tenant")
        _check_events(changeset.account)


def at_most(limit: int) -> int:
    """The same limit; ``ValueError`` for a negative one, which one database reads as "all" and another refuses."""
    if limit < 0:
        raise ValueError("a limit is 0 or more")
    return limit


def _check_events(change: AccountChange) -> None:
    account, events = change.account, change.events
    _require(change.expected_version >= 0, "an account version below 0")
    _require(bool(events), "an account changes by events only")
    for seq, recorded in enumerate(events, start=change.expected_version + 1):
        _require(recorded.seq == seq, "events with a gap")
        _require(recorded.account == account.id and recorded.tenant == account.tenant, "an event of another account")
    _require(account.version == events[-1].seq, "an account that is not the fold of its events")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InconsistentChangeset(otherwise)
