"""What the person who runs this has decided: the environment and the settings file, each read once.

The only module that reads ``os.environ``. A settings file is one frozen tree; an unknown key refuses to
start, because a misspelt protection would otherwise lapse in silence. Relative paths count from the file's
own folder.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from pteri import durable
from pteri.anchor_settings import AnchorSettings
from pteri.block_settings import BlockSettings
from pteri.core import ids
from pteri.core.channels import channel_address
from pteri.core.errors import ProtocolError
from pteri.core.wallets import PinnedWallet, pin_wallet
from pteri.database import Database, DatabaseUrl, database_from
from pteri.esim_settings import EsimSettings
from pteri.log_settings import LogSettings, WitnessSettings
from pteri.operator_settings import OperatorSettings, require_distinct, require_reachable
from pteri.partner_settings import PartnerSettings, PartnersSettings

__all__ = [
    "Environment",
    "NoticesSettings",
    "OfficerSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "TenantSettings",
    "add_table",
    "child_environment",
    "load_settings",
    "log_lines",
    "read_environment",
    "read_password",
    "write_settings",
]

_MAX_FILE_BYTES: Final = 1 << 20
_MAX_PASSWORD_BYTES: Final = 1024
_MAX_RULE: Final = 2**53 - 1
_RULE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class SettingsError(Exception):
    """The settings do not hold. The message names the place and the fix; the program does not start."""


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The environment variables that mean something to this program. An empty one counts as not set."""

    wallet_home: Path
    """PTERI_WALLET_HOME, else ``.pteri/wallet`` in the person's home."""
    passphrase_file: Path | None
    """PTERI_PASSPHRASE_FILE: names the file; no variable holds the passphrase itself."""
    clock_file: Path | None
    """PTERI_CLOCK_FILE: the demo's simulated clock."""
    config: Path | None
    """PTERI_CONFIG: the server's settings file."""
    no_color: bool
    """NO_COLOR, set to anything."""
    ci: bool
    """CI: nobody watches, and a missing outside program is a failure."""


def read_environment(variables: Mapping[str, str] | None = None) -> Environment:
    """Look at the environment (or at ``variables`` in its place), once, at the start."""
    found = os.environ if variables is None else variables

    def path(name: str) -> Path | None:
        return Path(found[name]) if found.get(name) else None

    return Environment(
        wallet_home=path("PTERI_WALLET_HOME") or Path.home() / ".pteri" / "wallet",
        passphrase_file=path("PTERI_PASSPHRASE_FILE"),
        clock_file=path("PTERI_CLOCK_FILE"),
        config=path("PTERI_CONFIG"),
        no_color=bool(found.get("NO_COLOR")),
        ci=found.get("CI", "").lower() not in {"", "0", "false"},
    )


def child_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """Environment for a program that we start: our own, with these changes."""
    return {**os.environ, **changes}


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[server]``."""

    public_origin: str
    """What phones and relying parties see: ``https://`` and a host; ``http://`` for loopback hosts only."""
    host: str
    """Address to listen on."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    database: Database
    """The path of a SQLite file, for one process; or ``postgresql://...``, for any number on any machines."""
    deployment_key_file: Path
    """32 random bytes in hex, mode 0600; made by ``pteri init`` and never implicitly."""
    processes: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    """How many processes answer requests. One per core is plenty."""
    loops: bool = True
    """Whether these processes do the work after the commit, too; false where ``pteri work`` does it elsewhere."""
    requests_per_minute: Annotated[int, msgspec.Meta(ge=60, le=10_000_000)] = 6000
    """How many requests one network (IPv4 /24, IPv6 /56) may send in a minute; relying parties count, too."""
    audit_every_s: Annotated[int, msgspec.Meta(ge=60, le=31_536_000)] = 3600
    """From the beginning of one look at all accounts to that of the next, if it is over by then."""
    audit_rate: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 100
    """How many events a second it looks at, and no more."""
    max_waiting: Annotated[int, msgspec.Meta(ge=1, le=65_536)] = 512
    """How many requests one process may have under way; one more is sent away at once and comes again later."""
    fast_lane: bool = True
    """Whether the busiest routes take their short way through the web side. The answers are the same."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of the proxies in front; from them, and nobody else, the address of the caller is believed."""
    simulated: bool = False
    """A demo: simulated operator, push and chain."""
    clock_file: Path | None = None
    """Simulated clock, in a demo only."""
    policy: Path | None = None
    """The policy file (docs/spec/policy.md), in place of the table ``[rules]``."""
    shadow_policy: Path | None = None
    """Another one that is asked after each decision, whose answer changes nothing; differences are logged."""

    def __post_init__(self) -> None:
        _require_origin(self.public_origin)
        _require_host(self.host)
        # Whoever can write that file could end the waiting time of a recovery.
        if self.clock_file is not None and not self.simulated:
            raise ValueError("clock_file is for demos: set simulated = true, or remove it")
        if self.processes > 1 and isinstance(self.database, Path):
            raise ValueError("a database file is for one process: set processes = 1, or database = postgresql://...")
        for proxy in self.trusted_proxies:
            _require_network(proxy)


class OfficerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[tenants.officers]]`` table: somebody who may attest who claims an account. Two must, and they differ."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    """A pseudonym. It stands in the log for ever; the list of who is who belongs to the company."""
    phone_key: str
    """Key of the officer's phone: base64url of the 65-byte SEC1 point."""
    wallet: PinnedWallet
    """Wallet of the officer: ``address``, ``public_key`` and ``signature_type``."""
    former: bool = False
    """Speaks for nobody any more. What this officer said before is checked again for ever, so the entry stays."""


class TenantSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[tenants]]`` table: a relying party."""

    id: ids.TenantId
    domain: ids.Domain
    network: Literal["main", "test", "regtest"]
    client_keys: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """P-256 keys its back end signs requests with: base64url of the 65-byte SEC1 point."""
    officers: tuple[OfficerSettings, ...] = ()
    """Who may re-proof people who have lost everything. Without two of them nobody can."""

    def __post_init__(self) -> None:
        try:
            ids.tenant_id(self.id)
            ids.domain(self.domain)
            for key in (*self.client_keys, *(officer.phone_key for officer in self.officers)):
                _require_client_key(key)
            for officer in self.officers:
                told = officer.wallet
                pin_wallet(told.address, told.public_key, told.signature_type, network=self.network)
        except ProtocolError as error:
            raise ValueError(error.detail) from error
        if len(set(self.client_keys)) != len(self.client_keys):
            raise ValueError("client_keys names one key twice")
        for what, values in (
            ("name", [officer.name for officer in self.officers]),
            ("phone_key", [officer.phone_key for officer in self.officers]),
            ("wallet", [officer.wallet.address for officer in self.officers]),
        ):
            # Or one officer would be two.
            if len(set(values)) != len(values):
                raise ValueError(f"two officers have the same {what}")


class NoticesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[notices]``: the mail server that carries warnings. Without the table no mail is sent."""

    host: str
    """Name or address of the mail server."""
    sender: str
    """The address that the mails come from: letters in lower case, and a host that has a dot."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    """``implicit`` is usual on port 465; ``none`` for a mail server on this very machine only."""
    user: str | None = None
    password_file: Path | None = None
    """Where the password of ``user`` lies, mode 0600."""

    def __post_init__(self) -> None:
        _require_host(self.host)
        try:
            channel_address(f"mailto:{self.sender}")
        except ProtocolError as error:
            raise ValueError("sender is no plain address, such as warnings@bank.example") from error
        if self.tls == "none" and not _is_loopback(self.host):
            raise ValueError("tls may be none for a loopback host only: use starttls or implicit")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file come together")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything the server is told. ``rules`` are numbers by name; ``domain.rules`` knows their floors."""

    server: ServerSettings
    tenants: Annotated[tuple[TenantSettings, ...], msgspec.Meta(min_length=1)]
    rules: dict[str, int] = {}
    notices: NoticesSettings | None = None
    operators: tuple[OperatorSettings, ...] = ()
    """Whom to ask about mobile lines; without any, a line is never more than unknown."""
    esim: EsimSettings | None = None
    partners: PartnersSettings | None = None
    log: LogSettings | None = None
    anchor: AnchorSettings | None = None
    block: BlockSettings | None = None

    def __post_init__(self) -> None:
        if self.partners is not None and self.esim is None:
            raise ValueError("[partners] tells who may speak of eSIM chips, and without [esim] no chip is heard")
        if self.anchor is not None and self.log is None:
            raise ValueError("[anchor] needs a log: begin one with pteri log new, which adds the table [log]")
        if self.block is not None and self.block.network not in {tenant.network for tenant in self.tenants}:
            raise ValueError("[block] is of a network that no tenant has, so no statement could name a block of it")
        if self.rules and self.server.policy is not None:
            raise ValueError(
                "there are rules in [rules] and in the file that policy names, and only one of them can count: write "
                "those of [rules] into that file and remove the table"
            )
        require_distinct(self.operators, tuple(tenant.id for tenant in self.tenants))
        require_reachable(self.operators, self.server.public_origin)
        for what, values in (
            ("id", [tenant.id for tenant in self.tenants]),
            ("domain", [tenant.domain for tenant in self.tenants]),
        ):
            if len(set(values)) != len(values):
                raise ValueError(f"two tenants have the same {what}")
        for name, value in self.rules.items():
            if not _RULE_NAME.fullmatch(name) or not 0 <= value <= _MAX_RULE:
                raise ValueError("a rule is a lower-case name and a whole number from 0 to 2**53 - 1")


