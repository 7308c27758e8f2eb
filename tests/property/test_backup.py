from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from backups import BY_CODE, EVERY_SEALER, backup
from pteri.core import hpke
from pteri.core.keys.secret import Secret
from pteri.wallet.backup import open_backup, seal_backup
from pteri.wallet.backup_bytes import BackupContent, encode_head, read_backup
from pteri.wallet.backup_code import backup_code_from_text, new_backup_code, spaced_backup_code
from pteri.wallet.backup_slots import ByCode, ByDevice, ByPasskey, ForCode, ForDevice, ForPasskey, Opener, Sealer
from pteri.wallet.errors import WalletCode, WalletError

many = settings(max_examples=200, deadline=None)
GOOD = backup(sealers=EVERY_SEALER)


class Drawn:
    """Gives out the bytes Hypothesis chose, and zeros once they are used up."""

    def __init__(self, chosen: bytes) -> None:
        self._left = chosen

    def draw(self, size: int) -> bytes:
        drawn, self._left = self._left[:size], self._left[size:]
        return drawn.ljust(size, b"\0")


contents = st.builds(
    BackupContent,
    entropy=st.sampled_from([16, 20, 24, 28, 32])
    .flatmap(lambda size: st.binary(min_size=size, max_size=size))
    .map(Secret),
    network=st.sampled_from(["main", "test", "regtest"]),
    created_at=st.integers(0, 2**53 - 1),
    keystore_id=st.binary(min_size=16, max_size=16),
)


@many
@given(content=contents, drawn=st.binary(min_size=200, max_size=200), key=st.binary(min_size=32, max_size=32))
def test_what_was_sealed_comes_back_by_every_way(content: BackupContent, drawn: bytes, key: bytes) -> None:
    private = Secret(key)
    sealers: list[Sealer] = [ForCode(private), ForDevice(hpke.public_of(private)), ForPasskey(private, drawn[:32])]
    data = seal_backup(content, sealers, entropy=Drawn(drawn))
    openers: list[Opener] = [ByCode(private), ByDevice(private), ByPasskey(private)]
    for opener in openers:
        assert open_backup(data, opener) == content


@many
@given(
    at=st.integers(0, len(GOOD)),
    removed=st.integers(0, 60),
    inserted=st.binary(max_size=60),
)
def test_a_file_that_reads_has_one_spelling_and_one_that_was_touched_does_not_open(
    at: int, removed: int, inserted: bytes
) -> None:
    data = GOOD[:at] + inserted + GOOD[at + removed :]
    try:
        found = read_backup(data)
    except WalletError as error:
        assert error.code in {WalletCode.NOT_A_BACKUP, WalletCode.NEWER_VERSION}  # noqa: PT017 - either may come
        return
    assert encode_head(found.opening, found.slots) + found.sealed == data
    try:
        open_backup(data, BY_CODE)
        assert data == GOOD
    except WalletError:
        assert data != GOOD


@many
@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    for data in (noise, GOOD[:53] + noise):
        try:
            assert read_backup(data)
        except WalletError as error:
            assert error.code is WalletCode.NOT_A_BACKUP  # noqa: PT017 - either may come


@many
@given(drawn=st.binary(min_size=13, max_size=13))
def test_every_code_comes_back_from_paper(drawn: bytes) -> None:
    code = new_backup_code(entropy=Drawn(drawn))
    written = spaced_backup_code(code)
    assert backup_code_from_text(written.lower().replace("-", " ")) == code
    assert backup_code_from_text(written.replace("0", "O").replace("1", "l")) == code


@many
@given(st.text(max_size=60))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    try:
        assert len(backup_code_from_text(text)) == 25
    except WalletError as error:
        assert error.code is WalletCode.BACKUP_CODE  # noqa: PT017 - either may come
