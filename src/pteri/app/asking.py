"""Challenges that carry the complete statement from the start, for the phone that asked (docs/spec section 4.1)."""

from __future__ import annotations

from typing import Final

import msgspec

from pteri.app.callers import Call
from pteri.app.committing import Done, answered, commit
from pteri.app.deployment import Deployment
from pteri.app.ports import ChallengeChange, Changeset
from pteri.app.statements import statement_for
from pteri.core import ids, wire
from pteri.core.acts import StatementAct
from pteri.core.ids import AccountId, Digest
from pteri.core.statement import after_block
from pteri.core.wallets import PinnedWallet
from pteri.domain.challenge import Challenge, StatementAsked
from pteri.domain.kept_line import KeptLine

__all__ = ["Also", "ask", "issued"]

_PREFIXES: Final = {
    "migrate": "mig",
    "accept": "act",
    "recover": "rec",
    "revoke": "rmv",
    "setup-otp": "otp",
    "rotate": "rot",
    "protect": "pro",
    "freeze": "frz",
    "unfreeze": "unf",
    "veto": "vet",
    "vouch": "vch",
    "attest": "att",
    "backup-verified": "bak",
    "notify": "ntf",
    "rebind-esim": "reb",
    "announce-move": "mov",
}


class Also(msgspec.Struct, frozen=True, kw_only=True):
    """Who must sign besides the phone and the account's wallet; see :class:`pteri.domain.challenge.StatementAsked`."""

    wallet: PinnedWallet | None = None
    new_wallet: PinnedWallet | None = None
    recovery_code: str | None = None
    code_keys: tuple[str, ...] = ()
    officer: str | None = None
    sealed_channels: tuple[bytes, ...] = ()
    line: KeptLine | None = None


_NOBODY: Final = Also()


def ask(
    deployment: Deployment,
    call: Call,
    act: StatementAct,
    *,
    account: AccountId | None,
    address: str,
    device_key: str,
    newcomer_key: str = "",
    code_session: Digest | None = None,
    also: Also = _NOBODY,
) -> Challenge:
    """A fresh challenge for exactly this act by exactly this phone; ``Malformed`` for a value with no spelling."""
    request = ids.new_request_id(_PREFIXES[act.purpose], call.at, deployment.entropy.draw(12))
    nonce = ids.new_nonce(call.at, deployment.entropy.draw(15))
    life_s = deployment.rules.statement_s
    statement = statement_for(call.tenant, address, act, request=request, nonce=nonce, issued_at=call.at, life_s=life_s)
    # What has no spelling is refused here, and not when somebody has signed it.
    statement = after_block(statement, deployment.block_for(call.tenant, call.at))
    statement.encode()
    asked = StatementAsked(
        statement,
        device_key,
        newcomer_key,
        code_session,
        wallet=also.wallet,
        new_wallet=also.new_wallet,
        recovery_code=also.recovery_code,
        code_keys=also.code_keys,
        officer=also.officer,
        sealed_channels=also.sealed_channels,
        line=also.line,
    )
    return Challenge(
        id=request,
        tenant=call.tenant.id,
        account=account,
        nonce=nonce,
        asked=asked,
        issued_at=call.at,
        expires_at=call.at + life_s,
    )


async def issued(deployment: Deployment, call: Call, challenge: Challenge, line_salt: str | None = None) -> Done:
    """Keep it, and say what is to be signed."""
    assert isinstance(challenge.asked, StatementAsked)
    answer = answered(call, 201, wire.Claimed(challenge.asked.statement, line_salt))
    return await commit(
        deployment, Changeset(call.tenant.id, answer=answer, challenges=(ChallengeChange(0, challenge),))
    )
