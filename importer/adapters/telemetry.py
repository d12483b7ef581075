"""Logs: constant dotted event names plus fields; readable on a terminal, JSON elsewhere, and never a secret.

Into systemd's journal each line goes with its priority before it, as `man 3 sd-daemon` says (`<4>` for a warning): so
`journalctl -p warning` finds it. The journal takes that off again.
"""

import base64
import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

REDACTED = "***"

CONSTANT = frozenset({"event", "level", "timestamp", "document", "state", "reason", "kind"})
"""Fields whose values are words of ours: whatever the password is, they stay what they are."""

LONG = 8

JOURNAL = "JOURNAL_STREAM"
"""Device and inode of the stream that systemd has connected with the journal (man 5 systemd.exec)."""

PRIORITIES = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""Syslog's, by level."""


class Redactor:
    """Replaces every known secret in whatever is to be logged, however deeply it is nested.

    The last line of defence: no code of ours logs a secret on purpose, but a library's exception might carry one.
    """

    def __init__(self) -> None:
        self._secrets: tuple[re.Pattern[str], ...] = ()

    def hide(self, username: str, password: str) -> None:
        """Hides a password, and the header that is made of it."""
        basic = base64.b64encode(f"{username}:{password}".encode()).decode()
        patterns = (*self._secrets, *(_pattern(secret) for secret in (basic, password) if secret))
        known = {pattern.pattern: pattern for pattern in patterns}
        # The longest first, so that one that contains another is replaced whole.
        self._secrets = tuple(sorted(known.values(), key=lambda pattern: len(pattern.pattern), reverse=True))

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: value if key in CONSTANT else self.clean(value) for key, value in event.items()}

    def clean(self, value: Any) -> Any:
        if isinstance(value, str):
            for secret in self._secrets:
                value = secret.sub(REDACTED, value)
            return value.encode("utf-8", "backslashreplace").decode()
        if isinstance(value, Mapping):
            return {key: self.clean(item) for key, item in value.items()}
        if isinstance(value, Iterable) and not isinstance(value, bytes):
            return [self.clean(item) for item in value]
        return value


def _pattern(secret: str) -> re.Pattern[str]:
    """A short password may be a piece of any word: it is hidden where it stands alone."""
    escaped = re.escape(secret)
    return re.compile(escaped if len(secret) >= LONG else rf"(?<!\w){escaped}(?!\w)")


def leads_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether what is written there arrives in the journal, and not in a file or a pipe that was put in between."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return environ.get(JOURNAL) == f"{status.st_dev}:{status.st_ino}"


def start_logging(
    *,
    form: str | None = None,
    level: str = "info",
    stream: TextIO | None = None,
    redactor: Redactor | None = None,
    environ: Mapping[str, str] = os.environ,
) -> FilteringBoundLogger:
    """Sets up the log of this process and returns its logger.

    Args:
        form: `console` or `json`; by default what suits the stream.
        level: `debug`, `info`, `warning` or `error`.
        stream: standard error unless given.
        redactor: knows the secrets.
        environ: tells whether the stream leads to the journal.
    """
    stream = stream or sys.stderr
    form = form or ("console" if stream.isatty() else "json")
    *shaping, render = _rendering(form, colors=stream.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if form == "json" else "%H:%M:%S", utc=form == "json"),
            structlog.processors.format_exc_info,
            redactor or Redactor(),
            *shaping,
            _with_priority(render) if leads_to_journal(stream, environ) else render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger.bind()  # put together here, and not anew for each line


def program_log(redactor: Redactor) -> FilteringBoundLogger:
    """A log that goes where a program that is not ours sends what its libraries have to say: `logging`, `importer`.

    Nothing of that program's set-up is touched, neither of `logging` nor of structlog. Each record has the event and
    its fields as a line of text, and the fields by name as `record.importer`.
    """
    logger = logging.getLogger("importer")
    if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        logger.addHandler(logging.NullHandler())  # without any handler Python would print warnings by itself
    bound: FilteringBoundLogger = structlog.wrap_logger(
        logger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            redactor,
            _as_record,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        context_class=dict,
    )
    return bound.bind()


def _as_record(_: Any, __: str, event: MutableMapping[str, Any]) -> tuple[tuple[str], dict[str, Any]]:
    fields = dict(event)
    words = [str(fields.pop("event")), *(f"{name}={_json(value, default=str)}" for name, value in fields.items())]
    return (" ".join(words),), {"extra": {"importer": fields}}


def _with_priority(render: Processor) -> Processor:
    """The same, with the priority before every line of it: the journal takes each line for itself."""

    def rendered(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        priority = PRIORITIES[event["level"]]  # first: rendering may take it out
        return "\n".join(f"<{priority}>{line}" for line in str(render(logger, method, event)).split("\n"))

    return rendered


def _rendering(form: str, *, colors: bool) -> list[Processor]:
    if form == "json":
        return [structlog.processors.EventRenamer("event"), structlog.processors.JSONRenderer(_json)]
    return [structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=24, sort_keys=False)]


def _json(event: Any, **options: Any) -> str:
    """Readable for a person too; what a terminal might obey, of a file's name for example, is escaped."""
    line = json.dumps(event, ensure_ascii=False, **options)
    if line.isprintable():
        return line
    return "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in line)
