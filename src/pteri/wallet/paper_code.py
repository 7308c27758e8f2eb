"""Codes on paper: 100 random bits that a person writes down and types by hand, perhaps years later.

Five groups of five characters of Crockford base32. The last of each group checks the four before it and the number of
the group, so a typing error is told at once, and where it is; groups in another order are told, too. Without these
checks a typing error would look like a damaged backup, or like somebody's guess. Backup codes (docs/spec/backup.md
section 6) and recovery codes (docs/spec section 6.8) look alike and are never the same code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pteri.core.checked32 import ALPHABET, as_typed, check_of, remainder
from pteri.core.ids import crockford
from pteri.core.keys.secret import Secret
from pteri.wallet.errors import WalletCode, WalletError

if TYPE_CHECKING:
    from pteri.wallet.ports import Entropy

__all__ = ["new_paper_code", "paper_code_from_text", "recovery_code_from_text", "spaced_paper_code"]

_GROUPS: Final = 5
_GROUP_SIZE: Final = 5
_SIZE: Final = _GROUPS * _GROUP_SIZE
_MAX_TYPED: Final = 200


def new_paper_code(*, entropy: Entropy) -> Secret:
    """Draw a new code: its 25 characters in ASCII, without hyphens."""
    drawn = crockford(entropy.draw(13), 20)
    groups = [drawn[start : start + 4] for start in range(0, 20, 4)]
    return Secret("".join(group + check_of(group, number) for number, group in enumerate(groups, 1)).encode())


def spaced_paper_code(code: Secret) -> str:
    """The code as a person writes it down: ``XXXXX-XXXXX-XXXXX-XXXXX-XXXXX``. The text is the secret."""
    text = code.reveal().decode()
    return "-".join(text[start : start + _GROUP_SIZE] for start in range(0, _SIZE, _GROUP_SIZE))


def recovery_code_from_text(text: str) -> Secret:
    """A recovery code of an account, as it was typed; ``RECOVERY_CODE`` otherwise."""
    return paper_code_from_text(text, called="recovery code", refusal=WalletCode.RECOVERY_CODE)


def paper_code_from_text(text: str, *, called: str, refusal: WalletCode) -> Secret:
    """Read what was typed: any case, hyphens and spaces anywhere, O for 0, I and L for 1. ``refusal`` otherwise.

    The refusal says which group is mistyped, and repeats no character. ``called``: what the person calls the code.
    """
    typed = as_typed(text[:_MAX_TYPED])
    if len(typed) != _SIZE:
        raise WalletError(
            refusal,
            f"A {called} has five groups of five characters; what was typed has {len(typed)} characters. "
            "Look at the paper again.",
        )
    groups = [typed[start : start + _GROUP_SIZE] for start in range(0, _SIZE, _GROUP_SIZE)]
    wrong = [str(number) for number, group in enumerate(groups, 1) if not _is_right(number, group)]
    if wrong:
        which = "group " + wrong[0] if len(wrong) == 1 else "groups " + ", ".join(wrong)
        raise WalletError(refusal, f"The {called} is mistyped in {which}. Look at the paper again; case is ignored.")
    return Secret(typed.encode())


def _is_right(number: int, group: str) -> bool:
    # Each group is checked from its own number, so that groups in another order are told, too.
    return all(character in ALPHABET for character in group) and remainder(group, number) == 0
