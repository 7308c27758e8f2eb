"""Letters by SMTP (RFC 5321), through the one mail server that the settings name.

The library of Python speaks it; it blocks, so each letter goes in a thread. There is no way down: where TLS is wanted
and the server does not offer it, nothing is sent.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Literal

from pteri.app.ports import CourierUnavailable, Letter, LetterRefused, LetterRejected
from pteri.core.keys.secret import Secret

__all__ = ["SmtpCourier"]

_TIMEOUT_S: Final = 20.0
_CLOSING: Final = 421
"""Of whatever is asked: the server goes away now."""
_FULL: Final = 552
"""Of a mailbox or a transaction, and for the latter to be taken for a temporary refusal (RFC 5321, 4.5.3.1.10)."""
_FOR_EVER: Final = range(500, 600)


class SmtpCourier:
    """Keeps the promises of :class:`pteri.app.ports.Courier`."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        tls: Literal["starttls", "implicit", "none"],
        sender: str,
        user: str | None = None,
        password: Secret | None = None,
    ) -> None:
        self._host, self._port, self._tls, self._sender = host, port, tls, sender
        self._user, self._password = user, password
        # Asked of no name server: the host of the sender says who we are.
        self._name = sender.partition("@")[2]

    async def send(self, letter: Letter) -> None:
        """Return when the server has taken the letter."""
        await asyncio.to_thread(self._send, letter)

    def _send(self, letter: Letter) -> None:
        try:
            connection = self._connected()
        except (smtplib.SMTPException, OSError) as error:
            raise CourierUnavailable(f"the mail server: {type(error).__name__}") from error
        try:
            connection.sendmail(self._sender, [letter.to], self._bytes(letter))
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as error:
            # Its text may name the address, so only its kind is told on.
            raise _kind_of(error)(f"the mail server: {type(error).__name__}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise CourierUnavailable(f"the mail server: {type(error).__name__}") from None
        finally:
            # It was taken or it was not: how the conversation ends changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                connection.quit()
            connection.close()

    def _connected(self) -> smtplib.SMTP:
        if self._tls == "implicit":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, self._name, timeout=_TIMEOUT_S, context=ssl.create_default_context()
            )
        else:
            connection = smtplib.SMTP(self._host, self._port, self._name, timeout=_TIMEOUT_S)
        try:
            if self._tls == "starttls":
                connection.starttls(context=ssl.create_default_context())
            if self._user is not None and self._password is not None:
                connection.login(self._user, self._password.reveal().decode())
        except BaseException:
            connection.close()
            raise
        return connection

    def _bytes(self, letter: Letter) -> bytes:
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(datetime.fromtimestamp(letter.at, UTC))
        message["Message-ID"] = f"<{letter.id}>"
        # Nobody's holiday answers (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message.as_bytes()


def _kind_of(
    error: smtplib.SMTPRecipientsRefused | smtplib.SMTPResponseException,
) -> type[CourierUnavailable | LetterRefused | LetterRejected]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        [(code, _)] = error.recipients.values()
    else:
        code = error.smtp_code
    if code == _CLOSING:
        return CourierUnavailable
    # What is said of the sender is said of every letter: the operator can mend that, and nothing is lost meanwhile.
    is_of_the_letter = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError)
    return LetterRejected if is_of_the_letter and code in _FOR_EVER and code != _FULL else LetterRefused
