"""The configuration: found, read, overridden, resolved, and refused with every fault at once."""

import pickle
import re
import subprocess
import sys
import tomllib
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from importer.config import BackoffRange, ConfigError, Rate, find_config, load_settings, settings_reference
from importer.config.environment import variable_of
from importer.config.paths import parse_dated_folder, root_of
from importer.core.admission import Treatment
from importer.core.model import Kind

SHIPPED = Path(__file__).parent.parent / "config" / "importer.toml"
PASSWORD = "hunter2-äöü"


@pytest.fixture
def write(tmp_path):
    """Writes `config/importer.toml` under the test's folder."""

    def write(content="", name="config/importer.toml"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def faults_of(file, environ=None):
    with pytest.raises(ConfigError) as refusal:
        load_settings(file, environ or {})
    return {fault.key: fault for fault in refusal.value.faults}


# Finding the file


def test_the_file_named_on_the_command_line_wins(tmp_path, write, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write()
    named, other = write(name="named.toml"), write(name="other.toml")

    assert find_config(named, {"IMPORTER_CONFIG": str(other)}) == named
    assert find_config(None, {"IMPORTER_CONFIG": str(other)}) == other
    assert find_config(None, {"IMPORTER_CONFIG": ""}) == tmp_path / "config" / "importer.toml"


def test_a_relative_name_becomes_absolute(tmp_path, write, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = write(name="named.toml")

    assert find_config(Path("named.toml"), {}) == named


@pytest.mark.parametrize(("explicit", "environ"), [(Path("gone.toml"), {}), (None, {"IMPORTER_CONFIG": "gone.toml"})])
def test_a_file_asked_for_by_name_is_never_replaced_by_another_one(tmp_path, write, monkeypatch, explicit, environ):
    monkeypatch.chdir(tmp_path)
    write()

    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path}/gone.toml: no such file")):
        find_config(explicit, environ)


@pytest.mark.skipif(Path("/etc/importer/importer.toml").exists(), reason="this machine has an importer of its own")
def test_without_a_file_every_place_looked_at_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError) as refusal:
        find_config(None, {})

    for place in ("--config", "$IMPORTER_CONFIG", f"{tmp_path}/config/importer.toml", "/etc/importer/importer.toml"):
        assert place in str(refusal.value)


# The shipped file, the defaults and the reference


def test_the_shipped_file_names_every_setting_with_the_default_of_the_code():
    uncommented = re.sub(r"(?m)^# (username|password_file) = ", r"\1 = ", SHIPPED.read_text())
    shipped = tomllib.loads(uncommented)
    top = {name: value for name, value in shipped.items() if not isinstance(value, dict)}
    written = top | {
        f"{section}.{name}": value
        for section, settings in shipped.items()
        if isinstance(settings, dict)
        for name, value in settings.items()
    }

    assert written == {key: default for key, default, _ in settings_reference()}


def test_an_empty_file_means_the_same_as_the_shipped_one(tmp_path, write):
    empty = load_settings(write(), {})
    shipped = load_settings(write(SHIPPED.read_bytes(), "config/shipped.toml"), {})

    assert dict(empty) == dict(shipped)


def test_the_reference_describes_every_setting():
    for key, _, description in settings_reference():
        assert len(description) > 20, key
        assert description.endswith("."), key


def test_the_defaults_are_those_of_the_design(tmp_path, write):
    settings = load_settings(write(), {})

    assert settings.rules == tmp_path / "config" / "rules.toml"
    assert settings.inbox.path == tmp_path / "inbox"
    assert (settings.inbox.recursive, settings.inbox.watch, settings.inbox.done_file) == (True, "auto", "")
    assert (settings.inbox.settle, settings.inbox.rescan) == (timedelta(seconds=2), timedelta(seconds=60))
    assert settings.archive.imported.at(date(2026, 3, 9)) == tmp_path / "archive" / "2026" / "03"
    assert settings.archive.duplicates == tmp_path / "archive" / "duplicates"
    assert (settings.archive.rejected, settings.archive.held) == (tmp_path / "rejected", tmp_path / "held")
    assert settings.api.base_url == "http://127.0.0.1:8425/api"
    assert (settings.api.account, settings.api.concurrency) == ("", 8)
    assert settings.api.rate == Rate(20, timedelta(seconds=1))
    assert (settings.api.connect_timeout, settings.api.timeout) == (timedelta(seconds=10), timedelta(seconds=60))
    assert (settings.api.key_lifetime, settings.api.readback_grace) == (timedelta(hours=20), timedelta(minutes=10))
    assert (settings.api.fingerprint, settings.api.check_remote) == (True, "never")
    assert settings.ledger.url.sqlite_path == tmp_path / "var" / "ledger.db"
    assert settings.documents.max_size == 20 * 1024**2
    assert settings.documents.encrypted is Treatment.REJECT
    assert settings.documents.revision is Treatment.HOLD
    assert settings.schedule.backoff == BackoffRange(timedelta(seconds=30), timedelta(hours=1))
    assert settings.schedule.waiting == BackoffRange(timedelta(minutes=10), timedelta(hours=24))
    assert settings.schedule.waiting_limit == timedelta(days=14)
    assert (settings.service.metrics, settings.service.heartbeat) == (None, timedelta(seconds=15))


def test_what_other_programs_leave_behind_is_ignored_by_default(write):
    left_behind = {"Thumbs.db", "desktop.ini", "~$*", ".*", "@eaDir", "#recycle", "*.reason.txt", "*.receipt.json"}
    unfinished = {"*.part", "*.partial", "*.crdownload", "*.tmp", "*.filepart"}

    assert left_behind | unfinished <= set(load_settings(write(), {}).inbox.ignore)


def test_settings_cannot_be_changed(write):
    settings = load_settings(write(), {})

    with pytest.raises(ValidationError, match="frozen"):
        settings.inbox.settle = timedelta()


def test_loading_makes_no_folder(tmp_path, write):
    settings = load_settings(write(), {})

    assert [path.name for path in tmp_path.iterdir()] == ["config"]
    assert settings.folders() == tuple(
        tmp_path / name for name in ("inbox", "archive", "archive/duplicates", "rejected", "held", "var")
    )


def test_a_ledger_elsewhere_needs_no_folder(write):
    settings = load_settings(write('[ledger]\nurl = "postgresql+psycopg://importer@db/importer"'), {})

    assert settings.ledger.url.sqlite_path is None
    assert len(settings.folders()) == 5


# Faults


def test_all_faults_of_file_and_environment_are_told_at_once(write):
    file = write("""
        rulez = "rules.toml"
        [inbox]
        settle = "2 secs"
        recursive = "yes"
        watch = "event"
        ignore = ["*.tmp", 3]
        [api]
        concurrency = 65
        base_url = "https://example.test"
        key_lifetime = "24h"
        account = 7
        [documents]
        revision = "keep"
        max_size = "0"
        [schedule]
        backoff = "1h..30s"
        [legder]
        url = "sqlite:///x"
    """)

    faults = faults_of(file, {"IMPORTER_API__RATE": "20/sec", "IMPORTER_INBOX__SETLE": "1s"})

    assert {key: fault.remedy for key, fault in faults.items()} == {
        "rulez": "did you mean rules?",
        "inbox.settle": 'write "2s"',
        "inbox.recursive": "write true or false",
        "inbox.watch": 'write "auto", "events" or "polling"',
        "inbox.ignore[1]": 'write it like "text"',
        "api.concurrency": "write it like 8",
        "api.base_url": 'write "https://example.test/api"',
        "api.key_lifetime": 'write "23h" or less',
        "api.account": 'write it like "text"',
        "documents.revision": 'write "reject", "hold" or "allow"',
        "documents.max_size": 'write it like "20MiB"',
        "schedule.backoff": 'write "30s..1h"',
        "legder": "did you mean ledger?",
        "IMPORTER_API__RATE": 'write "20/s"',
        "IMPORTER_INBOX__SETLE": "did you mean IMPORTER_INBOX__SETTLE? Otherwise unset it",
    }
    assert {fault.file for fault in faults.values()} == {str(file), "environment"}


def test_the_error_reads_as_place_problem_and_remedy(write):
    file = write('[inbox]\nsettle = "2 secs"')

    with pytest.raises(ConfigError) as refusal:
        load_settings(file, {})

    assert str(refusal.value) == (
        f"{file}: inbox.settle: '2 secs' is not a duration (a whole number with ms, s, m, h or d)\n    -> write \"2s\""
    )


def test_a_setting_in_the_wrong_section_is_led_home(write):
    faults = faults_of(write('settle = "1s"\n[inbox]\ntimeout = "1s"'))

    assert faults["settle"].remedy == "did you mean inbox.settle? It belongs into [inbox]"
    assert faults["inbox.timeout"].remedy == "did you mean api.timeout? It belongs into [api]"


def test_a_setting_like_no_other_is_told_what_there_is(write):
    assert faults_of(write("[ledger]\nxyz = 1"))["ledger.xyz"].remedy == "remove it; there are url"


@pytest.mark.parametrize("content", ["api = 5", 'api = "x"', "[[api]]\nconcurrency = 1"])
def test_a_section_that_is_none_is_one_fault_whatever_overrides_it(write, content):
    faults = faults_of(write(content), {"IMPORTER_API__CONCURRENCY": "4"})

    assert faults["api"].problem == "must be a section"
    assert len(faults) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('[inbox]\npath = "a\n', r"is not TOML: .*line 2, column 10"),
        ("[inbox]\npath = inbox\n", r"is not TOML: .*line 2, column 8"),
        ("# Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n\n".encode("latin-1"), r"is not UTF-8 \(line 1\)"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_one_fault_with_its_line(write, content, problem):
    faults = faults_of(write(content))

    assert re.match(problem, faults[""].problem)
    assert len(faults) == 1


def test_a_byte_order_mark_does_no_harm(tmp_path, write):
    assert load_settings(write(b'\xef\xbb\xbf[inbox]\r\npath = "in"\r\n'), {}).inbox.path == tmp_path / "in"


def test_what_is_no_readable_file_is_a_fault(tmp_path):
    assert faults_of(tmp_path / "gone.toml")[""].problem == "cannot be read: No such file or directory"
    assert faults_of(tmp_path)[""].problem == "cannot be read: Is a directory"


# The environment


def test_every_setting_can_be_overridden_with_its_own_default(tmp_path, write):
    environ = {
        variable_of(key): ",".join(default) if isinstance(default, list) else str(default)
        for key, default, _ in settings_reference()
    }

    assert dict(load_settings(write(), environ)) == dict(load_settings(write(), {}))


def test_a_variable_wins_over_the_file_and_paths_start_from_the_same_folder(tmp_path, write):
    file = write('[api]\nconcurrency = 2\n[inbox]\nrecursive = true\nignore = ["a"]')
    settings = load_settings(
        file,
        {
            "IMPORTER_API__CONCURRENCY": "4",
            "IMPORTER_API__BASE_URL": "https://example.test/api/",
            "IMPORTER_INBOX__PATH": "in",
            "IMPORTER_INBOX__RECURSIVE": "False",
            "IMPORTER_INBOX__IGNORE": "*.tmp, ~$*",
            "IMPORTER_RULES": "other.toml",
            "PATH": "/bin",
        },
    )

    assert (settings.api.concurrency, settings.api.base_url) == (4, "https://example.test/api")
    assert (settings.inbox.path, settings.inbox.recursive) == (tmp_path / "in", False)
    assert settings.inbox.ignore == ("*.tmp", "~$*")
    assert settings.rules == tmp_path / "config" / "other.toml"


def test_a_list_can_be_written_as_in_the_file(write):
    environ = {"IMPORTER_INBOX__IGNORE": '["a,b", "c"]'}

    assert load_settings(write(), environ).inbox.ignore == ("a,b", "c")


def test_a_mistake_in_a_variable_is_told_by_its_name(write):
    environ = {
        "IMPORTER_API__CONCURRENCY": "many",
        "IMPORTER_INBOX__RECURSIVE": "ja",
        "IMPORTER_INBOX__IGNORE": '["a',
        "IMPORTER_XYZZY": "1",
    }

    faults = faults_of(write('[api]\nconcurrency = "wrong, but overridden"'), environ)

    assert set(faults) == set(environ)
    assert all(fault.file == "environment" for fault in faults.values())


def test_the_variables_that_are_no_settings_are_no_faults(write):
    environ = {"IMPORTER_CONFIG": "x", "IMPORTER_API__USERNAME": "u", "IMPORTER_API__PASSWORD": PASSWORD}

    settings = load_settings(write(), environ)

    assert settings.api.username == "u"
    assert PASSWORD not in repr(settings)


# Passwords


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (f'[api]\npassword = "{PASSWORD}"', "api.password"),
        (f'[api]\nuser_password = "{PASSWORD}"', "api.user_password"),
        (f'PassWord = "{PASSWORD}"', "PassWord"),
        (f'[smtp.deep]\npasswd = "{PASSWORD}"', "smtp.deep.passwd"),
        (f'[[api]]\npassword = "{PASSWORD}"', "api.password"),
        (f'[api]\nauth = {{ user = "u", password = "{PASSWORD}" }}', "api.auth.password"),
        (f'[ledger]\npassword = "{PASSWORD}"', "ledger.password"),
        (f'[api]\nbase_url = "https://user:{PASSWORD}@example.test/api"', "api.base_url"),
        (f'[api]\nbase_url = "https:/user:{PASSWORD}@example.test"', "api.base_url"),
        (f'[api]\nbase_url = "https://user:{PASSWORD}/api"', "api.base_url"),
        (f'[api]\nbase_url = "https://example.test/api?password={PASSWORD}"', "api.base_url"),
        (f'[ledger]\nurl = "postgresql+psycopg://user:{PASSWORD}@db/importer"', "ledger.url"),
        (f'[ledger]\nurl = "postgresql+psycopg://user:a/{PASSWORD}?@db/importer"', "ledger.url"),
        (f'[ledger]\nurl = "postgresql+psycopg://user@db/importer?password={PASSWORD}"', "ledger.url"),
        (f'[ledger]\nurl = "postgresql+psycopg://user:{PASSWORD}/importer"', "ledger.url"),
        (f'[ledger]\nurl = "mysql://user:{PASSWORD}@db/importer"', "ledger.url"),
        (f'[ledger]\nurl = ["{PASSWORD}"]', "ledger.url"),
        (f'[api]\npasswort = "{PASSWORD}"', "api.passwort"),
        (f'[api]\npasword = "{PASSWORD}"', "api.pasword"),
    ],
)
def test_a_password_in_the_file_is_refused_and_never_repeated(write, content, key):
    with pytest.raises(ConfigError) as refusal:
        load_settings(write(content), {})

    assert key in [fault.key for fault in refusal.value.faults]
    assert "hunter2" not in str(refusal.value)
    assert "hunter2" not in repr(refusal.value)


