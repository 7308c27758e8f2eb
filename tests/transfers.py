"""Two phones with fixed keys, and everything they say to each other: the same each time, to the byte."""

from __future__ import annotations

import hashlib
from typing import Final

from pteri.core import hpke, ids
from pteri.core.acts import ApproveMigration
from pteri.core.keys.address import AddressKind, address_of
from pteri.core.keys.derivation import ExtendedKey, identity_path
from pteri.core.keys.mnemonic import seed
from pteri.core.keys.network import network_named
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement
from pteri.core.transfer.elder import Elder, ElderKeys
from pteri.core.transfer.newcomer import Newcomer, NewcomerKeys, Offered
from pteri.core.transfer.offer import OFFER_LIFE_S, Offer, make_offer
from statements import ACCOUNT, DEVICE, ISSUED_AT, LINE, NEW_PHONE

BANK: Final = ids.tenant_id("bank")
SHOWN_AT: Final = ISSUED_AT
EXPIRES_AT: Final = SHOWN_AT + OFFER_LIFE_S
HELD_UNTIL: Final = SHOWN_AT + 3600
ACCEPT_UNTIL: Final = HELD_UNTIL + 86_400
WORDS: Final = Secret(b"abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about")
INDEX: Final = 3


def fixed(label: str, size: int = 32) -> bytes:
    """Bytes of this name."""
    return hashlib.sha256(label.encode()).digest()[:size]


def address(words: Secret = WORDS, index: int = INDEX, network: str = "main") -> str:
    key = ExtendedKey.from_seed(seed(words.reveal().decode())).derive(identity_path(index, network))
    return address_of(key.public_key, AddressKind.P2PKH, network).text


def newcomer_keys(label: str = "first", *, expires_at: int = EXPIRES_AT) -> NewcomerKeys:
    private = Secret(fixed(f"{label} channel key"))
    offer = make_offer(
        NEW_PHONE,
        tenant=BANK,
        mailbox=fixed(f"{label} mailbox", 16),
        channel_key=hpke.public_of(private),
        secret=Secret(fixed(f"{label} secret")),
        expires_at=expires_at,
    )
    return NewcomerKeys(offer, private)


def new_phone(label: str = "first") -> Newcomer:
    """With its offer on the screen."""
    return Newcomer(newcomer_keys(label), Offered())


def old_phone(offer: Offer, label: str = "old phone's key") -> Elder:
    """That has scanned this offer."""
    return Elder.greeting(ElderKeys(offer, Secret(fixed(label))), ACCOUNT)


def approval(elder: Elder, *, wallet: str | None = None, network: str = "main") -> Statement:
    """The statement by which the old phone lets the new one in."""
    card = elder.keys.offer.card
    return Statement(
        domain=ids.domain("bank.example"),
        address=address(network=network) if wallet is None else wallet,
        chain=network_named(network).chain_id,
        nonce=ids.nonce("K7Q2M5XW3T6Z4J8N9R2H5V7C3B6D4F8G"),
        issued_at=SHOWN_AT + 60,
        expires_at=SHOWN_AT + 360,
        request_id=ids.request_id("mig_2Y7K4M9QWZ3T"),
        act=ApproveMigration(
            ACCOUNT, DEVICE, LINE, 17, card.new_device, card.digest, elder.transcript, revoke_old=True
        ),
    )


def matched(elder: Elder, newcomer: Newcomer, *, at: int = SHOWN_AT) -> tuple[Elder, Newcomer]:
    """Both, as far as the code."""
    newcomer = newcomer.heard(elder.to_send(), at=at)
    return elder.heard_ok(newcomer.to_send()[0], at=at), newcomer


def agreed(elder: Elder, newcomer: Newcomer, *, at: int = SHOWN_AT) -> tuple[Elder, Newcomer]:
    """Both, with the code typed."""
    elder, newcomer = matched(elder, newcomer, at=at)
    newcomer = newcomer.typed(elder.code(at=at), at=at)
    return elder.heard_confirmed(newcomer.to_send()[1], at=at), newcomer


def approved(elder: Elder, newcomer: Newcomer) -> tuple[Elder, Newcomer]:
    """Both, with the statement accepted by the server, which holds it."""
    elder, newcomer = agreed(elder, newcomer)
    return elder.approved(approval(elder), held_until=HELD_UNTIL, expires_at=ACCEPT_UNTIL), newcomer
