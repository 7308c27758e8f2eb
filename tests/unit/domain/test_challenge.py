from __future__ import annotations

import msgspec
import pytest

from builders import NOW, binding, decoy, digest, opened, removal_asked, sign_in
from pteri.domain.challenge import Challenge, ChallengeEvent, ChallengeState
from pteri.domain.tables import IllegalTransition


def test_a_challenge_lives_until_before_its_last_second_also_for_a_server_whose_clock_is_behind() -> None:
    challenge = sign_in()
    lives = {at for at in range(NOW - 100, NOW + 122) if challenge.is_live(at)}
    assert lives == set(range(NOW - 90, NOW + 120))


def test_every_change_of_a_challenge_has_its_own_version() -> None:
    challenge = sign_in()
    verified = challenge.after(ChallengeEvent.VERIFY)
    mistyped = verified.after(ChallengeEvent.MISTYPE)
    done = mistyped.after(ChallengeEvent.COMPLETE)
    assert [changed.version for changed in (challenge, verified, mistyped, done)] == [1, 2, 3, 4]
    assert done.state is ChallengeState.COMPLETED


def test_wrong_codes_are_counted_also_the_last_one_and_nothing_else_is() -> None:
    verified = sign_in().after(ChallengeEvent.VERIFY)
    failed = verified.after(ChallengeEvent.MISTYPE).after(ChallengeEvent.MISTYPE).after(ChallengeEvent.FAIL)
    assert (verified.mistypes, failed.mistypes, failed.state) == (0, 3, ChallengeState.FAILED)
    assert verified.after(ChallengeEvent.COMPLETE).mistypes == 0


@pytest.mark.parametrize("end", [ChallengeEvent.COMPLETE, ChallengeEvent.FAIL, ChallengeEvent.CANCEL])
def test_where_no_code_is_awaited_any_more_nothing_is_kept_for_one(end: ChallengeEvent) -> None:
    verified = msgspec.structs.replace(
        sign_in().after(ChallengeEvent.VERIFY), code_mac=digest("the code"), sealed=b"evidence"
    )
    mistyped = verified.after(ChallengeEvent.MISTYPE)
    assert (mistyped.code_mac, mistyped.sealed) == (verified.code_mac, verified.sealed)
    ended = mistyped.after(end)
    assert (ended.code_mac, ended.sealed) == (None, b"")


@pytest.mark.parametrize("end", [ChallengeEvent.COMPLETE, ChallengeEvent.FAIL, ChallengeEvent.CANCEL])
@pytest.mark.parametrize("again", list(ChallengeEvent))
def test_an_ended_challenge_takes_nothing_more(end: ChallengeEvent, again: ChallengeEvent) -> None:
    ended = sign_in().after(ChallengeEvent.VERIFY).after(end)
    with pytest.raises(IllegalTransition):
        ended.after(again)


@pytest.mark.parametrize("code_event", [ChallengeEvent.MISTYPE, ChallengeEvent.FAIL])
def test_no_code_is_taken_before_a_phone_has_answered(code_event: ChallengeEvent) -> None:
    with pytest.raises(IllegalTransition):
        sign_in().after(code_event)


def test_a_challenge_is_answered_once() -> None:
    with pytest.raises(IllegalTransition):
        sign_in().after(ChallengeEvent.VERIFY).after(ChallengeEvent.VERIFY)


@pytest.mark.parametrize("challenge", [sign_in(), binding(), decoy(), removal_asked(opened())])
def test_a_step_leaves_what_was_signed_as_it_was(challenge: Challenge) -> None:
    after = challenge.after(ChallengeEvent.VERIFY)
    signed = ("id", "tenant", "account", "nonce", "asked", "issued_at", "expires_at")
    assert [getattr(after, name) for name in signed] == [getattr(challenge, name) for name in signed]
