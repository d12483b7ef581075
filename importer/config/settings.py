"""What can be set: every setting with its type, its default and its meaning.

`importer.config.load_settings` makes them. The defaults stand here as an operator writes them, so that the shipped
`config/importer.toml` and the reference can be compared with them word by word.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from importer.config.setting_types import (
    BaseUrl,
    CommandLine,
    Concurrency,
    Count,
    Dated,
    Days,
    Duration,
    Folder,
    KeyLifetime,
    LedgerAddress,
    ListenPlace,
    MetricsPlace,
    OptionalPath,
    Origin,
    Patterns,
    Range,
    RequestRate,
    RulesFile,
    Share,
    Size,
    SomePath,
    SomeTime,
    SourceFolder,
    SourceKind,
    SourceName,
    TimeOfDay,
    Treated,
    as_tables,
)
from importer.core.silence import Timetable

IGNORED = [
    *("README.md", "Thumbs.db", "desktop.ini", ".*", "~$*", "@eaDir", "#recycle"),
    *("*.tmp", "*.part", "*.partial", "*.filepart", "*.crdownload"),
    *("*.reason.txt", "*.receipt.json"),
]


def _setting(default: object, description: str) -> Any:
    return Field(default, description=description, validate_default=True)


class Section(BaseModel):
    """Unknown keys are refused, nothing is converted in silence, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Inbox(Section):
    """Where documents arrive, and when a file is taken for complete."""

    path: SomePath = _setting("inbox", "The folder where PDF and EML files arrive.")
    recursive: bool = _setting(True, "Whether folders inside the inbox are looked into as well.")
    watch: Literal["auto", "events", "polling"] = _setting(
        "auto",
        "How new files are noticed. `events`: the operating system tells. `polling`: only by looking, for network "
        "folders, where nobody tells. `auto`: whichever the inbox's file system can do.",
    )
    settle: Duration = _setting("2s", "How long a file must stay unchanged before it is taken for complete.")
    rescan: Duration = _setting(
        "60s", "How often the whole inbox is looked through, whatever was told meanwhile. With polling, the only look."
    )
    done_file: str = _setting(
        "",
        "The ending of a marker file, such as `.done`: `a.pdf` is then taken only when `a.pdf.done` lies beside it. "
        "Empty: no marker is waited for.",
    )
    ignore: Patterns = _setting(
        IGNORED,
        "Names of files and folders that are left alone, with `*`, `?` and `[...]`. A list of your own replaces "
        "this one.",
    )


class Archive(Section):
    """Where documents go when they are done with."""

    imported: Dated = _setting(
        "archive/{year}/{month}",
        "Folder for imported documents and their receipts. `{year}`, `{month}` and `{day}` are those of the import.",
    )
    duplicates: Folder = _setting(
        "archive/duplicates", "Folder for files that were imported before under another name."
    )
    rejected: Folder = _setting(
        "rejected", "Folder for files that a person must change; the reason lies beside each of them."
    )
    held: Folder = _setting(
        "held", "Folder for files that a person must decide about; the reason lies beside each of them."
    )


class Api(Section):
    """Abillify, and how it is spoken to."""

    base_url: BaseUrl = _setting(
        "http://127.0.0.1:8425/api",
        "Abillify's address, usually `https://your-host/api`. http:// is allowed to this machine only. The default is "
        "the local sandbox.",
    )
    account: str = _setting(
        "",
        "A stable name for the account at Abillify, part of every document's identity. Written into the ledger at "
        "first use (`default` when empty) and compared from then on. Not the user name, which may change.",
    )
    username: str = _setting("", "User name of the API credential, unless it comes from outside like the password.")
    password_file: OptionalPath = _setting(
        "",
        "A file that holds nothing but the password of the API credential, readable by the importer alone. Looked at "
        "after `$CREDENTIALS_DIRECTORY` and `IMPORTER_API__PASSWORD`.",
    )
    concurrency: Concurrency = _setting(8, "How many documents are under way at the same time, 1 to 64.")
    rate: RequestRate = _setting(
        "20/s", "How many requests are sent at most, per second (s), minute (m) or hour (h). `0/s`: no limit."
    )
    connect_timeout: SomeTime = _setting("10s", "How long a connection may take to come about.")
    timeout: SomeTime = _setting(
        "60s", "How long a whole request may take, from the connection to the reply's last byte."
    )
    key_lifetime: KeyLifetime = _setting(
        "20h",
        "How long an idempotency key is used, at most `23h`: Abillify forgets it after 24 hours.",
    )
    readback_grace: Duration = _setting(
        "10m",
        "How long an import may take to become visible. Only after this time does its absence at Abillify count.",
    )
    fingerprint: bool = _setting(
        True,
        "Whether a short fingerprint is added to the document's description at Abillify, so that a read-back knows it "
        "again.",
    )
    check_remote: Literal["never", "backfill", "always"] = _setting(
        "never",
        "When Abillify is asked before the first send whether it holds the document already, for example after a "
        "manual upload.",
    )


