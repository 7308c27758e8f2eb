"""What a phone says of the log: alarms with a stable code each, and events in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from pteri.core.log.leaf import KINDS
from pteri.wallet.errors import WalletError

__all__ = ["NOT_OF_THE_LOG", "Alarm", "AlarmCode", "LogAlarm", "alarm", "words_of"]


class AlarmCode(StrEnum):
    """What is wrong with what the service shows of its log."""

    UNREADABLE = "UNREADABLE"
    """Not an answer of this protocol."""
    OTHER_KEY = "OTHER_KEY"
    """Not signed by the key that this phone knows, or made with another key of the indexes."""
    UNWITNESSED = "UNWITNESSED"
    """Too few of the known witnesses have seen it."""
    LOG_WENT_BACK = "LOG_WENT_BACK"
    """Fewer entries than before."""
    SPLIT_VIEW = "SPLIT_VIEW"
    """Two trees of one size: the two notes prove it to anybody."""
    LOG_CHANGED = "LOG_CHANGED"
    """It does not show that it begins with what this phone saw."""
    TWO_HANDOVERS = "TWO_HANDOVERS"
    """One key of the log has handed over twice: the two entries prove it to anybody."""
    HELD_BACK = "HELD_BACK"
    """It says that there is more of the account, and shows less than it must."""
    CHAIN_BROKEN = "CHAIN_BROKEN"
    """Entries of the account do not follow each other."""
    NOT_INCLUDED = "NOT_INCLUDED"
    """The newest entry of the account is not in the log."""
    NOT_MY_ACCOUNT = "NOT_MY_ACCOUNT"
    """Entries of another account, or of nobody who can be told."""
    OTHER_SIGNATURE = "OTHER_SIGNATURE"
    """A statement that this phone signed, with a signature that is not its own."""
    MISSING_ACT = "MISSING_ACT"
    """What this phone signed, and the service accepted, is not in the log."""
    OLD_LOG = "OLD_LOG"
    """What this phone signed is due by its clock and not in the log, and what witnesses saw is from before that."""
    PHONE_CLOCK = "PHONE_CLOCK"
    """Witnesses have seen it at a time that has not come by this phone's clock."""
    LOG_GONE = "LOG_GONE"
    """The service says that it keeps no log, and it kept one."""
    PHONES_DISAGREE = "PHONES_DISAGREE"
    """Two phones of one owner, in a move, were shown two logs."""
    NOTES_CHANGED = "NOTES_CHANGED"
    """What this phone remembers of the log is not what it wrote."""


NOT_OF_THE_LOG: Final = frozenset({AlarmCode.MISSING_ACT, AlarmCode.OLD_LOG, AlarmCode.PHONE_CLOCK})
"""After these the phone remembers what it saw: they say nothing against the log itself."""


class Alarm(msgspec.Struct, frozen=True):
    """One of them. ``message``: what happened, and what to do next."""

    code: AlarmCode
    message: str


class LogAlarm(WalletError):
    """The same, where nothing goes on. ``evidence``: the file that proves it, if there is one."""

    def __init__(self, code: str, message: str, *, evidence: str | None = None) -> None:
        super().__init__(code, message)
        self.evidence = evidence


