"""What an eSIM chip signed, verified offline: the public door to :mod:`pteri.core.euicc`.

::

    from pteri.esim import TrustAnchors, verify_notification

    anchors = TrustAnchors.load(["CI.der"])
    event = verify_notification(der, anchors=anchors, at=1_790_000_000)

``at`` is the instant at which certificates must be valid: whole Unix seconds, UTC, an ``int`` like every instant here.
The caller says it; nothing here reads a clock. Every function returns the verified thing, or raises
:class:`MalformedEvidence` (not of its one form) or :class:`NotAuthentic` (not from where it must be), each with a
stable ``code`` (docs/spec section 1.1). Nothing else is raised, whatever the bytes are.

A chip's word is a signal and never an authority: it proves what a chip did or that it answered, not that it lies in the
phone of the person who shows it (docs/spec/esim-chip.md section 1).
"""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Self

from pteri.core.errors import MalformedEvidence, NotAuthentic
from pteri.core.euicc import anchors
from pteri.core.euicc.anchors import NOTHING_REVOKED, Revocations
from pteri.core.euicc.certificate import MAX_CERTIFICATE_BYTES
from pteri.core.euicc.challenge import ChipProof, bind_challenge, verify_authenticate_response
from pteri.core.euicc.installation import verify_installation_result
from pteri.core.euicc.notification import ChipEvent, Operation, verify_notification
from pteri.core.euicc.numbers import Eid, Iccid, eid, iccid
from pteri.core.euicc.package import ChipProfile, ChipProfiles, verify_package_result

__all__ = [
    "ChipEvent",
    "ChipProfile",
    "ChipProfiles",
    "ChipProof",
    "Eid",
    "Iccid",
    "MalformedEvidence",
    "NotAuthentic",
    "Operation",
    "Revocations",
    "TrustAnchors",
    "bind_challenge",
    "eid",
    "iccid",
    "verify_authenticate_response",
    "verify_installation_result",
    "verify_notification",
    "verify_package_result",
]


class TrustAnchors(anchors.TrustAnchors):
    """See :class:`pteri.core.euicc.anchors.TrustAnchors`."""

    __slots__ = ()

    @classmethod
    def load(
        cls,
        paths: Iterable[str | PathLike[str]],
        *,
        lab: bool = False,
        revoked: Revocations = NOTHING_REVOKED,
    ) -> Self:
        """Anchors out of files with one DER certificate each. ``lab`` lets issuers for tests in.

        Raises what :meth:`from_der` raises, and ``OSError`` for a file that cannot be read.
        """
        return cls.from_der([_read(Path(path)) for path in paths], lab=lab, revoked=revoked)


def _read(path: Path) -> bytes:
    # One byte more than is accepted, so that a huge file is refused and not read.
    with path.open("rb") as stream:
        return stream.read(MAX_CERTIFICATE_BYTES + 1)
