"""Where eSIM chips come to: our address as they sign it, whom we believe, and who we are to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pteri.core.euicc.anchors import TrustAnchors
from pteri.core.euicc.ceremony import ServerIdentity

__all__ = ["ChipDesk"]


@dataclass(frozen=True, slots=True)
class ChipDesk:
    """``issuers``: key ids of the anchors, in the order of the settings.

    ``partners_apart``: SM-DP+ partners come to a port of their own, and nobody is one on the ordinary port.
    """

    address: str
    anchors: TrustAnchors
    identities: Sequence[ServerIdentity]
    issuers: Sequence[bytes]
    partners_apart: bool = False
