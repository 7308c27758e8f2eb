"""Where warnings of the account go besides its phones (docs/spec section 6.10)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pteri.core import wire
from pteri.core.channels import channel_address, channel_digests
from pteri.core.errors import Malformed
from pteri.core.ids import digest_text, from_base64url
from pteri.wallet import checks
from pteri.wallet.guarding import Guarding
from pteri.wallet.refusals import SafetyCode, UnsafeError

if TYPE_CHECKING:
    from pteri.wallet.ceremony import Signed

__all__ = ["Warned"]


class Warned(Guarding):
    """A phone whose owner also hears by mail what happens to the account."""

    def channels(self) -> wire.ChannelsSeen:
        """Where warnings go, and where they shall go: of each address the first letter and the host."""
        with self._keystore.exclusive():
            return self._server(self._linked_state()).post("/channels", wire.Nothing(), wire.ChannelsSeen)

    def warn_at(self, *typed: str) -> Signed:
        """Send warnings to these addresses and to no others. ``NO_ADDRESS`` for what is none.

        At once where none of now is missing; else after a wait, in which those of now go on hearing.
        """
        addresses = tuple(map(_address, typed))
        if len(set(addresses)) != len(addresses):
            raise UnsafeError(SafetyCode.NO_ADDRESS, "One address is there twice. Name each of them once.")
        with self._keystore.exclusive():
            # The phone's notes of what it sent need not name them.
            named = digest_text(hashlib.sha256(" ".join(sorted(addresses)).encode()).digest())
            subject = f"notify:{named}"
            if (repeated := self._repeated(subject)) is not None:
                return repeated
            salt = from_base64url(self.channels().salt)
            state = self._linked_state()
            assert state.account is not None
            digests = channel_digests(addresses, salt=salt, tenant=state.tenant, account=state.account)
            return self._changed(
                subject,
                "/channel-changes",
                lambda _: wire.SetChannels(addresses),
                lambda known: checks.channels(known, digests),
            )


def _address(typed: str) -> str:
    """As the service wants it; people write capitals and leave the scheme out."""
    try:
        return channel_address(f"mailto:{typed.strip().lower().removeprefix('mailto:')}")
    except Malformed:
        raise UnsafeError(
            SafetyCode.NO_ADDRESS,
            "This is no address that warnings can go to. Write it plainly, as name@mail.example: letters, digits and "
            "the signs . _ + - before the @.",
        ) from None
