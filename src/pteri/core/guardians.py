"""Who may help to recover an account: so many of these wallets (docs/spec section 6.8).

One spelling: the number needed, then the addresses in ascending order, with commas between. At most three, so that the
statement that names them keeps within its 1024 bytes, whatever the addresses are.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

import msgspec

from pteri.core import ids
from pteri.core.errors import Code, Malformed

__all__ = ["MAX_GUARDIANS", "Guardians", "parse_guardians"]

MAX_GUARDIANS: Final = 3
_TEXT = re.compile(rf"[1-{MAX_GUARDIANS}](?:,[A-Za-z0-9]{{26,64}}){{2,{MAX_GUARDIANS}}}")


class Guardians(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``needed`` of ``wallets`` (canonical addresses, ascending) must speak for a claimant."""

    needed: int
    wallets: tuple[str, ...]

    def encode(self) -> str:
        """The one spelling; :func:`parse_guardians` reads it back."""
        return ",".join(map(str, (self.needed, *self.wallets)))


def parse_guardians(text: str) -> Guardians:
    """The inverse of :meth:`Guardians.encode`, or ``Malformed(FIELD)``.

    One guardian is no quorum: somebody who holds the wallet and has one friend would need no more than that friend.
    """
    needed, *wallets = ids.matching(_TEXT, text, "guardians").split(",")
    for wallet in wallets:
        ids.address_text(wallet)
    if any(left >= right for left, right in pairwise(wallets)):
        raise Malformed(Code.FIELD, "not a sorted list of guardians without repeats")
    if not 2 <= int(needed) <= len(wallets):
        raise Malformed(Code.FIELD, "at least two guardians speak, and no more than there are")
    return Guardians(int(needed), tuple(wallets))
