"""Backups for tests: one wallet, one key of each kind, the light cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from pteri.core import hpke
from pteri.core.keys.secret import Secret
from pteri.wallet.backup import seal_backup
from pteri.wallet.backup_bytes import BackupContent
from pteri.wallet.backup_code import backup_code_from_text
from pteri.wallet.backup_slots import (
    ByCode,
    ByDevice,
    ByPasskey,
    ByPassphrase,
    ForCode,
    ForDevice,
    ForPasskey,
    ForPassphrase,
    Opener,
    Sealer,
)
from pteri.wallet.envelope import LIGHT
from pteri.wallet.errors import WalletError
from world import SimEntropy

PASSPHRASE = Secret(b"correct horse battery staple")
CODE = backup_code_from_text("01233-4567V-89AB2-CDEFE-GHJK1")
PHONE = Secret(bytes(range(1, 33)))
OUTPUT = Secret(bytes(range(33, 65)))
ASKED = bytes(range(65, 97))
WORDS = "abandon " * 11 + "about"
CONTENT = BackupContent(
    entropy=Secret(bytes(16)), network="main", created_at=1_790_000_000, keystore_id=bytes(range(16))
)

BY_PASSPHRASE = ByPassphrase(PASSPHRASE)
BY_CODE = ByCode(CODE)
EVERY_SEALER: tuple[Sealer, ...] = (
    ForPassphrase(PASSPHRASE, LIGHT),
    ForCode(CODE),
    ForDevice(hpke.public_of(PHONE)),
    ForPasskey(OUTPUT, ASKED),
)
EVERY_OPENER: tuple[Opener, ...] = (BY_PASSPHRASE, BY_CODE, ByDevice(PHONE), ByPasskey(OUTPUT))
# Quick: a code costs no stretching. For tests that open a thousand times.
QUICK: tuple[Sealer, ...] = (ForCode(CODE), ForDevice(hpke.public_of(PHONE)))


def backup(
    name: str = "a",
    *,
    content: BackupContent = CONTENT,
    sealers: Sequence[Sealer] = (ForPassphrase(PASSPHRASE, LIGHT),),
) -> bytes:
    """A backup; another ``name`` is another drawing of its keys."""
    return seal_backup(content, sealers, entropy=SimEntropy(f"backup {name}"))


def code_of(act: Callable[[], object]) -> str:
    """The code of the refusal; its message is a whole sentence."""
    with pytest.raises(WalletError) as caught:
        act()
    assert caught.value.message.endswith(".")
    return caught.value.code
