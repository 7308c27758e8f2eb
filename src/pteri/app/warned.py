"""Where warnings of an account go: asked for by its phones, kept sealed (docs/spec section 6.10)."""

from __future__ import annotations

from msgspec.structs import replace

from pteri.app.asking import Also
from pteri.app.callers import Asking, PhoneCall, phone_call
from pteri.app.changing import Wanted, change_asked
from pteri.app.committing import Done, settled
from pteri.app.deployment import Deployment
from pteri.app.refusals import NotAllowed
from pteri.core import ids, wire
from pteri.core.acts import ChangeChannels
from pteri.core.channels import channel_address, channel_digest, channel_digests, masked_channel
from pteri.core.ids import AccountId, Digest, TenantId
from pteri.domain.account import Account
from pteri.domain.addresses import Address
from pteri.domain.decisions import Reason
from pteri.domain.device import DeviceState

__all__ = ["channels", "opened_address", "sealed_anew", "start_channels"]


def _salt(deployment: Deployment, tenant: TenantId, account: AccountId) -> bytes:
    return deployment.vault.derive("channel-salt", tenant, account)


def _context(tenant: TenantId, account: AccountId, channel: Digest) -> str:
    """A sealed address opens in its own place only: moved to another account, or in place of another, it does not."""
    return f"channel:{tenant}:{account}:{channel}"


def opened_address(deployment: Deployment, address: Address) -> str:
    """The address in the clear, for whoever writes to it."""
    sealed = deployment.vault.open(address.sealed, _context(address.tenant, address.account, address.channel))
    return channel_address(sealed.decode("ascii"))


def sealed_anew(deployment: Deployment, address: Address) -> Address:
    """The same address as the key that writes seals it; ``ValueError`` for one that does not open."""
    context = _context(address.tenant, address.account, address.channel)
    plain = deployment.vault.open(address.sealed, context)
    return replace(address, sealed=deployment.vault.seal(plain, context))


async def channels(deployment: Deployment, asking: Asking) -> wire.ChannelsSeen:
    """Where warnings go, for a verified phone: enough to know an address again, and the salt to check their digests."""
    call = await phone_call(deployment, asking, allowed=(DeviceState.ACTIVE,))
    account, _ = settled(call.account, call.at)
    kept = {
        address.channel: masked_channel(opened_address(deployment, address))
        for address in await deployment.store.addresses(account.tenant, account.id)
    }
    change = account.channel_change
    return wire.ChannelsSeen(
        salt=ids.to_base64url(_salt(deployment, account.tenant, account.id)),
        # Read after the account: one that has gone in between is not shown.
        addresses=tuple(kept[channel] for channel in account.channels if channel in kept),
        waiting=None if change is None else tuple(kept[channel] for channel in change.channels if channel in kept),
        held_until=None if change is None else change.held_until,
        case=None if change is None else change.approval,
    )


async def start_channels(deployment: Deployment, asking: Asking, wanted: wire.SetChannels) -> Done:
    """A verified phone says where warnings shall go."""
    addresses = tuple(map(channel_address, wanted.addresses))
    if addresses and deployment.courier is None:
        # Whoever waits for a mail that nobody sends is worse off than who knows that none comes.
        raise NotAllowed(Reason.NOT_OFFERED, "This service sends no mail. Warnings are on your phones.")

    def change(call: PhoneCall, account: Account) -> Wanted:
        place = (account.tenant, account.id)
        salt = _salt(deployment, *place)
        digests = channel_digests(addresses, salt=salt, tenant=account.tenant, account=account.id)
        clear = {
            channel_digest(address, salt=salt, tenant=account.tenant, account=account.id): address
            for address in addresses
        }
        sealed = tuple(
            deployment.vault.seal(clear[channel].encode("ascii"), _context(*place, channel)) for channel in digests
        )
        act = ChangeChannels(account=account.id, device=call.caller, epoch=account.epoch, channels=digests)
        return Wanted(act, Also(sealed_channels=sealed))

    return await change_asked(deployment, asking, change)
