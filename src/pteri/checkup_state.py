"""The file in which ``pteri fsck`` keeps how far it has come (docs/spec section 9.8).

Two lines: what it is, with the hash of the second one, and that as JSON. It is the old or the new one, whole, whenever
the machine is switched off. One that is damaged is refused: a check that began anew in silence would look like one that
went on.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from pteri import durable
from pteri.app.fsck_progress import Progress
from pteri.core.ids import to_base64url
from pteri.settings import SettingsError

__all__ = ["MAX_STATE_BYTES", "held", "read_state", "write_state"]

MAX_STATE_BYTES: Final = 16 * 1024 * 1024
"""A thousand findings, a thousand keys of a log and the rest take far less."""
_FORMAT: Final = "pteri-fsck-1"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Nobody else keeps a place in this file meanwhile; what writers killed half-way left behind is gone."""
    with ExitStack() as stack:
        try:
            stack.enter_context(durable.locked(path.with_name(f"{path.name}.lock"), wait=False))
            durable.sweep(path.parent, prefix=path.name)
        except BlockingIOError as error:
            raise SettingsError(f"Another check uses {path}. Wait for it, or name another file.") from error
        except OSError as error:
            raise _unusable(path, error) from error
        yield


def read_state(path: Path) -> Progress | None:
    """The place that was kept last; ``None`` where there is no file. ``SettingsError`` for any other content."""
    try:
        raw = durable.read_regular(path, MAX_STATE_BYTES)
    except FileNotFoundError:
        return None
    except durable.TooLongError as error:
        raise _damaged(path) from error
    except OSError as error:
        raise _unusable(path, error) from error
    head, _, body = raw.partition(b"\n")
    if not hmac.compare_digest(head, _head(body)):
        raise _damaged(path)
    try:
        return msgspec.json.decode(body, type=Progress)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _damaged(path) from error


def write_state(path: Path, progress: Progress) -> None:
    """Keep this place: durable when this returns."""
    body = msgspec.json.encode(progress) + b"\n"
    try:
        durable.replace(path, _head(body) + b"\n" + body)
    except OSError as error:
        raise _unusable(path, error) from error


def _head(body: bytes) -> bytes:
    return f"{_FORMAT} {to_base64url(hashlib.sha256(body).digest())}".encode()


def _unusable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"Cannot keep the state of the check in {path}: {error.strerror}.")


def _damaged(path: Path) -> SettingsError:
    return SettingsError(
        f"{path} is not what pteri fsck of this version writes, or it is damaged. Nothing was looked at. Name another "
        "file, or remove this one to look at everything from the beginning."
    )
