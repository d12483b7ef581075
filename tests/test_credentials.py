"""User name and password: where they come from, and that the password is never seen."""

import copy
import dataclasses
import json
import logging
import pickle
import traceback

import pytest

from importer.config import ConfigError, Credentials, MissingCredentials, Secret, load_credentials, load_settings

PASSWORD = "hunter2"
BY_VARIABLES = {"IMPORTER_API__USERNAME": "variable", "IMPORTER_API__PASSWORD": "variable-pw"}


@pytest.fixture
def settings_with(tmp_path):
    """Settings with this [api] section."""

    def settings_with(api=""):
        file = tmp_path / "config" / "importer.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"[api]\n{api}")
        return load_settings(file, {})

    return settings_with


@pytest.fixture
def settings_with_file(tmp_path, settings_with):
    def settings_with_file(content=b"file-pw\n", mode=0o600):
        path = tmp_path / "password"
        path.write_bytes(content)
        path.chmod(mode)
        return settings_with('username = "file"\npassword_file = "password"')

    return settings_with_file


def credentials_directory(tmp_path, **files):
    folder = tmp_path / "credentials"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def pair(credentials):
    return credentials.username, credentials.password.reveal()


def test_systemds_folder_comes_first(tmp_path, settings_with_file):
    environ = credentials_directory(tmp_path, api_username="systemd\n", api_password="systemd-pw\n")

    assert pair(load_credentials(settings_with_file(), environ | BY_VARIABLES)) == ("systemd", "systemd-pw")


def test_the_variables_come_second(tmp_path, settings_with_file):
    environ = credentials_directory(tmp_path, something_else="x")

    assert pair(load_credentials(settings_with_file(), environ | BY_VARIABLES)) == ("variable", "variable-pw")


def test_the_file_comes_last(settings_with_file):
    assert pair(load_credentials(settings_with_file(), {})) == ("file", "file-pw")


def test_the_user_name_may_stand_in_the_configuration_and_the_password_elsewhere(tmp_path, settings_with):
    environ = credentials_directory(tmp_path, api_password="systemd-pw")

    assert pair(load_credentials(settings_with('username = "u"'), environ)) == ("u", "systemd-pw")


@pytest.mark.parametrize(
    ("content", "password"), [(b"pw", "pw"), (b"pw\r\n", "pw"), (b" p w \n", " p w "), ("pö\n".encode(), "pö")]
)
def test_only_the_line_break_at_the_end_is_no_part_of_the_password(settings_with_file, content, password):
    assert load_credentials(settings_with_file(content), {}).password.reveal() == password


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hunter2\nhunter3\n", "holds more than one line"),
        (b"hunter2\xff", "is not UTF-8"),
    ],
)
def test_a_password_file_that_cannot_be_meant_is_refused_without_showing_it(settings_with_file, content, problem):
    settings = settings_with_file(content)

    with pytest.raises(ConfigError) as refusal:
        load_credentials(settings, {})

    assert refusal.value.faults[0].problem == problem
    assert "hunter" not in "".join(traceback.format_exception(refusal.value))


def test_a_password_file_that_everyone_can_read_is_refused(tmp_path, settings_with_file):
    with pytest.raises(ConfigError) as refusal:
        load_credentials(settings_with_file(mode=0o604), {})

    assert refusal.value.faults[0].remedy == f"chmod 600 {tmp_path}/password"


def test_a_password_file_for_a_group_is_accepted(settings_with_file):
    assert load_credentials(settings_with_file(mode=0o640), {}).username == "file"


def test_a_password_file_that_is_not_there_is_a_fault(settings_with):
    with pytest.raises(ConfigError, match=r"api\.password_file: cannot be read: No such file"):
        load_credentials(settings_with('username = "u"\npassword_file = "gone"'), {})


def test_a_user_name_with_a_colon_could_not_be_sent(settings_with):
    with pytest.raises(ConfigError, match="holds a colon"):
        load_credentials(settings_with('username = "u:pw"'), {"IMPORTER_API__PASSWORD": PASSWORD})


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, "api.username and api.password"),
        ({"IMPORTER_API__USERNAME": "u"}, "api.password"),
        ({"IMPORTER_API__PASSWORD": PASSWORD}, "api.username"),
        ({"IMPORTER_API__USERNAME": "u", "IMPORTER_API__PASSWORD": ""}, "api.password"),
        ({"CREDENTIALS_DIRECTORY": "/nowhere"}, "api.username and api.password"),
    ],
)
def test_what_is_missing_is_told_once_with_all_three_ways_to_give_it(settings_with, environ, missing):
    with pytest.raises(MissingCredentials) as refusal:
        load_credentials(settings_with(), environ)

    (fault,) = refusal.value.faults
    assert fault.key == missing
    lines = fault.remedy.splitlines()
    for way in ("$CREDENTIALS_DIRECTORY", "IMPORTER_API__PASSWORD", "api.password_file"):
        assert len([line for line in lines if way in line]) == 1, "each way has a line of its own"
    assert PASSWORD not in str(refusal.value)


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        "{}".format,
        "{!r:>40}".format,
        "{:>20}".format,
        lambda shown: "%s %r" % (shown, shown),  # noqa: UP031 - this is how logging does it
        lambda shown: json.dumps({"shown": shown}, default=str),
    ],
)
def test_a_secret_is_not_shown_by(show):
    assert PASSWORD not in show(Secret(PASSWORD))
    assert "***" in show(Secret(PASSWORD))


@pytest.mark.parametrize("show", [str, repr, dataclasses.asdict, dataclasses.astuple, copy.deepcopy])
def test_credentials_are_shown_without_their_password_by(show):
    shown = repr(show(Credentials(username="u", password=Secret(PASSWORD))))

    assert PASSWORD not in shown
    assert "***" in shown


def test_a_log_shows_no_password(caplog):
    credentials = Credentials(username="u", password=Secret(PASSWORD))

    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("%s %r", credentials, credentials.password, extra={"credentials": credentials})

    assert "***" in caplog.text
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(vars(caplog.records[0]))


def test_a_secret_does_not_leave_the_process():
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Credentials(username="u", password=Secret(PASSWORD)))


def test_secrets_with_the_same_text_are_equal():
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"


def test_a_password_that_is_not_utf8_is_a_fault_and_not_shown(tmp_path):
    config = tmp_path / "config" / "importer.toml"
    config.parent.mkdir()
    config.write_text("")
    environ = {"IMPORTER_API__USERNAME": "u", "IMPORTER_API__PASSWORD": "geheim\udcff"}
    with pytest.raises(ConfigError, match="UTF-8") as caught:
        load_credentials(load_settings(config, {}), environ)
    assert "geheim" not in str(caught.value)
