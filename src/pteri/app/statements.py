"""Statements rebuilt from our own records: what is verified is never what a client sent (law 1)."""

from __future__ import annotations

from pteri.app.deployment import Tenant
from pteri.core.acts import Authenticate, BindWallet, StatementAct
from pteri.core.ids import AccountId, BlockId, Nonce, RequestId, Thumbprint
from pteri.core.statement import Statement, after_block
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account
from pteri.domain.challenge import BindAsked, Challenge, SignInAsked
from pteri.domain.device import Device

__all__ = ["bind_statement", "sign_in_statement", "statement_for"]


def statement_for(
    tenant: Tenant,
    address: str,
    act: StatementAct,
    *,
    request: RequestId,
    nonce: Nonce,
    issued_at: int,
    life_s: int,
    block: BlockId | None = None,
) -> Statement:
    """The frame around an act: domain and chain come from configuration. ``block`` must have room in it."""
    return Statement(
        domain=tenant.domain,
        address=address,
        chain=tenant.chain,
        nonce=nonce,
        issued_at=issued_at,
        expires_at=issued_at + life_s,
        request_id=request,
        act=act,
        block=block,
    )


def _framed(
    tenant: Tenant, challenge: Challenge, address: str, act: StatementAct, block: BlockId | None = None
) -> Statement:
    return statement_for(
        tenant,
        address,
        act,
        request=challenge.id,
        nonce=challenge.nonce,
        issued_at=challenge.issued_at,
        life_s=challenge.expires_at - challenge.issued_at,
        block=block,
    )


def bind_statement(
    tenant: Tenant, challenge: Challenge, asked: BindAsked, wallet: PinnedWallet, device: Thumbprint
) -> Statement:
    """Link account, wallet, line and the phone that brings its keys now. The epoch before binding is 0."""
    assert challenge.account is not None
    act = BindWallet(
        account=challenge.account,
        device=device,
        esim=asked.esim,
        epoch=0,
        session=asked.session,
        recovery=asked.recovery_terms,
    )
    # How long the address is, is known only now: the block gives way.
    return after_block(_framed(tenant, challenge, wallet.address, act), asked.block)


def sign_in_statement(
    tenant: Tenant, challenge: Challenge, asked: SignInAsked, account: Account, device: Device
) -> Statement:
    """Sign in this session, from this phone, under the account as it is now."""
    act = Authenticate(
        account=AccountId(account.id),
        device=device.thumbprint,
        esim=account.esim,
        epoch=account.epoch,
        session=asked.session,
        code=asked.number,
    )
    # The longest of this purpose has room for it; the phone, which composes it too, need not ask.
    return _framed(tenant, challenge, account.wallet.address, act, asked.block)
