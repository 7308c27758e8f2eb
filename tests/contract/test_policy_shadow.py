"""A service with a policy that only watches is the same service, to the last byte, in either database."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from builders import digest
from chains import OFFERED
from lived import Lived, lived_in
from phones import client, linked, unasked
from pteri.app.comparing import compare
from pteri.app.linking import freeze_link, use_link
from pteri.app.shadowing import FAILED, Shadow, ShadowNews
from pteri.core.ids import TenantId
from pteri.domain.addresses import Address
from pteri.domain.decisions import Permit, Reason
from pteri.domain.records import Notice, NoticeKind
from pteri.domain.rules import Rules
from pteri.policies.text import policy_text
from pteri.settings import ServerSettings, SettingsError
from pteri.wiring import shadow_of
from world import World
from worlds import Worlds

pytestmark = pytest.mark.slow
HOUR, DAY = 3600, 86_400
STRICT = Rules(migration_hold_s=4 * HOUR, recovery_hold_s=5 * DAY, freezes=1)
BANK = TenantId("bank")


@pytest.fixture(params=["sqlite", "postgres"])
def kept_in(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def watched(worlds: Worlds, rules: Rules = STRICT) -> tuple[Lived, list[ShadowNews]]:
    told: list[ShadowNews] = []
    return lived_in(worlds(rules=OFFERED, shadow=Shadow(rules, told.append))), told


def test_the_registry_is_the_same_with_and_without_a_shadow(worlds: Worlds) -> None:
    alone, (beside, told) = lived_in(worlds(rules=OFFERED)), watched(worlds)
    assert told
    assert beside.world.rows() == alone.world.rows()
    assert beside.acknowledged == alone.acknowledged


def test_what_it_told_is_what_it_would_have_decided_of_everything_that_is_recorded(worlds: Worlds) -> None:
    registry, told = watched(worlds)
    report = registry.world.run(compare(registry.deployment, None, STRICT, most=100, tell=lambda _: None))
    assert {(news.purpose, news.request, news.decided, news.shadow, news.gives) for news in told} == {
        (case.purpose, case.request, case.before, case.after, case.gives) for case in report.cases
    }
    assert {news.longer_s for news in told if news.purpose == "recover"} == {2 * DAY}


def test_a_shadow_that_fails_at_everything_changes_nothing(worlds: Worlds) -> None:
    alone, (beside, told) = lived_in(worlds(rules=OFFERED)), watched(worlds, cast("Rules", "no rules at all"))
    assert {news.shadow for news in told} == {FAILED}
    assert beside.world.rows() == alone.world.rows()


def test_a_freeze_by_a_link_is_looked_at_too(worlds: Worlds) -> None:
    told: list[ShadowNews] = []
    world = worlds(shadow=Shadow(STRICT, told.append))
    owner = world.account_of(world.enrolled()).id
    for number in range(3):
        notice = Notice(f"notice {number}", BANK, owner, world.clock.at, NoticeKind.RECOVERY_STARTED, "")
        address = Address(BANK, owner, digest("address"), b"", world.clock.at)
        link = freeze_link(world.deployment, address, [notice], world.clock.at)
        world.run(use_link(world.deployment, world.deployment.tenants[BANK], link.rpartition("/")[2], world.clock.at))
        world.clock.advance(DAY)
    # The first is permitted by both, the second by one, the third by none.
    [news] = told
    assert (news.purpose, news.request, news.decided, news.shadow, news.gives) == (
        "freeze by a link",
        None,
        "permit FROZEN",
        "refuse FREEZES_SPENT",
        "less",
    )


def test_a_sign_in_by_camera_is_looked_at_too(worlds: Worlds) -> None:
    """By the one rule that a sign-in looks at: whether a backup was tried."""
    told: list[ShadowNews] = []
    world = worlds(shadow=Shadow(Rules(backup_check_s=DAY), told.append))
    held = linked(world)
    world.clock.advance(DAY)
    site, waiting = client(world), unasked(world)
    answer = held.phone().answer_offline(waiting.qr)
    assert site.bring_answer(waiting.qr, answer.text, waiting.session).acr == "pteri:airgap"
    [news] = told
    assert (news.purpose, news.request, news.shadow) == ("authenticate", waiting.id, "permit BACKUP_CHECK_DUE")


# --- the operator's log ---------------------------------------------------------------------------------------------


def server(place: Path, shadow: Path | None) -> ServerSettings:
    return ServerSettings(
        public_origin="https://pteri.example",
        host="127.0.0.1",
        port=8750,
        database=place / "pteri.sqlite3",
        deployment_key_file=place / "deployment.key",
        shadow_policy=shadow,
    )


def test_the_log_has_the_difference_and_nothing_of_a_person(tmp_path: Path) -> None:
    path = tmp_path / "next.toml"
    path.write_text(policy_text(STRICT))
    with capture_logs() as heard:
        registry = lived_in(World(tmp_path, rules=OFFERED, shadow=shadow_of(server(tmp_path, path))))
    told = [entry for entry in heard if entry["event"] == "shadow_differs"]
    assert {entry["purpose"] for entry in told} == {"migrate", "recover", "setup-otp", "offline code"}
    for entry in told:
        assert entry.keys() == {
            *("event", "log_level", "purpose", "request", "decided", "shadow", "gives", "longer_s", "times"),
        }
        assert entry["log_level"] == "info"
    assert registry.alice not in str(told)


def test_a_bug_of_the_shadow_is_an_error_in_the_log(tmp_path: Path) -> None:
    path = tmp_path / "next.toml"
    path.write_text(policy_text(STRICT))
    shadow = shadow_of(server(tmp_path, path))
    assert shadow is not None
    with capture_logs() as heard:
        shadow.look("migrate", None, Permit(Reason.BOTH_KEYS), lambda _: 1 // 0)  # type: ignore[arg-type,return-value]
    assert [(entry["event"], entry["log_level"]) for entry in heard] == [("shadow_failed", "error")]


def test_without_a_shadow_there_is_none_and_a_wrong_one_refuses_to_start(tmp_path: Path) -> None:
    assert shadow_of(server(tmp_path, None)) is None
    with pytest.raises(SettingsError, match="There is no policy"):
        shadow_of(server(tmp_path, tmp_path / "none.toml"))