def test_a_refused_password_is_told_where_it_belongs(write):
    faults = faults_of(write('[api]\npassword = "x"\n[ledger]\nurl = "postgresql+psycopg://user:x@db/importer"'))

    for way in ("$CREDENTIALS_DIRECTORY", "IMPORTER_API__PASSWORD", "api.password_file"):
        assert way in faults["api.password"].remedy
    assert "PGPASSFILE" in faults["ledger.url"].remedy
    assert "IMPORTER_LEDGER__URL" in faults["ledger.url"].remedy


def test_no_traceback_of_a_refused_password_shows_it(write):
    file = write(f'[api]\npassword = "{PASSWORD}"\nbase_url = "https://user:{PASSWORD}@example.test/api"')
    program = (
        "import sys, pathlib; from importer.config import load_settings; load_settings(pathlib.Path(sys.argv[1]), {})"
    )

    crash = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=False)

    assert "ConfigError" in crash.stderr
    assert "hunter2" not in crash.stderr


def test_the_ledgers_password_comes_from_the_environment_and_is_not_shown(write):
    url = f"postgresql+psycopg://importer:{PASSWORD}@db:5432/importer"

    settings = load_settings(write(), {"IMPORTER_LEDGER__URL": url})

    assert settings.ledger.url.reveal() == url
    assert str(settings.ledger.url) == "postgresql+psycopg://importer:***@db:5432/importer"
    assert "hunter2" not in f"{settings} {settings!r} {dict(settings)}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(settings.ledger.url)


