"""Offline codes of an account: prepared by a verified phone, each taken once (docs/spec section 8.7).

A code is no statement: it says nothing about what it is for, and it is as old as its chain. So it opens a browser
session, at the lower level, and nothing else; it is off unless a tenant turns it on.
"""

from __future__ import annotations

from msgspec.structs import replace

from pteri.core.acts import SetupOtp
from pteri.core.ids import Thumbprint
from pteri.core.offline import STEPS_S, ChainTerms, SpentElement
from pteri.core.verify import MAX_AGE_S, MAX_AHEAD_S
from pteri.domain.account import Account, AccountState, OfflineChain
from pteri.domain.decisions import Decision, Level, Permit, Reason, Refuse
from pteri.domain.device import DeviceState
from pteri.domain.events import OfflineCodesPrepared, SignedInOffline
from pteri.domain.rules import Rules
from pteri.domain.seeing import Seen
from pteri.domain.tables import IllegalTransition

__all__ = ["chain_of", "offline_codes_prepared", "prepare", "sign_in", "signed_in_offline", "without_dead_chains"]


def chain_of(account: Account, device: Thumbprint) -> OfflineChain | None:
    """The chain of this phone."""
    return next((chain for chain in account.offline if chain.terms.device == device), None)


# --- decisions ------------------------------------------------------------------------------------------------------


def prepare(act: SetupOtp, seen: Seen, rules: Rules) -> Decision:
    """A verified phone that may change things prepares them for itself, from now on and for no longer than allowed."""
    if seen.account.state is not AccountState.OPEN:
        return Refuse(Reason.ACCOUNT_NOT_OPEN)
    if (no := seen.may_not_change()) is not None:
        return no
    begins_now = seen.at - MAX_AGE_S <= act.start <= seen.at + MAX_AHEAD_S
    if not begins_now or act.step not in STEPS_S or not 0 < act.length * act.step <= rules.offline_codes_s:
        return Refuse(Reason.NOT_OFFERED)
    return Permit(Reason.BOTH_KEYS)


def sign_in(device: Thumbprint, account: Account, rules: Rules) -> Decision:
    """What a verified offline code of this phone opens."""
    if account.state is not AccountState.OPEN:
        return Refuse(Reason.ACCOUNT_NOT_OPEN)
    phone = account.device(device)
    if phone is None or phone.state is not DeviceState.ACTIVE:
        return Refuse(Reason.DEVICE_NOT_ACTIVE)
    # A tenant that has turned them off means those that are prepared, too.
    if rules.offline_codes_s == 0:
        return Refuse(Reason.NOT_OFFERED)
    return Permit(Reason.OFFLINE_CODE, Level.REDUCED)


# --- the fold -------------------------------------------------------------------------------------------------------


def offline_codes_prepared(account: Account, event: OfflineCodesPrepared) -> Account:
    """A new chain of this phone, in place of the one that it had."""
    phone = account.verified(event.device).thumbprint
    terms = ChainTerms(account.id, phone, event.start, event.step, event.length)
    before = chain_of(account, phone)
    # Prepared twice, the same chain is still used as far as it was: or a code that was seen would count once more.
    spent = before.spent if before is not None and (before.terms, before.end) == (terms, event.chain_end) else None
    others = tuple(chain for chain in account.offline if chain.terms.device != phone)
    return replace(account, offline=(*others, OfflineChain(event.request, terms, event.chain_end, spent)))


def signed_in_offline(account: Account, event: SignedInOffline) -> Account:
    """The element is spent, and with it every earlier one."""
    chain = chain_of(account, account.verified(event.device).thumbprint)
    if chain is None or (chain.spent is not None and event.slot <= chain.spent.slot):
        raise IllegalTransition("an offline code counts once, and none before it counts after it")
    spent = replace(chain, spent=SpentElement(event.slot, event.element))
    seen = replace(account.known(event.device), last_seen_at=event.at)
    return replace(
        account,
        devices=account.with_devices(seen),
        offline=tuple(spent if chain is other else other for other in account.offline),
    )


def without_dead_chains(account: Account) -> Account:
    """Without the chains of phones that are not verified any more: what they prepared does not outlive that."""
    if not account.offline:
        return account
    verified = {device.thumbprint for device in account.active_devices()}
    kept = tuple(chain for chain in account.offline if chain.terms.device in verified)
    return account if len(kept) == len(account.offline) else replace(account, offline=kept)
