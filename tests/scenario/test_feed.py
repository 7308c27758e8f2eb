"""What a relying party hears of its accounts."""

from __future__ import annotations

from pteri.app.telling import tell_of_what_is_due
from pteri.core import ids, wire
from world import Site, World

HOUR = 3600


def told(world: World, site: Site, cursor: str | None = None, *, token: str | None = None) -> wire.Feed:
    """After the loop has done its work."""
    while world.run(tell_of_what_is_due(world.deployment, world.clock.at)):
        pass
    query = "" if cursor is None else f"?after={cursor}"
    return site.call("GET", f"/notices{query}", token=token).as_(wire.Feed)


def kinds(feed: wire.Feed) -> list[str]:
    return [notice.kind for notice in feed.notices]


def test_a_relying_party_reads_on_from_where_it_left_off(world: World) -> None:
    site, owner = world.site(), world.enrolled()
    account = owner.devices().account
    first = told(world, site)
    assert kinds(first) == ["PHONE_ADDED"]
    assert first.notices[0].account == account
    assert told(world, site, first.cursor) == wire.Feed((), first.cursor, more=False)
    began = world.clock.at
    world.phone("thief's phone").start_recovery()
    second = told(world, site, first.cursor)
    [claimed] = second.notices
    assert (claimed.kind, claimed.until, claimed.case) == ("RECOVERY_STARTED", began + 72 * HOUR, owner.open_case())
    # At least once: whoever lost an answer asks again.
    assert told(world, site, first.cursor) == second
    assert kinds(told(world, site)) == ["PHONE_ADDED", "RECOVERY_STARTED"]


def test_it_is_reminded_of_what_still_waits_and_of_nothing_else(world: World) -> None:
    site, owner = world.site(), world.enrolled()
    cursor = told(world, site).cursor
    world.phone("thief's phone").start_recovery()
    world.clock.advance(24 * HOUR)
    feed = told(world, site, cursor)
    assert [(notice.kind, notice.reminder) for notice in feed.notices] == [
        ("RECOVERY_STARTED", False),
        ("RECOVERY_STARTED", True),
    ]
    owner.veto()
    world.clock.advance(48 * HOUR)
    assert kinds(told(world, site, feed.cursor)) == ["CLAIM_STOPPED"]
    assert world.rows()["untold"] == []


def test_it_hears_of_its_own_accounts_only(world: World) -> None:
    world.enrolled()
    told(world, world.site())
    assert told(world, world.site("shop")).notices == ()


def test_a_token_does_and_a_phones_signature_does_not(world: World) -> None:
    site, owner = world.site(), world.enrolled()
    assert kinds(told(world, site, token=site.token().token)) == ["PHONE_ADDED"]
    request = owner.key.request("GET", "/v1/bank/notices", b"", at=world.clock.at)
    assert world.send(request).status == 401


def test_a_page_is_bounded_and_says_that_there_is_more(world: World) -> None:
    site, owner = world.site(), world.enrolled()
    for _ in range(101):
        world.clock.advance(24 * HOUR)
        owner.warn_at("alice@mail.example")
    first = told(world, site)
    assert (len(first.notices), first.more) == (100, True)
    rest = told(world, site, first.cursor)
    assert (len(rest.notices), rest.more) == (2, False)


def test_what_is_no_cursor_is_refused(world: World) -> None:
    site = world.site()
    for wrong in ("1", "AAAA", "____________", ids.to_base64url(b"\xff" * 8), ids.to_base64url(bytes(9)), ""):
        assert site.call("GET", f"/notices?after={wrong}").status == 400, wrong
    assert site.call("GET", "/notices?before=1").status == 400
    nothing_yet = ids.to_base64url(b"\x7f" + b"\xff" * 7)
    assert site.call("GET", f"/notices?after={nothing_yet}").as_(wire.Feed).notices == ()
