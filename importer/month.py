"""A month for an auditor: what was imported when, with its hash and references, and who decided what.

Pure rendering: values in, CSV or one HTML page out, which needs nothing else and runs nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from html import escape
from typing import Any

from importer.adapters.ledger import Chronicle, Decided
from importer.core.model import Document
from importer.core.naming import shown
from importer.report import local
from importer.spreadsheet import csv_of

FIELDS = (
    *("imported_at", "document", "path", "invoice_reference", "kind", "size", "sha256"),
    *("communication_reference", "file_reference", "voucher_reference", "references_from", "rule"),
    *("first_seen_at", "decisions", "resent_at", "account", "ledger", "importer_version"),
)
SHOWN = FIELDS[:-3]
"""In the page the rest stands above the table."""

SOURCES = {"reply": "Abillify's reply", "readback": "looked up at Abillify", "person": "given by a person"}

STYLE = """
:root { color-scheme: light; }
body { font: 10pt/1.4 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; margin: 2rem; color: #111; }
h1 { font-size: 18pt; margin: 0 0 .2rem; } h2 { font-size: 13pt; margin: 1.6rem 0 .4rem; }
p.meta { color: #444; margin: .2rem 0; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; color: #444; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px solid #ccc; }
th { border-bottom: 2px solid #333; } td.number, th.number { text-align: right; }
table.totals { width: auto; } tfoot td { font-weight: 600; border-top: 2px solid #333; }
code { font: 8pt/1.3 ui-monospace, Consolas, monospace; overflow-wrap: anywhere; }
td { overflow-wrap: anywhere; }
@page { size: A4 landscape; margin: 12mm; }
@media print {
  body { margin: 0; font-size: 7.5pt; } thead { display: table-header-group; } tr { break-inside: avoid; }
  h2 { break-after: avoid; } code { font-size: 6.5pt; }
}
"""


@dataclass(frozen=True)
class Month:
    """What is told, and who tells it."""

    name: str
    """As in `2026-10`."""
    begin: datetime
    end: datetime
    story: Chronicle
    version: str
    """The importer's."""
    made_at: datetime
    made_by: str

    @cached_property
    def by_document(self) -> Mapping[int | None, Sequence[Decided]]:
        """What people did, by document."""
        found: dict[int | None, list[Decided]] = defaultdict(list)
        for decided in self.story.decided:
            found[decided.document_id].append(decided)
        return found

    @property
    def decided_now(self) -> list[Decided]:
        return [decided for decided in self.story.decided if decided.at >= self.begin]

    @property
    def ledger(self) -> str:
        told = self.story.ledger
        return f"{told.ledger or 'not identified yet'}, epoch {told.epoch}"


def as_csv(month: Month, dialect: str) -> str:
    """One line a document."""
    return csv_of(FIELDS, _rows(month), dialect)


def _rows(month: Month) -> Iterator[dict[str, Any]]:
    resent = {resend.document_id: resend.sent_at for resend in month.story.resent if resend.document_id}
    for document in month.story.imported:
        references = document.references
        yield {
            "imported_at": document.imported_at,
            "document": f"D{document.id}",
            "path": shown(document.path),
            "invoice_reference": document.invoice_reference,
            "kind": document.kind,
            "size": document.size,
            "sha256": document.sha256,
            "communication_reference": references and references.communication,
            "file_reference": references and references.file,
            "voucher_reference": references and references.voucher,
            "references_from": references and references.source.value,
            "rule": document.rule,
            "first_seen_at": document.first_seen_at,
            "decisions": "; ".join(map(_decision, month.by_document.get(document.id, ()))),
            "resent_at": resent.get(document.id),
            "account": document.account,
            "ledger": month.ledger,
            "importer_version": month.version,
        }


def _decision(decided: Decided) -> str:
    note = f" ({shown(decided.data['note'])})" if decided.data.get("note") else ""
    return f"{local(decided.at)} {shown(decided.actor)}: {_act(decided)}{note}"


def _act(decided: Decided) -> str:
    return decided.name.removeprefix("person.").replace("_", " ")


# ---------------------------------------------------------------- one page


def as_html(month: Month) -> str:
    """Self-contained, without scripts; a browser prints it on A4."""
    title = f"Imported documents, {month.name}"
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{_text(title)}</h1>",
        *_meta(month),
        *_totals(month),
        *_imported(month),
        *_decisions(month),
        *_resends(month),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _meta(month: Month) -> Iterator[str]:
    told = month.story.ledger
    lines = {
        "Time": f"{_zoned(month.begin)} until before {_zoned(month.end)}",
        "Account": month.story.account or "none yet",
        "Ledger": f"{month.ledger}, event {told.sequence}, hash {told.hash}",
        "Made": f"{_zoned(month.made_at)} by {month.made_by}, with importer {month.version}",
    }
    for name, value in lines.items():
        yield f'<p class="meta">{name}: {_text(value)}</p>'


def _totals(month: Month) -> Iterator[str]:
    imported = month.story.imported
    kinds = Counter(str(document.kind) for document in imported)
    sizes: Counter[str] = Counter()
    for document in imported:
        sizes[str(document.kind)] += document.size
    rows = [[kind, count, sizes[kind]] for kind, count in sorted(kinds.items())]
    total = ["all", len(imported), sum(sizes.values())]
    yield "<h2>Totals</h2>"
    yield _table("totals", "Imported, by kind", ["kind", "documents", "bytes"], rows, total)
    sources = Counter(_source(document) for document in imported)
    if sources:
        yield _table("totals", "Where the references come from", ["source", "documents"], sorted(sources.items()))
    states = sorted((state.value, count) for state, count in month.story.first_seen.items())
    if states:
        caption = "First seen in this time, by the state in which they are now"
        yield _table("totals", caption, ["state", "documents"], states, ["all", sum(count for _, count in states)])


def _source(document: Document) -> str:
    return SOURCES[document.references.source.value] if document.references else "none"


def _imported(month: Month) -> Iterator[str]:
    yield "<h2>Imported</h2>"
    rows = [[_cell(name, row[name]) for name in SHOWN] for row in _rows(month)]
    yield _table("", "In the order of their import", [name.replace("_", " ") for name in SHOWN], rows)


def _decisions(month: Month) -> Iterator[str]:
    decided = month.decided_now
    yield "<h2>What people decided</h2>"
    rows = [
        [_zoned(one.at), one.actor, _act(one), _about(one), one.data.get("note") or _of_resend(one)] for one in decided
    ]
    yield _table("", "In the order of time", ["when", "who", "what", "about", "note"], rows)


def _of_resend(decided: Decided) -> str:
    """What became of a request; a document's message is ours, and no note of the person's."""
    return "" if decided.document_id is not None else decided.data.get("message") or ""


def _about(decided: Decided) -> str:
    if decided.document_id is not None:
        return f"D{decided.document_id}"
    return f"invoice {decided.data.get('invoice_reference', '')}"


def _resends(month: Month) -> Iterator[str]:
    if not month.story.resent:
        return
    yield "<h2>Invoices that were sent again</h2>"
    rows = [
        [
            _zoned(resend.sent_at),
            resend.invoice_reference,
            resend.actor or f"a rule, with D{resend.document_id}",
            resend.job or "",
        ]
        for resend in month.story.resent
    ]
    yield _table("", "In the order of time", ["when", "invoice", "wanted by", "job"], rows)


class _Code(str):
    """A cell that is set in a fixed width."""

    __slots__ = ()


def _cell(name: str, value: object) -> object:
    match value:
        case None:
            return ""
        case datetime():
            return _zoned(value)
    return _Code(value) if name == "sha256" else value


def _table(
    style: str,
    caption: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    total: Sequence[object] | None = None,
) -> str:
    body = "\n".join(_row("td", row) for row in rows) or f'<tr><td colspan="{len(headings)}">none</td></tr>'
    foot = f"\n<tfoot>{_row('td', total)}</tfoot>" if total is not None else ""
    attribute = f' class="{style}"' if style else ""
    head = _row("th", headings)
    return (
        f"<table{attribute}>\n<caption>{_text(caption)}</caption>\n<thead>{head}</thead>\n"
        f"<tbody>\n{body}\n</tbody>{foot}\n</table>"
    )


def _row(element: str, cells: Sequence[object]) -> str:
    return f"<tr>{''.join(_shown_cell(element, cell) for cell in cells)}</tr>"


def _shown_cell(element: str, cell: object) -> str:
    if isinstance(cell, int):
        return f'<{element} class="number">{cell}</{element}>'
    text = _text(cell)
    return f"<{element}>{f'<code>{text}</code>' if isinstance(cell, _Code) else text}</{element}>"


def _text(value: object) -> str:
    return escape(shown(value))


def _zoned(moment: datetime | None) -> str:
    """With its zone: an auditor may sit elsewhere."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z") if moment else ""
