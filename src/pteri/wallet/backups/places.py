"""Which place is meant: a folder, or a service described in ``backups.toml`` (docs/spec/backup.md section 8).

Passwords and keys stand in that file of the wallet's own directory and nowhere else: not in the environment, where
every program of the person sees them, nor on a command line, which every user of the computer sees. They are
:class:`Secret` from the first reading on, and no refusal quotes a line of the file.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from pteri import durable
from pteri.core.keys.secret import Secret
from pteri.wallet.backups.cloud import CloudStore, open_cloud
from pteri.wallet.backups.folder import FolderStore
from pteri.wallet.errors import WalletCode, WalletError

if TYPE_CHECKING:
    from pteri.wallet.backups.store import BackupStore

__all__ = ["PLACES_FILE", "is_service", "open_place", "whole_place"]

PLACES_FILE: Final = "backups.toml"
_MAX_BYTES: Final = 64 * 1024
_SERVICE: Final = re.compile(r"(webdav|s3|gdrive):(.*)", re.DOTALL)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_FOLDER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}(?:/[A-Za-z0-9._-]{1,64}){0,7}")


class _WebDav(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    endpoint: str
    username: str | None = None
    password: Secret | None = None
    folder: str = "pteri"

    def open(self, label: str) -> CloudStore:
        options: dict[str, str | Secret] = {"endpoint": _endpoint(self.endpoint), "root": _root(self.folder)}
        if self.username is not None:
            options["username"] = self.username
        if self.password is not None:
            options["password"] = self.password
        return open_cloud("webdav", options, label=label, can_add_only_new=False)


class _S3(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    endpoint: str
    region: str
    bucket: str
    access_key_id: Secret
    secret_access_key: Secret
    folder: str = "pteri"

    def open(self, label: str) -> CloudStore:
        options: dict[str, str | Secret] = {
            "endpoint": _endpoint(self.endpoint),
            "root": _root(self.folder),
            "region": self.region,
            "bucket": self.bucket,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            # Nothing but this file decides where a backup goes: not the environment, not a machine in the cloud.
            "disable_config_load": "true",
            "disable_ec2_metadata": "true",
        }
        return open_cloud("s3", options, label=label, can_add_only_new=True)


class _GoogleDrive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    client_id: str
    client_secret: Secret
    refresh_token: Secret
    folder: str = "pteri"

    def open(self, label: str) -> CloudStore:
        options: dict[str, str | Secret] = {
            "root": _root(self.folder),
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
        }
        return open_cloud("gdrive", options, label=label, can_add_only_new=False)


class _Places(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    webdav: dict[str, _WebDav] = {}
    s3: dict[str, _S3] = {}
    gdrive: dict[str, _GoogleDrive] = {}


def is_service(text: str) -> bool:
    """Whether this names a service, and not a folder or file of this computer."""
    return _SERVICE.fullmatch(text) is not None


def whole_place(text: str) -> str:
    """The same place for a program that starts elsewhere: a folder by its absolute path."""
    return text if is_service(text) else str(Path(text).expanduser().absolute())


def open_place(text: str, *, directory: Path) -> BackupStore:
    """The store that ``text`` means: ``webdav:NAME``, ``s3:NAME``, ``gdrive:NAME``, or else a folder.

    ``directory`` is the wallet's. ``PLACE`` if the name is not described there, or not so that it can be used;
    ``EXPOSED`` if others can read the file; ``NO_CLOUD`` without the extra. Nothing is sent yet.
    """
    match = _SERVICE.fullmatch(text)
    if match is None:
        return FolderStore(Path(text).expanduser())
    service, name = match.groups()
    if not _NAME.fullmatch(name):
        raise WalletError(
            WalletCode.PLACE, f"Places of a service have short names in lower case, such as {service}:home."
        )
    described: dict[str, _WebDav | _S3 | _GoogleDrive] = getattr(_read(directory / PLACES_FILE), service)
    if name not in described:
        raise WalletError(
            WalletCode.PLACE,
            f"{directory / PLACES_FILE} does not describe {service}:{name}. Add a table [{service}.{name}] to it; the "
            "guide of the phone shows one.",
        )
    return described[name].open(f"{service}:{name}")


def _read(path: Path) -> _Places:
    try:
        data = durable.read_private(path, _MAX_BYTES)
    except FileNotFoundError:
        return _Places()
    except durable.ExposedError as error:
        raise WalletError(
            WalletCode.EXPOSED, f"Other users of this computer can read {path}. Close it with: chmod 600 '{path}'"
        ) from error
    except OSError as error:
        raise WalletError(
            WalletCode.READ_FAILED, f"Cannot read {path}: {error.strerror or 'the system gave no reason'}."
        ) from error
    try:
        return msgspec.convert(tomllib.loads(data.decode()), _Places, dec_hook=_hidden)
    except (ValueError, RecursionError):
        # From None, and without the reader's words: they quote the line, which may be the one with the password.
        raise WalletError(
            WalletCode.PLACE,
            f"{path} is not as it must be: a field is missing, misspelt or of another kind. The guide of the phone "
            "shows each table.",
        ) from None


def _hidden(kind: type, value: object) -> Secret:
    if kind is not Secret or not isinstance(value, str):
        raise ValueError("not a text")
    return Secret(value.encode())


def _endpoint(text: str) -> str:
    """An address that OpenDAL may use: https, or this very computer; no name or password in it, no slash at its end."""
    parts = urlsplit(text)
    is_secret_on_the_way = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))
    if not is_secret_on_the_way or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise WalletError(
            WalletCode.PLACE,
            f"An endpoint in {PLACES_FILE} must be an https address, without name and password in it.",
        )
    return text.rstrip("/")


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _root(folder: str) -> str:
    if not _FOLDER.fullmatch(folder) or {".", ".."} & set(folder.split("/")):
        raise WalletError(
            WalletCode.PLACE, f"A folder in {PLACES_FILE} is a simple path, such as pteri or backups/pteri."
        )
    return f"/{folder}"
