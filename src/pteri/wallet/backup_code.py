"""Backup codes: 100 random bits that open a backup when its passphrase is forgotten (docs/spec/backup.md section 6).

This is no recovery code of an account, though it is written alike: a server never hears of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pteri.wallet.errors import WalletCode
from pteri.wallet.paper_code import new_paper_code as new_backup_code
from pteri.wallet.paper_code import paper_code_from_text
from pteri.wallet.paper_code import spaced_paper_code as spaced_backup_code

if TYPE_CHECKING:
    from pteri.core.keys.secret import Secret

__all__ = ["backup_code_from_text", "new_backup_code", "spaced_backup_code"]


def backup_code_from_text(text: str) -> Secret:
    """A backup code, as it was typed; ``BACKUP_CODE`` otherwise."""
    return paper_code_from_text(text, called="backup code", refusal=WalletCode.BACKUP_CODE)
