"""What a statement asks for: one type per purpose, with its verb, sentence and resources (docs/spec section 3.2).

The fields of a type, in order, become the resource lines of the statement (:mod:`pteri.core.resources`). No sentence
holds anything but a host name, four words and a two-digit number: nobody writes a person's screen but we.

The sentences are short for a reason: with the longest host name, ids and address that there can be, each statement
still has its 1024 bytes. ``migrate``, ``bind``, ``recover`` and ``protect`` have few to spare; line 1 names the site
in any case.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pteri.core import ids
from pteri.core.guardians import Guardians
from pteri.core.ids import AccountId, Digest, Thumbprint
from pteri.core.keys.mnemonic import phone_words

__all__ = [
    "ACTS",
    "ALL_PHONES",
    "SAME_WALLET",
    "ActivateDevice",
    "AnnounceMove",
    "ApproveMigration",
    "AttestIdentity",
    "Authenticate",
    "BindWallet",
    "ChangeChannels",
    "ChangeProtection",
    "ConfirmBackup",
    "FreezeAccount",
    "RebindLine",
    "RevokeDevice",
    "RotateWallet",
    "SetupOtp",
    "StartRecovery",
    "StatementAct",
    "UnfreezeAccount",
    "VetoChange",
    "VouchForRecovery",
    "phone_name",
]

ALL_PHONES: Final = "all"
SAME_WALLET: Final = "same"


class _Act(msgspec.Struct, frozen=True, tag_field="purpose", forbid_unknown_fields=True):
    """What all purposes share: a name that is the tag on the wire and the last part of the URI."""

    @property
    def purpose(self) -> str:
        """Name of the purpose."""
        return str(self.__struct_config__.tag)


class BindWallet(_Act, frozen=True, tag="bind"):
    """Link a Web2 account to a wallet, a line and this phone. The epoch of an unbound account is 0."""

    account: AccountId
    device: Thumbprint
    esim: Digest | None
    epoch: int
    session: Digest
    recovery: Digest

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "link this account"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return (
            f"Link your account at {domain} to this wallet and the phone {phone_name(self.device)}. "
            "Sign only if you started this yourself."
        )


class Authenticate(_Act, frozen=True, tag="authenticate"):
    """Sign in one browser session. ``code`` is the two-digit number that the other screen shows."""

    account: AccountId
    device: Thumbprint
    esim: Digest | None
    epoch: int
    session: Digest
    code: str

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "sign in"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return (
            f"Sign in to {domain}. Sign only if you started this yourself and the number on the other screen "
            f"is {self.code}."
        )


class ApproveMigration(_Act, frozen=True, tag="migrate"):
    """The old phone approves a new one. ``offer`` and ``transcript`` pin what the two phones said to each other."""

    account: AccountId
    device: Thumbprint
    esim: Digest | None
    epoch: int
    new_device: Thumbprint
    offer: Digest
    transcript: Digest
    revoke_old: bool

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "APPROVE A NEW PHONE"

    def sentence(self, domain: str) -> str:  # noqa: ARG002  # no room for it: see above
        """The sentence a person reads."""
        this_one = "remove this one" if self.revoke_old else "keep this one"
        return f"Add the phone {phone_name(self.new_device)} and {this_one}. Sign only if you hold both."


class ActivateDevice(_Act, frozen=True, tag="accept"):
    """The new phone itself proves wallet and device; ``approval`` is the digest of the statement it completes."""

    account: AccountId
    device: Thumbprint
    esim: Digest | None
    epoch: int
    approval: Digest

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "activate this phone"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return (
            f"Activate the phone {phone_name(self.device)} for your account at {domain}. "
            "Sign only if you started this yourself."
        )


class StartRecovery(_Act, frozen=True, tag="recover"):
    """A new phone asks for the account because the others are lost. It starts a hold; it grants nothing now."""

    account: AccountId
    device: Thumbprint
    esim: Digest | None
    epoch: int
    evidence: tuple[str, ...]
    lost: tuple[Thumbprint, ...] | None
    new_wallet: str

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "START RECOVERY ON A NEW PHONE"

    def sentence(self, domain: str) -> str:  # noqa: ARG002  # no room for it: see above
        """The sentence a person reads."""
        return (
            f"Move your account to the phone {phone_name(self.device)} after a wait. "
            "Your other phones are told and can stop this."
        )


class RevokeDevice(_Act, frozen=True, tag="revoke"):
    """Remove a phone for ever."""

    account: AccountId
    device: Thumbprint
    epoch: int
    target: Thumbprint

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "REMOVE A PHONE"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return f"Remove the phone {phone_name(self.target)} from your account at {domain}. It can never be added again."


class SetupOtp(_Act, frozen=True, tag="setup-otp"):
    """Set up sign-in codes on a phone; with a chain end it prepares offline codes. It grants nothing by itself."""

    account: AccountId
    device: Thumbprint
    epoch: int
    chain_end: Digest | None
    length: int
    start: int
    step: int

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "set up sign-in codes" if self.chain_end is None else "PREPARE OFFLINE CODES"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return (
            f"Set up sign-in codes for {domain} on the phone {phone_name(self.device)}. "
            "Sign only if you started this yourself."
        )


class RotateWallet(_Act, frozen=True, tag="rotate"):
    """Another wallet takes the place of this one, which counts for nothing from then on. Both sign the same bytes."""

    account: AccountId
    device: Thumbprint
    epoch: int
    new_wallet: str

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "REPLACE YOUR WALLET"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return f"Replace the wallet of your account at {domain}. The old one counts for nothing after that."


class ChangeProtection(_Act, frozen=True, tag="protect"):
    """Who helps, and which recovery codes count, when phones are lost. ``codes``: digest of the codes' public keys."""

    account: AccountId
    device: Thumbprint
    epoch: int
    guardians: Guardians | None
    codes: Digest | None

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "CHANGE HOW YOUR ACCOUNT IS RECOVERED"

    def sentence(self, domain: str) -> str:  # noqa: ARG002  # no room for it: see above
        """The sentence a person reads."""
        return "Only these guardians and codes can help you to recover your account."