def test_not_even_a_part_of_a_password_with_odd_characters_is_shown(write):
    environ = {"IMPORTER_LEDGER__URL": "postgresql+psycopg://importer:a@hunter2:/?b@db/importer"}

    assert str(load_settings(write(), environ).ledger.url) == "postgresql+psycopg://importer:***@db/importer"


# Addresses


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://example.test/api", "https://example.test/api"),
        ("https://example.test/api/", "https://example.test/api"),
        ("https://example.test:8443/v2/api//", "https://example.test:8443/v2/api"),
        ("http://localhost:8425/api", "http://localhost:8425/api"),
        ("http://127.9.9.9/api", "http://127.9.9.9/api"),
        ("http://[::1]:8425/api", "http://[::1]:8425/api"),
    ],
)
def test_the_api_is_reached_by_https_or_on_this_machine(write, written, meant):
    assert load_settings(write(), {"IMPORTER_API__BASE_URL": written}).api.base_url == meant


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("http://example.test/api", "write https://example.test..."),
        ("http://127.0.0.1.example.test/api", "write https://127.0.0.1.example.test..."),
        ("http://localhost.example.test/api", "write https://localhost.example.test..."),
        ("https://example.test/", 'write "https://example.test/api"'),
        ("example.test/api", 'write it like "https://your-host/api"'),
        ("ftp://example.test/api", 'write it like "https://your-host/api"'),
        ("https:///api", 'write it like "https://your-host/api"'),
        ("https://example.test:99999/api", 'write it like "https://your-host/api"'),
        ("https://example.test/api#x", 'write it like "https://your-host/api"'),
        ("https://exa\nmple.test/api", 'write it like "https://your-host/api"'),
        ("", 'write it like "https://your-host/api"'),
    ],
)
def test_any_other_address_is_refused(write, written, remedy):
    assert faults_of(write(), {"IMPORTER_API__BASE_URL": written})["IMPORTER_API__BASE_URL"].remedy == remedy


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://importer@db/importer",
        "postgresql+psycopg:///importer",
        "postgresql+psycopg://importer@[::1]:5432/importer?sslmode=verify-full&passfile=/run/pgpass",
    ],
)
def test_a_ledger_on_postgresql_keeps_its_address(write, url):
    ledger = load_settings(write(f'[ledger]\nurl = "{url}"'), {}).ledger

    assert ledger.url.reveal() == str(ledger.url) == url


