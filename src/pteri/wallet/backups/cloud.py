"""Backups on a server: WebDAV, S3 or Google Drive, through OpenDAL (extra ``cloud``).

Only sealed files leave through here. What OpenDAL says of a failure quotes addresses, names and answers of the server;
it is read for its kind, and never shown.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pteri.wallet.backup_bytes import MAX_BACKUP_BYTES
from pteri.wallet.backups.store import MAX_LISTED, version_from_name
from pteri.wallet.errors import WalletCode, WalletError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opendal import Operator

    from pteri.core.keys.secret import Secret

__all__ = ["CloudStore", "open_cloud"]

_WAIT_S: Final = 30
"""How long one request may take."""
_STATUS: Final = re.compile(r"status: ([0-9]{3})\b")
_DENIED: Final = frozenset({"401", "403", "407"})
_FULL: Final = frozenset({"413", "507"})


def open_cloud(service: str, options: Mapping[str, str | Secret], *, label: str, can_add_only_new: bool) -> CloudStore:
    """A place of OpenDAL's ``service``; ``NO_CLOUD`` without the extra, ``PLACE`` for options it cannot use.

    ``label`` is how the person calls the place. Nothing is sent yet.
    """
    try:
        import opendal  # noqa: PLC0415 - optional: comes with the extra "cloud"
        from opendal.layers import TimeoutLayer  # noqa: PLC0415 - the same
    except ImportError as error:
        raise WalletError(
            WalletCode.NO_CLOUD,
            "The part that speaks to such places is not installed. Install it with: pip install 'pteri[cloud]'",
        ) from error
    given = {name: value if isinstance(value, str) else value.reveal().decode() for name, value in options.items()}
    try:
        operator = opendal.Operator(service, **given).layer(TimeoutLayer(_WAIT_S, _WAIT_S))
    except Exception:  # noqa: BLE001 - OpenDAL's errors have no common parent
        # From None: the cause may quote the options.
        raise WalletError(
            WalletCode.PLACE, f"The settings of {label} cannot be used. Compare them with docs/guide/phone.md."
        ) from None
    return CloudStore(operator, label=label, can_add_only_new=can_add_only_new)


class CloudStore:
    """See :class:`~pteri.wallet.backups.store.BackupStore`. Requests are not repeated: the person decides.

    Where the service cannot refuse to overwrite (WebDAV, Google Drive), a look comes before each write. Between the
    two another phone could take the same name only with the same bytes, since the name contains their digest.
    """

    def __init__(self, operator: Operator, *, label: str, can_add_only_new: bool) -> None:
        self._operator = operator
        self._label = label
        self._can_add_only_new = can_add_only_new

    def names(self) -> list[str]:
        """See the port."""
        found: set[str] = set()
        with self._failing(WalletCode.READ_FAILED, "list its backups"):
            for number, entry in enumerate(self._operator.list("/")):
                if number > MAX_LISTED:
                    raise WalletError(
                        WalletCode.TOO_LARGE, f"{self._label} holds far too many files. Use another folder there."
                    )
                if version_from_name(entry.name) is not None:
                    found.add(entry.name)
        return sorted(found)

    def read(self, name: str) -> bytes:
        """See the port. A server that sends without end is left after 16 KiB."""
        _require_name(name)
        with self._failing(WalletCode.READ_FAILED, "give back a backup"), self._operator.open(name, "rb") as file:
            # Piece by piece, as they come: one call gives one piece of the network's, not all that was asked for.
            data = b""
            while piece := file.read(MAX_BACKUP_BYTES + 1 - len(data)):
                data += piece
        if len(data) > MAX_BACKUP_BYTES:
            raise WalletError(WalletCode.TOO_LARGE, f"{name} is over 16 KiB: too large for a backup of a wallet.")
        return data

    def add(self, name: str, data: bytes) -> None:
        """See the port."""
        _require_name(name)
        with self._failing(WalletCode.WRITE_FAILED, "take the backup"):
            if self._can_add_only_new:
                self._operator.write(name, data, if_not_exists=True)
                return
            if self._operator.exists(name):
                raise self._exists()
            self._operator.write(name, data)

    def remove(self, name: str) -> None:
        """See the port."""
        _require_name(name)
        with self._failing(WalletCode.WRITE_FAILED, "remove an old backup"):
            self._operator.delete(name)

    def _exists(self) -> WalletError:
        return WalletError(
            WalletCode.EXISTS, f"{self._label} has a backup of this name already, and it is not overwritten. Try again."
        )

    @contextmanager
    def _failing(self, code: WalletCode, act: str) -> Iterator[None]:
        """Translate what OpenDAL says. From None, always: its texts quote the request and the answer."""
        try:
            yield
        except WalletError:
            raise
        except Exception as error:  # noqa: BLE001 - OpenDAL's errors have no common parent
            raise self._refusal(error, code, act) from None

    def _refusal(self, error: Exception, code: WalletCode, act: str) -> WalletError:
        # Errors of an open file are plain OSErrors whose text begins with the kind.
        kind = str(error).partition(" ")[0] if isinstance(error, OSError) else type(error).__name__
        status = next(iter(_STATUS.findall(str(error))), "")
        if kind in {"ConditionNotMatch", "AlreadyExists"}:
            return self._exists()
        if kind == "NotFound":
            return WalletError(
                WalletCode.NOT_FOUND, f"{self._label} has no such backup; pteri wallet backups lists what is there."
            )
        if kind == "PermissionDenied" or status in _DENIED:
            return WalletError(
                WalletCode.PLACE_DENIED,
                f"{self._label} does not accept the name, password or key in your settings, so it does not {act}. "
                "Put them right and try again.",
            )
        why = "it is full" if status in _FULL else f"answer {status}" if status else "no usable answer"
        return WalletError(
            code,
            f"{self._label} does not {act} ({why}). Earlier backups are untouched; try again later, or use another "
            "place.",
        )


def _require_name(name: str) -> None:
    if version_from_name(name) is None:
        raise ValueError("not the name of a version")
