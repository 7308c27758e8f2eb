# ruff: noqa: PLC0415, T201
"""``pteri anchor``: what is anchored, an anchor now, a proof of a leaf, and whether a proof holds.

Exit codes as of all commands: 0 yes, 1 no (with a stable code), 2 the command line or the settings are wrong.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pteri.command_line import ConfigOption, JsonFlag, said_in_a_sentence, settings_of, usage

if TYPE_CHECKING:
    from pteri.app.anchor_ports import Trouble
    from pteri.domain.anchoring import Anchor
    from pteri.settings import Settings

__all__ = ["app"]

app = typer.Typer(help="Anchors of the log in Litecoin. No sign-in waits for one.", no_args_is_help=True)

_MAX_PROOF_BYTES: Final = 32 * 1024 * 1024
_MOST_SHOWN: Final = 10
_MOST_DIGITS: Final = 9
_NO_TABLE: Final = "There is no table [anchor] in these settings, so nothing is anchored."
_MOST_TURNS: Final = 10


@app.command("status")
def status_command(config: ConfigOption = None, as_json: JsonFlag = False) -> None:
    """Say which anchors there are, and what keeps the next one waiting. Exit 0: nothing does."""
    _, troubles = found = _looked(settings_of(config, as_json=as_json)[1], as_json, begin=False)
    _tell(found, as_json)
    if troubles:
        raise typer.Exit(1)


@app.command("now")
def now_command(config: ConfigOption = None, as_json: JsonFlag = False) -> None:
    """Anchor the newest head now, beside the running service or without it. Exit 0: it is sent, or in a block."""
    anchors, troubles = found = _looked(settings_of(config, as_json=as_json)[1], as_json, begin=True)
    _tell(found, as_json)
    if troubles or not anchors or anchors[0].txid == "":
        raise typer.Exit(1)


@app.command("proof")
def proof_command(
    leaf: Annotated[int, typer.Argument(min=0, help="Place of the leaf in the log, from 0.")],
    known_block: Annotated[str, typer.Option(help="HEIGHT:HASH of a block that its reader knows, before the anchor.")],
    config: ConfigOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the proof that a leaf was in the log before a block, as the newest blocks have it. Exit 1: not anchored."""
    height, name = _known(known_block, as_json)
    _, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        proof = asyncio.run(_proved(settings, leaf, height, name, as_json))
    if isinstance(proof, str):
        print(json.dumps({"error": proof}) if as_json else proof)
        raise typer.Exit(1)
    print(json.dumps(proof))


async def _proved(
    settings: Settings, leaf_index: int, height: int, name: str, as_json: bool
) -> dict[str, object] | str:
    """The proof, or why there is none."""
    from pteri.app.anchor_ports import ChainRefused, ChainUnavailable, Trouble
    from pteri.app.anchor_proofs import proof_by_anchor
    from pteri.app.anchor_troubles import SENTENCES
    from pteri.app.log_reading import inclusion
    from pteri.core.anchor.proof import read_block
    from pteri.core.errors import ProtocolError
    from pteri.wiring import deployed

    async with deployed(settings) as deployment:
        worker, book = deployment.anchoring, deployment.store.book
        if worker is None:
            usage(_NO_TABLE, as_json=as_json)
        anchor = await worker.store.over(worker.log, leaf_index)
        if anchor is None:
            return "No anchor that is in a block has this leaf. Ask again after the next one."
        [leaf] = await book.leaves(leaf_index, 1)
        try:
            proof = await proof_by_anchor(
                anchor,
                worker.chain,
                leaf=leaf,
                leaf_index=leaf_index,
                audit_path=await inclusion(book, leaf_index, anchor.head.size),
                checkpoint=read_block(height, name),
            )
        except ProtocolError as error:
            return f"{error.detail} ({error.code})"
        except ChainUnavailable:
            return f"{SENTENCES[Trouble.NODE_DOWN]} ({Trouble.NODE_DOWN})"
        except ChainRefused as refused:
            return f"{SENTENCES[refused.trouble]} ({refused.trouble})"
        return proof or "The block of this anchor was replaced. Ask again when it is in another one."


def _known(known_block: str, as_json: bool) -> tuple[int, str]:
    height, separator, name = known_block.partition(":")
    if not separator or not height.isascii() or not height.isdecimal() or len(height) > _MOST_DIGITS:
        usage("--known-block is a height, a colon and the hash of a block.", as_json=as_json)
    return int(height), name