class Ledger(Section):
    """Where the importer remembers what went where."""

    url: LedgerAddress = _setting(
        "sqlite:///var/ledger.db",
        "The ledger's address: `sqlite:///var/ledger.db` (four slashes for an absolute path) or "
        "`postgresql+psycopg://user@host/database`. A password only in a PGPASSFILE, in "
        "`$CREDENTIALS_DIRECTORY/ledger_password`, or in `IMPORTER_LEDGER__URL`.",
    )


class Documents(Section):
    """What is done with doubtful documents: `reject`, `hold` for a person, or `allow`."""

    max_size: Size = _setting("20MiB", "The largest file that is imported; a larger one is rejected.")
    encrypted: Treated = _setting("reject", "A PDF that needs a password, or an e-mail that needs a key.")
    damaged: Treated = _setting("hold", "A PDF or e-mail that cannot be read completely.")
    active_content: Treated = _setting("hold", "A PDF with scripts, actions that run something, or embedded programs.")
    einvoice_mismatch: Treated = _setting(
        "hold",
        "A PDF whose e-invoice (Factur-X, ZUGFeRD, XRechnung, Order-X) has another invoice number or type than the "
        "file's name says, or cannot be read.",
    )
    text_must_contain_reference: Treated = _setting(
        "allow",
        "A PDF without the invoice reference in the text of its first 20 pages. A scan has no text, so `hold` holds "
        "every scan, and `reject` rejects every one.",
    )
    revision: Treated = _setting(
        "hold", "Other bytes for an invoice and a kind of which one document is expected and is known already."
    )
    paid_invoice: Literal["hold", "allow"] = _setting(
        "allow",
        "A reminder or dunning letter for an invoice that is paid or cancelled, or looks so: with `hold`, Abillify is "
        "asked before each of them.",
    )
    same_bytes_elsewhere: Treated = _setting("hold", "The same bytes under another invoice or another kind.")


class Brake(Section):
    """When files that arrive together are held until a person has looked at them."""

    files_per_reference: Count = _setting(
        25, "More files than this for one invoice reference within an hour are unusual. 0: never."
    )
    fallback_share: Share = _setting(
        "50%",
        "A greater share of the files of an hour (20 or more) that only a rule with `fallback` understood is unusual. "
        "`100%`: never.",
    )


class Schedule(Section):
    """When something is tried again."""

    backoff: Range = _setting("30s..1h", "Waits between tries after a fault: the first one, and the longest one.")
    waiting: Range = _setting(
        "10m..24h",
        "Waits between questions whether an invoice has reached Abillify: the first one, and the longest one.",
    )
    waiting_limit: Duration = _setting(
        "14d", "How long a document waits for its invoice before it is held for a person."
    )


class Service(Section):
    """The importer as a service."""

    metrics: MetricsPlace = _setting(
        "",
        "Where metrics for Prometheus are served, on this machine only, for example `127.0.0.1:9464`; or a file that "
        "ends in `.prom`, for the textfile collector of a node exporter. Empty: nowhere.",
    )
    heartbeat: Duration = _setting("15s", "How often the service reports that it is alive. 0: never.")