def load_settings(path: Path) -> Settings:
    """Read the settings file; ``SettingsError`` names the file, the key and what to do."""
    try:
        tree = tomllib.loads(durable.read_regular(path, _MAX_FILE_BYTES).decode())
    except FileNotFoundError as error:
        raise SettingsError(f"There is no settings file {path}. Make one with: pteri init") from error
    except OSError as error:
        raise SettingsError(f"Cannot read the settings file {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error
    try:
        _require_known_keys(tree)
        base = path.absolute().parent
        settings = msgspec.convert(tree, Settings, dec_hook=lambda kind, value: _place_from(base, kind, value))
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: {error}") from error
    _require_closed(path, settings.server.database)
    return settings


def read_password(path: Path) -> bytes:
    """The password of the mail server, without its line end; ``SettingsError`` for a file that others can read."""
    try:
        return durable.read_private(path, _MAX_PASSWORD_BYTES).rstrip(b"\r\n")
    except OSError as error:
        raise SettingsError(
            f"Cannot read the password of the mail server in {path}: {error.strerror}. It must be a file that nobody "
            f"else can read: chmod 600 '{path}'"
        ) from error


def _place_from(base: Path, kind: object, value: object) -> Database:
    if kind is Database and isinstance(value, str):
        return database_from(base, value)
    if kind is not Path or not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("expected the path of a file")
    return base / value


def _require_closed(path: Path, database: Database) -> None:
    """Whoever reads the password of the database needs none of our keys to change what is in it."""
    if not isinstance(database, DatabaseUrl) or not database.has_password:
        return
    try:
        durable.read_private(path, _MAX_FILE_BYTES)
    except OSError as error:
        raise SettingsError(
            f"Other users of this computer can read {path}, and there is a password in it. Close it with: "
            f"chmod 600 '{path}'. Or take the password out and put it into the file that PGPASSFILE names."
        ) from error


_TABLES: Final[Mapping[str, type[msgspec.Struct]]] = {
    "server": ServerSettings,
    "notices": NoticesSettings,
    "tenants": TenantSettings,
    "esim": EsimSettings,
    "partners": PartnersSettings,
    "partners.known": PartnerSettings,
    "log": LogSettings,
    "anchor": AnchorSettings,
    "block": BlockSettings,
    "log.witnesses": WitnessSettings,
    "operators": OperatorSettings,
}
"""What stands under each name: one table, or a list of them."""


def _require_known_keys(tree: Mapping[str, object]) -> None:
    """Name an unknown key and the known one nearest to it, before anything else is looked at."""
    _require_keys_of(Settings, tree, "")
    for name, kind in _TABLES.items():
        found: object = tree
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        for table in found if isinstance(found, list) else [found]:
            if isinstance(table, dict):
                _require_keys_of(kind, table, f"{name}.")


def _require_keys_of(kind: type[msgspec.Struct], table: Mapping[str, object], where: str) -> None:
    known = [field.name for field in msgspec.structs.fields(kind)]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            raise ValueError(f"unknown key {where}{key!r}; the nearest known key is {where}{near[0]}")


def _require_origin(origin: str) -> None:
    """One spelling: scheme, lower-case host, port unless it is the scheme's own; nothing after it."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    port = parts.port  # ValueError if it is no port
    shown = f"[{host}]" if ":" in host else host
    own = {"http": 80, "https": 443}.get(parts.scheme)
    expected = f"{parts.scheme}://{shown}" + ("" if port in {None, own} else f":{port}")
    if own is None or origin != expected:
        raise ValueError("public_origin is https:// and a host name, with a port if it is not 443, and nothing else")
    _require_host(host)
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("public_origin may be plain http:// for a loopback host only: use https://")


def _require_host(host: str) -> None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            ids.domain(host)
        except ProtocolError as error:
            raise ValueError(f"not a host: {error.detail}") from error


def _require_network(text: str) -> None:
    """One spelling, with its length: a host bit too many is more likely a mistake than a wish."""
    try:
        spelt = str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(f"trusted_proxies: {error}") from error
    if spelt != text:
        raise ValueError(f"trusted_proxies: write {spelt}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_client_key(text: str) -> None:
    point = ids.from_base64url(text)
    if len(point) != 65:
        raise ValueError("a client key is the base64url of a 65-byte SEC1 point")
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise ValueError("a client key is not a point of P-256") from error


def write_settings(path: Path, settings: Settings) -> None:
    """Write a settings file for ``pteri init``; it overwrites none. ``load_settings`` reads the same."""
    base = path.absolute().parent
    server = settings.server
    lines = ["# Settings of a PTERI server. An unknown key refuses to start.", "", "[server]"]
    lines += _pairs(base, server)
    for tenant in settings.tenants:
        lines += ["", "[[tenants]]", *_pairs(base, tenant)]
    if settings.notices is not None:
        lines += ["", "[notices]", *_pairs(base, settings.notices)]
    for operator in settings.operators:
        lines += ["", "[[operators]]", *_pairs(base, operator)]
    tables = {
        "esim": settings.esim,
        "partners": settings.partners,
        "anchor": settings.anchor,
        "block": settings.block,
    }
    for name, table in tables.items():
        lines += [] if table is None else ["", f"[{name}]", *_pairs(base, table)]
    if settings.log is not None:
        lines += log_lines(base, settings.log)
    if settings.rules:
        lines += ["", "[rules]", *(f"{name} = {value}" for name, value in sorted(settings.rules.items()))]
    try:
        durable.create(path, "\n".join([*lines, ""]).encode())
    except UnicodeEncodeError as error:
        raise SettingsError("A path in the settings is not UTF-8, and TOML is. Choose another name.") from error
    except FileExistsError as error:
        raise SettingsError(f"There is a settings file {path} already. Move it away first.") from error
    except OSError as error:
        raise SettingsError(f"Cannot write the settings file {path}: {error.strerror}.") from error


def log_lines(base: Path, log: LogSettings) -> list[str]:
    """The table ``[log]`` of a settings file in ``base``."""
    return ["", "[log]", *_pairs(base, log)]


def add_table(path: Path, lines: Sequence[str]) -> None:
    """Put a table at the end of a settings file: the old one or the whole new one is there, whatever happens."""
    try:
        before = durable.read_regular(path, _MAX_FILE_BYTES)
        durable.replace(path, before.rstrip(b"\n") + b"\n" + "\n".join([*lines, ""]).encode())
    except (OSError, ValueError) as error:
        raise SettingsError(f"Cannot change the settings file {path}: {error}.") from error


def _pairs(base: Path, table: msgspec.Struct) -> list[str]:
    pairs = ((name, getattr(table, name)) for name in table.__struct_fields__)
    return [f"{name} = {_toml(base, value)}" for name, value in pairs if value is not None]


def _toml(base: Path, value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Path():
            # Relative where possible, so that the folder can be moved.
            return _toml(base, str(value.relative_to(base) if value.is_relative_to(base) else value))
        case DatabaseUrl():
            return _toml(base, value.reveal())
        case tuple():
            return "[" + ", ".join(_toml(base, item) for item in value) + "]"
        case msgspec.Struct():
            return "{ " + ", ".join(_pairs(base, value)) + " }"
        case str():
            # A JSON string is a TOML basic string, but for DEL.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            raise TypeError(f"no TOML for {type(value).__name__}")
