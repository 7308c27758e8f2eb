"""The proof of an anchor of one event of an account, for its own phones, which put it into a receipt.

No sign-in asks for it. Where nothing is anchored, or the node does not answer, there is none, and a receipt is as good.
"""

from __future__ import annotations

import msgspec

from pteri.app.anchor_ports import ChainRefused, ChainUnavailable
from pteri.app.anchor_proofs import proof_for_a_receipt
from pteri.app.callers import Asking, phone_call
from pteri.app.deployment import Deployment
from pteri.app.log_reading import inclusion
from pteri.app.refusals import NotFound
from pteri.core.log.page import AnchorAsked, AnchorTold

__all__ = ["own_anchor"]


async def own_anchor(deployment: Deployment, asking: Asking, wanted: AnchorAsked) -> AnchorTold:
    """The proof by the oldest anchor whose tree has the event, for a verified phone of its account.

    ``NotFound`` where no log is kept, and where the account has no such event in it.
    """
    call = await phone_call(deployment, asking)
    if deployment.log is None:
        raise NotFound
    book, worker = deployment.store.book, deployment.anchoring
    found = next(iter(await book.logged(call.tenant.id, call.account.id, wanted.seq - 1, 1)), None)
    if found is None:
        raise NotFound
    anchor = None if worker is None else await worker.store.over(worker.log, found.place)
    if worker is None or anchor is None:
        return AnchorTold()
    path = await inclusion(book, found.place, anchor.head.size)
    try:
        proof = await proof_for_a_receipt(
            anchor, worker.chain, leaf=found.leaf, leaf_index=found.place, audit_path=path
        )
    except (ChainUnavailable, ChainRefused):
        # Whoever asks loses nothing by it, and asks again another day.
        return AnchorTold()
    return AnchorTold() if proof is None else AnchorTold(msgspec.json.encode(proof).decode())