class Hooks(Section):
    """Programs of your own that are told of documents."""

    after_import: CommandLine = _setting(
        [],
        "A program and its arguments, called for each imported document, which it gets as JSON on its standard input; "
        "at least once, never through a shell. Empty: none.",
    )
    needs_person: CommandLine = _setting(
        [], "The same for each document that a person must decide about or change (held, rejected)."
    )
    timeout: SomeTime = _setting("30s", "How long such a program may take for one document; then it is ended.")


class Dashboard(Section):
    """The operator's page."""

    listen: ListenPlace = _setting(
        "",
        "Where `importer run` serves the operator's page, for example `127.0.0.1:8426`. Empty: not at all. Any other "
        "address than this machine's own wants a `token_file`.",
    )
    token_file: OptionalPath = _setting(
        "",
        "A file that holds nothing but the token that the page asks for at login, 16 characters or more, readable by "
        "the importer alone. Empty: nobody is asked, on this machine only.",
    )
    language: Literal["auto", "de", "en"] = _setting(
        "auto", "The page's language, unless a visitor chooses another one. `auto`: what the browser asks for."
    )


class Expected(Section):
    """A source that should deliver: one table `[[expect]]`."""

    name: SourceName = Field(description="What the source is called in messages and metrics.")
    folder: SourceFolder = _setting("", "Where in the inbox it delivers, as in a rule. Empty: anywhere.")
    kind: SourceKind = _setting("", "What kind of document it delivers. Empty: any.")
    days: Days = _setting("mon-fri", "On which days of the week.")
    by: TimeOfDay = Field(description="By when something has come on such a day, by this machine's clock.")

    @property
    def timetable(self) -> Timetable:
        return Timetable(self.days, self.by)


class Settings(Section):
    """Everything that can be set, parsed. Made by `importer.config.load_settings` only."""

    rules: RulesFile = _setting(
        "rules.toml",
        "The file with the rules that read invoice and kind from a file's name; a bare name lies beside this file.",
    )
    inbox: Inbox = _setting({}, "")
    archive: Archive = _setting({}, "")
    api: Api = _setting({}, "")
    ledger: Ledger = _setting({}, "")
    documents: Documents = _setting({}, "")
    brake: Brake = _setting({}, "")
    schedule: Schedule = _setting({}, "")
    service: Service = _setting({}, "")
    hooks: Hooks = _setting({}, "")
    dashboard: Dashboard = _setting({}, "")
    expect: Annotated[tuple[Expected, ...], BeforeValidator(as_tables)] = ()
    """No single setting: it stands in no reference, and no variable overrides it."""
    _origin: Origin = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        self._origin = context

    @property
    def file(self) -> Path:
        """The configuration file, absolute."""
        return self._origin.file

    @property
    def root(self) -> Path:
        """Where relative paths start from, absolute."""
        return self._origin.root

    def folders(self) -> tuple[Path, ...]:
        """The folders that the importer needs, for the caller who makes the missing ones."""
        archive, ledger = self.archive, self.ledger.url.sqlite_path
        needed = (self.inbox.path, archive.imported.root, archive.duplicates, archive.rejected, archive.held)
        return (*needed, ledger.parent) if ledger else needed


TABLES = {"expect": Expected}
"""What may stand in the file any number of times, as `[[expect]]`."""


class SettingReference(NamedTuple):
    """One setting as the documentation shows it."""

    key: str
    default: str | int | bool | list[str]
    """As it is written in TOML."""
    description: str


def sections() -> dict[str, type[Section]]:
    """The sections by name; under the empty name, what stands outside of every section."""
    kinds = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {"": Settings} | {name: k for name, k in kinds.items() if isinstance(k, type) and issubclass(k, Section)}


def settings_reference() -> list[SettingReference]:
    """Every setting with its default and its meaning, in the order of the file."""
    known = sections()
    return [
        SettingReference(f"{section}.{name}".removeprefix("."), field.default, field.description or "")
        for section, kind in known.items()
        for name, field in kind.model_fields.items()
        if section or name not in {*known, *TABLES}
    ]
