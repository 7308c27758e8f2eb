"""A sealed backup: who opens it, what it shows, and what every stranger's touch comes to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import pytest

from backups import (
    ASKED,
    BY_CODE,
    BY_PASSPHRASE,
    CODE,
    CONTENT,
    EVERY_OPENER,
    EVERY_SEALER,
    OUTPUT,
    PASSPHRASE,
    PHONE,
    QUICK,
    backup,
    code_of,
)
from pteri.core import hpke
from pteri.core.errors import Malformed
from pteri.core.keys.secret import Secret
from pteri.wallet.backup import open_backup, seal_backup
from pteri.wallet.backup_bytes import (
    MAX_BACKUP_BYTES,
    Backup,
    BackupContent,
    Slot,
    encode_content,
    encode_head,
    is_backup,
    read_backup,
    series_of,
)
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
    derived,
)
from pteri.wallet.envelope import LIGHT, STANDARD
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.ports import Entropy
from world import SimEntropy

DAMAGES = {
    WalletCode.NOT_A_BACKUP,
    WalletCode.NEWER_VERSION,
    WalletCode.NO_SUCH_SLOT,
    WalletCode.WRONG_PASSPHRASE_OR_DAMAGED,
    WalletCode.WRONG_KEY_OR_DAMAGED,
    WalletCode.BACKUP_DAMAGED,
    WalletCode.KDF_COST,
}


@dataclass(frozen=True)
class Planted:
    """A slot that another program has written."""

    planted: Slot

    def slot(self, content_key: Secret, opening: bytes, *, entropy: Entropy) -> Slot:
        del content_key, opening, entropy
        return self.planted


def file_of(found: Backup) -> bytes:
    return found.head + found.sealed


def with_slots(data: bytes, *slots: Slot) -> bytes:
    found = read_backup(data)
    return encode_head(found.opening, slots) + found.sealed


# --- opening --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opener", EVERY_OPENER, ids=lambda opener: type(opener).__name__)
def test_every_way_opens_the_same_wallet(opener: Opener) -> None:
    data = backup(sealers=EVERY_SEALER)
    assert is_backup(data)
    assert open_backup(data, opener) == CONTENT


@pytest.mark.parametrize("network", ["main", "test", "regtest"])
@pytest.mark.parametrize("size", [16, 20, 24, 28, 32])
def test_every_network_and_length_comes_back(network: str, size: int) -> None:
    content = BackupContent(Secret(bytes(range(size))), network, 0, bytes(16))
    assert open_backup(backup(content=content, sealers=QUICK), BY_CODE) == content


def test_twelve_words_and_twenty_four_make_files_of_the_same_size() -> None:
    long = replace(CONTENT, entropy=Secret(bytes(32)))
    assert len(backup(sealers=EVERY_SEALER)) == len(backup(content=long, sealers=EVERY_SEALER))


def test_a_file_shows_nothing_of_its_wallet() -> None:
    words = Secret(hashlib.sha256(b"words").digest())
    content = BackupContent(words, "main", 1_790_000_000, hashlib.sha256(b"id").digest()[:16])
    data = backup(content=content, sealers=EVERY_SEALER)
    shown = [words.reveal(), content.keystore_id, content.created_at.to_bytes(8, "big"), hpke.public_of(PHONE)]
    assert not any(part[:8] in data for part in (*shown, PASSPHRASE.reveal(), CODE.reveal(), OUTPUT.reveal()))


def test_two_backups_of_one_wallet_are_of_one_series_and_share_nothing_else() -> None:
    first, second = read_backup(backup("a")), read_backup(backup("b"))
    assert first.series == second.series == series_of(CONTENT.keystore_id)
    assert first.commitment != second.commitment
    assert first.slots[0].body[6:] != second.slots[0].body[6:]
    assert first.sealed != second.sealed


def test_a_new_backup_costs_64_mib_for_each_guess() -> None:
    data = seal_backup(CONTENT, [ForPassphrase(PASSPHRASE)], entropy=SimEntropy("standard"))
    [slot] = read_backup(data).slots
    assert slot.body[:6] == (64 * 1024).to_bytes(4, "big") + bytes([STANDARD.iterations, 1])
    assert open_backup(data, BY_PASSPHRASE) == CONTENT


WRONG: list[tuple[Opener, WalletCode]] = [
    (ByPassphrase(Secret(b"staple battery horse correct")), WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
    (ByPassphrase(Secret(PASSPHRASE.reveal() + b" ")), WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
    (ByCode(Secret(b"0" * 25)), WalletCode.WRONG_KEY_OR_DAMAGED),
    (ByDevice(OUTPUT), WalletCode.WRONG_KEY_OR_DAMAGED),
    (ByPasskey(PHONE), WalletCode.WRONG_KEY_OR_DAMAGED),
]


@pytest.mark.parametrize(("opener", "code"), WRONG)
def test_a_wrong_key_opens_nothing_and_says_so(opener: Opener, code: WalletCode) -> None:
    assert code_of(lambda: open_backup(backup(sealers=EVERY_SEALER), opener)) is code


@pytest.mark.parametrize("opener", EVERY_OPENER, ids=lambda opener: type(opener).__name__)
def test_a_way_that_the_backup_does_not_have_is_told_from_a_wrong_key(opener: Opener) -> None:
    others = [sealer for sealer, other in zip(EVERY_SEALER, EVERY_OPENER, strict=True) if other is not opener]
    assert code_of(lambda: open_backup(backup(sealers=others), opener)) is WalletCode.NO_SUCH_SLOT


def test_each_of_several_phones_opens_and_a_stranger_does_not() -> None:
    phones = [Secret(bytes([number]) * 32) for number in range(1, 6)]
    data = backup(sealers=[ForDevice(hpke.public_of(phone)) for phone in phones])
    assert all(open_backup(data, ByDevice(phone)) == CONTENT for phone in phones)
    assert code_of(lambda: open_backup(data, ByDevice(PHONE))) is WalletCode.WRONG_KEY_OR_DAMAGED


def test_secrets_and_ways_to_open_do_not_print_themselves() -> None:
    printed = repr([CONTENT, *EVERY_SEALER, *EVERY_OPENER])
    for secret in (PASSPHRASE, CODE, PHONE, OUTPUT):
        assert repr(secret.reveal())[2:-1] not in printed


# --- sealing --------------------------------------------------------------------------------------------------------


def test_a_backup_that_nobody_can_open_is_not_made() -> None:
    for sealers in ([], [ForCode(CODE)] * 2, [ForPassphrase(PASSPHRASE, LIGHT)] * 2, [ForPasskey(OUTPUT, ASKED)] * 9):
        with pytest.raises(ValueError, match="1 to 8 slots"):
            backup(sealers=sealers)
    assert code_of(lambda: backup(sealers=[ForPassphrase(Secret(b""), LIGHT)])) is WalletCode.PASSPHRASE


def test_keys_of_another_size_are_refused_before_anything_is_sealed() -> None:
    for output, asked in ((Secret(bytes(31)), ASKED), (OUTPUT, bytes(31)), (Secret(b""), ASKED)):
        with pytest.raises(ValueError, match="32 bytes"):
            backup(sealers=[ForPasskey(output, asked)])
    with pytest.raises(ValueError, match="32 bytes"):
        open_backup(backup(sealers=EVERY_SEALER), ByPasskey(Secret(bytes(31))))
    for public in (b"", bytes(31), bytes(32)):
        with pytest.raises(Malformed):
            backup(sealers=[ForDevice(public)])
    with pytest.raises(Malformed):
        open_backup(backup(sealers=EVERY_SEALER), ByDevice(Secret(bytes(31))))


@pytest.mark.parametrize(
    "content",
    [
        replace(CONTENT, entropy=Secret(bytes(15))),
        replace(CONTENT, entropy=Secret(b"")),
        replace(CONTENT, network="bitcoin"),
        replace(CONTENT, created_at=-1),
        replace(CONTENT, created_at=2**53),
        replace(CONTENT, keystore_id=bytes(15)),
    ],
)
def test_what_is_no_wallet_is_not_sealed(content: BackupContent) -> None:
    with pytest.raises(ValueError):
        backup(content=content, sealers=QUICK)


# --- damage ---------------------------------------------------------------------------------------------------------


def test_every_truncation_and_every_byte_too_many_is_refused_before_any_key() -> None:
    data = backup(sealers=EVERY_SEALER)
    for length in range(len(data)):
        assert code_of(lambda: read_backup(data[:length])) is WalletCode.NOT_A_BACKUP  # noqa: B023 - called at once
    for more in (b"\x00", b"\n", data):
        assert code_of(lambda: read_backup(data + more)) is WalletCode.NOT_A_BACKUP  # noqa: B023 - called at once


def test_every_flipped_bit_is_refused_with_a_plain_sentence() -> None:
    data = backup(sealers=QUICK)
    for bit in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        assert code_of(lambda: open_backup(bytes(damaged), BY_CODE)) in DAMAGES, bit  # noqa: B023 - called at once


def test_every_flipped_bit_of_the_passphrase_slot_is_refused() -> None:
    data = backup()
    start = 57
    # The cost (first six bytes) is read by a test of its own: a flipped bit there may ask for a gigabyte.
    for at in range(start + 6, start + 70):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        refused = code_of(lambda: open_backup(bytes(damaged), BY_PASSPHRASE))  # noqa: B023 - called at once
        assert refused is WalletCode.WRONG_PASSPHRASE_OR_DAMAGED


def test_right_key_and_damaged_content_is_told_from_a_wrong_key() -> None:
    data = bytearray(backup(sealers=QUICK))
    data[-1] ^= 1
    assert code_of(lambda: open_backup(bytes(data), BY_CODE)) is WalletCode.BACKUP_DAMAGED


# --- swapped parts --------------------------------------------------------------------------------------------------


def test_a_slot_of_another_file_opens_nothing() -> None:
    first, second = (read_backup(backup(name, sealers=EVERY_SEALER)) for name in "ab")
    for place, opener in enumerate(EVERY_OPENER):
        slots = list(first.slots)
        slots[place] = second.slots[place]
        mixed = file_of(replace(first, slots=tuple(slots)))
        assert code_of(lambda: open_backup(mixed, opener)) in {  # noqa: B023 - called at once
            WalletCode.WRONG_PASSPHRASE_OR_DAMAGED,
            WalletCode.WRONG_KEY_OR_DAMAGED,
        }


def test_heads_and_contents_of_two_files_do_not_go_together() -> None:
    first, second = (read_backup(backup(name, sealers=QUICK)) for name in "ab")
    assert code_of(lambda: open_backup(first.head + second.sealed, BY_CODE)) is WalletCode.BACKUP_DAMAGED
    for mixed in (
        replace(first, commitment=second.commitment),
        replace(first, series=bytes(8)),
        replace(second, slots=first.slots),
    ):
        assert code_of(lambda: open_backup(file_of(mixed), BY_CODE)) is WalletCode.WRONG_KEY_OR_DAMAGED  # noqa: B023


def test_a_slot_cannot_be_added_removed_or_moved_unseen() -> None:
    data = backup(sealers=EVERY_SEALER)
    passphrase, code, device, passkey = read_backup(data).slots
    stranger = read_backup(backup("stranger", sealers=[ForDevice(hpke.public_of(OUTPUT))])).slots[0]
    for slots in (
        (code, device, passkey),
        (code,),
        (passphrase, code, device),
        (code, passphrase, device, passkey),
        (passphrase, code, device, passkey, stranger),
        (passphrase, code, device, passkey, Slot(99, b"new")),
        (passphrase, code, stranger, passkey),
    ):
        assert code_of(lambda: open_backup(with_slots(data, *slots), BY_CODE)) is WalletCode.BACKUP_DAMAGED  # noqa: B023


def test_a_slot_of_a_newer_kind_does_not_keep_the_known_ones_from_opening() -> None:
    data = backup(sealers=[Planted(Slot(99, b"whatever comes")), *EVERY_SEALER])
    assert all(open_backup(data, opener) == CONTENT for opener in EVERY_OPENER)
    assert read_backup(data).slots[0] == Slot(99, b"whatever comes")


def test_one_file_cannot_open_to_two_wallets() -> None:
    """Two content keys, one for the passphrase and one for the code: AES-GCM alone would allow such a file."""
    other_key = Secret(b"\x07" * 32)
    data = backup(sealers=EVERY_SEALER)
    found = read_backup(data)
    foreign = ForCode(CODE).slot(other_key, found.opening, entropy=SimEntropy("foreign"))
    assert ByCode(CODE).content_key(foreign, found.opening) == other_key  # the slot alone opens
    mixed = with_slots(data, found.slots[0], foreign)
    assert code_of(lambda: open_backup(mixed, BY_CODE)) is WalletCode.WRONG_KEY_OR_DAMAGED


# --- bounds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("memory_kib", "iterations", "lanes"),
    [
        (2**32 - 1, 3, 1),
        (1024 * 1024 + 1, 3, 1),
        (64 * 1024, 255, 1),
        (64 * 1024, 3, 255),
        (64 * 1024, 0, 1),
        (64 * 1024, 3, 0),
        (8 * 1024 - 1, 1, 1),
        (0, 0, 0),
    ],
)
def test_a_cost_bomb_is_refused_before_it_costs_and_the_code_still_opens(
    memory_kib: int, iterations: int, lanes: int
) -> None:
    cost = memory_kib.to_bytes(4, "big") + bytes([iterations, lanes])
    data = backup(sealers=[Planted(Slot(1, cost + bytes(64))), ForCode(CODE)])
    unusable = Secret(b"a passphrase")
    unusable.wipe()  # a derivation would ask for it, and end in ValueError
    assert code_of(lambda: open_backup(data, ByPassphrase(unusable))) is WalletCode.KDF_COST
    assert open_backup(data, BY_CODE) == CONTENT


def test_a_file_asks_for_one_guess_at_a_passphrase_only() -> None:
    data = backup(sealers=EVERY_SEALER)
    passphrase, code = read_backup(data).slots[:2]
    for slots in ((passphrase, passphrase), (code, passphrase, code)):
        assert code_of(lambda: read_backup(with_slots(data, *slots))) is WalletCode.NOT_A_BACKUP  # noqa: B023


def test_a_file_that_is_too_large_is_not_looked_into() -> None:
    data = backup()
    assert code_of(lambda: read_backup(data + bytes(MAX_BACKUP_BYTES))) is WalletCode.TOO_LARGE


def test_slots_have_bounds() -> None:
    data = backup(sealers=QUICK)
    code, device = read_backup(data).slots
    new = Slot(99, b"x")
    assert len(read_backup(with_slots(data, *[new] * 8)).slots) == 8
    for slots in (
        (),
        (new,) * 9,
        (Slot(0, b"x"),),
        (Slot(99, b""),),
        (Slot(99, bytes(1025)),),
        (Slot(2, code.body[:-1]),),
        (Slot(2, code.body + b"\x00"),),
        (Slot(3, device.body[:-1]),),
        (Slot(1, code.body),),
        (Slot(4, code.body),),
    ):
        assert code_of(lambda: read_backup(with_slots(data, *slots))) is WalletCode.NOT_A_BACKUP  # noqa: B023
    assert read_backup(with_slots(data, Slot(255, bytes(1024)))).slots == (Slot(255, bytes(1024)),)


@pytest.mark.parametrize(
    ("version", "code"), [(0, WalletCode.NOT_A_BACKUP), (2, WalletCode.NEWER_VERSION), (255, WalletCode.NEWER_VERSION)]
)
def test_another_version_is_refused_by_its_name(version: int, code: WalletCode) -> None:
    data = bytearray(backup(sealers=QUICK))
    data[12] = version
    assert code_of(lambda: open_backup(bytes(data), BY_CODE)) is code


@pytest.mark.parametrize("data", [b"", b"PTERI", b"pteri-backup" + bytes(300), b'{"format":"pteri-keystore-1"}\n'])
def test_what_is_no_backup_is_refused(data: bytes) -> None:
    assert not is_backup(data)
    assert code_of(lambda: open_backup(data, BY_PASSPHRASE)) is WalletCode.NOT_A_BACKUP


# --- sealed by another program --------------------------------------------------------------------------------------


def sealed_by_another(plain: bytes, *, series: bytes | None = None) -> bytes:
    """A file as the specification makes it, of another content; in the steps of the specification."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - used here alone

    key = Secret(b"\x05" * 32)
    named = series_of(CONTENT.keystore_id) if series is None else series
    opening = b"PTERI-BACKUP\x01" + named + derived(key, "commitment").reveal()
    head = encode_head(opening, (ForCode(CODE).slot(key, opening, entropy=SimEntropy("other")),))
    return head + AESGCM(derived(key, "content").reveal()).encrypt(bytes(12), plain, head)


