from __future__ import annotations

from pathlib import Path

import pytest

from pteri.core.keys.secret import Secret
from pteri.deployment_key import create_deployment_key, read_key_ring
from pteri.settings import SettingsError

KEY = bytes(range(32))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deployment.key"


def test_the_key_comes_back_as_a_secret_from_a_private_file(file: Path) -> None:
    create_deployment_key(file, KEY)
    assert read_key_ring(file).current.secret == Secret(KEY)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == KEY.hex() + "\n"


def test_a_key_is_never_overwritten(file: Path) -> None:
    create_deployment_key(file, KEY)
    with pytest.raises(SettingsError, match="already"):
        create_deployment_key(file, bytes(32))
    assert read_key_ring(file).current.secret == Secret(KEY)


def test_a_missing_key_is_not_made_up(file: Path) -> None:
    with pytest.raises(SettingsError, match="pteri init"):
        read_key_ring(file)
    assert not file.exists()


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_key_of_another_size_is_not_written(file: Path, size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        create_deployment_key(file, bytes(size))
    assert not file.exists()


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o602, 0o666])
def test_a_key_open_to_others_is_not_used(file: Path, mode: int) -> None:
    create_deployment_key(file, KEY)
    file.chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_key_ring(file)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        KEY.hex().encode(),
        KEY.hex().encode() + b"\r\n",
        KEY.hex().encode() + b"\n\n",
        b" " + KEY.hex().encode() + b"\n",
        KEY.hex().upper().encode() + b"\n",
        KEY.hex()[:-2].encode() + b"\n",
        b"0x" + KEY.hex()[2:].encode() + b"\n",
        b"g" * 64 + b"\n",
        KEY,
        KEY.hex().encode() * 2 + b"\n",
    ],
)
def test_another_spelling_is_no_key_and_is_not_quoted(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    file.chmod(0o600)
    with pytest.raises(SettingsError) as caught:
        read_key_ring(file)
    assert KEY.hex()[:16] not in str(caught.value).lower()


def test_what_cannot_be_read_or_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Cannot read"):
        read_key_ring(tmp_path)
    with pytest.raises(SettingsError, match="Cannot write"):
        create_deployment_key(tmp_path / "none" / "deployment.key", KEY)
