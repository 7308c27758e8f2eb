from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import pteri
from pteri.core.ids import Domain, TenantId, to_base64url
from pteri.database import DatabaseUrl
from pteri.esim_settings import EsimSettings
from pteri.settings import (
    Environment,
    ServerSettings,
    Settings,
    SettingsError,
    TenantSettings,
    load_settings,
    read_environment,
    write_settings,
)


def client_key(number: int, curve: ec.EllipticCurve | None = None) -> str:
    public = ec.derive_private_key(number, curve or ec.SECP256R1()).public_key()
    return to_base64url(public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint))


KEY = client_key(1)
GOOD = f"""
[server]
public_origin = "http://127.0.0.1:8750"
host = "127.0.0.1"
port = 8750
database = "pteri.sqlite"
deployment_key_file = "deployment.key"

[[tenants]]
id = "bank"
domain = "bank.example"
network = "main"
client_keys = ["{KEY}"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pteri.toml"


def loaded(file: Path, text: str) -> Settings:
    file.write_text(text)
    return load_settings(file)


def refusal(file: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(file, text)
    assert str(file) in str(caught.value)
    return str(caught.value)


def changed(line: str, new: str) -> str:
    assert GOOD.count(line) == 1
    return GOOD.replace(line, new)


# The environment


def test_an_empty_environment_has_its_defaults() -> None:
    assert read_environment({}) == Environment(
        wallet_home=Path.home() / ".pteri" / "wallet",
        passphrase_file=None,
        clock_file=None,
        config=None,
        no_color=False,
        ci=False,
    )


def test_each_variable_has_its_place() -> None:
    names = {
        "PTERI_WALLET_HOME": "/a",
        "PTERI_PASSPHRASE_FILE": "/b",
        "PTERI_CLOCK_FILE": "/c",
        "PTERI_CONFIG": "/d",
        "NO_COLOR": "0",
        "CI": "true",
    }
    assert read_environment(names) == Environment(
        wallet_home=Path("/a"),
        passphrase_file=Path("/b"),
        clock_file=Path("/c"),
        config=Path("/d"),
        no_color=True,  # set to anything, says the convention
        ci=True,
    )


def test_an_empty_variable_is_not_set() -> None:
    empty = dict.fromkeys(("PTERI_WALLET_HOME", "PTERI_PASSPHRASE_FILE", "PTERI_CONFIG", "NO_COLOR", "CI"), "")
    assert read_environment(empty) == read_environment({})


@pytest.mark.parametrize(
    ("said", "meant"), [("1", True), ("yes", True), ("0", False), ("false", False), ("False", False)]
)
def test_ci_is_what_it_says(said: str, meant: bool) -> None:
    assert read_environment({"CI": said}).ci is meant


def test_no_variable_brings_a_passphrase() -> None:
    found = read_environment({"PTERI_PASSPHRASE": "marmalade", "PASSPHRASE": "marmalade"})
    assert "marmalade" not in repr(found)


@pytest.mark.slow
def test_the_environment_of_the_process_is_read() -> None:
    script = "from pteri.settings import read_environment; print(read_environment().config)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(Path(pteri.__file__).parents[1]), "PTERI_CONFIG": "here.toml", "HOME": "/"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "here.toml\n"


def test_a_child_gets_our_environment_with_the_changes() -> None:
    script = "from pteri.settings import child_environment as c; print(*sorted(c({'NO_COLOR': '1', 'B': '2'}).items()))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(Path(pteri.__file__).parents[1]), "A": "0", "B": "0"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    for entry in ("('A', '0')", "('B', '2')", "('NO_COLOR', '1')"):
        assert entry in done.stdout


# A good file


def test_a_settings_file_is_read_and_its_paths_count_from_its_folder(file: Path) -> None:
    settings = loaded(file, GOOD)
    assert settings == Settings(
        server=ServerSettings(
            public_origin="http://127.0.0.1:8750",
            host="127.0.0.1",
            port=8750,
            database=file.parent / "pteri.sqlite",
            deployment_key_file=file.parent / "deployment.key",
        ),
        tenants=(
            TenantSettings(id=TenantId("bank"), domain=Domain("bank.example"), network="main", client_keys=(KEY,)),
        ),
    )
    assert not settings.server.simulated
    assert settings.server.clock_file is None
    assert settings.rules == {}


def test_an_absolute_path_stays(file: Path) -> None:
    assert loaded(file, changed('"pteri.sqlite"', '"/srv/pteri.sqlite"')).server.database == Path("/srv/pteri.sqlite")


PG = "postgresql://pteri@db.example/pteri"


def test_a_database_may_be_a_server_on_the_network(file: Path) -> None:
    assert loaded(file, changed("pteri.sqlite", PG)).server.database == DatabaseUrl(PG)


def test_a_server_on_the_network_may_serve_many_processes_and_a_file_only_one(file: Path) -> None:
    many = "port = 8750\nprocesses = 4"
    assert loaded(file, changed("pteri.sqlite", PG).replace("port = 8750", many)).server.processes == 4
    assert "one process" in refusal(file, changed("port = 8750", many))


def test_a_password_in_a_file_that_others_read_refuses_to_start(file: Path) -> None:
    text = changed("pteri.sqlite", "postgresql://pteri:marmalade@db.example/pteri")
    file.touch(mode=0o600)
    assert "marmalade" not in repr(loaded(file, text))
    file.chmod(0o640)
    told = refusal(file, text)
    assert "chmod 600" in told
    assert "marmalade" not in told


def test_proxies_are_networks_in_their_one_spelling(file: Path) -> None:
    with_proxies = 'port = 8750\ntrusted_proxies = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"]'
    settings = loaded(file, changed("port = 8750", with_proxies))
    assert settings.server.trusted_proxies == ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32")


def test_rules_are_passed_through_for_the_rules_to_judge(file: Path) -> None:
    settings = loaded(file, GOOD + "[rules]\nprobation_s = 259200\nmade_up = 0\n")
    assert settings.rules == {"probation_s": 259_200, "made_up": 0}


def test_a_policy_and_one_that_watches_are_files_beside_the_settings(file: Path) -> None:
    named = 'port = 8750\npolicy = "policy.toml"\nshadow_policy = "next.toml"'
    server = loaded(file, changed("port = 8750", named)).server
    assert (server.policy, server.shadow_policy) == (file.parent / "policy.toml", file.parent / "next.toml")


def test_rules_and_a_policy_refuse_to_start_together_and_an_empty_table_says_nothing(file: Path) -> None:
    named = changed("port = 8750", 'port = 8750\npolicy = "policy.toml"')
    with pytest.raises(SettingsError, match="remove the table"):
        loaded(file, named + "[rules]\nprobation_s = 259200\n")
    assert loaded(file, named + "[rules]\n").rules == {}
    watched = changed("port = 8750", 'port = 8750\nshadow_policy = "next.toml"')
    assert loaded(file, watched + "[rules]\nprobation_s = 259200\n").rules == {"probation_s": 259_200}


def test_a_demo_may_have_a_clock_file(file: Path) -> None:
    server = loaded(file, changed("port = 8750", 'port = 8750\nsimulated = true\nclock_file = "clock.json"')).server
    assert server.simulated
    assert server.clock_file == file.parent / "clock.json"


@pytest.mark.parametrize(
    "origin",
    [
        "https://id.bank.example",
        "https://id.bank.example:8443",
        "https://192.0.2.7",
        "https://[2001:db8::1]:8443",
        "http://127.0.0.1",
        "http://127.9.9.9:1",
        "http://[::1]:8750",
        "http://localhost:8750",
    ],
)
def test_an_origin_is_https_or_loopback(file: Path, origin: str) -> None:
    assert loaded(file, changed("http://127.0.0.1:8750", origin)).server.public_origin == origin


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1", "localhost", "id.bank.example"])
def test_it_listens_where_it_is_told(file: Path, host: str) -> None:
    assert loaded(file, changed('host = "127.0.0.1"', f'host = "{host}"')).server.host == host


# A file that refuses to start


@pytest.mark.parametrize(
    "origin",
    [
        "http://id.bank.example",
        "http://192.0.2.7",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://[2001:db8::1]",
        "http://0.0.0.0:8750",
        "ftp://127.0.0.1",
        "//127.0.0.1",
        "127.0.0.1:8750",
        "",
        "https://",
        "https://id.bank.example/",
        "https://id.bank.example/path",
        "https://id.bank.example?x",
        "https://id.bank.example#x",
        "https://user@id.bank.example",
        "https://ID.bank.example",
        "HTTPS://id.bank.example",
        "https://id.bank.example:443",
        "http://127.0.0.1:80",
        "https://id.bank.example:",
        "https://id.bank.example:0443",
        "https://id.bank.example:99999",
        "https://id.bank.example:x",
        "https://id_bank.example",
        "https://[::1",
        "https://id.bank.example ",
        "https://id.bank.example\\n",
        "https://id.bank.example\\t",
    ],
)
def test_another_origin_refuses_to_start(file: Path, origin: str) -> None:
    refusal(file, changed("http://127.0.0.1:8750", origin))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (GOOD.replace("[server]", "[sever]"), ["'sever'", "server"]),
        (changed("port =", "prot ="), ["server.'prot'", "server.port"]),
        (changed("deployment_key_file", "deployment_key"), ["'deployment_key'", "server.deployment_key_file"]),
        (changed("client_keys", "client_key"), ["tenants.'client_key'", "tenants.client_keys"]),
        (GOOD + "[rule]\n", ["'rule'", "rules"]),
        ("zzz = 1\n" + GOOD, ["'zzz'"]),
        (changed("port =", '"port\\u001b[2J" = 1\nport ='), [r"'port\x1b[2J'"]),
    ],
)
def test_an_unknown_key_refuses_to_start_and_names_the_nearest(file: Path, text: str, names: list[str]) -> None:
    told = refusal(file, text)
    assert all(name in told for name in names)
    assert "unknown key" in told
    assert told.isprintable()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('domain = "bank.example"\n', "", "domain"),
        ("port = 8750\n", "", "port"),
        ("port = 8750", "port = 0", "port"),
        ("port = 8750", "port = 65536", "port"),
        ("port = 8750", 'port = "8750"', "port"),
        ("port = 8750", "port = true", "port"),
        ("port = 8750", "port = 8750.0", "port"),
        ("port = 8750", "port = 8750\nport = 8751", "TOML"),
        ('host = "127.0.0.1"', 'host = ""', "host"),
        ('host = "127.0.0.1"', 'host = "127.0.0.1:1"', "host"),
        ('database = "pteri.sqlite"', 'database = ""', "path"),
        ('database = "pteri.sqlite"', 'database = "a\\u0000b"', "path"),
        ('database = "pteri.sqlite"', "database = 5", "path"),
        ('database = "pteri.sqlite"', 'database = ["a"]', "path"),
        ("port = 8750", 'port = 8750\nclock_file = "clock.json"', "clock_file is for demos"),
        ("port = 8750", 'port = 8750\nsimulated = false\nclock_file = "c"', "clock_file is for demos"),
        ("port = 8750", "port = 8750\nsimulated = 1", "simulated"),
        ("port = 8750", "port = 8750\nprocesses = 0", "processes"),
        ("port = 8750", "port = 8750\nprocesses = 257", "processes"),
        ("port = 8750", "port = 8750\nloops = 1", "loops"),
        ("port = 8750", "port = 8750\nfast_lane = 0", "fast_lane"),
        ("port = 8750", "port = 8750\nmax_waiting = 0", "max_waiting"),
        ("port = 8750", 'port = 8750\ntrusted_proxies = ["10.0.0.1/8"]', "trusted_proxies"),
        ("port = 8750", 'port = 8750\ntrusted_proxies = ["192.0.2.7"]', "write 192.0.2.7/32"),
        ("port = 8750", 'port = 8750\ntrusted_proxies = ["proxy.example"]', "trusted_proxies"),
        ('database = "pteri.sqlite"', 'database = "mysql://db.example/pteri"', "postgresql://"),
        ('id = "bank"', 'id = "Bank"', "tenant"),
        ('id = "bank"', 'id = ""', "tenant"),
        ('id = "bank"', f'id = "{"b" * 33}"', "tenant"),
        ('domain = "bank.example"', 'domain = "https://bank.example"', "host"),
        ('domain = "bank.example"', 'domain = "Bank.example"', "host"),
        ('network = "main"', 'network = "bitcoin"', "network"),
        ('network = "main"', 'network = "signet"', "network"),
        (f'["{KEY}"]', "[]", "client_keys"),
        (f'["{KEY}"]', f'["{KEY}", "{KEY}"]', "one key twice"),
        (f'["{KEY}"]', f'["{KEY[:-1]}"]', "tenants"),
        (f'["{KEY}"]', f'["{KEY}="]', "base64url"),
        (f'["{KEY}"]', '[""]', "65-byte"),
        (f'["{KEY}"]', f'["{to_base64url(bytes(65))}"]', "P-256"),
        (f'["{KEY}"]', f'["{to_base64url(bytes([4]) + bytes(64))}"]', "P-256"),
        (f'["{KEY}"]', f'["{client_key(1, ec.SECP256K1())}"]', "P-256"),
        (f'["{KEY}"]', f'"{KEY}"', "client_keys"),
        ("[[tenants]]", "[tenants]", "tenants"),
    ],
)
def test_a_wrong_value_refuses_to_start(file: Path, old: str, new: str, says: str) -> None:
    assert says in refusal(file, changed(old, new))


@pytest.mark.parametrize(
    "rule", ["a = -1", "a = 1.5", 'a = "1"', "a = true", "A = 1", '"" = 1', f"a = {2**53}", "[rules.a]"]
)
def test_a_rule_is_a_name_and_a_whole_number(file: Path, rule: str) -> None:
    assert "rule" in refusal(file, f"{GOOD}[rules]\n{rule}\n")


def test_tenants_are_told_apart_by_id_and_by_domain(file: Path) -> None:
    tenant = GOOD[GOOD.index("[[tenants]]") :]
    second = tenant.replace('"bank"', '"shop"').replace("bank.example", "shop.example")
    assert len(loaded(file, GOOD + second).tenants) == 2
    assert "same id" in refusal(file, GOOD + tenant.replace("bank.example", "shop.example"))
    assert "same domain" in refusal(file, GOOD + tenant.replace('"bank"', '"shop"'))


def test_no_tenant_refuses_to_start(file: Path) -> None:
    assert "tenants" in refusal(file, GOOD[: GOOD.index("[[tenants]]")])
    assert "tenants" in refusal(file, "tenants = []\n" + GOOD[: GOOD.index("[[tenants]]")])


@pytest.mark.parametrize("text", ["server = 5\n", "tenants = 5\n" + GOOD[: GOOD.index("[[tenants]]")], "tenants = [5]"])
def test_a_table_that_is_no_table_refuses_to_start(file: Path, text: str) -> None:
    refusal(file, text)


@pytest.mark.parametrize("data", [b"", b"port", b"\xff", b"[server", b"a = [" + b"[" * 5000, b"a = 1\0"])
def test_what_is_no_toml_refuses_to_start(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(SettingsError):
        load_settings(file)


def test_a_huge_file_is_not_parsed(file: Path) -> None:
    file.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(SettingsError, match="longer than"):
        load_settings(file)


def test_no_file_says_how_to_make_one(tmp_path: Path, file: Path) -> None:
    with pytest.raises(SettingsError, match="pteri init"):
        load_settings(file)
    with pytest.raises(SettingsError, match="Cannot read"):
        load_settings(tmp_path)


# Writing one


def settings_in(folder: Path, **server: object) -> Settings:
    good = ServerSettings(
        public_origin="https://id.bank.example",
        host="::1",
        port=443,
        database=folder / "db" / "pteri.sqlite",
        deployment_key_file=Path("/srv/keys/deployment.key"),
    )
    return Settings(
        server=msgspec.structs.replace(good, **server),
        tenants=(
            TenantSettings(
                id=TenantId("bank"),
                domain=Domain("bank.example"),
                network="regtest",
                client_keys=(KEY, client_key(2)),
            ),
            TenantSettings(id=TenantId("shop"), domain=Domain("shop.example"), network="test", client_keys=(KEY,)),
        ),
        rules={"wait_s": 1, "again_s": 2**53 - 1},
    )


def test_what_was_written_reads_the_same(file: Path) -> None:
    settings = settings_in(file.parent, simulated=True, clock_file=file.parent / "clock.json")
    write_settings(file, settings)
    assert load_settings(file) == settings
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_database_on_the_network_is_written_with_its_password_and_read_again(file: Path) -> None:
    url = DatabaseUrl("postgresql://pteri:marmalade@db.example/pteri")
    settings = settings_in(file.parent, database=url, processes=3, loops=False, trusted_proxies=("10.0.0.0/8",))
    write_settings(file, settings)
    assert load_settings(file) == settings
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "new\nline", "\x7f\x1b", "ünïcode 🔑", "#no comment", "'''"])
def test_a_path_with_any_character_reads_the_same(file: Path, name: str) -> None:
    settings = settings_in(file.parent, database=file.parent / name)
    write_settings(file, settings)
    assert load_settings(file) == settings


def test_a_written_folder_can_be_moved(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    write_settings(tmp_path / "one" / "pteri.toml", settings_in(tmp_path / "one"))
    (tmp_path / "one").rename(tmp_path / "two")
    assert load_settings(tmp_path / "two" / "pteri.toml") == settings_in(tmp_path / "two")


def test_settings_without_rules_or_a_clock_are_written_without_them(file: Path) -> None:
    settings = msgspec.structs.replace(settings_in(file.parent), rules={})
    write_settings(file, settings)
    assert load_settings(file) == settings
    assert "rules" not in file.read_text()
    assert "clock_file" not in file.read_text()


def test_settings_are_not_overwritten(file: Path) -> None:
    file.write_text("precious")
    with pytest.raises(SettingsError, match="already"):
        write_settings(file, settings_in(file.parent))
    assert file.read_text() == "precious"


def test_settings_that_cannot_be_written_say_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Cannot write"):
        write_settings(tmp_path / "none" / "pteri.toml", settings_in(tmp_path))


def test_a_path_that_toml_cannot_spell_is_refused(file: Path) -> None:
    with pytest.raises(SettingsError, match="UTF-8"):
        write_settings(file, settings_in(file.parent, database=file.parent / "latin\udce9"))
    assert not file.exists()


def test_settings_are_frozen(file: Path) -> None:
    settings = loaded(file, GOOD)
    with pytest.raises(AttributeError):
        settings.server.port = 1  # type: ignore[misc]  # that it cannot be set is the point


# --- mail -------------------------------------------------------------------------------------------------------


MAIL = f"""{GOOD}
[notices]
host = "mail.bank.example"
sender = "warnings@bank.example"
"""


def test_without_its_table_no_mail_is_sent(file: Path) -> None:
    assert loaded(file, GOOD).notices is None


def test_mail_goes_over_tls_unless_the_server_is_this_machine(file: Path) -> None:
    notices = loaded(file, MAIL).notices
    assert notices is not None
    assert (notices.port, notices.tls, notices.user) == (587, "starttls", None)
    assert "loopback" in refusal(file, f'{MAIL}tls = "none"\n')
    near = MAIL.replace("mail.bank.example", "127.0.0.1")
    assert loaded(file, f'{near}tls = "none"\nport = 1025\n').notices is not None


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('sendr = "x"', "sender"),
        ('user = "pteri"', "password_file"),
        ('password_file = "mail.password"', "user"),
        ('tls = "maybe"', "tls"),
        ("port = 0", "port"),
    ],
)
def test_mail_settings_that_do_not_hold_are_refused(file: Path, line: str, word: str) -> None:
    assert word in refusal(file, f"{MAIL}{line}\n")


@pytest.mark.parametrize(
    "sender", ["warnings", "Warnings@bank.example", "w@bank", "w@bank.example\\r\\nBcc: x@y.example"]
)
def test_a_sender_is_a_plain_address(file: Path, sender: str) -> None:
    assert "sender" in refusal(file, MAIL.replace("warnings@bank.example", sender))


def test_mail_settings_are_written_and_read_alike(file: Path, tmp_path: Path) -> None:
    settings = loaded(file, f'{MAIL}user = "pteri"\npassword_file = "mail.password"\n')
    write_settings(tmp_path / "again.toml", settings)
    assert load_settings(tmp_path / "again.toml") == settings


def test_chips_have_a_table_of_their_own_and_its_keys_are_known(file: Path) -> None:
    esim = EsimSettings(
        address="esim.bank.example",
        anchors=(file.parent / "ci.der",),
        certificate=file.parent / "dp.der",
        key_file=file.parent / "dp.key",
    )
    settings = msgspec.structs.replace(settings_in(file.parent), rules={}, esim=esim)
    write_settings(file, settings)
    assert load_settings(file) == settings
    file.write_text(file.read_text().replace("anchors =", "anchor ="))
    with pytest.raises(SettingsError, match="esim"):
        load_settings(file)
