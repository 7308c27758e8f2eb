"""What the answer to a challenge must be: rebuilt from our own records, for a phone that may give it (law 1).

The account is looked at as it is now, after what time alone has ended. Decoys end here, like every stranger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pteri.app.callers import key_of
from pteri.app.committing import settled
from pteri.app.deployment import Tenant
from pteri.app.refusals import Denied
from pteri.app.statements import bind_statement, sign_in_statement
from pteri.core.ids import to_base64url
from pteri.core.keys.device import DeviceKey
from pteri.core.statement import Statement
from pteri.core.verify import Payload
from pteri.core.wallets import PinnedWallet, pin_wallet
from pteri.domain.account import Account
from pteri.domain.challenge import BindAsked, Challenge, SignInAsked, StatementAsked
from pteri.domain.device import DeviceState
from pteri.domain.events import Event

__all__ = ["Expected", "expected_answer", "key_that_answered"]

_ANY_STATE: Final = frozenset(DeviceState)
_SIGNING: Final = {
    "accept": frozenset({DeviceState.PENDING, DeviceState.ACTIVE}),
    # A phone that was removed objects with the same words, and one that waits takes its claim back.
    "veto": frozenset({DeviceState.PENDING, DeviceState.ACTIVE, DeviceState.SUSPENDED}),
    # A removed phone hears from policy that its key cannot come back; it learns that only with both signatures.
    "recover": _ANY_STATE,
    "setup-otp": _ANY_STATE,
    "freeze": _ANY_STATE,
    "vouch": _ANY_STATE,
    "attest": _ANY_STATE,
}
_NO_POINT: Final = to_base64url(bytes(33))
_BY_STRANGERS: Final = frozenset({"recover", "setup-otp", "freeze", "vouch", "attest"})


@dataclass(frozen=True, slots=True)
class Expected:
    """The statement, the wallet and the phone of the answer; ``account`` is ``stored`` after ``lapsed``.

    ``signer``: whose wallet the answer must say that signed, where it may be another than the account's.
    """

    statement: Statement
    wallet: PinnedWallet
    device: DeviceKey
    stored: Account | None
    account: Account | None
    lapsed: tuple[Event, ...]
    new_wallet: PinnedWallet | None = None
    recovery_code: str | None = None
    signer: PinnedWallet | None = None


def expected_answer(
    tenant: Tenant, challenge: Challenge, payload: Payload, *, key_id: str, stored: Account | None, at: int
) -> Expected:
    """What the phone ``key_id`` must have signed; ``Denied`` or ``Malformed`` where no answer of it can be right."""
    asked = challenge.asked
    if isinstance(asked, BindAsked):
        return _binding(tenant, challenge, asked, payload, stored)
    if payload.enrolment is not None:
        raise Denied("keys where none are wanted")
    if stored is None:
        return _decoy(asked, payload, key_id)
    account, lapsed = settled(stored, at)
    device = account.device(key_id)
    if isinstance(asked, SignInAsked):
        if device is None or device.state is not DeviceState.ACTIVE:
            raise Denied("not a verified phone of this account")
        statement = sign_in_statement(tenant, challenge, asked, account, device)
        return Expected(statement, account.wallet, key_of(device.key), stored, account, lapsed)
    purpose, key = asked.statement.purpose, key_of(asked.device_key)
    if key.thumbprint != key_id:
        raise Denied("not the phone that asked")
    if device is None and purpose not in _BY_STRANGERS:
        raise Denied("not a phone of this account")
    if device is not None and device.state not in _SIGNING.get(purpose, {DeviceState.ACTIVE}):
        raise Denied("a phone that is no longer in a state to sign this")
    wallet = account.wallet if asked.wallet is None else asked.wallet
    return Expected(
        asked.statement,
        wallet,
        key,
        stored,
        account,
        lapsed,
        asked.new_wallet,
        asked.recovery_code,
        asked.wallet,
    )


def _decoy(asked: SignInAsked | StatementAsked, payload: Payload, key_id: str) -> Expected:
    """A code set-up for a wallet that no account has takes the work of one that has, or the clock would tell which.

    The wallet has the address that was asked for and a key that is no point, so nobody signs for it.
    """
    if isinstance(asked, SignInAsked):
        raise Denied("a decoy")
    key = key_of(asked.device_key)
    if key.thumbprint != key_id:
        raise Denied("not the phone that asked")
    nobodys = PinnedWallet(asked.statement.address, _NO_POINT, payload.wallet_signature.type)
    # What came beside it is taken as it is: the signature of nobody's wallet is what fails, after as much work.
    return Expected(asked.statement, nobodys, key, None, None, (), asked.new_wallet, asked.recovery_code, asked.wallet)


def _binding(
    tenant: Tenant, challenge: Challenge, asked: BindAsked, payload: Payload, stored: Account | None
) -> Expected:
    if payload.enrolment is None or stored is not None:
        raise Denied("a binding needs keys, once")
    told = payload.enrolment.wallet
    wallet = pin_wallet(told.address, told.public_key, told.signature_type, network=tenant.network)
    key = key_of(payload.enrolment.device_key)
    statement = bind_statement(tenant, challenge, asked, wallet, key.thumbprint)
    return Expected(statement, wallet, key, None, None, ())


def key_that_answered(
    challenge: Challenge, payload: Payload, *, key_id: str, stored: Account | None
) -> DeviceKey | None:
    """The key that an earlier answer must have been signed with, whatever has become of its phone since."""
    match challenge.asked:
        case BindAsked():
            text = None if payload.enrolment is None else payload.enrolment.device_key
        case SignInAsked():
            device = None if stored is None else stored.device(key_id)
            text = None if device is None else device.key
        case StatementAsked(device_key=device_key):
            text = device_key
    return None if text is None else key_of(text)
