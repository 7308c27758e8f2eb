"""Write vectors/keystore.json: ``PYTHONPATH=src:tests python tests/vectors/make_keystore.py``.

Sealed files of a phone's directory, most of them bad. Passphrase, words and codes are published and open nothing.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Final

from backups import CODE, PASSPHRASE
from pteri.core.errors import Code
from pteri.core.ids import AccountId, Thumbprint
from pteri.core.keys.secret import Secret
from pteri.core.offline import ChainTerms, offline_code
from pteri.wallet.envelope import LIGHT, Holds, seal
from pteri.wallet.errors import WalletCode
from pteri.wallet.paper_code import new_paper_code
from pteri.wallet.succession import encode_codes
from vectors.cases import Case
from world import MALLORY_WORDS, SimEntropy

FILE: Final = Path(__file__).parents[2] / "vectors" / "keystore.json"
NOTE: Final = (
    "docs/spec/keystore.md sections 1 to 3 and 6. 'file' is the text of the file 'name', its line feed included; it is "
    "opened by 'passphrase' and gives 'words', 'codes' or the offline code 'shown' at second 1790000000, or is refused "
    "with 'code'. Everything here is published and opens nothing else."
)
SUCCESSOR: Final = "successor.json"
CODES: Final = "codes.json"
OFFLINE: Final = "offline.json"
SHOWN_AT: Final = 1_790_000_000
CHAIN: Final = (
    b'{"seed":"AAECAwQFBgcICQoLDA0ODxA=","terms":{"account":"acct_5X3N8J2K7Q4M",'
    b'"device":"hf7qysoXwNytHln0sLG_9B2ZRkXo4GL9ZdAF9YuJDEY","start":1790000000,"step":30,"length":120}}'
)
WORDS: Final = Secret(MALLORY_WORDS.encode())
SECOND: Final = new_paper_code(entropy=SimEntropy("a second code"))


def _sealed(secret: Secret, holds: Holds, label: str) -> str:
    return seal(secret, PASSPHRASE, entropy=SimEntropy(label), cost=LIGHT, holds=holds).decode()


def _case(expect: str, why: str, name: str, file: str, **more: object) -> Case:
    passphrase = PASSPHRASE.reveal().decode()
    return {"expect": expect, "why": why, "name": name, "passphrase": passphrase, "file": file, **more}


def _refused(why: str, name: str, file: str, code: str) -> Case:
    return _case("reject", why, name, file, code=str(code))


def _text(code: Secret) -> str:
    return code.reveal().decode()


def _payload(*codes: bytes) -> bytes:
    """What is sealed, whatever the codes are."""
    return b'{"codes":[' + b",".join(b'"' + base64.b64encode(code) + b'"' for code in codes) + b"]}"


def _good() -> list[Case]:
    one, two = encode_codes((CODE,)), encode_codes((CODE, SECOND))
    return [
        _case("accept", "a new wallet", SUCCESSOR, _sealed(WORDS, Holds.SUCCESSOR, "wallet"), words=MALLORY_WORDS),
        _case("accept", "one code", CODES, _sealed(one, Holds.CODES, "one"), codes=[_text(CODE)]),
        _case("accept", "two codes", CODES, _sealed(two, Holds.CODES, "two"), codes=[_text(CODE), _text(SECOND)]),
    ]


def _offline() -> list[Case]:
    def sealed(secret: bytes, label: str) -> str:
        return _sealed(Secret(secret), Holds.OFFLINE, label)

    current = b'{"current":' + CHAIN + b',"next":null}'
    both = current.replace(b"null", CHAIN.replace(b"120", b"121"))
    terms = ChainTerms(
        AccountId("acct_5X3N8J2K7Q4M"), Thumbprint("hf7qysoXwNytHln0sLG_9B2ZRkXo4GL9ZdAF9YuJDEY"), SHOWN_AT, 30, 120
    )
    shown = offline_code(terms, Secret(bytes(range(17))), SHOWN_AT)
    wrong = {
        "offline codes with white space": current.replace(b":", b": ", 1),
        "offline codes without the next ones": b'{"current":' + CHAIN + b"}",
        "offline codes in another order": b'{"next":null,"current":' + CHAIN + b"}",
        "a seed of sixteen bytes": current.replace(b"AAECAwQFBgcICQoLDA0ODxA=", b"AAECAwQFBgcICQoLDA0ODw=="),
        "slots of a second": current.replace(b'"step":30', b'"step":1'),
        "no slots": current.replace(b'"length":120', b'"length":0'),
        "offline codes that are no JSON": b"offline",
    }
    return [
        _case("accept", "offline codes", OFFLINE, sealed(current, "offline"), shown=shown),
        _case("accept", "offline codes, and others on their way", OFFLINE, sealed(both, "both"), shown=shown),
        *(_refused(why, OFFLINE, sealed(secret, why), WalletCode.NOT_A_KEYSTORE) for why, secret in wrong.items()),
        _refused("codes in the place of offline ones", OFFLINE, _codes_file(), WalletCode.WRONG_CONTENT),
    ]


def _codes_file() -> str:
    return _sealed(encode_codes((CODE,)), Holds.CODES, "codes for paper")


def _wrong_content() -> list[Case]:
    files = {
        "a wallet in the place of a new one": (SUCCESSOR, WORDS, Holds.WALLET),
        "codes in the place of a new wallet": (SUCCESSOR, encode_codes((CODE,)), Holds.CODES),
        "a new wallet in the place of codes": (CODES, WORDS, Holds.SUCCESSOR),
        "a device key in the place of codes": (CODES, Secret(bytes(31) + b"1"), Holds.DEVICE),
    }
    return [
        _refused(why, name, _sealed(secret, holds, why), WalletCode.WRONG_CONTENT)
        for why, (name, secret, holds) in files.items()
    ]


def _wrong_codes() -> list[Case]:
    code = CODE.reveal()
    one, mistyped = _payload(code), b"01234" + code[5:]
    payloads = {
        "no code": _payload(),
        "three codes": _payload(code, code, code),
        "white space": one.replace(b":", b": "),
        "a line feed": one + b"\n",
        "another field": one[:-1] + b',"more":1}',
        "the field twice": one[:-1] + b"," + one[1:],
        "a code with hyphens": _payload(b"01233-4567V-89AB2-CDEFE-GHJK1"),
        "a code in lower case": _payload(code.lower()),
        "a code of 24 characters": _payload(code[:-1]),
        "a code that is not ASCII": _payload(code[:-1] + b"\xff"),
        "a wrong check character": _payload(mistyped),
        "the same in the second code": _payload(code, mistyped),
        "base64 without padding": one.replace(b"=", b""),
        "a code as plain text": b'{"codes":["' + code + b'"]}',
        "a number": b'{"codes":[1]}',
        "no JSON": b"codes",
        "nothing": b"",
    }
    return [
        _refused(why, CODES, _sealed(Secret(payload), Holds.CODES, why), WalletCode.NOT_A_KEYSTORE)
        for why, payload in payloads.items()
    ]


def _wrong_words() -> list[Case]:
    words = {
        "eleven words": WORDS.reveal().rpartition(b" ")[0],
        "a wrong checksum": WORDS.reveal().replace(b"legal", b"zoo"),
        "no words": b"",
    }
    return [
        _refused(why, SUCCESSOR, _sealed(Secret(text), Holds.SUCCESSOR, why), Code.MNEMONIC)
        for why, text in words.items()
    ]


def _damaged() -> list[Case]:
    file = _sealed(WORDS, Holds.SUCCESSOR, "damaged")
    codes = _sealed(encode_codes((CODE,)), Holds.CODES, "damaged")
    other = _refused("another passphrase", SUCCESSOR, file, WalletCode.WRONG_PASSPHRASE_OR_DAMAGED)
    as_codes = file.replace('"holds":"successor"', '"holds":"codes"')
    return [
        {**other, "passphrase": "Correct horse battery staple"},
        _refused("another content than was sealed", CODES, as_codes, WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
        _refused("no line feed at the end", SUCCESSOR, file[:-1], WalletCode.NOT_A_KEYSTORE),
        _refused("white space in the file", CODES, codes.replace(",", ", ", 1), WalletCode.NOT_A_KEYSTORE),
        _refused(
            "a content that this version has not", CODES, codes.replace('"codes"', '"notes"'), WalletCode.NOT_A_KEYSTORE
        ),
        _refused("a newer format", CODES, codes.replace("keystore-1", "keystore-2"), WalletCode.NEWER_VERSION),
        _refused(
            "a cost below the bounds",
            CODES,
            codes.replace('"memory_kib":8192', '"memory_kib":8191'),
            WalletCode.KDF_COST,
        ),
    ]


def build() -> str:
    """The file's text."""
    cases = [*_good(), *_wrong_content(), *_wrong_codes(), *_wrong_words(), *_damaged(), *_offline()]
    return json.dumps({"note": NOTE, "files": cases}, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(build(), encoding="utf-8")
