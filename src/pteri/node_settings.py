"""What the settings may say of a Litecoin node, wherever they name one."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["require_credentials", "require_node"]

_VISIBLE: Final = re.compile(r"[!-~]{1,256}")
_USER: Final = re.compile(r"[!-9;-~]{1,64}")


def require_credentials(cookie_file: Path | None, user: str | None, password_file: Path | None) -> None:
    """A cookie, or a user with a password; ``ValueError`` for both, for neither, and for half of one."""
    if (user is None) != (password_file is None):
        raise ValueError("user and password_file come together")
    if (cookie_file is None) == (user is None):
        raise ValueError("give cookie_file, or user and password_file: one of both")
    if user is not None and not _USER.fullmatch(user):
        raise ValueError("user is 1 to 64 visible characters, and no colon")


def require_node(url: str) -> None:
    """Scheme, host and port; ``ValueError``: whoever is between us and the node could spend its wallet's money."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("node_url is no address") from error
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    if not _VISIBLE.fullmatch(url) or url != f"{parts.scheme}://{shown}" + ("" if port is None else f":{port}"):
        raise ValueError("node_url is a host and a port, in small letters, with nothing before or after them")
    if parts.scheme == "https" and host:
        return
    if parts.scheme != "http" or not _is_loopback(host):
        raise ValueError("node_url is https://; http:// is for loopback hosts only")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
