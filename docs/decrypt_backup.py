"""Open a PTERI backup without PTERI: one file, the standard library and ``cryptography`` (45 or later).

    python decrypt_backup.py FILE                 asks for the passphrase
    python decrypt_backup.py FILE --code          asks for the backup code
    python decrypt_backup.py FILE --device FILE   the file holds the 32 bytes of a phone's private backup key in hex
    python decrypt_backup.py FILE --passkey FILE  the file holds the 32 bytes that the passkey answered in hex

Written from docs/spec/backup.md and from nothing else, so that your wallet does not depend on this project living on.
It prints the entropy of the wallet in hex; any BIP-39 tool makes the words of it. **Whoever sees it has the wallet.**
Run it on a computer that you trust, without network.
"""  # noqa: INP001 - a script to be copied out of here, not a package

from __future__ import annotations

import argparse
import getpass
import hashlib
import hmac
import json
import sys
import unicodedata
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

NONCE = bytes(12)
PASSPHRASE, CODE, DEVICE, PASSKEY = 1, 2, 3, 4
BODY_BYTES = {PASSPHRASE: 70, CODE: 64, DEVICE: 80, PASSKEY: 80}


class BackupError(Exception):
    """Why this file does not open: a code of docs/spec/backup.md section 7, and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence


def extract(salt: bytes, key: bytes) -> bytes:
    """HKDF-Extract with SHA-256 (RFC 5869)."""
    return hmac.digest(salt or bytes(32), key, "sha256")


def expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256."""
    made, block = b"", b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        made += block
    return made[:length]


def derive(key: bytes, purpose: str, salt: bytes = b"") -> bytes:
    """Section 3: one key for one purpose."""
    return expand(extract(salt, key), b"pteri-backup-1 " + purpose.encode(), 32)


def read(data: bytes) -> tuple[bytes, bytes, list[tuple[int, bytes]], bytes]:
    """Section 2: the opening, the head, the slots and the sealed content."""
    if len(data) > 16 * 1024:
        raise BackupError("TOO_LARGE", "over 16 KiB")
    if data[:12] != b"PTERI-BACKUP" or len(data) < 54:
        raise BackupError("NOT_A_BACKUP", "it does not begin like a backup")
    if data[12] > 1:
        raise BackupError("NEWER_VERSION", "a newer format")
    if data[12] != 1 or not 1 <= data[53] <= 8:
        raise BackupError("NOT_A_BACKUP", "no such version, or no slots")
    slots, at = [], 54
    for _ in range(data[53]):
        if at + 3 > len(data):
            raise BackupError("NOT_A_BACKUP", "cut off")
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 3], "big")
        body = data[at + 3 : at + 3 + size]
        if len(body) != size or kind == 0 or not 1 <= size <= 1024 or size != BODY_BYTES.get(kind, size):
            raise BackupError("NOT_A_BACKUP", "a slot is out of bounds")
        slots.append((kind, body))
        at += 3 + size
    kinds = [kind for kind, _ in slots]
    if len(data) != at + 74 or kinds.count(PASSPHRASE) > 1 or kinds.count(CODE) > 1:
        raise BackupError("NOT_A_BACKUP", "cut off, too long, or a slot is there twice")
    return data[:53], data[:at], slots, data[at:]


def unwrap_passphrase(body: bytes, bound_to: bytes, passphrase: bytes) -> bytes:
    """Section 4.1."""
    memory_kib, passes, lanes = int.from_bytes(body[:4], "big"), body[4], body[5]
    if not (8192 <= memory_kib <= 1048576 and 1 <= passes <= 10 and 1 <= lanes <= 4):
        raise BackupError("KDF_COST", "the cost is out of bounds")
    kdf = Argon2id(salt=body[6:22], length=32, iterations=passes, lanes=lanes, memory_cost=memory_kib)
    key = derive(kdf.derive(passphrase), "passphrase")
    return AESGCM(key).decrypt(NONCE, body[22:], bound_to + body[:22])


def unwrap_code(body: bytes, bound_to: bytes, code: bytes) -> bytes:
    """Section 4.2."""
    return AESGCM(derive(code, "code", body[:16])).decrypt(NONCE, body[16:], bound_to + body[:16])