class FreezeAccount(_Act, frozen=True, tag="freeze"):
    """Nobody signs in or changes anything for a while; what that means depends on who asks."""

    account: AccountId
    device: Thumbprint
    epoch: int

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "FREEZE YOUR ACCOUNT"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return f"Stop all sign-ins and changes of your account at {domain}, because something is wrong."


class UnfreezeAccount(_Act, frozen=True, tag="unfreeze"):
    """End a freeze early."""

    account: AccountId
    device: Thumbprint
    epoch: int

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "UNFREEZE YOUR ACCOUNT"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return f"Allow sign-ins and changes of your account at {domain} again."


class VetoChange(_Act, frozen=True, tag="veto"):
    """Object to what waits. ``case``: digest of the statement that began it."""

    account: AccountId
    device: Thumbprint
    epoch: int
    case: Digest

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "REJECT A PENDING CHANGE"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return f"Reject the change of your account at {domain} that is waiting. You did not start it."


class VouchForRecovery(_Act, frozen=True, tag="vouch"):
    """A guardian speaks for the phone ``new_device`` of somebody who lost theirs. It grants nothing by itself."""

    account: AccountId
    device: Thumbprint
    epoch: int
    new_device: Thumbprint

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "HELP RECOVER AN ACCOUNT"

    def sentence(self, domain: str) -> str:  # noqa: ARG002  # line 1 names it
        """The sentence a person reads."""
        return (
            f"The phone {phone_name(self.new_device)} belongs to the person who asked you to be a guardian. "
            "Sign only if you saw them and read these four words on it."
        )


class AttestIdentity(_Act, frozen=True, tag="attest"):
    """An officer has seen the papers of the person who holds the phone ``new_device``. One officer is never enough."""

    account: AccountId
    device: Thumbprint
    epoch: int
    new_device: Thumbprint

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "CONFIRM WHO CLAIMS AN ACCOUNT"

    def sentence(self, domain: str) -> str:  # noqa: ARG002  # line 1 names it
        """The sentence a person reads."""
        return (
            f"The person who holds the phone {phone_name(self.new_device)} has proved who they are, "
            "as when they joined. You are answerable for this."
        )


class ConfirmBackup(_Act, frozen=True, tag="backup-verified"):
    """A backup was opened and holds this wallet. ``backup``: SHA-256 of the sealed file. It grants nothing."""

    account: AccountId
    device: Thumbprint
    epoch: int
    backup: Digest

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "record that your backup works"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return f"Record for your account at {domain} that a backup of this wallet was opened and is right."


class ChangeChannels(_Act, frozen=True, tag="notify"):
    """Where warnings go besides the phones. ``channels``: salted digests of the addresses, sorted; none for none."""

    account: AccountId
    device: Thumbprint
    epoch: int
    channels: tuple[Digest, ...]

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "CHANGE WHERE WARNINGS GO"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return f"Send warnings about your account at {domain} to the addresses that you have typed, and to no others."


class RebindLine(_Act, frozen=True, tag="rebind-esim"):
    """The account belongs to another mobile line from now on, or to the same one with another SIM.

    ``esim``: the commitment to the line of now, ``new_esim`` to the one that takes its place.
    """

    account: AccountId
    device: Thumbprint
    epoch: int
    esim: Digest | None
    new_esim: Digest

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "CHANGE YOUR SIM BINDING"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return f"From now on your account at {domain} goes with the mobile line that you have typed, and with no other."


class AnnounceMove(_Act, frozen=True, tag="announce-move"):
    """The SIM will move to the phone ``to_device``, before Unix second ``until``. It grants nothing."""

    account: AccountId
    device: Thumbprint
    epoch: int
    esim: Digest | None
    to_device: Thumbprint
    until: int

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "announce that your SIM will move"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return (
            f"Your SIM of the account at {domain} will move to the phone {phone_name(self.to_device)}. "
            "Sign only if you will move it."
        )


StatementAct = (
    BindWallet
    | Authenticate
    | ApproveMigration
    | ActivateDevice
    | StartRecovery
    | RevokeDevice
    | SetupOtp
    | RotateWallet
    | ChangeProtection
    | FreezeAccount
    | UnfreezeAccount
    | VetoChange
    | VouchForRecovery
    | AttestIdentity
    | ConfirmBackup
    | ChangeChannels
    | RebindLine
    | AnnounceMove
)

ACTS: Final[dict[str, type[StatementAct]]] = {
    str(act.__struct_config__.tag): act
    for act in (
        BindWallet,
        Authenticate,
        ApproveMigration,
        ActivateDevice,
        StartRecovery,
        RevokeDevice,
        SetupOtp,
        RotateWallet,
        ChangeProtection,
        FreezeAccount,
        UnfreezeAccount,
        VetoChange,
        VouchForRecovery,
        AttestIdentity,
        ConfirmBackup,
        ChangeChannels,
        RebindLine,
        AnnounceMove,
    )
}


def phone_name(thumbprint: Thumbprint) -> str:
    """Four BIP-39 words by which a person recognises a phone: no label that an attacker could choose."""
    return phone_words(ids.digest_bytes(thumbprint))