_ASK: Final = (
    "Sign nothing that changes your account, look at it with another phone of yours and on another network, and ask "
    "the people of the service in a way that you know."
)
_KEEP: Final = "Keep the file that proves it, and show it to somebody who watches this log. " + _ASK
_SENTENCES: Final[Mapping[AlarmCode, str]] = MappingProxyType(
    {
        AlarmCode.UNREADABLE: "The service answered something about its log that this program does not understand. "
        "Update it, then try again; if it stays so, ask the people of the service.",
        AlarmCode.OTHER_KEY: "What the service shows as its log is not signed by the key that this phone knows. "
        "If it has announced a new key, compare that with what others have, and give it: pteri wallet audit --log-key "
        "KEY. Else: " + _ASK,
        AlarmCode.UNWITNESSED: "Too few of the witnesses that this phone knows have seen what the service shows as its "
        "log; it may be made for you alone. If the witnesses were announced to be others, give them: pteri wallet "
        "audit --witness KEY --needed NUMBER. Else: " + _ASK,
        AlarmCode.LOG_WENT_BACK: "The log of the service has fewer entries than this phone has seen: something was "
        "taken back. " + _KEEP,
        AlarmCode.SPLIT_VIEW: "The service has signed two different logs of the same length: what it shows you is not "
        "what it shows others. " + _KEEP,
        AlarmCode.LOG_CHANGED: "The log of the service does not begin with what this phone has seen, or the service "
        "cannot show that it does: something in it was changed. " + _KEEP,
        AlarmCode.TWO_HANDOVERS: "A key of the service's log has handed over to two new keys: somebody else has it, "
        "too, or the service keeps two logs. " + _KEEP,
        AlarmCode.HELD_BACK: "The service says that its log has more of your account, and does not show it. " + _ASK,
        AlarmCode.CHAIN_BROKEN: "In the log, something of your account is left out, doubled or out of order. " + _ASK,
        AlarmCode.NOT_INCLUDED: "The service told this phone of an entry that is not in its log. " + _ASK,
        AlarmCode.NOT_MY_ACCOUNT: "The service shows entries that are not of your account. " + _ASK,
        AlarmCode.OTHER_SIGNATURE: "The log has something that this phone signed, with a signature that is not yours. "
        + _ASK,
        AlarmCode.MISSING_ACT: "Something that this phone signed, and that the service accepted, is not in its log. "
        "Where nobody watches the log, look first whether this phone's clock is right. " + _ASK,
        AlarmCode.OLD_LOG: "Something that this phone signed should be in the log of the service by now, and the "
        "newest that the service shows is from before that. If this phone's clock is ahead, put it right and look "
        "again. If it is right, the service shows an old log, or its witnesses are away. " + _ASK,
        AlarmCode.PHONE_CLOCK: "This phone's clock seems to be behind: witnesses have seen the log of the service at "
        "a time that has not come by it. Nothing else is wrong. Put the clock right, then look again: pteri wallet "
        "audit. If it is right already, ask the people of the service.",
        AlarmCode.LOG_GONE: "The service says that it keeps no log, and this phone has seen one. " + _ASK,
        AlarmCode.PHONES_DISAGREE: "The service showed your old phone and your new one two different logs, or does not "
        "show that they are one: it may hide from one of them what happens to your account. The move stops here. A "
        "wallet that was not handed over stays where it is, and the old phone is not emptied. If the new phone is let "
        "in already, remove it from the account. " + _KEEP,
        AlarmCode.NOTES_CHANGED: "What this phone remembers of the log was changed.",
    }
)

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AccountBound": "the account was linked",
        "SignedIn": "a sign-in",
        "SignInApproved": "a sign-in was approved",
        "SignInLapsed": "a sign-in was approved, and its code was never typed",
        "MigrationApproved": "a new phone was let in",
        "MigrationConfirmed": "a new phone confirmed that it comes",
        "MigrationExpired": "a new phone that was let in did not come in time",
        "RecoveryStarted": "a recovery began: somebody claims the account with what is left",
        "RecoveryExpired": "a recovery was not finished in time",
        "DeviceActivated": "a new phone belongs to the account",
        "DeviceSuspended": "a phone was suspended",
        "DeviceRevoked": "a phone was removed",
        "SuspensionEnded": "a suspended phone was removed for good, or came back",
        "CodesSetUp": "a new phone set up codes",
        "ActRefused": "something was signed and refused",
        "ActHeld": "something was signed and must wait",
        "AccountContested": "the account was stopped until guardians or officers have spoken",
        "AccountFrozen": "the account was stopped for a day",
        "AccountUnfrozen": "the stop of the account was ended",
        "BackupVerified": "a backup was tried, and opened",
        "FreezeEnded": "the stop of the account is over",
        "ProtectionChanged": "guardians or recovery codes were changed",
        "ProtectionHeld": "guardians or recovery codes shall change after a wait",
        "ProtectionStopped": "a change of guardians or recovery codes was stopped",
        "ProtectionTookEffect": "new guardians or recovery codes count",
        "RecoveryContested": "a recovery was contested: nobody signs in until others have spoken",
        "RecoveryDelayed": "a recovery was delayed",
        "RecoveryStopped": "a recovery was stopped",
        "RecoveryWithdrawn": "a recovery was taken back",
        "RotationStarted": "the wallet shall be replaced after a wait",
        "SpokenFor": "a guardian or an officer spoke for a new phone",
        "SuspensionObjected": "a suspended phone objected",
        "WalletRotated": "the wallet was replaced",
        "OfflineCodesPrepared": "offline codes were prepared",
        "SignedInOffline": "a sign-in with an offline code",
        "ChannelsChanged": "the addresses for warnings were changed",
        "ChannelsHeld": "the addresses for warnings shall change after a wait",
        "ChannelsTookEffect": "new addresses for warnings count",
        "ChannelsStopped": "a change of the addresses for warnings was stopped",
        "FrozenByLink": "the account was stopped by the link in a mail",
        "LineObserved": "the operator said something new of the mobile line",
        "LineAged": "the mobile line is as it was for long enough",
        "LineRebound": "the account goes with another mobile line",
        "MoveAnnounced": "a move of the SIM was announced",
        "ChipAnswered": "an eSIM chip answered",
        "ChipTold": "an eSIM chip told what happened",
    }
)
_OF_NUMBER: Final = MappingProxyType({KINDS[name]: words for name, words in _WORDS.items()})


def alarm(code: AlarmCode) -> Alarm:
    """The alarm in words."""
    return Alarm(code, _SENTENCES[code])


def words_of(kind: int) -> str:
    """What happened, by the number that a leaf has for it."""
    return _OF_NUMBER.get(kind, f"something that this program does not know (number {kind})")
