"""``pteri witness``: be a witness of logs.

Exit codes: 0 yes, 1 a log was caught with two trees (``show``), 2 the command line or the directory is wrong.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from pteri.adapters.system import EntropyFailure, SystemClock, SystemEntropy, self_test
from pteri.command_line import JsonFlag, tell, usage
from pteri.core.errors import ProtocolError
from pteri.witness.keeper import Kept, kept_proofs
from pteri.witness.place import Place, WitnessError, distrust, make_witness, open_place, read_memory, trust

__all__ = ["app"]

app = typer.Typer(help="Be a witness: remember what logs show you, and sign what grew out of it.", no_args_is_help=True)

DirectoryArgument = Annotated[Path, typer.Argument(help="The directory of the witness.")]


@contextmanager
def _said_in_a_sentence(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except (WitnessError, EntropyFailure) as error:
        usage(str(error), as_json=as_json)


@app.command("new")
def new_command(
    directory: DirectoryArgument,
    name: Annotated[str, typer.Option(help="Its name for ever: a host name of yours, and a word if you like.")],
    as_json: JsonFlag = False,
) -> None:
    """Make a witness: a key, and a memory in which nothing is yet."""
    with _said_in_a_sentence(as_json=as_json):
        entropy = SystemEntropy()
        self_test(entropy)
        verifier = make_witness(directory, name, entropy.draw(32))
    tell(
        {"witness_key": verifier.text, "directory": str(directory)},
        f"Made the witness {verifier.name}. Its key, for logs and for everybody who is to rely on it:\n\n"
        f"  {verifier.text}\n\nNext, name a log to watch: pteri witness trust {directory} LOGKEY\n"
        "Never restore this directory from a backup: a witness with an old memory would sign a second history.",
        as_json=as_json,
    )


@app.command("trust")
def trust_command(
    directory: DirectoryArgument,
    log_key: Annotated[str, typer.Argument(help="The log's key, name+id+key, from whoever runs it.")],
    as_json: JsonFlag = False,
) -> None:
    """Watch a log, or take one more key of a log that hands over to it."""
    with _said_in_a_sentence(as_json=as_json):
        verifier = trust(directory, log_key)
    tell(
        {"log": verifier.name, "log_key": verifier.text},
        f"This witness watches {verifier.name}. If it runs, restart it. Run it with: pteri witness run {directory}",
        as_json=as_json,
    )


@app.command("distrust")
def distrust_command(
    directory: DirectoryArgument,
    log_key: Annotated[str, typer.Argument(help="The key that the log no longer has, name+id+key.")],
    yes: Annotated[bool, typer.Option("--yes", help="Also if the log seems to have it, or has no other.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Take a key of a log out, after the log has handed over to another one. What was seen of it stays."""
    with _said_in_a_sentence(as_json=as_json):
        goes_on = distrust(directory, log_key, surely=yes)
    name = log_key.partition("+")[0]
    tell(
        {"log": name, "distrusted": log_key, "is_watched": goes_on},
        (
            f"This witness watches {name} under its other key."
            if goes_on
            else f"This witness watches {name} no more. What it saw of it stays, and counts when it is trusted again."
        )
        + " If it runs, restart it.",
        as_json=as_json,
    )


@app.command("run")
def run_command(
    directory: DirectoryArgument,
    host: Annotated[str, typer.Option(help="Address to listen on. Others than this machine: see the guide.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: a free one.")] = 8791,
    for_s: Annotated[int | None, typer.Option("--for", min=1, help="Seconds until it stops by itself.")] = None,
    per_minute: Annotated[int, typer.Option(min=1, help="Requests that one network has in a minute.")] = 1200,
    proxy: Annotated[
        list[str] | None, typer.Option(help="Address of a web server in front, which says who asks. See the guide.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Answer logs until told to stop (SIGTERM or Ctrl-C). Each event is one line of JSON."""
    from pteri.witness.server import Limits, listen, run

    with _said_in_a_sentence(as_json=as_json):
        place = open_place(directory)
        if not place.logs:
            usage(f"There is no log to watch. Name one: pteri witness trust {directory} LOGKEY", as_json=as_json)
        proxies = frozenset(map(_address, proxy or ()))
        listener = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listener.getsockname()[1]}"
    key = place.signer.verifier.text
    text = (
        f"The witness {place.signer.verifier.name} listens on {url}. A service asks it with these lines in its "
        "settings, in place of `witnesses = []`:\n\n"
        f'[[log.witnesses]]\nkey = "{key}"\nurl = "{url}"\n'
    )
    tell({"witness_key": key, "url": url, "logs": sorted(place.logs)}, text, as_json=as_json)
    # A program that waits for this line must not wait for the next ones.
    sys.stdout.flush()
    run(place, SystemClock(), listener, for_s=for_s, limits=Limits(per_minute=per_minute), proxies=proxies)


def _address(text: str) -> str:
    """As a connection says it."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise WitnessError(f"{text} is no address of a web server.") from error


@app.command("show")
def show_command(directory: DirectoryArgument, as_json: JsonFlag = False) -> None:
    """What was cosigned last of each log, and proofs that a log showed two trees. Exit 1 when there are any."""
    with _said_in_a_sentence(as_json=as_json):
        place = open_place(directory)
        logs = [_log(place, origin) for origin in sorted(place.logs)]
    verifier = place.signer.verifier
    lines = [f"{verifier.name}\n{verifier.text}", *(_log_text(log) for log in logs)]
    tell({"witness_key": verifier.text, "logs": logs}, "\n\n".join(lines), as_json=as_json)
    if any(log["split_views"] for log in logs):
        raise typer.Exit(1)


def _log(place: Place, origin: str) -> dict[str, Any]:
    last = read_memory(place.directory, origin)
    try:
        proofs = kept_proofs(place.directory, origin)
    except (OSError, ProtocolError) as error:
        raise WitnessError(f"A proof against {origin} is there and cannot be read: {error}.") from error
    return {
        "log": origin,
        "log_keys": [key.text for key in place.logs[origin].keys],
        "size": 0 if last is None else last.head.size,
        "root": None if last is None else last.head.root.hex(),
        "split_views": [_proof(proof) for proof in proofs],
    }


def _proof(proof: Kept) -> dict[str, Any]:
    return {"size": proof.size, "file": str(proof.path)}


def _log_text(log: dict[str, Any]) -> str:
    seen = f"{log['size']} leaves, root {log['root']}" if log["root"] else "nothing cosigned yet"
    lines = [f"{log['log']}: {seen}"]
    lines += [
        f"IT SIGNED TWO TREES OF {proof['size']} LEAVES. Keep the proof and pass it on; anybody verifies it with: "
        f"pteri verify split {proof['file']} --log-key LOGKEY"
        for proof in log["split_views"]
    ]
    return "\n".join(lines)
