"""What the PostgreSQL store asks, beside the commit.

Portable SQL: every statement names its tenant where the table has one, and is a transaction of its own. Hot readings
take an array for each part of a key and give each row the place of its key, so that many of them travel together.
"""

from __future__ import annotations

from typing import Final

ANSWERS: Final = """
    SELECT w.place, answers.request_sha256, answers.status, answers.body, answers.at, answers.on_log
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (tenant, caller, key, place)
    JOIN answers USING (tenant, caller, key)
    """
CHALLENGES: Final = """
    SELECT w.place, challenges.payload
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (tenant, id, place)
    JOIN challenges USING (tenant, id)
    """
CHALLENGES_WITH_ACCOUNTS: Final = """
    SELECT w.place, challenges.payload, accounts.state
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (tenant, id, otherwise, place)
    LEFT JOIN challenges ON challenges.tenant = w.tenant AND challenges.id = w.id
    LEFT JOIN accounts ON accounts.tenant = w.tenant
    AND accounts.account = CASE WHEN challenges.id IS NULL THEN w.otherwise ELSE challenges.account END
    """
ACCOUNTS: Final = """
    SELECT w.place, accounts.state
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (tenant, account, place)
    JOIN accounts USING (tenant, account)
    """
OWNERS: Final = """
    SELECT w.place, claims.account
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (tenant, kind, value, place)
    JOIN claims USING (tenant, kind, value)
    """
SPENT: Final = """
    SELECT w.place
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (tenant, nonce, place)
    JOIN spent USING (tenant, nonce)
    """
ACCOUNTS_BY_CLAIM: Final = """
    SELECT w.place, accounts.state
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (tenant, kind, value, place)
    JOIN claims USING (tenant, kind, value)
    JOIN accounts ON accounts.tenant = claims.tenant AND accounts.account = claims.account
    """
TOTALS: Final = """
    SELECT w.place, counters.total
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) WITH ORDINALITY
        AS w (tenant, kind, subject, window_s, ends_at, place)
    JOIN counters USING (tenant, kind, subject, window_s, ends_at)
    """

PROMPTS: Final = """
    SELECT payload FROM challenges
    WHERE tenant = $1 AND account = $2 AND waits = 2 AND issued_at <= $3 AND expires_at > $3
    ORDER BY issued_at DESC, id LIMIT $4
    """
HISTORY: Final = "SELECT payload FROM events WHERE tenant = $1 AND account = $2 AND seq > $3 ORDER BY seq LIMIT $4"
POSITIONS: Final = """
    SELECT events.seq, log.position FROM events
    LEFT JOIN log ON log.tenant = events.tenant AND log.account = events.account AND log.seq = events.seq
    WHERE events.tenant = $1 AND events.account = $2 AND events.seq > $3 ORDER BY events.seq LIMIT $4
    """
NOTICES: Final = """
    SELECT payload FROM notices WHERE tenant = $1 AND account = $2 AND at <= $3 ORDER BY at DESC, id LIMIT $4
    """
LOG: Final = """
    SELECT log.position, events.payload FROM log
    JOIN events ON events.tenant = log.tenant AND events.account = log.account AND events.seq = log.seq
    WHERE log.position >= $1 ORDER BY log.position LIMIT $2
    """
ALL_ACCOUNTS: Final = """
    SELECT state FROM accounts WHERE (tenant, account) > ($1, $2) ORDER BY tenant, account LIMIT $3
    """
ALL_CLAIMS: Final = """
    SELECT tenant, kind, value, account, mac_key, bond FROM claims
    WHERE (tenant, kind, value) > ($1, $2, $3) ORDER BY tenant, kind, value LIMIT $4
    """

# All of it reads as of one moment. Two at once write the same first position, and the log's key lets one of them.
SEQUENCE: Final = """
    WITH picked AS (
        SELECT tenant, account, seq, row_number() OVER (ORDER BY tenant, account, seq) AS place
        FROM (SELECT tenant, account, seq FROM unsequenced ORDER BY tenant, account, seq LIMIT $1) AS waiting
    ), added AS (
        INSERT INTO log (position, tenant, account, seq)
        SELECT (SELECT COALESCE(MAX(position), -1) FROM log) + place, tenant, account, seq FROM picked
        ORDER BY place
        RETURNING 1
    ), removed AS (
        DELETE FROM unsequenced USING picked
        WHERE unsequenced.tenant = picked.tenant AND unsequenced.account = picked.account
        AND unsequenced.seq = picked.seq
    )
    SELECT count(*) AS taken FROM added
    """