@pytest.mark.parametrize(
    "url",
    [
        *("mysql://db/importer", "postgresql://db/importer", "postgresql+psycopg://db", "postgresql+psycopg://db/", ""),
        *(
            "sqlite://",
            "sqlite:///",
            "sqlite://ledger.db",
            "sqlite:///:memory:",
            "sqlite:///var/",
            "sqlite:///a?mode=ro",
        ),
        "sqlite:///~/ledger.db",
    ],
)
def test_any_other_ledger_is_refused_with_the_form_it_should_have(write, url):
    assert "sqlite:///var/ledger.db" in faults_of(write(f'[ledger]\nurl = "{url}"'))["ledger.url"].remedy


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", None),
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("[::1]:0", ("::1", 0)),
        ("/var/lib/node/importer.prom", Path("/var/lib/node/importer.prom")),
    ],
)
def test_metrics_are_served_at_a_host_and_a_port_or_written_or_neither(write, written, meant):
    assert load_settings(write(), {"IMPORTER_SERVICE__METRICS": written}).service.metrics == meant


@pytest.mark.parametrize(
    "written",
    [
        *("9464", "127.0.0.1:", "127.0.0.1:99999", "/var/metrics", "inbox/importer.prom"),
        *("0.0.0.0:9464", "[::]:9464", "192.0.2.1:9464", "importer.example:9464"),
    ],
)
def test_metrics_go_nowhere_else_and_never_to_the_network(write, written):
    assert faults_of(write(), {"IMPORTER_SERVICE__METRICS": written})


