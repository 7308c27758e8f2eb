from __future__ import annotations

import re

import pytest

from backups import code_of
from pteri.core.keys.secret import Secret
from pteri.wallet.backup_code import backup_code_from_text, new_backup_code, spaced_backup_code
from pteri.wallet.errors import WalletCode, WalletError
from world import SimEntropy

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TEXT = "01233-4567V-89AB2-CDEFE-GHJK1"


def refused(text: str) -> str:
    with pytest.raises(WalletError) as caught:
        backup_code_from_text(text)
    assert caught.value.code is WalletCode.BACKUP_CODE
    return caught.value.message


def test_a_new_code_is_five_groups_of_five_and_comes_back_as_it_was_written_down() -> None:
    codes = [new_backup_code(entropy=SimEntropy(f"code {number}")) for number in range(50)]
    for code in codes:
        written = spaced_backup_code(code)
        assert re.fullmatch(rf"[{ALPHABET}]{{5}}(-[{ALPHABET}]{{5}}){{4}}", written)
        assert backup_code_from_text(written) == code
    assert len({code.reveal() for code in codes}) == 50


def test_a_code_has_a_hundred_random_bits() -> None:
    class Extreme:
        def __init__(self, byte: int) -> None:
            self.byte, self.drawn = byte, 0

        def draw(self, size: int) -> bytes:
            self.drawn += size
            return bytes([self.byte]) * size

    for byte, four in ((0, "0000"), (255, "ZZZZ")):
        entropy = Extreme(byte)
        groups = spaced_backup_code(new_backup_code(entropy=entropy)).split("-")
        assert [group[:4] for group in groups] == [four] * 5
        assert entropy.drawn == 13


@pytest.mark.parametrize(
    "typed",
    [
        TEXT.lower(),
        TEXT.replace("-", ""),
        TEXT.replace("-", " "),
        f"  {TEXT}\r\n",
        TEXT.replace("0", "o").replace("1", "l"),
        TEXT.replace("0", "O").replace("1", "I"),
        "-".join(TEXT.replace("-", "")),
    ],
)
def test_case_spaces_hyphens_and_look_alikes_are_forgiven(typed: str) -> None:
    assert backup_code_from_text(typed) == Secret(TEXT.replace("-", "").encode())


def test_every_mistyped_character_is_told_with_its_group() -> None:
    for place, right in enumerate(TEXT):
        for other in ALPHABET if right != "-" else "":
            if other != right:
                message = refused(TEXT[:place] + other + TEXT[place + 1 :])
                assert f"group {place // 6 + 1}." in message


def test_two_characters_that_changed_places_are_told() -> None:
    for group in range(5):
        characters = list(TEXT.split("-")[group])
        for first in range(5):
            for second in range(first):
                swapped = characters.copy()
                swapped[first], swapped[second] = swapped[second], swapped[first]
                if swapped != characters:
                    groups = TEXT.split("-")
                    groups[group] = "".join(swapped)
                    refused("-".join(groups))


def test_groups_in_another_order_are_told() -> None:
    groups = TEXT.split("-")
    for first in range(5):
        for second in range(first):
            swapped = groups.copy()
            swapped[first], swapped[second] = swapped[second], swapped[first]
            assert f"groups {second + 1}, {first + 1}." in refused("-".join(swapped))


@pytest.mark.parametrize(
    "typed", ["", "0", TEXT[:-1], TEXT + "0", "U" * 25, "ü" * 25, "\uff10" * 25, "*" * 25, "\x00" * 25, "0" * 100_000]
)
def test_what_is_no_code_is_refused_and_not_repeated(typed: str) -> None:
    message = refused(typed)
    assert len(message) < 200
    assert not typed or len(typed) == 1 or typed not in message


def test_a_letter_that_grows_in_upper_case_is_no_way_in() -> None:
    assert code_of(lambda: backup_code_from_text("ß" * 12 + "0")) is WalletCode.BACKUP_CODE
