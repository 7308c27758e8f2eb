"""The demo's story with a real server process, phones that are processes of their own, and real HTTP between them."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from pteri.core.keys.derivation import ExtendedKey, identity_path
from pteri.core.keys.mnemonic import seed
from pteri.core.keys.secret import Secret
from pteri.demo.byhand import write_by_hand
from pteri.demo.stage import Stage
from pteri.demo.story import Story
from pteri.demo.telling import MEANINGS, Step, Teller
from pteri.wallet.keystore import Keystore

# A hundred processes one after the other: more than the usual time on a machine that does other things, too.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EMAIL, LINE, NEW_LINE = b"alice@example.com", b"4915112345678", b"4915187654321"


@dataclass(frozen=True)
class Played:
    """What was left when the story was over."""

    steps: list[Step]
    codes: list[str]
    paper: list[str]
    wire: bytes
    asked: list[str]
    directory: Path
    by_hand: str

    def phone_secrets(self) -> list[bytes]:
        """The wallet words and private keys of all phones, out of their sealed files."""
        found = []
        for home in sorted(path for path in (self.directory / "phones").iterdir() if path.is_dir()):
            keystore = Keystore(home)
            passphrase = Secret(home.with_suffix(".passphrase").read_bytes().strip())
            words = keystore.open_wallet(passphrase).reveal()
            root = seed(words.decode())
            found += [words, root.reveal(), ExtendedKey.from_seed(root).secret.reveal()]
            found.append(ExtendedKey.from_seed(root).derive(identity_path(0, "main")).secret.reveal())
            if keystore.has_device():
                found.append(keystore.open_device(passphrase).reveal())
        return found

    def server_files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.directory / "service").iterdir()}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    directory = tmp_path_factory.mktemp("story")
    teller = Teller(quiet=True, no_color=True)
    with Stage(directory) as stage:
        story = Story(stage, teller)
        story.play()
        wire = stage.wiretap.everything()
        asked = [request.split(b" ", 2)[1].decode() for request in stage.wiretap.requests()]
        by_hand = _go_on_by_hand(write_by_hand(stage, story.own))
    return Played(teller.steps, story.cast.codes, story.cast.papers, wire, asked, directory, by_hand)


def _go_on_by_hand(script: Path) -> str:
    """What a person does in a shell afterwards: the bank's page asks, the phone approves, the code is typed."""
    page = ["sh", "-c", '. "$0"; exec python "$1"', str(script), str(script.with_name("bank.py"))]
    with subprocess.Popen(page, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bank:
        assert bank.stdout is not None
        bank.stdout.readline()
        command = bank.stdout.readline().partition("phone: ")[2].strip()
        phone = ["sh", "-c", f'. "$0"; {command} --yes --json', str(script)]
        code = json.loads(subprocess.run(phone, capture_output=True, check=True).stdout)["code"]
        return bank.communicate(code + "\n", timeout=60)[0]


def test_every_step_ends_as_it_must(played: Played) -> None:
    assert [step.name for step in played.steps if not step.expected] == []


def test_both_flowcharts_and_the_four_refusals_are_played(played: Played) -> None:
    names = {step.name for step in played.steps}
    assert {
        "sign the link with both keys",
        "approve the sign-in with both keys",
        "approve the new phone with both keys",
        "type the old phone's code on the new phone",
        "the new phone signs with wallet and own key",
        "set up sign-in codes on the third phone",
        "claim the account with the restored wallet",
        "the third phone signs with wallet and own key",
    } <= names
    refused = {step.name: step.reason for step in played.steps if step.outcome == "refused"}
    assert refused["SIM-swapped thief claims the account"] == "DENIED"
    assert refused["replay the payload on a fresh challenge"] == "DENIED"
    assert refused["the mnemonic thief tries to finish at once"] == "HELD"
    assert refused["the revoked phone tries to approve"] == "DENIED"


def outcomes(played: Played, *names: str) -> list[tuple[str, str]]:
    """How the steps of these names ended, and with which reason, in the order they were played."""
    told = [(step.name, step.outcome, step.reason) for step in played.steps if step.name in names]
    assert [name for name, _, _ in told] == list(names)
    return [(outcome, reason) for _, outcome, reason in told]


def waited_hours(played: Played, begin: str, end: str) -> int:
    """Whole hours of the simulated clock; the seconds that the phones really took go on top of what it is stepped."""
    at = {step.name: step.at for step in played.steps}
    return (at[end] - at[begin]) // 3600


def test_the_thief_with_the_words_is_stopped_by_the_owners_second_phone(played: Played) -> None:
    assert outcomes(
        played,
        "the third phone signs with wallet and own key",
        "the tablet signs with wallet and own key",
        "claim the account with the words alone",
        "the second phone objects to the claim",
        "the mnemonic thief tries again after the hold",
    ) == [
        ("accepted", "HOLD_OVER"),
        ("accepted", "HOLD_OVER"),
        ("waits", "RECOVERY_HOLD"),
        ("accepted", "STOPPED"),
        ("refused", "DENIED"),
    ]


def test_words_and_recovery_code_wait_48_hours_and_end_the_wallet_that_a_thief_knows(played: Played) -> None:
    claim, finish = "claim the account with wallet and recovery code", "the fourth phone signs with the new wallet"
    assert outcomes(
        played,
        claim,
        finish,
        "the fourth phone makes new recovery codes",
        "the mnemonic thief tries to stop the account",
    ) == [
        ("waits", "EVIDENCE_HOLD"),
        ("accepted", "HOLD_OVER"),
        ("accepted", "BOTH_KEYS"),
        ("refused", "DENIED"),
    ]
    assert waited_hours(played, claim, finish) == 48


def test_who_holds_phone_and_wallet_contests_and_loses_against_guardians(played: Played) -> None:
    claim, finish = "the owner claims with wallet and guardians", "the owner's phone signs with a new wallet"
    assert outcomes(
        played,
        "the owner claims with wallet and recovery code",
        "the thief objects with phone and wallet",
        "the thief tries to sign in to the contested account",
        claim,
        "the thief objects to the guardians",
        "the thief objects to the guardians once more",
        "the owner tries on the day of the delay",
        finish,
        "the stolen phone asks for its account",
        "the thief claims the account with the copied wallet",
    ) == [
        ("waits", "EVIDENCE_HOLD"),
        ("accepted", "CONTESTED"),
        ("refused", "ACCOUNT_NOT_OPEN"),
        ("waits", "EVIDENCE_HOLD"),
        ("accepted", "DELAYED"),
        ("refused", "VETO_SPENT"),
        ("refused", "HELD"),
        ("accepted", "HOLD_OVER"),
        ("refused", "DENIED"),
        ("refused", "DENIED"),
    ]
    assert waited_hours(played, claim, finish) == 24 + 24


def test_who_lost_everything_is_let_in_by_two_officers_and_not_by_one(played: Played) -> None:
    claim, finish = "claim the account with two officers", "the sixth phone signs with its own wallet"
    assert outcomes(
        played,
        "the first officer attests who Alice is",
        "claim the account with one officer",
        "the second officer attests who Alice is",
        claim,
        finish,
    ) == [
        ("accepted", "BOTH_KEYS"),
        ("refused", "WEAK_EVIDENCE"),
        ("accepted", "BOTH_KEYS"),
        ("waits", "EVIDENCE_HOLD"),
        ("accepted", "HOLD_OVER"),
    ]
    assert waited_hours(played, claim, finish) == 72


def test_whoever_gets_the_number_alone_gains_nothing_and_the_owner_ends_the_alarm(played: Played) -> None:
    assert outcomes(
        played,
        "sign in with a line that is as it was",
        "SIM-swapped thief claims the account that asks operators",
        "SIM-swapped thief shows a genuine token of the operator",
        "sign in while a thief has the number",
        "Alice's phone is told of the SIM swap",
        "say that the line is Alice's again",
        "sign in after a port-out",
    ) == [
        ("accepted", "BOUND"),
        ("refused", "DENIED"),
        ("refused", "NOT_ENROLLED"),
        ("accepted", "SUSPECT"),
        ("done", "LINE_SUSPECT"),
        ("accepted", "BOTH_KEYS"),
        ("accepted", "SUSPECT"),
    ]


def test_a_move_of_the_sim_is_an_alarm_only_when_nobody_has_announced_it(played: Played) -> None:
    assert outcomes(
        played,
        "announce the move of the SIM",
        "sign in while the move is under way",
        "the seventh phone shows the operator's token",
        "sign in with the line where it moved",
        "sign in after a move that nobody announced",
        "the sixth phone is told of the change",
        "say that the unannounced move was hers",
    ) == [
        ("accepted", "BOTH_KEYS"),
        ("accepted", "PROBATION"),
        ("accepted", "MOVED"),
        ("accepted", "MOVED"),
        ("accepted", "SUSPECT"),
        ("done", "LINE_SUSPECT"),
        ("accepted", "BOTH_KEYS"),
    ]


def test_a_chip_is_bound_and_tells_and_speaks_against_no_swap(played: Played) -> None:
    assert outcomes(
        played,
        "ask for an activation code",
        "the chip answers the bank's challenge",
        "the bank knows the chip",
        "a chip that nobody vouches for answers",
        "the chip says that a profile is in use",
        "the bank knows that it is in use",
        "sign in with a perfect chip and a swapped line",
        "say that the line is Alice's after the swap",
    ) == [
        ("done", ""),
        ("done", "8.2.6"),
        ("done", ""),
        ("refused", "8.11.1"),
        ("done", ""),
        ("done", ""),
        ("accepted", "SUSPECT"),
        ("accepted", "BOTH_KEYS"),
    ]


def test_whatever_the_chip_does_it_is_called_a_labs(played: Played) -> None:
    told = [step.who for step in played.steps if step.name.startswith("the chip ")]
    assert told == ["the chip (A LAB'S)"] * 2


def test_words_and_number_together_wait_longer_than_the_words(played: Played) -> None:
    claim, early = "claim the account with words and number", "the thief tries after three days"
    assert outcomes(played, claim, early, "the owner objects to the claim with her number") == [
        ("waits", "LINE_CHANGED_HOLD"),
        ("refused", "HELD"),
        ("accepted", "STOPPED"),
    ]
    assert waited_hours(played, claim, early) == 72


def test_a_recycled_number_is_gone_and_a_silent_operator_changes_nothing(played: Played) -> None:
    assert outcomes(
        played,
        "sign in after the number was recycled",
        "try to bind the number that is gone",
        "bind the new number",
        "sign in with the new number",
        "sign in while the operator is silent",
    ) == [
        ("accepted", "DETACHED"),
        ("refused", "LINE_GONE"),
        ("accepted", "BOTH_KEYS"),
        ("accepted", "BOUND"),
        ("accepted", "BOUND"),
    ]
    told = {step.name: step.told for step in played.steps}
    assert told["sign in with the new number"].endswith("the bank hears: level FULL, line CONTINUOUS (BOUND)")
    assert told["sign in while the operator is silent"].endswith("the bank hears: level REDUCED, line UNKNOWN (BOUND)")


def test_whatever_the_operator_does_it_is_called_a_simulator(played: Played) -> None:
    operators = {step.who for step in played.steps if "operator" in step.who}
    assert operators == {"the operator (A SIMULATOR)"}


def test_every_yes_and_no_has_a_reason_in_words(played: Played) -> None:
    decided = [step for step in played.steps if step.outcome != "done"]
    assert [step.name for step in decided if not step.reason or not step.why] == []
    whys = {step.name: step.why for step in decided if step.reason == "DENIED"}
    assert len(set(whys.values())) > 2
    assert not set(whys.values()) & set(MEANINGS.values())


def sign_ins(played: Played) -> list[list[str]]:
    """What went over the wire from each start of a sign-in on: the last words of the paths."""
    places = [path.rpartition("/")[2] for path in played.asked]
    starts = [place for place, word in enumerate(places) if word == "logins"]
    return [places[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def test_a_scanned_sign_in_is_three_requests_and_a_prompted_one_asks_for_its_fields(played: Played) -> None:
    """And then the phone looks at the log once, which waits for nobody."""
    first, *others = sign_ins(played)
    assert first[:4] == ["logins", "response", "log", "code"]
    [prompted] = [one for one in others if "prompts" in one]
    assert prompted[:6] == ["logins", "prompts", "claim", "response", "log", "code"]


def test_the_bank_signs_once_for_the_sign_ins_of_five_minutes(played: Played) -> None:
    """Its real signatures buy tokens and start the binding; only the simulated clock makes it buy again."""
    requests = [path for path in played.asked if path.endswith(("/tokens", "/logins"))]
    assert requests[:2] == ["/v1/bank/tokens", "/v1/bank/logins"]
    assert requests.count("/v1/bank/tokens") < requests.count("/v1/bank/logins")


def test_the_story_is_told_in_146_steps(played: Played) -> None:
    assert len(played.steps) == 146


def test_a_person_can_go_on_by_hand_where_the_story_ended(played: Played) -> None:
    assert "state='COMPLETED'" in played.by_hand


def _spellings(secret: bytes) -> set[bytes]:
    standard = base64.b64encode(secret).rstrip(b"=")
    return {secret, secret.hex().encode(), secret.hex().upper().encode(), standard, standard.translate(_URL_SAFE)}


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def test_no_mnemonic_or_private_key_leaves_a_wallet_process(played: Played) -> None:
    secrets = played.phone_secrets()
    assert len(secrets) > 15
    places = {"the wire": played.wire, **played.server_files()}
    assert len(played.wire) > 50_000
    for secret in secrets:
        for spelling in _spellings(secret):
            assert [name for name, content in places.items() if spelling in content] == []


def test_the_search_would_find_a_secret_that_leaked(played: Played) -> None:
    leaked = played.phone_secrets()[-1]
    assert any(spelling in b"... " + leaked.hex().encode() for spelling in _spellings(leaked))


def test_neither_e_mail_nor_line_is_in_the_database_or_the_logs(played: Played) -> None:
    files = played.server_files()
    assert "pteri.sqlite3" in files
    assert "server.log" in files
    for clear in (EMAIL, LINE, NEW_LINE, EMAIL.split(b"@")[0]):
        assert [name for name, content in files.items() if clear in content] == []
    # They did travel from the site to the service, so the search above is no empty one.
    assert EMAIL in played.wire
    assert LINE in played.wire
    assert NEW_LINE in played.wire


def test_no_token_of_an_operator_stays_at_the_service(played: Played) -> None:
    token = (played.directory / "operator-token.txt").read_bytes()
    assert token in played.wire
    assert [name for name, content in played.server_files().items() if token in content] == []


def test_no_recovery_code_leaves_the_paper_and_the_phone_it_is_typed_on(played: Played) -> None:
    assert len(played.paper) == 8
    places = {"the wire": played.wire, **played.server_files()}
    for code in played.paper:
        for spelling in (code.encode(), code.replace("-", "").encode()):
            assert [name for name, content in places.items() if spelling in content] == []


def test_no_code_is_in_the_logs(played: Played) -> None:
    log = played.server_files()["server.log"]
    assert b"denied" in log
    assert len(played.codes) == 14
    assert [code for code in played.codes if code.encode() in log] == []
