"""``pteri demo``: set the stage, play, say where to look."""

from __future__ import annotations

import json
import select
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from pteri.demo.byhand import write_by_hand
from pteri.demo.narrator import StoryStopped
from pteri.demo.stage import Stage
from pteri.demo.story import Story
from pteri.demo.telling import Teller
from pteri.settings import read_environment

__all__ = ["play"]

_LOOK_AROUND_S: Final = 600


def play(*, as_json: bool, keep: Path | None, stay: bool) -> int:
    """Play the whole story; 0 when every step ended as it must.

    ``stay``: in a terminal, leave the server running for ten minutes or until Enter, to look around.
    """
    directory = Path(tempfile.mkdtemp(prefix="pteri-demo-")) if keep is None else keep
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if keep is not None and any(directory.iterdir()):
        print(f"{keep} is not empty. Name a new directory for the demo.", file=sys.stderr)
        return 2
    teller = Teller(quiet=as_json, no_color=read_environment().no_color)
    teller.words(
        "Starting a server, a Web2 site, and a phone for everybody. Simulated are only the clock, the people, the "
        "mobile operator and the eSIM chip: NO OPERATOR, NO LINE, NO SIM AND NO CHIP IN THIS DEMO IS REAL."
    )
    with Stage(directory) as stage:
        story = Story(stage, teller)
        failed = _failure(story)
        right = not failed and all(step.expected for step in teller.steps)
        where = {
            "docs": f"{stage.origin}/docs",
            "openapi": f"{stage.origin}/openapi.json",
            "database": str(stage.database),
            "settings": str(stage.settings),
            "server_log": str(stage.log),
            "phones": str(directory / "phones"),
            "by_hand": str(write_by_hand(stage, story.own)),
        }
        if as_json:
            told = {"ok": right, "steps": msgspec.to_builtins(teller.steps), "where": where}
            print(json.dumps(told | ({"error": failed} if failed else {})))
        else:
            teller.words(*([f"The story ended early: {failed}"] if failed else []))
            _say_where(teller, where, right=right)
            if stay and sys.stdin.isatty():
                _look_around(teller)
    return 0 if right else 1


def _failure(story: Story) -> str:
    """Play; what stopped the story, if something that must succeed did not."""
    try:
        story.play()
    except StoryStopped as stopped:
        return str(stopped)
    return ""


def _say_where(teller: Teller, where: dict[str, str], *, right: bool) -> None:
    yes = sum(step.outcome in {"accepted", "waits"} for step in teller.steps)
    no = sum(step.outcome == "refused" for step in teller.steps)
    page = shlex.quote(str(Path(where["by_hand"]).with_name("bank.py")))
    teller.chapter("Where to look")
    teller.words(
        f"{len(teller.steps)} steps: {yes} times yes, {no} times no"
        + (", each as it must be." if right else "; NOT all as they must be."),
        f"API docs       {where['docs']}   (while the server runs)",
        f"Database       {where['database']}   (one SQLite file; e-mail and number are not in it)",
        f"Server log     {where['server_log']}",
        f"Phones         {where['phones']}   (one directory each, sealed)",
        "Go on by hand  in another terminal, as Alice with her newest phone:",
        f"               . {shlex.quote(where['by_hand'])}",
        "               pteri wallet devices",
        f"               python {page}   (a sign-in; it says how)",
        "               pteri serve   (when the server of the demo has ended; the simulated operator is silent then)",
    )


def _look_around(teller: Teller) -> None:
    teller.words("", "The server runs for ten more minutes, or until you press Enter.")
    select.select([sys.stdin], [], [], _LOOK_AROUND_S)
