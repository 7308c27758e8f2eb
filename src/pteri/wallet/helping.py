"""How a phone helps an account that is not its own: as a guardian, as an officer, or from outside (docs/spec 6.8).

Nothing is remembered of it: a phone serves one account, and this is somebody's else, or its owner's without a phone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pteri.core import wire
from pteri.core.ids import AccountId, Thumbprint, account_id, tenant_id, thumbprint, to_base64url
from pteri.wallet import checks
from pteri.wallet.answering import Answering
from pteri.wallet.ceremony import Signed, Signers
from pteri.wallet.journal import Pinned
from pteri.wallet.memory import remembered
from pteri.wallet.server import checked_origin
from pteri.wallet.state import PhoneState

if TYPE_CHECKING:
    from collections.abc import Callable

    import msgspec

    from pteri.core.keys.secret import Secret
    from pteri.core.wallets import PinnedWallet
    from pteri.wallet.checks import Expected, Known

__all__ = ["Helping"]


class Helping(Answering):
    """A phone that speaks for somebody, or stops an account that does not know it."""

    def vouch(self, origin: str, tenant: str, account: AccountId, new_device: Thumbprint) -> Signed:
        """As a guardian, speak for the phone of the person who asked. See them first, and read its four words there."""
        newcomer = thumbprint(new_device)
        return self._as_guest(
            origin,
            tenant,
            account,
            "/vouchers",
            wire.Vouch(self._device_text, self._wallet.pinned(self._index), account_id(account), newcomer),
            lambda known: checks.voucher(known, newcomer),
            subject=f"vouch:{account}:{newcomer}",
        )

    def attest(self, origin: str, tenant: str, account: AccountId, new_device: Thumbprint) -> Signed:
        """As an officer, say that the person with that phone has proved who they are. You are answerable for it."""
        newcomer = thumbprint(new_device)
        return self._as_guest(
            origin,
            tenant,
            account,
            "/attestations",
            wire.Attest(account_id(account), newcomer),
            lambda known: checks.attestation(known, newcomer),
            subject=f"attest:{account}:{newcomer}",
        )

    def officer_entry(self) -> tuple[str, PinnedWallet]:
        """What the settings of a service name an officer by: the key of this phone, and this wallet. Nothing secret."""
        return self._device_text, self._wallet.pinned(self._index)

    def stop(self, origin: str, tenant: str, account: AccountId | None = None, *, code: Secret | None = None) -> Signed:
        """Freeze an account without a phone of it: with its wallet for a day, with a recovery code until it is settled.

        With a code any wallet will do, and ``account`` must be named.
        """
        named = None if account is None else account_id(account)
        key = self._code_key(self._guest(origin, tenant, named), code)
        told = None if key is None else to_base64url(key.public.sec1)
        return self._as_guest(
            origin,
            tenant,
            named,
            "/stops",
            wire.Stop(self._device_text, self._wallet.pinned(self._index), named, told),
            checks.freeze,
            subject=f"stop:{named}",
            signers=Signers(wallet=self._wallet, is_told=True, code=key),
        )

    @property
    def _device_text(self) -> str:
        return to_base64url(self._public.sec1)

    def _as_guest(  # noqa: PLR0917 - what is asked, in the order of the sentence
        self,
        origin: str,
        tenant: str,
        account: AccountId | None,
        path: str,
        message: msgspec.Struct,
        expected: Callable[[Known], Expected],
        *,
        subject: str,
        signers: Signers | None = None,
    ) -> Signed:
        with self._keystore.exclusive():
            if (repeated := self._repeated(subject)) is not None:
                return repeated
            state = self._guest(origin, tenant, account)
            return self._answer(
                self._server(state).post(path, message, wire.Claimed),
                expected,
                state=state,
                pinned=self._website(state),
                subject=subject,
                signers=signers or Signers(wallet=self._wallet, is_told=True),
                is_guest=True,
            )

    def _guest(self, origin: str, tenant: str, account: AccountId | None) -> PhoneState:
        return PhoneState(
            server=checked_origin(origin),
            tenant=tenant_id(tenant),
            network=self._network,
            address=self._wallet.address(self._index),
            tenant_index=self._index,
            device=self.thumbprint,
            account=account,
        )

    def _website(self, state: PhoneState) -> Pinned | None:
        """The website of a service that this phone has accepted; of another it is shown, and the person decides."""
        own, pinned = remembered(self._keystore), self._journal.pinned
        if own is None or pinned is None or (own.server, own.tenant) != (state.server, state.tenant):
            return None
        return Pinned(pinned.domain)
