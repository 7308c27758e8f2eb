"""What is said about a run: figures with their bounds, the picture, the split of the time, machines and money."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest
from bench.botnet import Flood, Honest, Noticed
from bench.chip import ChipCost
from bench.figures import Figure, details_text, figures_of, figures_text
from bench.log_tree import TreeCost
from bench.machine import Machine
from bench.measuring import Growth, SignInCost, Spread
from bench.peers.driving import PeerFigures
from bench.plot import plot, round_step
from bench.raw import RawLimits
from bench.results import BASE_ACCOUNTS, Results, read_results, write_results
from bench.sizing import ASSUMED, PAGE, REFERENCE, Assumed, Measured, in_page, need_of, page_of
from bench.split import KINDS, kind_of, split_of
from bench.storage import Storage

from pteri.load.latency import Latency

MACHINE = Machine(
    at="2026-11-24T21:00:00+00:00",
    commit="0123456789ab",
    processor="A processor <of> today",
    cores=2,
    memory_bytes=24 << 30,
    disk_free_bytes=1 << 40,
    system="Linux 6",
    python="3.11.7",
    sqlite="3.40.1",
    libraries={},
    load_before=0.1,
)
STEP = Latency(count=1, p50_s=0.01, p90_s=0.01, p99_s=0.01, p999_s=0.01, longest_s=0.01)


def same(value: float) -> Spread:
    return Spread(value, value, value)


def cost(
    store: str, *, clients: int, cpu_s: float, processes: int = 1, accounts: int = BASE_ACCOUNTS, busy: float = 1.0
) -> SignInCost:
    return SignInCost(
        store=store,
        processes=processes,
        accounts=accounts,
        clients=clients,
        prompt=False,
        sign_ins=1000,
        failed=0,
        cpu_s=same(cpu_s),
        database_cpu_s=same(0.0 if store == "SQLite" else 5e-5),
        ratio=same(1e-4 / cpu_s),
        rate_per_s=same(1000),
        p50_s=same(0.02),
        p99_s=same(0.06),
        p99_over_p50=same(3),
        steps={"start": STEP},
        memory_bytes=70 << 20,
        generator_cpu_s=1e-4,
        generator_cpu_share=0.5,
        machine_busy=busy,
    )


def peer(name: str, cpu_s: float) -> PeerFigures:
    return PeerFigures(
        name=name,
        version="1",
        cpu_per_sign_in_s=cpu_s,
        rounds_s=(cpu_s,),
        ratio=1e-4 / cpu_s,
        sign_ins=100,
        rate_per_s=10,
        memory_bytes=1 << 20,
        does="this",
        lacks="that",
    )


def noticed(where: str, times: float) -> Noticed:
    """A botnet that makes honest sign-ins so many times as slow."""

    def honest(p99_s: float) -> Honest:
        return Honest(sign_ins=1000, failed=0, slowed=3, rate_per_s=same(500), p50_s=same(0.01), p99_s=same(p99_s))

    flood = Flood(1666.0, {"429": 9000, "201": 1000})
    return Noticed(where, 16, honest(0.02), honest(0.02 * times), same(times), flood)


def tree(kind: str, leaves: int, proof_s: float) -> TreeCost:
    return TreeCost(kind, leaves, 80_000.0, proof_s, 640, proof_s, 672, 130.0, 300.0)


def results() -> Results:
    """A run in which a sign-in costs 250 us on SQLite."""
    return Results(
        profile="usual",
        machine=MACHINE,
        postgres="18.4",
        raw=RawLimits(4e-5, 6e-5, 3e-4),
        postgres_commit_s=1e-3,
        costs=[
            cost("SQLite", clients=16, cpu_s=2.5e-4),
            cost("SQLite", clients=64, cpu_s=2e-4),
            cost("SQLite", clients=16, cpu_s=2.6e-4, accounts=1_000_000),
            cost("SQLite", clients=16, cpu_s=3e-4, accounts=10_000_000),
            cost("PostgreSQL", clients=16, cpu_s=3e-4),
            cost("PostgreSQL", clients=64, cpu_s=2.5e-4),
            cost("PostgreSQL", clients=64, cpu_s=2.6e-4, processes=2),
        ],
        splits={"SQLite": split_of({"crypto a": 40, "HTTP b": 30, "store c": 30})},
        growth=Growth([100_000, 1_000_000], [80 << 20, 110 << 20]),
        botnets=[noticed("one network", 2.0), noticed("everywhere", 6.0)],
        storage=[Storage("PostgreSQL", 3000, 5000, 2000)],
        peers=[
            peer("FastAPI + pydantic, a transaction each", 1e-3),
            peer("py_webauthn + FastAPI + SQLite", 7.5e-4),
            peer("privacyIDEA validate/check, as shipped", 0.5),
            peer("privacyIDEA validate/check, cheapest PIN hash", 0.05),
        ],
        chip=ChipCost(known=1.6, new_chip=3.7, new_manufacturer=6.5),
        trees=[
            tree("ours", 1_000_000, 1.5e-3),
            tree("pymerkle", 10_000, 1e-3),
            tree("ours", 10_000, 1e-3),
            tree("pymerkle", 1_000_000, 1.5e-1),
        ],
    )


def test_each_figure_is_a_ratio_of_the_same_run() -> None:
    assert [figure.value for figure in figures_of(results())] == pytest.approx(
        [0.5, 0.4, 4.0, 3.0, 200, 1.2, 2 * 2.5 / 2.6, 3.0, 110, 2.0, 6.0, 1.6, 1.5]
    )
    assert [figure.verdict for figure in figures_of(results())] == [
        *(
            "aim met",
            "met",
            "aim met",
            "met",
            "met",
            "met",
            "aim met",
            "met",
            "aim met",
            "met",
            "MISSED",
            "aim met",
            "aim met",
        )
    ]


def test_what_was_not_measured_is_not_met() -> None:
    nothing = Results(profile="quick", machine=MACHINE)
    assert {figure.verdict for figure in figures_of(nothing)} == {"not measured"}


def test_two_processes_that_wait_for_each_other_are_not_twice_as_quick() -> None:
    run = results()
    run.costs = [cost("PostgreSQL", clients=64, cpu_s=1e-4, processes=n, busy=0.5) for n in (1, 2)]
    [figure] = [figure for figure in figures_of(run) if "two processes" in figure.what]
    assert figure.value == pytest.approx(2 * 0.52)


@pytest.mark.parametrize(
    ("value", "small_is_good", "verdict"),
    [
        (0.29, False, "MISSED"),
        (0.30, False, "met"),
        (0.50, False, "aim met"),
        (0.51, True, "MISSED"),
        (0.50, True, "met"),
        (0.30, True, "aim met"),
    ],
)
def test_a_bound_is_reached_from_its_good_side(value: float, small_is_good: bool, verdict: str) -> None:
    least, aim = (0.50, 0.30) if small_is_good else (0.30, 0.50)
    assert Figure("x", value, least, aim, small_is_good=small_is_good).verdict == verdict


def test_the_table_has_a_line_for_each_figure() -> None:
    lines = figures_text(figures_of(results())).splitlines()
    assert len(lines) == 14
    assert lines[3].split()[-5:] == ["4.00x", ">=2.50x", ">=4.00x", "aim", "met"]


def test_the_details_name_machine_peers_and_what_was_left_out() -> None:
    run = results()
    run.left_out = ["PostgreSQL: not there"]
    text = details_text(run)
    for words in (
        "A processor <of> today",
        "10,000,000 acc.",
        "does not: that",
        "crypto 40%",
        "left out: PostgreSQL",
        "3.7 of a new chip",
        "log of 1,000,000 leaves",
        "100 times as long",
    ):
        assert words in text


def test_the_details_say_what_honest_people_noticed_of_each_botnet() -> None:
    text = details_text(results())
    assert "99,960 logins a minute from one network: 1,000 times 201, 9,000 times 429" in text
    assert "p99 20.0 ms alone, 40.0 ms beside it" in text
    assert "p99 20.0 ms alone, 120 ms beside it" in text


def test_a_run_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    write_results(tmp_path / "new" / "run.json", results())
    assert read_results(tmp_path / "new" / "run.json") == results()


@pytest.mark.parametrize("run", [results(), Results(profile="quick", machine=MACHINE)], ids=["all", "nothing"])
def test_the_picture_is_well_formed_and_inside_its_frame(run: Results) -> None:
    picture = plot(run)
    root = ET.fromstring(picture)
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    for box in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(box.attrib.get("x", 0)) + float(box.attrib["width"]) <= width
    for point in root.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 <= float(point.attrib["cx"]) <= width
        assert 0 <= float(point.attrib["cy"]) <= height
    assert "prefers-color-scheme: dark" in picture
    assert "<of>" not in picture


def test_the_longest_bars_are_named_in_words_or_all_others_would_be_a_line() -> None:
    texts = [element.text for element in ET.fromstring(plot(results())).iter("{http://www.w3.org/2000/svg}text")]
    assert "privacyIDEA validate/check, as shipped: 500 ms" in texts
    assert "py_webauthn + FastAPI" in texts


@pytest.mark.parametrize(
    ("span", "most", "step"), [(10, 5, 2), (1, 5, 0.2), (0.00026, 5, 0.0001), (6, 5, 2), (5, 5, 1)]
)
def test_a_step_is_a_round_number(span: float, most: int, step: float) -> None:
    assert round_step(span, most) == pytest.approx(step)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/x/src/pteri/core/keys/device.py", "crypto"),
        ("/x/src/pteri/core/statement.py", "encoding"),
        ("/x/src/pteri/adapters/store/codec.py", "encoding"),
        ("/x/src/pteri/adapters/store/sqlite.py", "store"),
        ("/x/src/pteri/adapters/vault.py", "crypto"),
        ("/x/site-packages/asyncpg/connection.py", "store"),
        ("/x/src/pteri/http/asgi.py", "HTTP"),
        ("/x/lib/python3.11/asyncio/tasks.py", "HTTP"),
        ("/x/src/pteri/domain/policy.py", "deciding"),
        ("/x/lib/python3.11/json/encoder.py", None),
    ],
)
def test_the_innermost_room_that_is_known_has_done_the_work(path: str, kind: str | None) -> None:
    assert kind_of(path) == kind


def test_shares_are_of_all_ticks() -> None:
    split = split_of({"crypto a.py:f": 3, "HTTP b.py:g": 1})
    assert (split.samples, split.shares["crypto"], split.shares["HTTP"]) == (4, 0.75, 0.25)
    assert set(split.shares) == set(KINDS)
    assert list(split.lines) == ["crypto a.py:f", "HTTP b.py:g"]


MEASURED = Measured(api_cpu_s=3e-4, database_cpu_s=1e-4, kept_bytes=3000, passing_bytes=5000, account_bytes=2000)


def test_the_arithmetic_of_a_hundred_million_accounts() -> None:
    need = need_of(100_000_000, MEASURED, Assumed())
    assert need.mean_per_s == pytest.approx(1157.4, abs=0.1)
    assert need.peak_per_s == pytest.approx(5787, abs=1)
    # 548 TB after five years.
    assert (need.api_cores, need.database_cores, need.databases) == (4, 4, 28)
    assert need.first_gb == pytest.approx(100_000_000 * 10_000 / 1e9)
    assert need.yearly_gb == pytest.approx(100_000_000 * 365 * 3000 / 1e9)
    # Four cores of the service and twice four of the database, and three copies of 1 TB.
    assert need.first_month_dollars == pytest.approx(12 * 0.04 * 730 + 3 * 1000 * 0.08)


def test_a_small_service_still_has_two_cores_and_a_large_one_many_databases() -> None:
    assert need_of(1000, MEASURED).api_cores == ASSUMED.least_api_cores
    assert need_of(1000, MEASURED).databases == 1
    small = msgspec.structs.replace(MEASURED, kept_bytes=0, passing_bytes=0, account_bytes=0)
    assert need_of(10_000_000_000, small).databases == 2


def test_a_run_without_postgres_sizes_nothing() -> None:
    with pytest.raises(ValueError, match="PostgreSQL"):
        page_of(Results(profile="quick", machine=MACHINE))


def test_the_page_keeps_its_words_around_what_is_computed() -> None:
    page = "before\n<!-- computed: begin -->\nold\n<!-- computed: end -->\nafter\n"
    assert in_page(page, "new") == ("before\n<!-- computed: begin -->\n\nnew\n\n<!-- computed: end -->\nafter\n")
    with pytest.raises(ValueError, match="marks"):
        in_page("no marks", "new")


def test_the_sizing_guide_shows_what_the_script_computes() -> None:
    """``python -m bench.sizing --write`` mends it."""
    page = PAGE.read_text(encoding="utf-8")
    assert in_page(page, page_of(read_results(REFERENCE))) == page


def test_the_reference_run_is_whole() -> None:
    run = read_results(REFERENCE)
    assert run.cost("PostgreSQL", clients=64) is not None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", run.machine.at)
    assert msgspec.json.decode(REFERENCE.read_bytes(), type=Results, strict=True) == run
