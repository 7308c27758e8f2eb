"""The specification names what the code has: no more, no less, and the same numbers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from pteri.app.refusals import RefusalCode
from pteri.core import acts
from pteri.core.errors import Code
from pteri.core.ids import Thumbprint, account_id, digest_text
from pteri.core.keys.message import SignatureType
from pteri.core.keys.network import NETWORKS
from pteri.core.statement import parse
from pteri.domain.account import ACCOUNT_TABLE
from pteri.domain.anchoring import ANCHOR_TABLE
from pteri.domain.challenge import CHALLENGE_TABLE
from pteri.domain.decisions import Reason
from pteri.domain.device import DEVICE_TABLE
from pteri.domain.events import Event
from pteri.domain.line import LINE_TABLE
from pteri.domain.migration import MIGRATION_TABLE
from pteri.domain.records import NoticeKind
from pteri.domain.recovery import RECOVERY_TABLE
from pteri.domain.rules import FLOORS, Rules, RulesError, rules_from
from pteri.http.api import api_routes
from pteri.http.problems import PROBLEM_TYPES, HttpCode
from world import World

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "docs" / "spec"
HEADING = re.compile(r"^#{1,2} ([0-9]+(?:\.[0-9]+)?) ", re.MULTILINE)
CITED = re.compile(r"docs/spec (?:sections? )?((?:[0-9]+(?:\.[0-9]+)?(?:, | and | to )?)+)")
CITED_KEYSTORE = re.compile(r"docs/spec/keystore\.md sections? ([0-9]+)(?: to ([0-9]+))?")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def page(number: int) -> str:
    [path] = SPEC.glob(f"{number:02d}-*.md")
    return path.read_text(encoding="utf-8")


def section(number: str) -> str:
    text = page(int(number.partition(".")[0]))
    [start] = [found.start() for found in HEADING.finditer(text) if found[1] == number]
    return re.split(r"^## ", text[start + 3 :], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """Cells of the tables' rows, without heads and rules."""
    lines = text.splitlines()
    heads = {number - 1 for number, line in enumerate(lines) if line.startswith("|---")}
    body = [line for number, line in enumerate(lines) if number not in heads and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body if line.startswith("|")]


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`([A-Z][A-Z0-9_]+)`", text))


