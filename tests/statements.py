"""Statements of every purpose with fixed values: the same name always makes the same bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from pteri.core import ids
from pteri.core.acts import (
    SAME_WALLET,
    ActivateDevice,
    AnnounceMove,
    ApproveMigration,
    AttestIdentity,
    Authenticate,
    BindWallet,
    ChangeChannels,
    ChangeProtection,
    ConfirmBackup,
    FreezeAccount,
    RebindLine,
    RevokeDevice,
    RotateWallet,
    SetupOtp,
    StartRecovery,
    StatementAct,
    UnfreezeAccount,
    VetoChange,
    VouchForRecovery,
)
from pteri.core.guardians import Guardians
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement

if TYPE_CHECKING:
    from pteri.core.ids import Digest

ISSUED_AT: Final = 1_795_453_200
ACCOUNT: Final = ids.account_id("acct_5X3N8J2K7Q4M")
ADDRESS: Final = "LLDMii8GzCbbveb6aka78Go79cCX2BZ65t"
# Published keys (RFC 9421 B.1.3, RFC 6979 A.2.5), as in httpsig.json: they open nothing.
PHONE: Final = DevicePrivateKey(
    Secret(bytes.fromhex("529b85f3597e90ec5b8dfed3e26352bf4af9b4debb1a29bbae77fa105a5c603b"))
)
NEW_PHONE: Final = DevicePrivateKey(
    Secret(bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"))
)


def digest(label: str) -> Digest:
    return ids.digest_text(hashlib.sha256(label.encode()).digest())


DEVICE: Final = PHONE.public.thumbprint
NEW_DEVICE: Final = NEW_PHONE.public.thumbprint
LINE: Final = digest("line")
SESSION: Final = digest("session")
# Three addresses that belong to nobody: a statement holds any that has the shape of one.
# The first block of Litecoin, and the one after it, as nodes show them.
BLOCK: Final = ids.block_id("12a765e31ffd4059bada1e25190f6e98c99d9714d334efa41a195a7e7e04bfe2")
NEXT_BLOCK: Final = ids.block_id("80ca095ed10b02e53d769eb6eaf92cd04e9e0759e5be4a8477b42911ba49c78f")
FRIENDS: Final = tuple(f"L{letter * 33}" for letter in "ABC")

EXAMPLES: Final[dict[str, StatementAct]] = {
    "link an account, with a line": BindWallet(ACCOUNT, DEVICE, LINE, 0, SESSION, digest("recovery terms")),
    "link an account, without a line": BindWallet(ACCOUNT, DEVICE, None, 0, SESSION, digest("recovery terms")),
    "sign in, with a line": Authenticate(ACCOUNT, DEVICE, LINE, 17, SESSION, "42"),
    "sign in, without a line": Authenticate(ACCOUNT, DEVICE, None, 1, SESSION, "00"),
    "approve a new phone and remove this one": ApproveMigration(
        ACCOUNT, DEVICE, LINE, 2, NEW_DEVICE, digest("offer"), digest("transcript"), revoke_old=True
    ),
    "approve a new phone and keep this one": ApproveMigration(
        ACCOUNT, DEVICE, None, 2, NEW_DEVICE, digest("offer"), digest("transcript"), revoke_old=False
    ),
    "activate a phone, with a line": ActivateDevice(ACCOUNT, NEW_DEVICE, LINE, 3, digest("approval")),
    "activate a phone, without a line": ActivateDevice(ACCOUNT, NEW_DEVICE, None, 3, digest("approval")),
    "recover from the loss of all phones": StartRecovery(ACCOUNT, NEW_DEVICE, LINE, 4, ("W",), None, SAME_WALLET),
    "recover from the loss of one phone, with every evidence and another wallet": StartRecovery(
        ACCOUNT, NEW_DEVICE, None, 4, ("A", "C", "D", "G", "W"), (DEVICE,), ADDRESS
    ),
    "remove a phone": RevokeDevice(ACCOUNT, DEVICE, 2**53 - 1, NEW_DEVICE),
    "remove this phone": RevokeDevice(ACCOUNT, DEVICE, 6, DEVICE),
    "set up codes": SetupOtp(ACCOUNT, NEW_DEVICE, 7, None, 0, 0, 0),
    "prepare offline codes": SetupOtp(ACCOUNT, DEVICE, 8, digest("chain end"), 86_400, ISSUED_AT, 30),
    "replace the wallet": RotateWallet(ACCOUNT, DEVICE, 9, FRIENDS[0]),
    "recover with guardians and codes": ChangeProtection(
        ACCOUNT, DEVICE, 10, Guardians(2, FRIENDS), digest("code keys")
    ),
    "recover with guardians alone": ChangeProtection(ACCOUNT, DEVICE, 10, Guardians(2, FRIENDS[:2]), None),
    "recover with codes alone": ChangeProtection(ACCOUNT, DEVICE, 10, None, digest("code keys")),
    "recover with the wallet alone": ChangeProtection(ACCOUNT, DEVICE, 10, None, None),
    "stop the account": FreezeAccount(ACCOUNT, NEW_DEVICE, 11),
    "let the account go on": UnfreezeAccount(ACCOUNT, DEVICE, 12),
    "object": VetoChange(ACCOUNT, DEVICE, 13, digest("what waits")),
    "speak for a friend": VouchForRecovery(ACCOUNT, DEVICE, 14, NEW_DEVICE),
    "confirm who somebody is": AttestIdentity(ACCOUNT, DEVICE, 15, NEW_DEVICE),
    "record a backup": ConfirmBackup(ACCOUNT, DEVICE, 16, digest("backup")),
    "go with another line": RebindLine(ACCOUNT, DEVICE, 18, LINE, digest("another line")),
    "go with a line for the first time": RebindLine(ACCOUNT, DEVICE, 18, None, digest("another line")),
    "announce that the SIM moves": AnnounceMove(ACCOUNT, DEVICE, 19, LINE, NEW_DEVICE, ISSUED_AT + 86_400),
    "send warnings nowhere else": ChangeChannels(ACCOUNT, DEVICE, 17, ()),
    "send warnings to one address": ChangeChannels(ACCOUNT, DEVICE, 17, (digest("address"),)),
    "send warnings to four addresses": ChangeChannels(
        ACCOUNT, DEVICE, 17, tuple(sorted(digest(f"address {number}") for number in range(4)))
    ),
}


def statement(act: StatementAct) -> Statement:
    return Statement(
        domain=ids.domain("bank.example"),
        address=ADDRESS,
        chain="bip122:12a765e31ffd4059bada1e25190f6e98",
        nonce=ids.nonce("K7Q2M5XW3T6Z4J8N9R2H5V7C3B6D4F8G"),
        issued_at=ISSUED_AT,
        expires_at=ISSUED_AT + 120,
        request_id=ids.request_id("lgn_2Y7K4M9QWZ3T"),
        act=act,
    )
