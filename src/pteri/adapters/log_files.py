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
        self._unfinished = directory / ".unfinished"
        """There while somebody writes, and after he died of it."""
        self._is_swept = False
        self._writes = False

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
            self._writes = False
            yield
            if self._writes:
                self._unfinished.unlink(missing_ok=True)
        finally:
            lock.__exit__(None, None, None)

    def sweep(self) -> None:
        """Take away half files: in the first turn of a process, and after a writer who did not come to his end.

        Only in a turn: whoever writes has the lock, so these are nobody's any more. In other turns it looks at nothing,
        since a log has many directories.
        """
        try:
            if self._is_swept and not self._unfinished.exists():
                return
            for directory in (self._directory, *(path for path in self._directory.glob("tile/**/") if path.is_dir())):
                durable.sweep(directory)
            self._unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise LogFilesUnavailable(f"{self._directory}: {error.strerror}") from error
        self._is_swept = True

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
            if not self._writes:
                self._unfinished.touch()
                self._writes = True
            file.parent.mkdir(parents=True, exist_ok=True)
            durable.replace(file, content, mode=_READABLE)
        except OSError as error:
            raise LogFilesUnavailable(f"{path}: {error.strerror}") from error