def unwrap_device(body: bytes, bound_to: bytes, private: bytes) -> bytes:
    """Section 4.3: HPKE, RFC 9180, base mode, X25519, HKDF-SHA-256, ChaCha20-Poly1305, first message."""
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x03"
    own, enc = X25519PrivateKey.from_private_bytes(private), body[:32]

    def labelled_extract(name: bytes, salt: bytes, label: bytes, key: bytes) -> bytes:
        return extract(salt, b"HPKE-v1" + name + label + key)

    def labelled_expand(name: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
        return expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + name + label + info, length)

    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(enc))
    except ValueError as error:  # an ephemeral key that is none
        raise InvalidTag from error
    both = enc + own.public_key().public_bytes_raw()
    secret = labelled_expand(kem, labelled_extract(kem, b"", b"eae_prk", shared), b"shared_secret", both, 32)
    named = labelled_extract(suite, b"", b"psk_id_hash", b"")
    told = labelled_extract(suite, b"", b"info_hash", b"pteri-backup-1 device")
    context = b"\x00" + named + told
    schedule = labelled_extract(suite, secret, b"secret", b"")
    key = labelled_expand(suite, schedule, b"key", context, 32)
    nonce = labelled_expand(suite, schedule, b"base_nonce", context, 12)
    return ChaCha20Poly1305(key).decrypt(nonce, body[32:], bound_to + enc)


def unwrap_passkey(body: bytes, bound_to: bytes, output: bytes) -> bytes:
    """Section 4.4."""
    return AESGCM(derive(output, "passkey", body[:32])).decrypt(NONCE, body[32:], bound_to + body[:32])


UNWRAP = {PASSPHRASE: unwrap_passphrase, CODE: unwrap_code, DEVICE: unwrap_device, PASSKEY: unwrap_passkey}


def open_backup(data: bytes, kind: int, secret: bytes) -> dict[str, object]:
    """Section 5: what the backup holds, by a secret of this kind."""
    opening, head, slots, sealed = read(data)
    mine = [body for found, body in slots if found == kind]
    if not mine:
        raise BackupError("NO_SUCH_SLOT", "it was not made to open this way")
    for body in mine:
        try:
            key = UNWRAP[kind](body, opening + bytes([kind]), secret)
        except InvalidTag:
            continue
        if hmac.compare_digest(derive(key, "commitment"), opening[21:]):
            return content(key, head, sealed)
    wrong = "WRONG_PASSPHRASE_OR_DAMAGED" if kind == PASSPHRASE else "WRONG_KEY_OR_DAMAGED"
    raise BackupError(wrong, "another passphrase, code or key, or the file is damaged")


def content(key: bytes, head: bytes, sealed: bytes) -> dict[str, object]:
    """Section 5, steps 5 and 6."""
    try:
        plain = AESGCM(derive(key, "content")).decrypt(NONCE, sealed, head)
    except InvalidTag as error:
        raise BackupError("BACKUP_DAMAGED", "the key is right, and the file has been changed") from error
    network, created_at, keystore_id, size = plain[0], int.from_bytes(plain[1:9], "big"), plain[9:25], plain[25]
    series = hashlib.sha256(b"pteri-backup-1 series\x00" + keystore_id).digest()[:8]
    is_sound = 1 <= network <= 3 and created_at < 2**53 and size in {16, 20, 24, 28, 32} and not any(plain[26 + size :])
    if not is_sound or series != head[13:21]:
        raise BackupError("NOT_A_BACKUP", "another program has sealed something else")
    return {
        "entropy": plain[26 : 26 + size].hex(),
        "network": ("main", "test", "regtest")[network - 1],
        "created_at": created_at,
        "keystore_id": keystore_id.hex(),
    }


def code_as_sealed(typed: str) -> bytes:
    """Section 6: what was typed, as the key is made of it. The check characters are not looked at here."""
    kept = "".join(character for character in typed if character not in "- \t\r\n")
    return kept.upper().replace("O", "0").replace("I", "1").replace("L", "1").encode()


def passphrase_as_sealed(typed: str) -> bytes:
    """Section 4.1: what was typed, as the key is made of it (RFC 8265 section 4.2)."""
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in typed)
    return unicodedata.normalize("NFC", spaced).encode()


def main() -> int:
    """Ask, open, print."""
    parser = argparse.ArgumentParser(description="Open a PTERI backup without PTERI.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--code", action="store_true", help="ask for the backup code")
    parser.add_argument("--device", type=Path, metavar="FILE", help="file with a private backup key in hex")
    parser.add_argument("--passkey", type=Path, metavar="FILE", help="file with the answer of a passkey in hex")
    asked = parser.parse_args()
    if asked.device or asked.passkey:
        kind = DEVICE if asked.device else PASSKEY
        secret = bytes.fromhex((asked.device or asked.passkey).read_text().strip())
    elif asked.code:
        kind, secret = CODE, code_as_sealed(getpass.getpass("Backup code: "))
    else:
        kind, secret = PASSPHRASE, passphrase_as_sealed(getpass.getpass("Passphrase: "))
    try:
        found = open_backup(asked.file.read_bytes(), kind, secret)
    except BackupError as error:
        sys.stderr.write(f"This does not open: {error.sentence} ({error.code})\n")
        return 1
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
