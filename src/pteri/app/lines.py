"""What the phones of an account say of its mobile line (docs/spec section 6.12)."""

from __future__ import annotations

from pteri.app.asking import Also
from pteri.app.callers import Asking, PhoneCall
from pteri.app.changing import Wanted, change_asked
from pteri.app.committing import Done
from pteri.app.deployment import Deployment
from pteri.app.observing import commitment_to, keep_line, line_salt
from pteri.core import ids, wire
from pteri.core.acts import AnnounceMove, RebindLine
from pteri.domain.account import Account

__all__ = ["start_move", "start_rebinding"]


async def start_rebinding(deployment: Deployment, asking: Asking, wanted: wire.RebindLine) -> Done:
    """A verified phone says which line it is from now on."""

    def change(call: PhoneCall, account: Account) -> Wanted:
        place = (account.tenant, account.id)
        esim = commitment_to(deployment, *place, wanted.line)
        act = RebindLine(account=account.id, device=call.caller, epoch=account.epoch, esim=account.esim, new_esim=esim)
        # A phone that came later was never told the salt, and who may bind another line may know it.
        salt = ids.to_base64url(line_salt(deployment, *place))
        return Wanted(act, Also(line=keep_line(deployment.vault, *place, esim, wanted.line)), line_salt=salt)

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
