from __future__ import annotations

import pytest

from pteri.core.errors import Code, Malformed
from pteri.core.keys.der import decode_der, encode_der

_ONE = bytes(31) + b"\x01"


@pytest.mark.parametrize(
    ("rs", "der"),
    [
        (_ONE + _ONE, "3006020101020101"),
        (bytes(64), "3006020100020100"),
        (bytes(31) + b"\x7f" + bytes(31) + b"\x80", "300702017f02020080"),
        (b"\xff" * 64, "3046022100" + "ff" * 32 + "022100" + "ff" * 32),
        (b"\x7f" * 64, "30440220" + "7f" * 32 + "0220" + "7f" * 32),
        (bytes(30) + b"\x01\x00" + _ONE, "300702020100020101"),
    ],
)
def test_r_and_s_have_one_der_form(rs: bytes, der: str) -> None:
    assert encode_der(rs).hex() == der
    assert decode_der(bytes.fromhex(der)) == rs


@pytest.mark.parametrize(
    ("der", "why"),
    [
        ("", "nothing"),
        ("3006", "only a header"),
        ("3106020101020101", "a set, not a sequence"),
        ("3007020101020101", "a length too long"),
        ("3005020101020101", "a length too short"),
        ("308106020101020101", "a length in long form"),
        ("300702010102010100", "a byte after s inside"),
        ("300602010102010100", "a byte after the sequence"),
        ("3006030101020101", "r is no integer"),
        ("3006020101030101", "s is no integer"),
        ("3006020001020101", "an empty r"),
        ("3006020101020100ff", "a longer s than stated"),
        ("3006020501020101", "r reaches beyond the end"),
        ("3006020301020101", "r takes the bytes of s"),
        ("3006020102810101", "s with a length in long form"),
        ("3006020181020101", "a negative r"),
        ("3006020101020180", "a negative s"),
        ("300702020001020101", "a padded r"),
        ("300702010102020001", "a padded s"),
        ("3008020200000202007f", "padded zeros"),
        ("3026022101" + "00" * 32 + "020101", "an r of 257 bits"),
        ("3026020101022101" + "00" * 32, "an s of 257 bits"),
        ("30490224" + "00" * 3 + "ff" * 33 + "0221" + "00" + "ff" * 32, "too long for a signature"),
    ],
)  # fmt: skip
def test_any_other_der_is_refused(der: str, why: str) -> None:
    with pytest.raises(Malformed) as refused:
        decode_der(bytes.fromhex(der))
    assert refused.value.code is Code.DER, why
