"""vectors/keystore.json: what waits sealed in a phone's directory, good and bad, and what each file gives."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from backups import CODE
from pteri.core.errors import ProtocolError
from pteri.core.keys.secret import Secret
from pteri.wallet.envelope import LIGHT
from pteri.wallet.errors import WalletError
from pteri.wallet.keystore import Keystore
from pteri.wallet.offline_notes import OfflineNotes
from pteri.wallet.succession import Succession, encode_codes
from vectors import make_keystore
from world import SimEntropy

FILE: Final = json.loads((Path(__file__).parents[2] / "vectors" / "keystore.json").read_text(encoding="utf-8"))
CASES: Final[list[dict[str, Any]]] = FILE["files"]
every_file = pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["why"]))


def opened(case: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Through the methods that a phone uses."""
    directory.chmod(0o700)
    (directory / case["name"]).write_text(case["file"], encoding="utf-8", newline="")
    (directory / case["name"]).chmod(0o600)
    passphrase = Secret(case["passphrase"].encode())
    if case["name"] == make_keystore.OFFLINE:
        notes = OfflineNotes(Keystore(directory), lambda: passphrase, entropy=SimEntropy("vectors"), cost=LIGHT)
        return {"shown": notes.code(make_keystore.SHOWN_AT).code}
    waiting = Succession(Keystore(directory), lambda: passphrase, entropy=SimEntropy("vectors"), cost=LIGHT)
    if case["name"] == "codes.json":
        return {"codes": [code.reveal().decode() for code in waiting.codes()]}
    successor = waiting.successor("main")
    assert successor is not None
    return {"words": successor.mnemonic().reveal().decode()}


@every_file
def test_a_file_gives_what_it_says_or_is_refused_as_it_says(case: dict[str, Any], tmp_path: Path) -> None:
    if case["expect"] == "accept":
        told = {name: case[name] for name in ("words", "codes", "shown") if name in case}
        assert opened(case, tmp_path) == told
        return
    with pytest.raises((WalletError, ProtocolError)) as refused:
        opened(case, tmp_path)
    assert isinstance(refused.value, WalletError | ProtocolError)
    assert refused.value.code == case["code"]


def by_the_page(case: dict[str, Any]) -> bytes:
    """A reader written from sections 2 and 6 of the page alone."""
    tree = json.loads(case["file"])
    kdf = tree["kdf"]
    key = Argon2id(
        salt=base64.b64decode(kdf["salt"]),
        length=32,
        iterations=kdf["iterations"],
        lanes=kdf["lanes"],
        memory_cost=kdf["memory_kib"],
    ).derive(case["passphrase"].encode())
    header = case["file"].partition(',"ciphertext"')[0] + "}"
    nonce, ciphertext = (base64.b64decode(text) for text in (tree["aead"]["nonce"], tree["ciphertext"]))
    return AESGCM(key).decrypt(nonce, ciphertext, header.encode())


@every_file
def test_a_reader_written_from_the_page_alone_reads_the_good_ones(case: dict[str, Any]) -> None:
    if case.get("code") == "WRONG_PASSPHRASE_OR_DAMAGED":
        with pytest.raises(InvalidTag):
            by_the_page(case)
    if case["expect"] == "accept":
        secret = by_the_page(case).decode()
        if "words" in case:
            assert secret == case["words"]
        elif "shown" in case:
            assert json.loads(secret)["current"] == json.loads(make_keystore.CHAIN)
        else:
            assert [base64.b64decode(code).decode() for code in json.loads(secret)["codes"]] == case["codes"]


def test_the_line_on_the_page_is_what_we_seal() -> None:
    page = Path(__file__).parents[2] / "docs" / "spec" / "keystore.md"
    assert f"    {encode_codes((CODE,)).reveal().decode()}\n" in page.read_text(encoding="utf-8")


def test_the_file_is_what_its_maker_writes_and_bad_files_outnumber_good_ones() -> None:
    assert make_keystore.build() == make_keystore.FILE.read_text(encoding="utf-8")
    bad = sum(case["expect"] == "reject" for case in CASES)
    assert bad > 2 * (len(CASES) - bad)
    assert len({case["why"] for case in CASES}) == len(CASES)
