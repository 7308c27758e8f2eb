"""What an operator does about each trouble of anchoring: a sentence each. None of it stops a sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pteri.app.anchor_ports import Trouble

__all__ = ["SENTENCES"]

SENTENCES: Final[Mapping[Trouble, str]] = {
    Trouble.NODE_DOWN: "The Litecoin node does not answer. Start it, or mend node_url; anchors wait meanwhile.",
    Trouble.NODE_BEHIND: "The Litecoin node is still looking for the newest blocks. Wait until it has them.",
    Trouble.NODE_REFUSED: "The Litecoin node refused a call. Look for the number of the error in its own log.",
    Trouble.NODE_UNAUTHORISED: (
        "The Litecoin node does not know us. Check cookie_file, or user and password_file, and who may read them."
    ),
    Trouble.NODE_TOO_OLD: (
        "The Litecoin node lacks fixes of the consensus rules. Replace it by version 0.21.5.5 or newer."
    ),
    Trouble.WRONG_NETWORK: "The Litecoin node is of another network than the settings say. Mend one of them.",
    Trouble.WALLET_LOCKED: "The wallet for anchors is locked. Unlock it on the node: walletpassphrase.",
    Trouble.WALLET_UNFIT: (
        "The wallet cannot be used for anchors. It must be loaded, have no coins in the "
        "extension block (MWEB), and have its keys exactly where mode says."
    ),
    Trouble.NO_FUNDS: "The wallet for anchors has not enough coins. Send some to a bech32 address of it.",
    Trouble.FEE_CAP: "An anchor would cost more than most_fee_rate or most_fee allow. Wait, or raise them.",
    Trouble.TRANSACTION_REFUSED: (
        "The node does not keep the transaction of an anchor. It is offered again; if that goes on, look at its "
        "fee and at the node's log."
    ),
    Trouble.SIGNATURE_AWAITED: "A transaction lies in psbt_directory and waits to be signed.",
    Trouble.WRONG_SIGNED: "What lies signed in psbt_directory is another transaction, or not wholly signed.",
    Trouble.UNMINED_6H: "An anchor has waited for a block for six hours. Look at its fee and the other troubles.",
    Trouble.REORG: "The block of an anchor was replaced. It waits for another one; proofs are made anew.",
    Trouble.SPOILT: (
        "The coin of an anchor was spent elsewhere, so it was given up and a new one begins. Use the wallet for "
        "anchors only."
    ),
}