def test_a_file_of_metrics_needs_a_heartbeat(write):
    assert "service.metrics" in faults_of(write('[service]\nmetrics = "importer.prom"\nheartbeat = 0'))


# Sources that should deliver


def test_what_is_expected_is_read_with_its_days_and_its_time(write):
    first, second = load_settings(
        write(
            """
            [[expect]]
            name = "dunning run"
            folder = "Mahnungen/**"
            days = ["fri-mon", "wed"]
            by = "6:00"
            [[expect]]
            name = "invoices"
            kind = "invoice"
            by = "18:30"
            """
        ),
        {},
    ).expect
    assert (first.name, first.folder.parts, first.kind) == ("dunning run", ("Mahnungen", "**"), None)
    assert (first.timetable.days, first.timetable.by) == ({4, 5, 6, 0, 2}, time(6))
    assert (second.folder, second.kind, second.timetable.days) == (None, Kind.INVOICE, {0, 1, 2, 3, 4})


def test_every_fault_of_what_is_expected_is_told_with_its_place(write):
    faults = faults_of(
        write(
            """
            [[expect]]
            name = ""
            by = "24:00"
            [[expect]]
            folder = "../elsewhere"
            kind = "bill"
            days = "monday"
            dayz = "mon"
            by = "18:00"
            """
        )
    )
    of_second = {f"expect[1].{name}" for name in ("name", "folder", "kind", "days", "dayz")}
    assert faults.keys() == {"expect[0].name", "expect[0].by"} | of_second
    assert faults["expect[1].dayz"].remedy == "did you mean days?"


