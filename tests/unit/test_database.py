"""Where the registry is: a file or a URL, and a password that nobody sees."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import msgspec
import pytest

from pteri.database import DatabaseUrl, database_from

URL = "postgresql://pteri:marmalade@db.example:5432/pteri?sslmode=verify-full"


def test_a_text_without_a_scheme_is_a_path(tmp_path: Path) -> None:
    assert database_from(tmp_path, "pteri.sqlite3") == tmp_path / "pteri.sqlite3"
    assert database_from(tmp_path, "/srv/pteri.sqlite3") == Path("/srv/pteri.sqlite3")


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "postgresql://db.example/pteri",
        "postgresql://pteri@/pteri?host=/var/run/postgresql",
        "postgresql://pteri@one.example:5432,two.example:5432/pteri",
        "postgresql:///pteri",
    ],
)
def test_a_url_is_kept_to_the_letter(tmp_path: Path, url: str) -> None:
    found = database_from(tmp_path, url)
    assert isinstance(found, DatabaseUrl)
    assert found.reveal() == url
    assert found == DatabaseUrl(url)
    assert found != DatabaseUrl(url + "x")
    assert found != url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\0b",
        "postgres://db.example/pteri",
        "mysql://db.example/pteri",
        "POSTGRESQL://db.example/pteri",
        "postgresql://",
        "postgresql://db.example/pteri#x",
        "postgresql://db.example/pteri/x",
        "postgresql://db.example/pt eri",
        "postgresql://db.example/pteri\n",
        "postgresql://db.example/ptéri",
        "postgresql://db.example/pteri?password=marmalade",
        "postgresql://db.example/pteri?sslpassword=marmalade",
        "postgresql://db.example/" + "x" * 2048,
    ],
)
def test_any_other_text_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        database_from(tmp_path, text)
    assert "marmalade" not in str(refusal.value)


def test_a_password_is_never_shown() -> None:
    url = DatabaseUrl(URL)
    for shown in (repr(url), str(url), f"{url}", f"{url!r:>200}"):
        assert "marmalade" not in shown
        assert "pteri:***@db.example:5432" in shown
    with pytest.raises(TypeError):
        pickle.dumps(url)
    with pytest.raises(TypeError):
        copy.copy(url)
    with pytest.raises(TypeError):
        url.__getstate__()
    with pytest.raises(TypeError):
        hash(url)
    with pytest.raises(TypeError):
        msgspec.json.encode(url)


def test_without_a_password_nothing_is_hidden() -> None:
    for text in ("postgresql://pteri@db.example/pteri", "postgresql:///pteri"):
        assert str(DatabaseUrl(text)) == text
        assert not DatabaseUrl(text).has_password
    assert DatabaseUrl(URL).has_password
