"""docs/spec/backup.md names what the code has, and the guide's settings are settings."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from backup_places import describe
from backups import CODE
from pteri.core.keys.secret import Secret
from pteri.wallet.backup import open_backup
from pteri.wallet.backup_code import backup_code_from_text
from pteri.wallet.backup_slots import ByCode
from pteri.wallet.backups.places import open_place
from pteri.wallet.backups.store import version_from_name
from pteri.wallet.errors import WalletCode

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "spec" / "backup.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "guide" / "phone.md").read_text(encoding="utf-8")
CITED = re.compile(r"docs/spec/backup\.md`* sections? ([0-9]+)(?:(?: to | and )([0-9]+))?")


def section(number: int) -> str:
    [text] = re.findall(rf"^## {number}\. .*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def test_every_section_that_is_cited_exists() -> None:
    sections = set(re.findall(r"^## ([0-9]+)\. ", PAGE, re.MULTILINE))
    cited = [
        numbers
        for folder in ("src", "tests", "docs", "vectors")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".json"}
        for numbers in CITED.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(cited) > 5
    assert {number for numbers in cited for number in numbers if number} <= sections


def test_every_refusal_is_one_of_the_wallet_and_every_one_of_the_vectors_is_there() -> None:
    told = set(re.findall(r"^\| `([A-Z_]+)` \|", section(7), re.MULTILINE))
    assert told <= set(WalletCode)
    cases = json.loads((ROOT / "vectors" / "backup.json").read_text(encoding="utf-8"))
    assert {case["code"] for case in cases["backups"] + cases["codes"] if "code" in case} <= told
    assert set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", section(5))) <= told


def test_the_vector_of_the_page_opens_as_it_says() -> None:
    lines = re.findall(r"^    ([0-9a-f ]+)$", section(11), re.MULTILINE)
    [code] = re.findall(r"`([0-9A-Z]{5}(?:-[0-9A-Z]{5}){4})`", section(11))
    assert backup_code_from_text(code) == CODE
    found = open_backup(bytes.fromhex("".join(lines)), ByCode(CODE))
    assert (found.entropy, found.network) == (Secret(bytes(range(32))), "regtest")
    assert (found.created_at, found.keystore_id) == (1_790_000_000, bytes(range(16)))


def test_the_name_of_the_page_is_a_name() -> None:
    [name] = re.findall(r"^    (pteri-backup-\S+)$", section(8), re.MULTILINE)
    assert version_from_name(name) is not None


def test_the_settings_of_the_guide_describe_three_places(tmp_path: Path) -> None:
    [text] = re.findall(r"^```toml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    assert set(tomllib.loads(text)) == {"webdav", "s3", "gdrive"}
    describe(tmp_path, text)
    for place in ("webdav:home", "s3:vault", "gdrive:mine"):
        assert open_place(place, directory=tmp_path)


@pytest.mark.parametrize("extra", ["cloud"])
def test_the_extra_of_the_guide_exists(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert f"pteri[{extra}]" in GUIDE
    assert extra in project["project"]["optional-dependencies"]