def test_every_section_that_the_code_cites_exists() -> None:
    sections = {found[1] for path in SPEC.glob("[0-9]*.md") for found in HEADING.finditer(path.read_text())}
    keystore = {found[1] for found in re.finditer(r"^## ([0-9]+)\. ", (SPEC / "keystore.md").read_text(), re.MULTILINE)}
    for folder in ("src", "tests", "bench"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for cited in CITED.finditer(text):
                assert set(re.findall(r"[0-9]+(?:\.[0-9]+)?", cited[1])) <= sections, (path.name, cited[0])
            for cited in CITED_KEYSTORE.finditer(text):
                assert {number for number in cited.groups() if number} <= keystore, (path.name, cited[0])


def test_every_page_is_in_the_index_and_every_link_leads_somewhere() -> None:
    index = (SPEC / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in SPEC.glob("*.md")} - {"README.md"} == {
        link for link in LINK.findall(index) if link.endswith(".md")
    }
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        for link in LINK.findall(document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), (document.relative_to(ROOT).as_posix(), link)


def test_the_codes_are_all_there() -> None:
    assert quoted(section("1.1")) == set(Code)


def test_the_networks_and_signature_types_are_all_there() -> None:
    assert {(row[0].strip("`"), row[1].strip("`")) for row in rows(section("2.4"))} == {
        (network.name, network.chain_id) for network in NETWORKS.values()
    }
    assert {row[0].strip("`") for row in rows(section("2.3"))} == set(SignatureType)


def test_each_purpose_has_its_verb_and_resources() -> None:
    told = {row[0].strip("`"): row for row in rows(section("3.2")) if len(row) == 3}
    assert told.keys() == acts.ACTS.keys()
    for purpose, act in acts.ACTS.items():
        assert told[purpose][2].split(", ") == [name.replace("_", "-") for name in act.__struct_fields__]


ACCOUNT = account_id("acct_" + "0" * 12)
PHONE = Thumbprint(digest_text(bytes(32)))
A_DIGEST = digest_text(bytes(32))
EXAMPLES: list[acts.StatementAct] = [
    acts.BindWallet(ACCOUNT, PHONE, None, 0, A_DIGEST, A_DIGEST),
    acts.Authenticate(ACCOUNT, PHONE, None, 1, A_DIGEST, "42"),
    acts.ApproveMigration(ACCOUNT, PHONE, None, 1, PHONE, A_DIGEST, A_DIGEST, True),
    acts.ApproveMigration(ACCOUNT, PHONE, None, 1, PHONE, A_DIGEST, A_DIGEST, False),
    acts.ActivateDevice(ACCOUNT, PHONE, None, 1, A_DIGEST),
    acts.StartRecovery(ACCOUNT, PHONE, None, 1, ("W",), None, acts.SAME_WALLET),
    acts.RevokeDevice(ACCOUNT, PHONE, 1, PHONE),
    acts.SetupOtp(ACCOUNT, PHONE, 1, None, 0, 0, 0),
    acts.SetupOtp(ACCOUNT, PHONE, 1, A_DIGEST, 0, 0, 0),
    acts.RotateWallet(ACCOUNT, PHONE, 1, "L" * 34),
    acts.ChangeProtection(ACCOUNT, PHONE, 1, None, None),
    acts.FreezeAccount(ACCOUNT, PHONE, 1),
    acts.UnfreezeAccount(ACCOUNT, PHONE, 1),
    acts.VetoChange(ACCOUNT, PHONE, 1, A_DIGEST),
    acts.VouchForRecovery(ACCOUNT, PHONE, 1, PHONE),
    acts.AttestIdentity(ACCOUNT, PHONE, 1, PHONE),
    acts.ConfirmBackup(ACCOUNT, PHONE, 1, A_DIGEST),
    acts.ChangeChannels(ACCOUNT, PHONE, 1, (A_DIGEST,)),
    acts.RebindLine(ACCOUNT, PHONE, 1, A_DIGEST, A_DIGEST),
    acts.AnnounceMove(ACCOUNT, PHONE, 1, A_DIGEST, PHONE, 1),
]


def test_there_is_an_example_of_every_purpose() -> None:
    assert {act.purpose for act in EXAMPLES} == acts.ACTS.keys()


@pytest.mark.parametrize("act", EXAMPLES, ids=lambda act: str(act.purpose))
def test_verbs_and_sentences_are_the_ones_that_are_signed(act: acts.StatementAct) -> None:
    [verbs] = [row[1] for row in rows(section("3.2")) if len(row) == 3 and row[0] == f"`{act.purpose}`"]
    assert act.verb in verbs
    [told] = [row[1] for row in rows(section("3.2")) if len(row) == 2 and row[0] == f"`{act.purpose}`"]
    said = re.sub(r"\*name of [a-z-]+\*", acts.phone_name(PHONE), told).replace("*code*", "42")
    sentence = act.sentence("DOMAIN")
    if " *or* " in said:
        assert sentence in {
            said.replace(" *or* keep this one", ""),
            said.replace("remove this one *or* ", ""),
        }
    else:
        assert sentence == said


def test_the_example_statement_is_one() -> None:
    [example] = re.findall(r"```\n(bank\.example wants.*?)\n```", section("3.3"), re.DOTALL)
    assert parse(example.encode()).encode() == example.encode()
    assert f"{len(example)} bytes" in section("3.3")


@pytest.mark.parametrize(
    ("number", "table"),
    [
        ("7.1", CHALLENGE_TABLE),
        ("7.2", DEVICE_TABLE),
        ("7.3", ACCOUNT_TABLE),
        ("7.4", MIGRATION_TABLE),
        ("7.5", RECOVERY_TABLE),
        ("7.6", LINE_TABLE),
        ("7.8", ANCHOR_TABLE),
    ],
)
def test_the_state_tables_are_the_codes(number: str, table: dict[tuple[str, str], str]) -> None:
    assert [tuple(row) for row in rows(section(number))] == [
        (str(state), str(event), str(after)) for (state, event), after in table.items()
    ]


def test_the_events_are_all_there() -> None:
    assert [row[0] for row in rows(section("7.7"))] == [event.__name__ for event in Event.__args__]


def test_the_reasons_are_all_there_and_no_decision_has_another() -> None:
    assert quoted(section("8.2")) == set(Reason)
    assert quoted(section("8.1")) - {"FULL", "REDUCED"} <= set(Reason)


def test_the_rules_have_these_defaults_floors_and_ceilings() -> None:
    told = rows(section("8.3"))
    assert [row[0].strip("`") for row in told] == list(Rules.__struct_fields__)
    for name, default, floor, ceiling, _ in ([cell.strip("`") for cell in row] for row in told):
        assert getattr(Rules(), name) == int(default)
        assert FLOORS.get(name, 1) == int(floor)
        if ceiling:
            with pytest.raises(RulesError, match="above the ceiling"):
                rules_from({name: int(ceiling) + 1})


def test_the_recovery_terms_are_the_ones_that_are_agreed_to() -> None:
    [terms] = re.findall(r"```\n(.*?)```", section("8.6"), re.DOTALL)
    assert terms == Rules().terms()


def test_the_notices_are_all_there() -> None:
    assert {row[0].strip("`") for row in rows(section("9.3"))} == set(NoticeKind)


def test_the_routes_are_all_there(world: World) -> None:
    told = {
        cell.strip("`") for number in ("10.2", "10.3", "10.4") for cell in (row[0] for row in rows(section(number)))
    }
    routes = {cell for cell in told if " /v1" in cell}
    assert routes == {str(route) for route in api_routes(world.deployment)}


def test_the_problems_and_their_codes_are_all_there() -> None:
    told = rows(page(11))
    assert [(int(row[0]), row[1].strip("`")) for row in told] == [
        (about.status, str(kind)) for kind, about in PROBLEM_TYPES.items()
    ]
    named = {code for row in told for code in quoted(row[2])}
    assert named - {"SIGNATURE_HEADERS", "UNAVAILABLE"} == set(RefusalCode) | set(HttpCode)


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for extra in project["project"]["optional-dependencies"].values():
        asked += extra
    names = {re.split(r"[^A-Za-z0-9-]", requirement, maxsplit=1)[0] for requirement in asked}
    reasons = rows((ROOT / "docs" / "adr" / "0009-dependencies.md").read_text(encoding="utf-8"))
    assert {name for row in reasons for name in row[0].split(", ")} == names


def test_a_citation_is_read_whole() -> None:
    missing = "6." + "13"
    assert CITED.findall(f"(docs/spec sections 4 and {missing})") == [f"4 and {missing}"]
    assert missing not in HEADING.findall(page(6))
