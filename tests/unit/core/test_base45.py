"""Base45 (RFC 9285). Published examples and refusals are in vectors/phone.json."""

from __future__ import annotations

import pytest

from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code, Malformed


def test_every_pair_of_bytes_has_its_own_text() -> None:
    texts = {to_base45(number.to_bytes(2, "big")) for number in range(65_536)}
    assert len(texts) == 65_536
    assert {len(text) for text in texts} == {3}


def test_of_all_triples_exactly_those_that_are_written_are_read() -> None:
    alphabet = "0Z $%*+-./:"
    for first in alphabet:
        for second in alphabet:
            for third in "0FGHWZ:":
                text = first + second + third
                try:
                    raw = from_base45(text)
                except Malformed:
                    continue
                assert to_base45(raw) == text


def test_no_text_ends_in_a_space_that_a_scanner_could_trim() -> None:
    assert not any(to_base45(bytes((first,))).endswith(" ") for first in range(256))
    assert not any(to_base45(bytes((first, second))).endswith(" ") for first in range(256) for second in range(256))


@pytest.mark.parametrize("text", ["0", "0000", "bb8", "BB\n", "B\u00c48", "\ud80000", "\uff22B8", "000 0 "])
def test_another_alphabet_or_length_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        from_base45(text)
    assert refused.value.code is Code.ENCODING


@pytest.mark.parametrize("value", [None, 0, b"BB8", ["B", "B", "8"]])
def test_base45_is_text(value: str) -> None:
    with pytest.raises(Malformed) as refused:
        from_base45(value)
    assert refused.value.code is Code.ENCODING
