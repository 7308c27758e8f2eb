"""What an owner reads in a mail: what happened, and what to do. It says nothing that a reader could use elsewhere.

No account id, no login, no words of a phone, nobody's name: mail is read by many, and forwarded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pteri.core.ids import Domain
from pteri.core.statement import instant_text
from pteri.domain.records import Notice, NoticeKind

__all__ = ["letter_text", "subject"]

_WAITS: Final[Mapping[NoticeKind, str]] = {
    NoticeKind.MIGRATION_APPROVED: "A new phone was let into your account.",
    NoticeKind.RECOVERY_STARTED: "Somebody claims your account from a new phone.",
    NoticeKind.WALLET_CHANGE_STARTED: "Another wallet is to take the place of yours.",
    NoticeKind.PROTECTION_CHANGE_STARTED: "Other guardians or recovery codes are to count for your account.",
    NoticeKind.CHANNELS_CHANGE_STARTED: "Warnings are to go to other addresses. Perhaps no longer to this one.",
    NoticeKind.PHONE_REMOVED: "A phone was removed from your account.",
}
"""Of what is not over yet where it has an end."""
_HAPPENED: Final[Mapping[NoticeKind, str]] = {
    NoticeKind.PHONE_ADDED: "A phone was added to your account.",
    NoticeKind.WALLET_WITHOUT_PHONE: "Somebody without a phone of yours has your wallet, and tried to use it.",
    NoticeKind.CLAIM_STOPPED: "Something that waited was stopped.",
    NoticeKind.CLAIM_DELAYED: "Somebody objected to what waits. It waits longer.",
    NoticeKind.ACCOUNT_FROZEN: "Your account is frozen: nobody signs in and nothing changes for a while.",
    NoticeKind.FROZEN_BY_LINK: "Your account is frozen by the link of a mail like this: nobody signs in for a while.",
    NoticeKind.ACCOUNT_CONTESTED: "Your account is stopped until guardians or officers speak for somebody.",
    NoticeKind.ACCOUNT_UNFROZEN: "Your account is no longer frozen.",
    NoticeKind.WALLET_CHANGED: "Your account has another wallet now.",
    NoticeKind.PROTECTION_CHANGED: "Your account has other guardians or recovery codes now.",
    NoticeKind.CHANNELS_CHANGED: "Warnings go to one more address from now on.",
    NoticeKind.LINE_SUSPECT: "Your mobile line changed, and you had not announced it. If you did not do this, ask your "
    "operator at once. Sign-ins with your phone go on.",
    NoticeKind.LINE_REBOUND: "Your account goes with another mobile line or SIM now.",
    NoticeKind.MOVE_ANNOUNCED: "A phone of yours said that your SIM will move to another phone.",
    NoticeKind.SPOKEN_FOR: "A guardian or an officer spoke for a new phone.",
    NoticeKind.OFFLINE_CODES_PREPARED: "A phone of yours prepared offline codes, to sign in without a network.",
    NoticeKind.OFFLINE_CODE_USED: "Somebody signed in with an offline code of a phone of yours.",
}
_SENTENCES: Final[Mapping[NoticeKind, str]] = {**_HAPPENED, **_WAITS}


def subject(domain: Domain) -> str:
    """The same for everything: a screen that lies on the table shows it."""
    return f"Your account at {domain}"


def letter_text(domain: Domain, notices: Sequence[Notice], link: str) -> str:
    """What is told of these, oldest first. ``link``: stops the account, and nothing else."""
    lines = [f"This is about your account at {domain}.", ""]
    for notice in sorted(notices, key=lambda each: each.at):
        lines += [f"{instant_text(notice.at)}: {_SENTENCES[notice.kind]}"]
        if notice.until is not None and notice.kind in _WAITS:
            still = "It still waits" if notice.reminder else "It waits"
            lines += [f"  {still} until {instant_text(notice.until)}. Until then any phone of yours can stop it."]
    return "\n".join(
        [
            *lines,
            "",
            "Was it you? Then nothing is to be done.",
            "Not you? Open your wallet on a phone of yours now: it shows what happened, and stops it.",
            "No phone at hand? This page stops your account for a while. It cannot allow anything, and works once:",
            link,
            "The words of your wallet, or a recovery code, stop it from any computer, too.",
            "",
            f"Nobody at {domain} will ask you for your words, your codes or a payment because of this mail.",
            "",
        ]
    )
