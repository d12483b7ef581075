"""What settings must keep to among each other. Each has been parsed by itself already."""

import os.path
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from importer.config.settings import Api, Settings
from importer.config.units import parse_duration

DEFAULT_CONNECT_TIMEOUT = parse_duration(Api.model_fields["connect_timeout"].default)


class Conflict(NamedTuple):
    """Settings that contradict one another."""

    keys: tuple[str, ...]
    """The one to change first."""
    problem: str
    remedy: str


def conflicts(settings: Settings) -> Iterator[Conflict]:
    yield from _timeouts(settings)
    yield from _metrics_never_written(settings)
    yield from _page_for_everybody(settings)
    yield from _folders_in_the_way(settings)
    yield from _files_in_the_inbox(settings)
    yield from _namesakes(settings)


def _timeouts(settings: Settings) -> Iterator[Conflict]:
    api = settings.api
    # The total deadline cuts a connection short in any case, so an untouched default contradicts nothing.
    if api.connect_timeout > api.timeout and api.connect_timeout != DEFAULT_CONNECT_TIMEOUT:
        yield Conflict(
            ("api.connect_timeout", "api.timeout"),
            "is longer than api.timeout, the time for the whole request",
            "shorten it, or lengthen api.timeout",
        )


def _metrics_never_written(settings: Settings) -> Iterator[Conflict]:
    if isinstance(settings.service.metrics, Path) and not settings.service.heartbeat:
        problem = "is written every service.heartbeat, which is 0"
        yield Conflict(("service.metrics", "service.heartbeat"), problem, "set a heartbeat, or listen on a port")


def _page_for_everybody(settings: Settings) -> Iterator[Conflict]:
    dashboard = settings.dashboard
    if dashboard.listen is not None and not dashboard.listen.is_loopback and dashboard.token_file is None:
        yield Conflict(
            ("dashboard.listen", "dashboard.token_file"),
            "would let everybody in the network decide about documents",
            'set dashboard.token_file, or listen on "127.0.0.1:8426"',
        )


def _folders_in_the_way(settings: Settings) -> Iterator[Conflict]:
    archive, inbox = settings.archive, settings.inbox.path
    folders = {
        "archive.imported": archive.imported.root,
        "archive.duplicates": archive.duplicates,
        "archive.rejected": archive.rejected,
        "archive.held": archive.held,
    }
    for key, folder in folders.items():
        if _lies_in(folder, inbox):
            problem = f"{folder} lies inside the inbox {inbox}, so the importer would import its own archive"
            yield Conflict((key, "inbox.path"), problem, "name a folder outside of the inbox, beside it for example")
        elif _lies_in(inbox, folder):
            problem = f"{inbox} lies inside {folder} ({key}), so the importer would import its own archive"
            yield Conflict(("inbox.path", key), problem, f"name a folder outside of {folder}, or change {key}")


def _files_in_the_inbox(settings: Settings) -> Iterator[Conflict]:
    inbox = settings.inbox.path
    files = {
        "rules": settings.rules,
        "api.password_file": settings.api.password_file,
        "ledger.url": settings.ledger.url.sqlite_path,
        "dashboard.token_file": settings.dashboard.token_file,
        "service.metrics": metrics if isinstance(metrics := settings.service.metrics, Path) else None,
    }
    for key, file in files.items():
        if file and _lies_in(file, inbox):
            problem = f"{file} lies inside the inbox {inbox}, so the importer would move it away"
            yield Conflict((key, "inbox.path"), problem, "name a file outside of the inbox")
    if _lies_in(settings.file, inbox):
        problem = f"{inbox} holds this configuration, so the importer would move it away"
        yield Conflict(("inbox.path",), problem, 'name a folder that is only an inbox, such as "inbox"')


def _namesakes(settings: Settings) -> Iterator[Conflict]:
    names = [expected.name for expected in settings.expect]
    for index, name in enumerate(names):
        if name in names[:index]:
            key = f"expect[{index}].name"
            yield Conflict((key,), "is the name of another expected source too", "give each of them its own")


def _lies_in(path: Path, folder: Path) -> bool:
    """Whether it is so on the disk, through whatever links."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
