"""Where the registry is: a file for one process, or a PostgreSQL server for any number of machines."""

from __future__ import annotations

import re
from abc import ABC
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, SupportsIndex, TypeAlias
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Database", "DatabaseUrl", "database_from"]

_MAX_URL: Final = 2048
_URL: Final = re.compile(r"postgresql://[\x21-\x7e]+")
_HIDDEN: Final = "***"


class DatabaseUrl:
    """``postgresql://user@host:5432/name``, as libpq spells it. It may hold a password, and so it never shows itself.

    :meth:`reveal` is the one way to the text, for the driver alone. ``ValueError`` for anything else; its message
    repeats nothing of what was given.
    """

    __slots__ = ("__url",)

    def __init__(self, url: str) -> None:
        if not _URL.fullmatch(url) or len(url) > _MAX_URL:
            raise ValueError("a database is the path of a file, or postgresql://user@host:5432/name")
        parts = urlsplit(url)
        if parts.fragment or "#" in url or "/" in parts.path.removeprefix("/"):
            raise ValueError("the URL of a database ends with its name and perhaps ?options")
        # Only the place before the host is hidden where the URL is shown, so a password may stand nowhere else.
        if any("pass" in name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
            raise ValueError("the password of a database stands before the host, or in the file PGPASSFILE names")
        self.__url = url

    def reveal(self) -> str:
        """The text with the password. Hand it to the driver and let it go."""
        return self.__url

    @property
    def has_password(self) -> bool:
        """Whether whoever reads the settings file could open the database."""
        return ":" in self._before_host()

    def _before_host(self) -> str:
        before, at, _ = urlsplit(self.__url).netloc.rpartition("@")
        return before if at else ""

    def __str__(self) -> str:
        before = self._before_host()
        if not before:
            return self.__url
        user, colon, _ = before.partition(":")
        return self.__url.replace(f"{before}@", f"{user}{colon and colon + _HIDDEN}@", 1)

    def __repr__(self) -> str:
        return f"DatabaseUrl({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return other.reveal() == self.__url if isinstance(other, DatabaseUrl) else NotImplemented

    # A hash outlives the secret, in sets and core dumps.
    __hash__ = None  # type: ignore[assignment]  # how Python spells "unhashable"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("the URL of a database is neither copied nor pickled")

    def __getstate__(self) -> NoReturn:
        # object's own would hand out the slots.
        raise TypeError("the URL of a database is neither copied nor pickled")


if TYPE_CHECKING:
    Database: TypeAlias = Path | DatabaseUrl
else:

    class Database(ABC):  # noqa: B024 - a name for the two, where the reader of settings takes one class only
        """A path or a :class:`DatabaseUrl`."""

    Database.register(Path)
    Database.register(DatabaseUrl)


def database_from(base: Path, text: str) -> Database:
    """The database of this text; a relative path counts from ``base``. ``ValueError`` if it is neither."""
    if "://" in text:
        return DatabaseUrl(text)
    if not text or "\0" in text:
        raise ValueError("expected the path of a file, or postgresql://user@host:5432/name")
    return base / text
