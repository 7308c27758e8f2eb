"""Addresses in the settings of those whom a service asks: operators and witnesses.

``https://`` without a name, a password or a query in it; ``http://`` only to this very machine.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

__all__ = ["require_url"]

_VISIBLE: Final = re.compile(r"[!-~]{1,256}")


def require_url(what: str, url: str) -> None:
    """Return for such an address, else ``ValueError``. ``what``: the name of the setting."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{what} is no address") from error
    host = parts.hostname or ""
    if not _VISIBLE.fullmatch(url) or url.endswith("/") or parts.query or parts.fragment or parts.username or port == 0:
        raise ValueError(f"{what} is https://host/path, without a slash at the end and without anything after it")
    if parts.scheme == "https" and host:
        return
    if parts.scheme != "http" or not _is_loopback(host):
        raise ValueError(f"{what} is https://; http:// is for loopback hosts only")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
