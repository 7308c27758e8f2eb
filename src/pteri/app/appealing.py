"""What somebody asks whose phone the account does not know: to recover it, to stop it, to speak for who claims it.

Whoever shows nothing that the account knows gets a statement of the same shape, with the same work, which nobody can
answer: so nobody learns which accounts there are, and no stranger writes into anybody's log (law: only a verified
statement may cost a log entry).
"""

from __future__ import annotations

from collections.abc import Callable

from pteri.app.asking import Also, ask, issued
from pteri.app.callers import Asking, Call, key_of, newcomer_call, parsed_request
from pteri.app.changing import checked_code_key, checked_wallet
from pteri.app.claiming import account_holding, wallet_claims
from pteri.app.committing import Done, first_answer, settled, with_retries
from pteri.app.deployment import Deployment
from pteri.app.guessing import is_code_of
from pteri.app.refusals import Denied
from pteri.core import ids, wire
from pteri.core.acts import AttestIdentity, FreezeAccount, SetupOtp, StatementAct, VouchForRecovery
from pteri.core.errors import ProtocolError
from pteri.core.httpsig import Tag
from pteri.core.ids import AccountId, Digest, Thumbprint
from pteri.core.keys.address import parse_address
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account

__all__ = ["attest", "set_up_codes", "stop", "vouch"]


async def set_up_codes(deployment: Deployment, asking: Asking, wanted: wire.SetUpCodes) -> Done:
    """A phone with a restored wallet, or with a new one and something else to show, introduces itself."""
    call = _newcomer(asking, wanted.device_key)
    address = parse_address(wanted.address, network=asking.tenant.network).text
    brought = None if wanted.wallet is None else checked_wallet(asking, wanted.wallet)
    if brought is not None and brought.address != address:
        raise Denied("code set-up: another wallet than its address")
    code = checked_code_key(wanted.recovery_code)

    async def attempt() -> Done:
        if (done := await first_answer(deployment, call)) is not None:
            return done
        account = await _known_by(deployment, call, address=address, account=wanted.account, code=code)
        shown, epoch = _shown(deployment, call, address, wanted.account, account)
        act = SetupOtp(account=shown, device=call.caller, epoch=epoch, chain_end=None, length=0, start=0, step=0)
        challenge = ask(
            deployment,
            call,
            act,
            account=None if account is None else account.id,
            address=address,
            device_key=wanted.device_key,
            code_session=Digest(call.caller),
            # Whosever it is: what an answer must hold would tell which wallets are linked.
            also=Also(wallet=brought, recovery_code=code),
        )
        return await issued(deployment, call, challenge)

    return await with_retries(attempt)


async def stop(deployment: Deployment, asking: Asking, wanted: wire.Stop) -> Done:
    """Somebody who has the wallet or a recovery code, and no phone, freezes the account."""
    call = _newcomer(asking, wanted.device_key)
    wallet = checked_wallet(asking, wanted.wallet)
    code = checked_code_key(wanted.recovery_code)

    async def attempt() -> Done:
        if (done := await first_answer(deployment, call)) is not None:
            return done
        account = await _known_by(deployment, call, address=wallet.address, account=wanted.account, code=code)
        return await _asked(
            deployment,
            call,
            account,
            wanted.account,
            lambda shown, epoch: FreezeAccount(account=shown, device=call.caller, epoch=epoch),
            device_key=wanted.device_key,
            wallet=wallet,
            also=Also(wallet=wallet, recovery_code=code),
        )

    return await with_retries(attempt)


async def vouch(deployment: Deployment, asking: Asking, wanted: wire.Vouch) -> Done:
    """A guardian speaks for the phone of somebody who lost theirs."""
    call = _newcomer(asking, wanted.device_key)
    wallet = checked_wallet(asking, wanted.wallet)
    newcomer = ids.thumbprint(wanted.new_device)

    async def attempt() -> Done:
        if (done := await first_answer(deployment, call)) is not None:
            return done
        account = await _account(deployment, call, wanted.account)
        guardians = None if account is None else account.guardians
        known = guardians is not None and wallet.address in guardians.wallets
        return await _asked(
            deployment,
            call,
            account if known else None,
            wanted.account,
            lambda shown, epoch: _vouching(call, shown, epoch, newcomer),
            device_key=wanted.device_key,
            wallet=wallet,
            also=Also(wallet=wallet),
        )

    return await with_retries(attempt)