# The same in steps. The log's keys let one of two win here, too: both of its positions and of its events.
UNSEQUENCED: Final = "SELECT tenant, account, seq FROM unsequenced ORDER BY tenant, account, seq LIMIT $1"
FREE_POSITION: Final = "SELECT COALESCE(MAX(position) + 1, 0) FROM log"
POSITIONED: Final = """
    INSERT INTO log (position, tenant, account, seq)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
    """
UNMARKED: Final = """
    DELETE FROM unsequenced USING unnest($1::text[], $2::text[], $3::bigint[]) AS w (tenant, account, seq)
    WHERE unsequenced.tenant = w.tenant AND unsequenced.account = w.account AND unsequenced.seq = w.seq
    """

LEASE: Final = """
    INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE leases.holder = excluded.holder OR leases.until <= $4
    RETURNING 1
    """
RELEASE: Final = "DELETE FROM leases WHERE name = $1 AND holder = $2"

PIN: Final = "INSERT INTO pins (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING"
PINNED: Final = "SELECT value FROM pins WHERE name = $1"

MAILBOX: Final = "SELECT version, expires_at, payload FROM mailboxes WHERE tenant = $1 AND id = $2"
NEW_MAILBOX: Final = """
    INSERT INTO mailboxes (tenant, id, version, expires_at, payload) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING RETURNING 1
    """
CHANGED_MAILBOX: Final = """
    UPDATE mailboxes SET version = $3, expires_at = $4, payload = $5
    WHERE tenant = $1 AND id = $2 AND version = $3 - 1 AND payload IS NOT NULL RETURNING 1
    """
EMPTY_MAILBOXES: Final = """
    WITH gone AS (
        UPDATE mailboxes SET payload = NULL WHERE (tenant, id) IN
            (SELECT tenant, id FROM mailboxes WHERE expires_at < $1 AND payload IS NOT NULL LIMIT $2)
        RETURNING 1
    )
    SELECT count(*) AS gone FROM gone
    """
DROP_MAILBOXES: Final = """
    WITH gone AS (
        DELETE FROM mailboxes WHERE (tenant, id) IN (SELECT tenant, id FROM mailboxes WHERE expires_at < $1 LIMIT $2)
        RETURNING 1
    )
    SELECT count(*) AS gone FROM gone
    """

UNTOLD: Final = """
    SELECT notices.payload FROM untold
    JOIN notices ON notices.tenant = untold.tenant AND notices.account = untold.account AND notices.id = untold.id
    WHERE untold.at <= $1 ORDER BY untold.at, untold.tenant, untold.account, untold.id LIMIT $2
    """
# A notice that has a place keeps it; a place that is taken is an error, and then another was faster.
FREE_PLACE: Final = "SELECT COALESCE(MAX(place), 0) + 1 FROM told WHERE tenant = $1"
TELL: Final = """
    INSERT INTO told (tenant, place, account, id)
    SELECT $1, w.place, w.account, w.id FROM unnest($2::bigint[], $3::text[], $4::text[]) AS w (place, account, id)
    ON CONFLICT (tenant, account, id) DO NOTHING RETURNING account, id
    """
DELIVERY: Final = """
    INSERT INTO deliveries (tenant, account, id, channel, next_at, gives_up_at, attempts)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
    """
DELIVERIES: Final = """
    SELECT deliveries.tenant, deliveries.account, deliveries.id, deliveries.channel, deliveries.next_at,
        deliveries.gives_up_at, deliveries.attempts, notices.payload
    FROM deliveries
    JOIN notices ON notices.tenant = deliveries.tenant AND notices.account = deliveries.account
        AND notices.id = deliveries.id
    WHERE deliveries.next_at <= $1
    ORDER BY deliveries.next_at, deliveries.tenant, deliveries.account, deliveries.id, deliveries.channel LIMIT $2
    """
