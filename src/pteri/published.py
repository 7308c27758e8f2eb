"""Where the files of a published log are: a directory, or a site (docs/spec/log.md section 13).

A small install is enough: the standard library, no server, no wallet. Both readers answer with the bytes of a file,
with ``NotPublished`` where there is no such file, or with :class:`CannotAsk` where nobody could be asked.
"""

from __future__ import annotations

import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pteri import durable
from pteri.audit.published import NotPublished, ReadFile

__all__ = ["CannotAsk", "directory_reader", "site_reader"]

_PATH: Final = re.compile(r"checkpoint|tile/[a-z0-9/.]+")
_TIMEOUT_S: Final = 20
_FILE_S: Final = 120
"""For one file in all: a site that sends a byte now and then keeps nobody."""
_CHUNK: Final = 65_536
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_GONE: Final = frozenset({404, 410})


class CannotAsk(Exception):
    """The disk or the site did not answer, so nothing is known; or this is no place where a log could be."""


def directory_reader(directory: Path) -> ReadFile:
    """Files below this directory. A link that leads out of it is no file of the log."""
    root = directory.resolve()
    if not root.is_dir():
        raise CannotAsk(f"{directory} is not a directory.")

    def read(path: str, limit: int) -> bytes:
        _checked(path)
        try:
            file = (root / path).resolve(strict=True)
            # Whoever writes the files may not have the auditor read, and quote, another file of his machine.
            if not file.is_relative_to(root):
                raise NotPublished("is a link out of the log")
            return durable.read_regular(file, limit)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotPublished("is not there") from error
        except durable.TooLongError as error:
            raise NotPublished(f"is longer than {limit} bytes") from error
        except (OSError, RuntimeError) as error:
            if (root / path).exists() and not (root / path).is_file():
                raise NotPublished("is not a file") from error
            raise CannotAsk(f"Cannot read {path}: {error}.") from error

    return read


def site_reader(prefix: str, *, monotonic_s: Callable[[], float]) -> ReadFile:
    """Files below this URL: https, or http on this machine. No redirects, no proxies, no user and password in it."""
    parts = urlsplit(prefix)
    try:
        port_is_none_or_number = parts.port is None or parts.port > 0
    except ValueError:
        port_is_none_or_number = False
    is_near = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not (parts.scheme == "https" or is_near) or not parts.hostname or not port_is_none_or_number:
        raise CannotAsk("A log is read from https://, or from http:// on this machine.")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise CannotAsk("The URL of a log has no user, no password, no query and no fragment.")
    base = prefix.rstrip("/")
    opener = urllib.request.OpenerDirector()
    # Only these: what is not here cannot happen (file:, ftp:, redirects, proxies of the environment, cookies).
    opener.add_handler(urllib.request.HTTPHandler())
    opener.add_handler(urllib.request.HTTPSHandler(context=ssl.create_default_context()))

    def read(path: str, limit: int) -> bytes:
        _checked(path)
        until = monotonic_s() + _FILE_S
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
            f"{base}/{path}", headers={"Accept-Encoding": "identity", "User-Agent": "pteri-verify"}
        )
        try:
            answer = opener.open(request, timeout=_TIMEOUT_S)
            with answer:
                return _body(answer, path, limit, lambda: monotonic_s() < until)
        except (OSError, http.client.HTTPException) as error:
            raise CannotAsk(f"Cannot read {base}/{path}: {_reason(error)}.") from error

    return read


def _body(answer: http.client.HTTPResponse, path: str, limit: int, is_in_time: Callable[[], bool]) -> bytes:
    if answer.status in _GONE:
        raise NotPublished("is not there")
    if answer.status != http.client.OK or answer.headers.get("Content-Encoding", "identity") != "identity":
        raise CannotAsk(f"Cannot read {path}: the site answers {answer.status}.")
    content = b""
    while len(content) <= limit:
        if not is_in_time():
            raise CannotAsk(f"Cannot read {path}: the site takes too long.")
        chunk = answer.read1(min(_CHUNK, limit + 1 - len(content)))
        if not chunk and answer.length:
            raise CannotAsk(f"Cannot read {path}: the answer broke off.")
        if not chunk:
            return content
        content += chunk
    raise NotPublished(f"is longer than {limit} bytes")


def _checked(path: str) -> None:
    """The paths of a log are ours; that nothing else is ever asked for, does not hang on that."""
    if not _PATH.fullmatch(path) or ".." in path:
        raise NotPublished("is no file of a log")


def _reason(error: Exception) -> str:
    # What a site sent in place of an answer is not printed: it may be written for the terminal.
    if isinstance(error, http.client.HTTPException):
        return type(error).__name__
    return str(error.reason if isinstance(error, urllib.error.URLError) else error)