@pytest.mark.parametrize(
    "written",
    ['expect = "x"', 'expect = ["x"]', "[expect]\nby = 1", '[[expect]]\nname="a"\nby="1:00"\n' * 2],
)
def test_what_is_expected_stands_in_tables_of_their_own(write, written):
    assert all(key.startswith("expect") for key in faults_of(write(written)))


# Paths


@pytest.mark.parametrize(
    ("file", "root"),
    [
        ("/srv/importer/config/importer.toml", "/srv/importer"),
        ("/srv/importer/importer.toml", "/srv/importer"),
        ("/etc/importer/importer.toml", "/var/lib/importer"),
        ("/etc/importer/config/importer.toml", "/var/lib/importer"),
        ("/etc/importer-test/importer.toml", "/etc/importer-test"),
    ],
)
def test_relative_paths_start_from_the_folder_that_holds_config(file, root):
    assert root_of(Path(file)) == Path(root)


def test_the_working_directory_does_not_matter(tmp_path, write, monkeypatch):
    file = write('[inbox]\npath = "../in"\n[ledger]\nurl = "sqlite:///db/ledger.db"')
    monkeypatch.chdir(file.parent)

    settings = load_settings(Path("importer.toml"), {})

    assert (settings.file, settings.root) == (file, tmp_path)
    assert settings.inbox.path == tmp_path.parent / "in"
    assert settings.ledger.url.reveal() == f"sqlite:///{tmp_path}/db/ledger.db"


