"""What `init` writes, and what it leaves alone."""

import re
from pathlib import Path

import pytest

from importer.config import ConfigError, load_settings
from importer.config.scaffold import drop_in, templates, write_config

DROP_IN = "systemd/importer.service.d/local.conf"


def test_an_empty_folder_gets_everything_an_importer_begins_with(tmp_path):
    done = write_config(tmp_path / "new" / "importer")

    names = {"inbox", DROP_IN, *(f"config/{path.name}" for path in templates().glob("*.toml"))}
    assert {str(path.relative_to(tmp_path / "new" / "importer")) for path in done.written} == names
    assert all(path.exists() for path in done.written)
    assert done.kept == ()


def test_the_configuration_that_was_written_works(tmp_path):
    write_config(tmp_path)

    settings = load_settings(tmp_path / "config" / "importer.toml", {})

    assert settings.inbox.path == tmp_path / "inbox"
    assert settings.rules.is_file()


def test_nothing_that_exists_is_overwritten(tmp_path):
    mine = tmp_path / "config" / "importer.toml"
    mine.parent.mkdir()
    mine.write_text("# mine")
    dangling = tmp_path / DROP_IN
    dangling.parent.mkdir(parents=True)
    dangling.symlink_to("elsewhere.conf")

    done = write_config(tmp_path)

    assert set(done.kept) == {mine, dangling}
    assert mine.read_text() == "# mine"
    assert not dangling.exists()


def test_a_second_time_everything_is_kept(tmp_path):
    first = write_config(tmp_path)

    second = write_config(tmp_path)

    assert (second.written, second.kept) == ((), first.written)


def test_a_relative_folder_is_written_down_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    done = write_config(Path("here"))

    assert f'"IMPORTER_CONFIG={tmp_path}/here/config/importer.toml"' in (tmp_path / "here" / DROP_IN).read_text()
    assert all(path.is_absolute() for path in done.written)


def test_the_drop_in_gives_the_service_its_credentials_and_its_paths(tmp_path):
    lines = drop_in(tmp_path / '100% "sure"').splitlines()

    assert "LoadCredential=api_username:/etc/importer/credentials/api_username" in lines
    assert "LoadCredential=api_password:/etc/importer/credentials/api_password" in lines
    assert f'ReadWritePaths="{tmp_path}/100%% \\"sure\\""' in lines
    assert f'WorkingDirectory={tmp_path}/100%% "sure"' in lines
    settings = [line for line in lines if line and not line.startswith("#")]
    assert all(re.match(r"\[Service\]$|[A-Za-z]+=", line) for line in settings)


def test_a_folder_that_cannot_be_written_is_told_by_its_name(tmp_path):
    (tmp_path / "config").write_text("in the way")

    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path}/config: cannot be written")):
        write_config(tmp_path)
