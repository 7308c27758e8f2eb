"""The worker of anchors out of its settings: the node, its credentials and the wallet, put together."""

from __future__ import annotations

from contextlib import AsyncExitStack

import structlog

from pteri.adapters.chain.litecoin_rpc import LitecoinNode
from pteri.adapters.chain.psbt_files import PsbtFiles
from pteri.adapters.chain.transport import NodeTransport, credentials
from pteri.anchor_settings import AnchorSettings
from pteri.app.anchor_ports import Trouble
from pteri.app.anchor_troubles import SENTENCES
from pteri.app.anchoring import Anchoring, Schedule
from pteri.app.log_desk import LogDesk
from pteri.app.log_reading import shown_head
from pteri.app.ports import Store
from pteri.settings import SettingsError

__all__ = ["anchoring_of", "node_of"]

_log = structlog.get_logger("pteri.anchor")


def node_of(settings: AnchorSettings, opened: AsyncExitStack) -> LitecoinNode:
    """The node of these settings; ``opened`` closes the connection to it."""
    transport = NodeTransport(
        settings.node_url,
        credentials(settings.cookie_file, settings.user, settings.password_file),
        timeout_s=settings.timeout_s,
    )
    opened.push_async_callback(transport.close)
    directory = settings.psbt_directory
    if directory is not None and not directory.is_dir():
        raise SettingsError(f"anchor: there is no directory {directory}. Make it, open to whoever signs: mkdir")
    return LitecoinNode(
        transport,
        network=settings.network,
        wallet=settings.wallet,
        signed_elsewhere=None if directory is None else PsbtFiles(directory),
    )


def anchoring_of(settings: AnchorSettings, store: Store, desk: LogDesk, opened: AsyncExitStack) -> Anchoring:
    """The worker for the log of this desk. Its troubles go to the operator's log.

    Anchored is what may be shown: where somebody watches, a head that enough witnesses have seen.
    """
    return Anchoring(
        log=desk.signer.verifier.name,
        store=store.anchors,
        chain=node_of(settings, opened),
        heads=lambda: shown_head(store.book, desk),
        schedule=Schedule(
            every_s=settings.every_s,
            at_least_every_s=settings.at_least_every_s,
            raise_after_s=settings.raise_after_s,
            rate=settings.fee_rate,
            most_rate=settings.most_fee_rate,
            most_fee=settings.most_fee,
        ),
        tell=_tell,
    )


def _tell(trouble: Trouble, begins: bool, detail: str) -> None:
    if begins:
        _log.warning("anchor_trouble", trouble=trouble, detail=detail, do=SENTENCES[trouble])
    else:
        _log.info("anchor_trouble_over", trouble=trouble)
