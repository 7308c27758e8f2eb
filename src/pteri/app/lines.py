"""What the phones of an account say of its mobile line, and show of it (docs/spec section 6.12)."""

from __future__ import annotations

from typing import Final

from pteri.app.asking import Also
from pteri.app.callers import Asking, PhoneCall, phone_call
from pteri.app.changing import Wanted, change_asked
from pteri.app.committing import Done, account_change, answered, commit, first_answer, settled, with_retries
from pteri.app.deployment import Deployment
from pteri.app.noticing import notices_for
from pteri.app.observing import commitment_to, keep_line, line_salts, nobody_to_ask
from pteri.app.ports import Changeset, Count, CounterKind
from pteri.app.queries import line_seen
from pteri.app.refusals import SlowDown
from pteri.core import ids, wire
from pteri.core.acts import AnnounceMove, RebindLine
from pteri.core.ids import RequestId
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.domain.account import Account
from pteri.domain.continuity import seen_alive
from pteri.domain.evolving import evolve
from pteri.domain.signals import Finding, Signal

__all__ = ["prove_line", "start_move", "start_rebinding"]

_PROOFS_AN_HOUR: Final = 10
_HOUR: Final = 3600


async def start_rebinding(deployment: Deployment, asking: Asking, wanted: wire.RebindLine) -> Done:
    """A verified phone says which line it is from now on; ``Malformed`` for what is no number."""
    line = PhoneNumber(wanted.line).reveal()

    def change(call: PhoneCall, account: Account) -> Wanted:
        place = (account.tenant, account.id)
        esim = commitment_to(deployment, *place, line)
        act = RebindLine(account=account.id, device=call.caller, epoch=account.epoch, esim=account.esim, new_esim=esim)
        # A phone that came later was never told the salt, and who may bind another line may know it.
        salt = ids.to_base64url(line_salts(deployment, *place)[0])
        return Wanted(act, Also(line=keep_line(deployment.vault, *place, esim, line)), line_salt=salt)

    return await change_asked(deployment, asking, change)


async def start_move(deployment: Deployment, asking: Asking, wanted: wire.AnnounceMove) -> Done:
    """A verified phone says beforehand that the SIM will move."""

    def change(call: PhoneCall, account: Account) -> Wanted:
        return Wanted(
            AnnounceMove(
                account=account.id,
                device=call.caller,
                epoch=account.epoch,
                esim=account.esim,
                to_device=ids.thumbprint(wanted.to_device),
                until=call.at + wanted.within_s,
            )
        )

    return await change_asked(deployment, asking, change)


async def prove_line(deployment: Deployment, asking: Asking, wanted: wire.ProveLine) -> Done:
    """A verified phone shows by its operator's token that it uses the line now. That is recorded, and opens nothing."""
    call = await phone_call(deployment, asking)
    if (done := await first_answer(deployment, call)) is not None:
        return done
    signal = await _alive(deployment, call, Secret(wanted.token.encode()))

    async def attempt() -> Done:
        # Read again: a token is spent once, and the account may have changed while the operator was asked.
        now = await phone_call(deployment, asking)
        account, lapsed = settled(now.account, now.at)
        request = _proof_id(deployment, now)
        seen = seen_alive(account, signal, device=now.caller, request=request, at=now.at)
        for event in seen:
            account = evolve(account, event)
        proved = wire.LineProved(
            accepted=signal.finding is Finding.CLEAR,
            code=signal.code,
            line=await line_seen(deployment, account, now.at),
        )
        change = account_change(now.account, [(event, None) for event in (*lapsed, *seen)]) if seen else None
        return await commit(
            deployment,
            Changeset(
                now.tenant.id,
                answer=answered(now, 200, proved),
                account=change,
                notices=notices_for(change, request),
                counts=(Count(CounterKind.LINE_PROOF, account.id, window_s=_HOUR, at=now.at, limit=_PROOFS_AN_HOUR),),
            ),
        )

    return await with_retries(attempt)


async def _alive(deployment: Deployment, call: PhoneCall, token: Secret) -> Signal:
    """What the operator says. Each question costs the service money, so whoever has asked often waits."""
    account = call.account
    count = Count(CounterKind.LINE_PROOF, account.id, window_s=_HOUR, at=call.at)
    if await deployment.store.count(call.tenant.id, count) >= _PROOFS_AN_HOUR:
        token.wipe()
        raise SlowDown((call.at // _HOUR + 1) * _HOUR)
    if account.esim is None:
        token.wipe()
        return nobody_to_ask(call.at)
    return await deployment.line.alive(call.tenant.id, account.id, account.esim, token, at=call.at)


def _proof_id(deployment: Deployment, call: PhoneCall) -> RequestId:
    return ids.new_request_id("prf", call.at, deployment.entropy.draw(12))