@app.command("verify")
def verify_command(
    file: Annotated[Path, typer.Argument(help="The proof, JSON; - for standard input.")],
    known_block: Annotated[str, typer.Option(help="HEIGHT:HASH of a block that you know, from before the anchor.")],
    confirmations: Annotated[int, typer.Option(help="How many blocks it must have.")] = 6,
    network: Annotated[str, typer.Option(help="main, test or regtest.")] = "main",
    as_json: JsonFlag = False,
) -> None:
    """Check the proof of an anchor offline: no node, no network, nothing of a server."""
    from msgspec import to_builtins

    from pteri.audit import AuditError, verify_anchor

    height, name = _known(known_block, as_json)
    try:
        found = verify_anchor(
            _proof(file, as_json),
            network=network,
            checkpoint_height=height,
            checkpoint_hash=name,
            min_confirmations=confirmations,
        )
    except AuditError as error:
        refused = {"valid": False, "code": str(error.code), "detail": error.detail}
        print(json.dumps(refused) if as_json else f"Not valid: {error.detail} ({error.code}).")
        raise typer.Exit(1) from None
    said = f"Valid: leaf {found.leaf_index} was in the log before block {found.height} ({found.block}) was mined."
    print(json.dumps({"valid": True, **to_builtins(found)}) if as_json else said)


def _proof(file: Path, as_json: bool) -> dict[str, object]:
    try:
        # One byte more than is accepted, so that a huge file is refused and not read.
        if str(file) == "-":
            raw = sys.stdin.buffer.read(_MAX_PROOF_BYTES + 1)
        else:
            with file.open("rb") as stream:
                raw = stream.read(_MAX_PROOF_BYTES + 1)
        if len(raw) > _MAX_PROOF_BYTES:
            usage(f"{file} is longer than any proof.", as_json=as_json)
        tree = json.loads(raw, object_pairs_hook=_unique)
    except OSError as error:
        usage(f"Cannot read {file}: {error.strerror}.", as_json=as_json)
    except (ValueError, RecursionError):
        usage(f"{file} is not JSON, or a field comes twice in it.", as_json=as_json)
    if not isinstance(tree, dict):
        usage(f"{file} is not a JSON object.", as_json=as_json)
    return tree


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field comes twice")
    return found


def _looked(settings: Settings, as_json: bool, *, begin: bool) -> tuple[list[Anchor], dict[Trouble, str]]:
    with said_in_a_sentence(as_json=as_json):
        return asyncio.run(_done(settings, as_json, begin=begin))


async def _done(settings: Settings, as_json: bool, *, begin: bool) -> tuple[list[Anchor], dict[Trouble, str]]:
    """The newest anchors and what troubles them; with ``begin`` after one was begun, and sent as far as it goes."""
    from pteri.app.anchor_ports import ChainRefused, ChainUnavailable, Trouble
    from pteri.wiring import deployed

    troubles: dict[Trouble, str] = {}
    async with deployed(settings) as deployment:
        worker = deployment.anchoring
        if worker is None:
            usage(_NO_TABLE, as_json=as_json)
        if begin:

            def hear(trouble: Trouble, begins: bool, detail: str) -> None:
                if begins:
                    troubles[trouble] = detail
                else:
                    troubles.pop(trouble, None)

            worker.tell = hear
            await worker.plan(deployment.clock.now())
            for _ in range(_MOST_TURNS):
                if not await worker.turn(deployment.clock.now()):
                    break
        else:
            try:
                await worker.chain.tip()
                if (await worker.chain.purse()).is_locked:
                    troubles[Trouble.WALLET_LOCKED] = ""
            except ChainUnavailable as error:
                troubles[Trouble.NODE_DOWN] = str(error)
            except ChainRefused as refused:
                troubles[refused.trouble] = refused.detail
        return await worker.store.newest(worker.log, _MOST_SHOWN), troubles


def _tell(found: tuple[list[Anchor], dict[Trouble, str]], as_json: bool) -> None:
    from pteri.app.anchor_troubles import SENTENCES

    anchors, troubles = found
    shown = [_shown(anchor) for anchor in anchors]
    if as_json:
        told = [{"trouble": trouble, "detail": detail} for trouble, detail in troubles.items()]
        print(json.dumps({"anchors": shown, "troubles": told}))
    else:
        for each in shown:
            where = f", block {each['height']}" if each["height"] is not None else ""
            print(f"{each['number']}: {each['state']}, {each['tree_size']} leaves, {each['txid'] or 'no txid'}{where}")
        if not shown:
            print("No anchor yet.")
        for trouble, detail in troubles.items():
            print(f"{SENTENCES[trouble]} ({trouble}{f': {detail}' if detail else ''})")


def _shown(anchor: Anchor) -> dict[str, Any]:
    return {
        "number": anchor.number,
        "state": str(anchor.state),
        "tree_size": anchor.head.size,
        "tree_root": anchor.head.root.hex(),
        "planned_at": anchor.planned_at,
        "txid": anchor.txid,
        "fee": anchor.paid,
        "children": [child.txid for child in anchor.children],
        "block": None if anchor.place is None else anchor.place.block,
        "height": None if anchor.place is None else anchor.place.height,
    }