def test_absolute_paths_stay_as_they_are(write):
    settings = load_settings(write('[inbox]\npath = "/mnt/scans"\n[ledger]\nurl = "sqlite:////srv/ledger.db"'), {})

    assert settings.inbox.path == Path("/mnt/scans")
    assert settings.ledger.url.sqlite_path == Path("/srv/ledger.db")


def test_a_bare_name_of_the_rules_lies_beside_the_file_and_a_longer_one_below_the_root(tmp_path, write):
    assert load_settings(write('rules = "mine.toml"'), {}).rules == tmp_path / "config" / "mine.toml"
    assert load_settings(write('rules = "config/mine.toml"'), {}).rules == tmp_path / "config" / "mine.toml"
    assert load_settings(write('rules = "/srv/mine.toml"'), {}).rules == Path("/srv/mine.toml")


@pytest.mark.parametrize("written", ["", "  ", "~/inbox", "~anna/inbox", "a\0b"])
def test_a_path_that_leads_nowhere_is_refused(write, written):
    file = write(f"[inbox]\npath = {toml_text(written)}\n[archive]\nheld = {toml_text(written)}")

    assert set(faults_of(file)) == {"inbox.path", "archive.held"}


def toml_text(text):
    return '"' + text.replace("\0", "\\u0000") + '"'


@pytest.mark.parametrize(
    ("written", "root", "folder"),
    [
        ("archive", "/root/archive", "/root/archive"),
        ("archive/{year}/{month}/{day}", "/root/archive", "/root/archive/2026/03/09"),
        ("archive/of-{year}/x", "/root/archive", "/root/archive/of-2026/x"),
        ("{year}", "/root", "/root/2026"),
        ("/srv/{year}{month}", "/srv", "/srv/202603"),
        ("/{year}", "/", "/2026"),
    ],
)
def test_the_archive_may_depend_on_the_day_below_a_fixed_root(written, root, folder):
    archive = parse_dated_folder(written, Path("/root"))

    assert archive.root == Path(root)
    assert archive.at(date(2026, 3, 9)) == Path(folder)


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("archive/{yaer}", "write {year}"),
        ("archive/{year:04}", "write {year}"),
        ("archive/{kind}", "use {year}, {month} and {day} only"),
        ("archive/{}", "use {year}, {month} and {day} only"),
        ("archive/{year", 'write it like "archive/{year}/{month}"'),
        ("archive/{{year}}", 'write it like "archive/{year}/{month}"'),
        ("archive/{year}/../..", 'write it like "archive/{year}/{month}"'),
    ],
)
def test_any_other_placeholder_is_refused(write, written, remedy):
    assert faults_of(write(f'[archive]\nimported = "{written}"'))["archive.imported"].remedy == remedy


def test_only_the_archive_of_imported_documents_depends_on_the_day(write):
    assert "placeholder" in faults_of(write('[archive]\nheld = "held/{year}"'))["archive.held"].problem


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ('[archive]\nimported = "inbox/{year}"', "archive.imported"),
        ('[archive]\nimported = "{year}"', "inbox.path"),
        ('[archive]\nduplicates = "inbox"', "archive.duplicates"),
        ('[archive]\nrejected = "inbox/../inbox/rejected"', "archive.rejected"),
        ('[inbox]\npath = "held/in"', "inbox.path"),
        ('[archive]\nheld = "link/held"', "archive.held"),
        ('[ledger]\nurl = "sqlite:///inbox/ledger.db"', "ledger.url"),
        ('rules = "inbox/rules.toml"', "rules"),
        ('[api]\npassword_file = "link/password"', "api.password_file"),
        ('[inbox]\npath = "config"', "inbox.path"),
    ],
)
def test_nothing_of_ours_lies_in_the_inbox_nor_the_inbox_in_an_archive(tmp_path, write, content, key):
    (tmp_path / "inbox").mkdir()
    (tmp_path / "link").symlink_to("inbox")

    faults = faults_of(write(content))

    assert "lies inside" in faults[key].problem or "holds this configuration" in faults[key].problem