DELIVERED: Final = """
    DELETE FROM deliveries USING unnest($1::text[], $2::text[], $3::text[], $4::text[])
        AS w (tenant, account, id, channel)
    WHERE deliveries.tenant = w.tenant AND deliveries.account = w.account AND deliveries.id = w.id
    AND deliveries.channel = w.channel
    """
LATER: Final = """
    UPDATE deliveries SET next_at = w.next_at, attempts = w.attempts
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
        AS w (tenant, account, id, channel, next_at, gives_up_at, attempts)
    WHERE deliveries.tenant = w.tenant AND deliveries.account = w.account AND deliveries.id = w.id
    AND deliveries.channel = w.channel
    """
DEALT_WITH: Final = """
    DELETE FROM untold USING unnest($2::text[], $3::text[]) AS w (account, id)
    WHERE untold.tenant = $1 AND untold.account = w.account AND untold.id = w.id
    """
TOLD_AFTER: Final = """
    SELECT told.place, notices.payload FROM told
    JOIN notices ON notices.tenant = told.tenant AND notices.account = told.account AND notices.id = told.id
    WHERE told.tenant = $1 AND told.place > $2 ORDER BY told.place LIMIT $3
    """

ADDRESSES: Final = """
    SELECT tenant, account, channel, sealed, since, ends_at FROM addresses
    WHERE tenant = $1 AND account = $2 ORDER BY since, channel
    """
DROP_ADDRESSES: Final = """
    WITH gone AS (
        DELETE FROM addresses WHERE (tenant, account, channel) IN
            (SELECT tenant, account, channel FROM addresses WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)
        RETURNING 1
    )
    SELECT count(*) AS gone FROM gone
    """

LINE: Final = """
    SELECT lines.tenant, lines.account, lines.esim, lines.sealed, lines.mac, lines.mac_key, heard.payload FROM lines
    LEFT JOIN heard ON heard.tenant = lines.tenant AND heard.account = lines.account AND heard.esim = lines.esim
    WHERE lines.tenant = $1 AND lines.account = $2
    """
ACCOUNTS_OF_CHIP: Final = "SELECT account FROM chips WHERE tenant = $1 AND chip = $2 ORDER BY account LIMIT $3"
ACCOUNTS_OF_LINE: Final = "SELECT account FROM lines WHERE tenant = $1 AND mac = $2 ORDER BY account LIMIT $3"
HEAR: Final = """
    INSERT INTO heard (tenant, account, esim, asked_at, payload) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant, account) DO UPDATE SET
        esim = excluded.esim, asked_at = excluded.asked_at, payload = excluded.payload
    WHERE heard.esim <> excluded.esim OR heard.asked_at < excluded.asked_at
    """

UNFINISHED: Final = """
    SELECT payload FROM challenges WHERE expires_at < $1 AND approved = 1 AND NOT EXISTS
        (SELECT 1 FROM halted WHERE halted.tenant = challenges.tenant AND halted.account = challenges.account)
    ORDER BY expires_at LIMIT $2
    """

FORGET: Final = (
    """
    WITH gone AS (
        DELETE FROM answers WHERE (tenant, key, caller) IN
            (SELECT tenant, key, caller FROM answers WHERE at < $1 ORDER BY at LIMIT $2)
        RETURNING 1
    )
    SELECT count(*) AS gone FROM gone
    """,
    """
    WITH gone AS (
        DELETE FROM challenges WHERE (tenant, id) IN
            (SELECT tenant, id FROM challenges WHERE expires_at < $1 AND NOT (approved = 1 AND EXISTS
                (SELECT 1 FROM halted WHERE halted.tenant = challenges.tenant AND halted.account = challenges.account))
            ORDER BY expires_at LIMIT $2)
        RETURNING 1
    )
    SELECT count(*) AS gone FROM gone
    """,
    """
    WITH gone AS (
        DELETE FROM counters WHERE (tenant, kind, subject, window_s, ends_at) IN
            (SELECT tenant, kind, subject, window_s, ends_at FROM counters
            WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)
        RETURNING 1
    )
    SELECT count(*) AS gone FROM gone
    """,
)
"""Never the spent nonces: what was signed once stays signed once."""
