"""Write vectors/backup.json: ``PYTHONPATH=src:tests python tests/vectors/make_backup.py``.

Backups and backup codes, most of them bad. Keys and passphrases are published and open nothing that is worth anything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backups import ASKED, CODE, CONTENT, EVERY_SEALER, OUTPUT, PASSPHRASE, PHONE, backup
from pteri.core import hpke
from pteri.core.keys.secret import Secret
from pteri.wallet.backup_bytes import Slot, encode_content, encode_head, read_backup, series_of
from pteri.wallet.backup_code import spaced_backup_code
from pteri.wallet.backup_slots import ForCode, ForDevice, ForPassphrase, Sealer, derived
from pteri.wallet.errors import WalletCode
from pteri.wallet.ports import Entropy
from vectors.cases import Case
from world import SimEntropy

FILE: Final = Path(__file__).parents[2] / "vectors" / "backup.json"
NOTE: Final = (
    "docs/spec/backup.md. 'backups': a file is opened by 'by' (passphrase as UTF-8 text, code as 25 characters, device "
    "and passkey as 32 bytes in hex) and gives entropy, network, created_at and keystore_id, or is refused with 'code' "
    "(section 7). A step that is refused comes before every later one, as in section 5. 'codes': what a person types, "
    "and the 25 characters that it means, or a refusal. All keys here are published and open nothing else."
)
SECRETS: Final = {
    "passphrase": PASSPHRASE.reveal().decode(),
    "code": CODE.reveal().decode(),
    "device": PHONE.reveal().hex(),
    "passkey": OUTPUT.reveal().hex(),
}
WRONG: Final = {
    "passphrase": "Correct horse battery staple",
    "code": "0" * 25,
    "device": OUTPUT.reveal().hex(),
    "passkey": PHONE.reveal().hex(),
}


@dataclass(frozen=True)
class Planted:
    """A slot of another program."""

    planted: Slot

    def slot(self, content_key: Secret, opening: bytes, *, entropy: Entropy) -> Slot:
        del content_key, opening, entropy
        return self.planted


def _opened(why: str, data: bytes, by: str, entropy: bytes = bytes(16), network: str = "main") -> Case:
    return {
        "expect": "accept",
        "why": why,
        "by": by,
        "secret": SECRETS[by],
        "file": data.hex(),
        "entropy": entropy.hex(),
        "network": network,
        "created_at": CONTENT.created_at,
        "keystore_id": CONTENT.keystore_id.hex(),
    }


def _refused(why: str, code: WalletCode, data: bytes, by: str = "code", secret: str | None = None) -> Case:
    wrong = SECRETS[by] if secret is None else secret
    return {"expect": "reject", "why": why, "code": str(code), "by": by, "secret": wrong, "file": data.hex()}


def _good() -> list[Case]:
    long = bytes(range(32))
    all_four = backup("all", sealers=EVERY_SEALER)
    newer = backup("newer", sealers=[Planted(Slot(200, b"what a later program knows")), *EVERY_SEALER])
    two_phones = backup("two", sealers=[ForDevice(hpke.public_of(OUTPUT)), ForDevice(hpke.public_of(PHONE))])
    return [
        _opened("a passphrase alone, at the least cost", backup("light"), "passphrase"),
        _opened("at the cost of new backups", backup("new", sealers=[ForPassphrase(PASSPHRASE)]), "passphrase"),
        *(_opened(f"four ways to open, by {by}", all_four, by) for by in SECRETS),
        *(_opened(f"a slot of a newer kind is passed over, by {by}", newer, by) for by in SECRETS),
        _opened("the second of two phones", two_phones, "device"),
        _opened(
            "24 words on a test network",
            backup(
                "long", content=replace(CONTENT, entropy=Secret(long), network="regtest"), sealers=EVERY_SEALER[1:2]
            ),
            "code",
            long,
            "regtest",
        ),
    ]


def _wrong_keys() -> list[Case]:
    data = backup("all", sealers=EVERY_SEALER)
    damaged = WalletCode.WRONG_KEY_OR_DAMAGED
    return [
        _refused("another passphrase", WalletCode.WRONG_PASSPHRASE_OR_DAMAGED, data, "passphrase", WRONG["passphrase"]),
        *(_refused(f"another {by}", damaged, data, by, WRONG[by]) for by in ("code", "device", "passkey")),
        _refused("no slot for a code", WalletCode.NO_SUCH_SLOT, backup("light")),
        _refused("no slot for a passphrase", WalletCode.NO_SUCH_SLOT, _code_only(), "passphrase"),
    ]


def _code_only() -> bytes:
    return backup("code", sealers=[ForCode(CODE)])


def _shapes() -> list[Case]:
    data = _code_only()
    found = read_backup(data)
    [code] = found.slots
    no_backup = WalletCode.NOT_A_BACKUP

    def slots(*changed: Slot) -> bytes:
        return encode_head(found.opening, changed) + found.sealed

    return [
        _refused("no bytes", no_backup, b""),
        _refused("a keystore", no_backup, b'{"format":"pteri-keystore-1","holds":"wallet"}\n' + bytes(200)),
        _refused("lower case", no_backup, b"pteri-backup" + data[12:]),
        _refused("version 0", no_backup, data[:12] + b"\x00" + data[13:]),
        _refused("version 2", WalletCode.NEWER_VERSION, data[:12] + b"\x02" + data[13:]),
        _refused("over 16 KiB", WalletCode.TOO_LARGE, data + bytes(16 * 1024)),
        *(_refused(f"cut after {at} bytes", no_backup, data[:at]) for at in (12, 53, 54, 56, 57, 100, len(data) - 1)),
        _refused("a byte too many", no_backup, data + b"\x00"),
        _refused("no slot", no_backup, slots()),
        _refused("nine slots", no_backup, slots(code, *[Slot(200, b"x")] * 8)),
        _refused("a slot of kind 0", no_backup, slots(code, Slot(0, b"x"))),
        _refused("a slot without a body", no_backup, slots(code, Slot(200, b""))),
        _refused("a slot of 1025 bytes", no_backup, slots(code, Slot(200, bytes(1025)))),
        _refused("a code slot of another size", no_backup, slots(Slot(2, code.body + b"\x00"))),
        _refused("two code slots", no_backup, slots(code, code)),
        _refused("two passphrase slots", no_backup, slots(code, Slot(1, bytes(70)), Slot(1, bytes(70)))),
    ]


def _changes() -> list[Case]:
    all_four, other = (read_backup(backup(name, sealers=EVERY_SEALER)) for name in ("all", "other"))
    slots, damaged, wrong = all_four.slots, WalletCode.BACKUP_DAMAGED, WalletCode.WRONG_KEY_OR_DAMAGED

    def changed(*now: Slot) -> bytes:
        return encode_head(all_four.opening, now) + all_four.sealed

    def flipped(at: int) -> bytes:
        whole = bytearray(all_four.head + all_four.sealed)
        whole[at] ^= 1
        return bytes(whole)

    return [
        _refused("the passphrase slot is gone", damaged, changed(*slots[1:])),
        _refused("slots in another order", damaged, changed(*reversed(slots))),
        _refused("a slot more", damaged, changed(*slots, Slot(200, b"x"))),
        _refused("the head of another backup", damaged, other.head + all_four.sealed),
        _refused("the content of another backup", damaged, all_four.head + other.sealed),
        _refused("the code slot of another backup", wrong, changed(slots[0], other.slots[1], *slots[2:])),
        _refused("the phone slot of another backup", wrong, changed(*slots[:2], other.slots[2], slots[3]), "device"),
        _refused("a phone slot without a usable key", wrong, changed(slots[1], Slot(3, bytes(80))), "device"),
        _refused("another series", wrong, flipped(13)),
        _refused("another commitment", wrong, flipped(21)),
        _refused("a bit of the content", damaged, flipped(-17)),
        _refused("a bit of the tag", damaged, flipped(-1)),
    ]


def _costs() -> list[Case]:
    def asking(memory_kib: int, passes: int, lanes: int) -> bytes:
        cost = memory_kib.to_bytes(4, "big") + bytes([passes, lanes])
        sealers: Sequence[Sealer] = [Planted(Slot(1, cost + bytes(64))), ForCode(CODE)]
        return backup("cost", sealers=sealers)

    bounds = {
        "8 MiB less one": (8191, 1, 1),
        "over 1 GiB": (1048577, 3, 1),
        "4 TiB": (2**32 - 1, 3, 1),
        "no pass": (65536, 0, 1),
        "11 passes": (65536, 11, 1),
        "no lane": (65536, 3, 0),
        "5 lanes": (65536, 3, 5),
    }
    return [
        *(
            _refused(f"a cost of {why}", WalletCode.KDF_COST, asking(*cost), "passphrase")
            for why, cost in bounds.items()
        ),
        _opened("a cost out of bounds is no matter to a code", asking(2**32 - 1, 3, 1), "code"),
    ]


def _two_keys() -> list[Case]:
    """A slot that opens to another content key than the head commits to: AES-GCM alone would let it pass."""
    found = read_backup(_code_only())
    foreign = ForCode(CODE).slot(Secret(b"\x07" * 32), found.opening, entropy=SimEntropy("foreign"))
    head = encode_head(found.opening, (foreign,))
    sealed = AESGCM(derived(Secret(b"\x07" * 32), "content").reveal()).encrypt(bytes(12), encode_content(CONTENT), head)
    return [_refused("whole, under a key that it does not commit to", WalletCode.WRONG_KEY_OR_DAMAGED, head + sealed)]


def _contents() -> list[Case]:
    good = encode_content(CONTENT)
    bad = {
        "network 0": b"\x00" + good[1:],
        "network 4": b"\x04" + good[1:],
        "an instant over 2^53": good[:1] + b"\xff" + good[2:],
        "17 bytes of entropy": good[:25] + b"\x11" + good[26:],
        "no entropy": good[:25] + b"\x00" + good[26:],
        "padding that is not zero": good[:-1] + b"\x01",
    }
    return [
        *(_refused(f"sealed: {why}", WalletCode.NOT_A_BACKUP, _sealing(plain)) for why, plain in bad.items()),
        _refused("sealed: a wallet of another series", WalletCode.NOT_A_BACKUP, _sealing(good, bytes(8))),
    ]


def _sealing(plain: bytes, series: bytes = series_of(CONTENT.keystore_id)) -> bytes:
    key = Secret(b"\x05" * 32)
    opening = b"PTERI-BACKUP\x01" + series + derived(key, "commitment").reveal()
    head = encode_head(opening, (ForCode(CODE).slot(key, opening, entropy=SimEntropy("plain")),))
    return head + AESGCM(derived(key, "content").reveal()).encrypt(bytes(12), plain, head)


def _codes() -> list[Case]:
    text = spaced_backup_code(CODE)
    good = {
        "as it is written down": text,
        "in lower case": text.lower(),
        "without hyphens": text.replace("-", ""),
        "with spaces": f" {text.replace('-', ' ')} \n",
        "O for 0 and l for 1": text.replace("0", "O").replace("1", "l"),
    }
    bad = {
        "nothing": "",
        "a character less": text[:-1],
        "a character more": text + "0",
        "one mistyped": "1" + text[1:],
        "the check character mistyped": text[:4] + "0" + text[5:],
        "two swapped": text[1] + text[0] + text[2:],
        "two groups swapped": text[6:12] + text[:6] + text[12:],
        "a letter that is in no code": text[:-1] + "U",
        "a digit of another script": "\uff10" + text[1:],
    }
    return [
        *({"expect": "accept", "why": why, "typed": typed, "means": SECRETS["code"]} for why, typed in good.items()),
        *({"expect": "reject", "why": why, "code": "BACKUP_CODE", "typed": typed} for why, typed in bad.items()),
    ]


def vectors() -> str:
    """Text of the file."""
    cases = [_good(), _wrong_keys(), _shapes(), _changes(), _costs(), _two_keys(), _contents()]
    assert ASKED in bytes.fromhex(cases[0][2]["file"])
    whole = {
        "format": "pteri-backup-vectors-1",
        "note": NOTE,
        "backups": [case for some in cases for case in some],
        "codes": _codes(),
    }
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(vectors(), encoding="utf-8")