def test_a_name_that_only_begins_like_the_inbox_is_another_folder(tmp_path, write):
    assert load_settings(write('[archive]\nheld = "inbox-held"'), {}).archive.held == tmp_path / "inbox-held"


def test_a_conflict_is_told_together_with_other_faults_but_not_on_top_of_one_of_its_own(write):
    faults = faults_of(write('[inbox]\nsettle = "x"\npath = "~"\n[archive]\nheld = "inbox"\nrejected = "archive"'))

    assert set(faults) == {"inbox.settle", "inbox.path"}
    assert set(faults_of(write('[inbox]\nsettle = "x"\n[archive]\nheld = "inbox"'))) == {"inbox.settle", "archive.held"}


# Times that must fit together


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ('timeout = "5s"\nconnect_timeout = "6s"', "api.connect_timeout"),
        ('timeout = "0"', "api.timeout"),
        ('connect_timeout = "0s"', "api.connect_timeout"),
        ('key_lifetime = "23h"\nconcurrency = 0', "api.concurrency"),
        ("concurrency = true", "api.concurrency"),
        ('readback_grace = "-1s"', "api.readback_grace"),
    ],
)
def test_a_value_that_could_not_work_is_refused(write, content, key):
    assert set(faults_of(write(f"[api]\n{content}"))) == {key}


def test_a_short_timeout_need_not_care_about_the_default_for_connecting(write):
    assert load_settings(write('[api]\ntimeout = "2s"'), {}).api.timeout == timedelta(seconds=2)


def test_zero_is_allowed_where_it_means_something(write):
    settings = load_settings(
        write("""
            [inbox]
            settle = 0
            rescan = "0"
            [api]
            rate = "0/s"
            readback_grace = "0s"
            key_lifetime = "0h"
            [schedule]
            backoff = "0s..0s"
            waiting = "0"
            waiting_limit = "0d"
            [service]
            heartbeat = "0"
        """),
        {},
    )

    assert settings.api.rate.is_unlimited
    assert settings.inbox.settle == settings.api.readback_grace == settings.service.heartbeat == timedelta()


# Programs that are told of documents


def test_a_hook_is_a_program_and_its_arguments(tmp_path, write):
    page = (Path(__file__).parent.parent / "docs" / "hooks.md").read_text(encoding="utf-8")
    hooks = load_settings(write(re.search(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[1]), {}).hooks
    assert hooks.after_import == ("/usr/local/bin/book-it", "--ledger", "sales")

    # A bare name is looked for in PATH; one with a folder starts where all relative paths do; arguments stay
    hooks = load_settings(
        write('[hooks]\nafter_import = ["mail", "a/b"]\nneeds_person = ["bin/tell", "~/$x"]'), {}
    ).hooks
    assert hooks.after_import == ("mail", "a/b")
    assert hooks.needs_person == (str(tmp_path / "bin" / "tell"), "~/$x")
    assert load_settings(write(), {}).hooks.needs_person == ()


@pytest.mark.parametrize("value", ['"mail root"', '["mail", 1]', '[""]', '["a\\u0000b"]', '["~/bin/tell"]'])
def test_a_hook_that_is_none_is_refused(write, value):
    assert list(faults_of(write(f"[hooks]\nafter_import = {value}"))) == ["hooks.after_import"]