GOOD = encode_content(CONTENT)


def test_a_backup_in_the_steps_of_the_specification_opens() -> None:
    assert open_backup(sealed_by_another(GOOD), BY_CODE) == CONTENT


@pytest.mark.parametrize(
    "plain",
    [
        b"\x00" + GOOD[1:],
        b"\x04" + GOOD[1:],
        GOOD[:1] + b"\xff" + GOOD[2:],
        GOOD[:25] + b"\x11" + GOOD[26:],
        GOOD[:25] + b"\x00" + GOOD[26:],
        GOOD[:25] + b"\xff" + GOOD[26:],
        GOOD[:-1] + b"\x01",
        GOOD[:42] + b"\x01" + GOOD[43:],
    ],
)
def test_content_has_one_spelling(plain: bytes) -> None:
    assert code_of(lambda: open_backup(sealed_by_another(plain), BY_CODE)) is WalletCode.NOT_A_BACKUP


def test_a_backup_that_names_another_series_than_it_holds_is_refused() -> None:
    assert code_of(lambda: open_backup(sealed_by_another(GOOD, series=bytes(8)), BY_CODE)) is WalletCode.NOT_A_BACKUP


def test_no_refusal_carries_a_secret() -> None:
    data = backup(sealers=EVERY_SEALER)
    for opener, _ in WRONG:
        with pytest.raises(WalletError) as caught:
            open_backup(data, opener)
        told = f"{caught.value!r} {caught.value.__cause__!r}"
        assert not any(secret.reveal().decode("latin-1") in told for secret in (PASSPHRASE, CODE, PHONE, OUTPUT))
