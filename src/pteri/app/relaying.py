"""The relay: two phones that are not known here leave each other sealed messages (docs/spec/transfer.md section 6).

No request is signed and no answer recorded: whoever knows the 128-bit id of a mailbox has it. Putting the same message
in the same place twice is one message, so every request may simply be sent again.
"""

from __future__ import annotations

import re
from typing import Final

from pteri.app.deployment import Deployment, Tenant
from pteri.app.refusals import Clashes, Gone, NotFound, RefusalCode, TooLarge
from pteri.core import wire
from pteri.core.errors import Code, Malformed
from pteri.core.ids import from_base64url, matching, to_base64url
from pteri.domain.mailbox import LIFE_S, Mailbox, Unfit

__all__ = ["end_mailbox", "open_mailbox", "put_message", "read_mailbox"]

_ID: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_ATTEMPTS: Final = 20
"""How often somebody else may be faster. A mailbox takes eight messages and one end."""


async def open_mailbox(deployment: Deployment, tenant: Tenant, text: str) -> wire.MailboxSeen:
    """A mailbox of this id, for ten minutes; the one that there is, if it is open. ``Gone`` for an id that was used."""
    at, mailbox_id = deployment.clock.now(), _id(text)
    fresh = Mailbox(tenant.id, mailbox_id, at + LIFE_S)
    if await deployment.store.keep_mailbox(fresh):
        return _seen(fresh)
    return _seen(await _live(deployment, tenant, mailbox_id, at))


async def read_mailbox(deployment: Deployment, tenant: Tenant, text: str) -> wire.MailboxSeen:
    """What it holds."""
    return _seen(await _live(deployment, tenant, _id(text), deployment.clock.now()))


async def put_message(deployment: Deployment, tenant: Tenant, text: str, wanted: wire.PutMessage) -> wire.MailboxSeen:
    """Leave a message at its place."""
    at, mailbox_id, message = deployment.clock.now(), _id(text), from_base64url(wanted.message)
    for _ in range(_ATTEMPTS):
        before = await _live(deployment, tenant, mailbox_id, at)
        after = before.with_message(wanted.place, message, at=at)
        if isinstance(after, Unfit):
            raise _refused(after)
        if after is before or await deployment.store.keep_mailbox(after):
            return _seen(after)
    raise Clashes(RefusalCode.CHANGED_MEANWHILE, "Others use this mailbox at the same time. Try again.")


async def end_mailbox(deployment: Deployment, tenant: Tenant, text: str) -> None:
    """Use the id up. Ended twice, it is ended."""
    at, mailbox_id = deployment.clock.now(), _id(text)
    for _ in range(_ATTEMPTS):
        before = await _found(deployment, tenant, mailbox_id)
        if before.is_over(at) or await deployment.store.keep_mailbox(before.closed()):
            return
    raise Clashes(RefusalCode.CHANGED_MEANWHILE, "Others use this mailbox at the same time. Try again.")


async def _found(deployment: Deployment, tenant: Tenant, mailbox_id: str) -> Mailbox:
    found = await deployment.store.mailbox(tenant.id, mailbox_id)
    if found is None:
        raise NotFound
    return found


async def _live(deployment: Deployment, tenant: Tenant, mailbox_id: str, at: int) -> Mailbox:
    found = await _found(deployment, tenant, mailbox_id)
    if found.is_over(at):
        raise _refused(Unfit.ENDED)
    return found


def _refused(why: Unfit) -> Gone | TooLarge | Clashes | Malformed:
    match why:
        case Unfit.ENDED:
            return Gone(
                RefusalCode.MAILBOX_ENDED, "This mailbox is over. Begin again with a new code on the new phone."
            )
        case Unfit.TOO_LARGE:
            return TooLarge(RefusalCode.MESSAGE_SIZE, "A message has at most 4096 bytes.")
        case Unfit.FULL:
            return TooLarge(RefusalCode.MAILBOX_FULL, "This mailbox holds eight messages, and takes no more.")
        case Unfit.EMPTY:
            return Malformed(Code.LENGTH, "a message has at least one byte")
        case Unfit.TAKEN:
            return Clashes(
                RefusalCode.PLACE_TAKEN,
                "Somebody else was faster in this mailbox. Begin again with a new code on the new phone.",
            )


def _id(text: str) -> str:
    return matching(_ID, text, "the id of a mailbox")


def _seen(mailbox: Mailbox) -> wire.MailboxSeen:
    return wire.MailboxSeen(
        mailbox.id, mailbox.expires_at, tuple(to_base64url(message) for message in mailbox.messages)
    )
