"""TE-03: a clone of the SIM, against a real entitlement server. To the network it is the owner's phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from builders import NOW, thumbprint
from carrier import Carrier, EntitledNetwork, Phone, running_server
from ledger import DAY, Ledger
from lines import announcing, rebinding
from operators import NUMBER
from pteri.core.acts import StatementAct
from pteri.domain.continuity import line_level, observed, seen_alive
from pteri.domain.decisions import Hold, Reason, Refuse
from pteri.domain.line import LineState
from pteri.domain.signals import Finding, Signal
from quarrels import signed_by
from stories import grown

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CLONE = 9
"""The phone that the clone is in: nobody let it in."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with running_server(tmp_path_factory.mktemp("entitlement")) as server:
        yield Carrier(server, EntitledNetwork(server.base_url))


async def heard(ledger: Ledger, carrier: Carrier) -> tuple[Signal, Signal]:
    """What the operator says of the line, at its worst, and of the token that the clone brings."""
    owner = carrier.sells(NUMBER, "phone", at=NOW - 365 * DAY)
    clone = Phone(carrier.server.base_url, owner.sim, "359999999999999")
    joined = carrier.joined()
    joined.clock.at = ledger.at
    signals = await joined.operator.ask(NUMBER, since=NOW, at=ledger.at)
    proof = await joined.operator.possession(NUMBER, await clone.temporary_token(), at=ledger.at)
    return max(signals, key=lambda signal: list(Finding).index(signal.finding)), proof


async def test_te_03_a_cloned_sim_passes_every_check_of_the_network_and_gains_nothing(carrier: Carrier) -> None:
    ledger = grown()
    before = ledger.now()
    said, proof = await heard(ledger, carrier)
    assert (said.finding, proof.finding) == (Finding.CLEAR, Finding.CLEAR)
    request = ledger.next_request()
    assert (
        observed(before, [said, proof], request=request, at=ledger.at, answered_at=ledger.at, rules=ledger.rules) == ()
    )
    assert seen_alive(before, proof, device=thumbprint(CLONE), request=request, at=ledger.at) == ()
    line = before.mobile_line
    assert line is not None
    assert (line.state, line_level(line, ledger.at, ledger.rules)) == (LineState.BOUND, 0)


@pytest.mark.parametrize("has_wallet", [False, True])
async def test_te_03_the_phone_with_the_clone_may_do_what_any_stranger_may(carrier: Carrier, has_wallet: bool) -> None:
    """That is: with the wallet begin a recovery, and wait as long as ever; without it nothing at all."""
    ledger = grown()
    await heard(ledger, carrier)
    signer = None if has_wallet else signed_by(ledger, "")
    acts: list[StatementAct] = [
        ledger.authenticate(CLONE),
        rebinding(ledger, CLONE),
        announcing(ledger, CLONE, CLONE),
        ledger.removal(CLONE, 1),
        ledger.approval(CLONE, 3),
    ]
    for act in acts:
        assert isinstance(ledger.copy().submit(act, newcomer=3, signer=signer), Refuse), act
    claimed = ledger.copy().submit(ledger.claim(CLONE), newcomer=CLONE, signer=signer)
    if has_wallet:
        assert isinstance(claimed, Hold)
        assert claimed.until - ledger.at == ledger.rules.recovery_hold_s
    else:
        assert claimed == Refuse(Reason.WEAK_EVIDENCE)
