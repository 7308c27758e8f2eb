"""The port to mobile operators: what they know of a line, asked by number (docs/spec/operator.md).

An adapter is a network client, several of them, or a simulated network; tests/contract holds all of them to the
promises here.
"""

from __future__ import annotations

from typing import Protocol

from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.domain.signals import Signal

__all__ = ["Operator"]


class Operator(Protocol):
    """Whoever can be asked about a line. Its promises.

    * *it answers*: a failing, slow or lying operator makes signals, never an exception, within the deadline;
    * *silence is not consent*: whatever is not a whole and fresh answer is ``UNKNOWN``;
    * *the past does not count*: what changed before ``since`` is no change of this binding;
    * *nothing is told twice*: a token is spent by :meth:`possession`, whatever comes out of it;
    * *nobody is named*: no signal, no exception and no log line holds the number or the token.
    """

    async def ask(self, number: PhoneNumber, *, since: int, at: int) -> tuple[Signal, ...]:
        """Level 1: what changed from ``since``, when the line was bound, to ``at``, now (Unix seconds).

        One signal for each question that can be asked, also for each one that got no answer; never none at all.
        """
        ...

    async def possession(self, number: PhoneNumber, token: Secret, *, at: int) -> Signal:
        """Level 2: whether the phone that brought this TS.43 temporary token uses the number now.

        The token is single use. ``CLEAR`` is an operator's word about this moment, and about this phone only.
        """
        ...
