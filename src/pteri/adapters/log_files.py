"""The published log in a directory of this machine, which any web server can serve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pteri import durable
from pteri.app.log_ports import LogFilesUnavailable

__all__ = ["LogDirectory"]

_MOST_BYTES: Final = 256 * (2 + 0xFFFF)
_READABLE: Final = 0o644


class LogDirectory:
    """The ``LogFiles`` port. Paths come from :func:`pteri.core.log.tiles.tile_path` only, never from a request."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else on this machine writes here meanwhile."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            lock = durable.locked(self._directory / ".lock", wait=False)
            lock.__enter__()
        except OSError as error:
            raise LogFilesUnavailable(f"{self._directory}: {error.strerror}") from error
        try:
            yield
        finally:
            lock.__exit__(None, None, None)

    def read(self, path: str) -> bytes | None:
        """The file under this path."""
        try:
            return durable.read_regular(self._directory / path, _MOST_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LogFilesUnavailable(f"{path}: {error.strerror}") from error

    def has(self, path: str) -> bool:
        """Whether there is one."""
        return (self._directory / path).is_file()

    def write(self, path: str, content: bytes) -> None:
        """The file, old or new and never half, and readable by everybody: it is public."""
        file = self._directory / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            durable.replace(file, content, mode=_READABLE)
        except OSError as error:
            raise LogFilesUnavailable(f"{path}: {error.strerror}") from error