def _vouching(call: Call, account: AccountId, epoch: int, newcomer: Thumbprint) -> StatementAct:
    return VouchForRecovery(account=account, device=call.caller, epoch=epoch, new_device=newcomer)


async def attest(deployment: Deployment, asking: Asking, wanted: wire.Attest) -> Done:
    """An officer says who holds the phone of a claimant."""
    officer = asking.tenant.officers.get(_key_id(asking))
    if officer is None or officer.is_former:
        raise Denied("attestation: no officer's phone")
    device_key = ids.to_base64url(officer.device.sec1)
    call = _newcomer(asking, device_key)
    newcomer = ids.thumbprint(wanted.new_device)

    async def attempt() -> Done:
        if (done := await first_answer(deployment, call)) is not None:
            return done
        account = await _account(deployment, call, wanted.account)
        return await _asked(
            deployment,
            call,
            account,
            wanted.account,
            lambda shown, epoch: AttestIdentity(account=shown, device=call.caller, epoch=epoch, new_device=newcomer),
            device_key=device_key,
            wallet=officer.wallet,
            also=Also(wallet=officer.wallet, officer=officer.name),
        )

    return await with_retries(attempt)


def _newcomer(asking: Asking, device_key: str) -> Call:
    try:
        return newcomer_call(asking, key_of(device_key))
    except ProtocolError as error:
        raise Denied(f"stranger: {error.code}") from error


def _key_id(asking: Asking) -> Thumbprint:
    return parsed_request(asking, Tag.DEVICE).key_id


async def _account(deployment: Deployment, call: Call, account: AccountId) -> Account | None:
    stored = await deployment.store.account(call.tenant.id, ids.account_id(account))
    return None if stored is None else settled(stored, call.at)[0]


async def _known_by(
    deployment: Deployment, call: Call, *, address: str, account: AccountId | None, code: str | None
) -> Account | None:
    """The account that knows this wallet; or the one that is named, if it knows the code or somebody speaks for them.

    None of it is proved yet: it only decides whether a statement is worth asking for. A wallet that was replaced is
    unknown, for ever.
    """
    script = parse_address(address, network=call.tenant.network).script_pub_key
    by_wallet = await account_holding(
        deployment.store, call.tenant.id, wallet_claims(deployment, call.tenant.id, script)
    )
    named = None if account is None else await _account(deployment, call, account)
    found = named
    if by_wallet is not None and by_wallet.wallet.address == address and account in {None, by_wallet.id}:
        found = settled(by_wallet, call.at)[0]
    of = account or (None if found is None else found.id)
    knows_code = of is not None and await is_code_of(deployment, call, of, found, code)
    if found is None:
        return None
    spoken = found.spoken_for(call.caller, "G", call.at) or found.spoken_for(call.caller, "A", call.at)
    return found if found.wallet.address == address or knows_code or spoken else None


def _shown(
    deployment: Deployment, call: Call, address: str, named: AccountId | None, account: Account | None
) -> tuple[AccountId, int]:
    """Account and epoch to put into the statement; of an unknown wallet the same made-up ones every time."""
    made_up = deployment.vault.derive("decoy", call.tenant.id, named or address)  # in any case: the clock tells nothing
    if account is not None:
        return account.id, account.epoch
    return named or ids.new_account_id(made_up[:13]), 1 + made_up[13] % 3


async def _asked(
    deployment: Deployment,
    call: Call,
    account: Account | None,
    named: AccountId | None,
    act: Callable[[AccountId, int], StatementAct],
    *,
    device_key: str,
    wallet: PinnedWallet,
    also: Also,
) -> Done:
    shown, epoch = _shown(deployment, call, wallet.address, named, account)
    challenge = ask(
        deployment,
        call,
        act(shown, epoch),
        account=None if account is None else account.id,
        address=wallet.address,
        device_key=device_key,
        also=also,
    )
    return await issued(deployment, call, challenge)
