"""An explanation for a person, in colour on a terminal. Pure rendering: its JSON form in, text out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from importer.core.model import State
from importer.core.naming import shown
from importer.report import counted

DECISION_STYLES = {"import": "green", "duplicate": "cyan", "hold": "magenta", "reject": "red", "ignore": "dim"}
RULE_MARKS = {"matched": ("✓", "green"), "blocked": ("!", "yellow"), "ambiguous": ("!", "yellow")}
RESULTS = (*RULE_MARKS, "mismatch", "not_tried", "other_extension", "other_folder", "unreadable")
"""How well a rule fits, the best first."""

NEAREST = 4
"""How many ways in which rules do not fit are shown, when only the nearest are wanted."""
NEIGHBOURS = 5
"""How many other documents of the same invoice are shown."""


def print_explanation(console: Console, told: Mapping[str, Any], *, brief: bool = False) -> None:
    """One file's explanation, for a person; `told` is its JSON form."""
    decision = told["decision"]
    console.print(Text.assemble((shown(told["path"]), "bold"), "  ", (decision, DECISION_STYLES.get(decision, ""))))
    if told["facts"] is None and decision != "ignore":
        console.print(Text("  (no such file here: judged by its name alone)", style="dim"))
    grid = Table.grid(padding=(0, 2))
    for name, value in _sections(told):
        if value:
            grid.add_row(Text(f"  {name}", style="dim"), Text(shown(value), overflow="fold"))
    console.print(grid)
    _print_rules(console, told["rules"], brief=brief)
    console.print()


def _print_rules(console: Console, rules: Sequence[Mapping[str, Any]], *, brief: bool) -> None:
    """Those that recognised something first, then the near misses, then the others, those that fail alike together."""
    ranked = sorted(rules, key=_rank)
    best = [rule for rule in ranked if rule["result"] in RULE_MARKS or rule["near_miss"] is not None]
    for rule in best:
        console.print(_rule_text(rule, [rule["rule"]]))
        if rule["near_miss"]:
            console.print(Text(shown(f"      near miss: {rule['near_miss']}"), style="yellow"))
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for rule in ranked[len(best) :]:
        alike.setdefault((rule["text"], rule["matched_text"], rule["found"], rule["message"]), []).append(rule)
    groups = list(alike.values())
    told = groups[:NEAREST] if brief else groups
    for group in told:
        console.print(_rule_text(group[0], [rule["rule"] for rule in group]))
    if left := sum(map(len, groups[len(told) :])):
        fits = "that fits" if left == 1 else "that fit"
        console.print(Text(f"    and {counted(left, 'rule')} {fits} even less", style="dim"))


def _rank(rule: Mapping[str, Any]) -> tuple[int, bool, int]:
    return RESULTS.index(rule["result"]), rule["near_miss"] is None, -(rule["position"] or 0)


def _rule_text(rule: Mapping[str, Any], names: Sequence[str]) -> Text:
    """A mark, the rules, and how far they came: what stands before the `▸` fits."""
    mark, style = RULE_MARKS.get(rule["result"], ("·", "dim"))
    read = f" on the {rule['from']} “{rule['text']}”" if rule["text"] else ""
    told = f"rule{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"
    head = Text(shown(f"  {mark} {told}{read}: "), style=style)
    if rule["matched_text"]:
        head.append(shown(rule["matched_text"]), "green")
        head.append("▸", "dim")
        head.append(shown(rule["found"]), "red underline")
        head.append("  ")
    head.append(shown(rule["message"]))
    if captures := ", ".join(f"{name} = {value}" for name, value in rule["captures"].items()):
        head.append(shown(f" ({captures})"))
    return head


def _sections(told: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    reason, known, request = told["reason"], told["ledger"], told["request"]
    yield "read as", _name_line(told["name"])
    yield "invoice", told["invoice_reference"]
    yield "kind", told["kind"]
    yield "rule", told["rule"]
    yield "label", told["label"]
    yield "why", reason and f"{reason['message']} [{reason['code']}]"
    yield from (("the file" if first else "", line) for first, line in _numbered(_facts_lines(told["facts"])))
    yield "the ledger", known and _ledger_line(known)
    yield from (("" if known or not first else "the ledger", line) for first, line in _numbered(_neighbours(told)))
    if told["decision"] == "import" and known and known["state"] == State.REJECTED:
        yield "to do", f"`importer retry {known['id']}` sends it on its way"
    if request:
        yield "would send", f"{request['method']} {request['url']}"
        yield from (("", f"{name} = {_part_line(value)}") for name, value in request["parts"].items())
    yield "then", told["resend"] and "Abillify is asked to send the invoice's e-mail again (the rule's `resend`)"
    yield from (("sent again" if first else "", line) for first, line in _numbered(_resend_lines(told["resends"])))
    yield "request", told["decision"] == "duplicate" and "nothing would be sent"


def _numbered(lines: Sequence[str]) -> Iterator[tuple[bool, str]]:
    """Each line, and whether it is the first."""
    return ((index == 0, line) for index, line in enumerate(lines))


def _name_line(name: Mapping[str, Any] | None) -> str:
    """What the rules look at, where it is not simply the name."""
    if name is None or not name["differs"]:
        return ""
    marks = ", ".join(f"`{mark}`" for mark in name["copy_marks"])
    return f"{name['stem']}{f' (without {marks}, which copying programs add)' if marks else ''}"


def _ledger_line(known: Mapping[str, Any]) -> str:
    when = f" at {known['imported_at']}" if known["imported_at"] else ""
    what = f" as {known['invoice_reference']} {known['kind']}" if known["invoice_reference"] else ""
    sent = f" ({known['communication_reference']})" if known["communication_reference"] else ""
    return f"{known['id']} is {known['state']}{when}{what}{sent}: {known['path']}"


def _neighbours(told: Mapping[str, Any]) -> list[str]:
    """The other documents of the same invoice."""
    others = told["same_invoice"]
    lines = [f"{told['invoice_reference']} has {o['id']} {o['kind']} {o['state']}: {o['path']}" for o in others]
    more = [f"and {counted(len(others) - NEIGHBOURS, 'document')} more"] if len(others) > NEIGHBOURS else []
    return lines[:NEIGHBOURS] + more


def _resend_lines(resends: Sequence[Mapping[str, Any]]) -> list[str]:
    """The latest ones last, as `importer show` has them."""
    return [": ".join(filter(None, (f"{r['id']} {r['state']}", r["message"]))) for r in resends[-NEIGHBOURS:]]


def _part_line(value: str | Mapping[str, Any]) -> str:
    if isinstance(value, str):
        return value
    size = [] if value["size"] is None else [counted(value["size"], "byte")]
    return f"{value['filename']} ({', '.join([value['content_type'], *size])})"


def _facts_lines(facts: Mapping[str, Any] | None) -> list[str]:
    if facts is None:
        return []
    first = [str(facts["format"]), counted(facts["size"], "byte")]
    if pdf := facts.get("pdf"):
        pages = counted(pdf["pages"], "page") if pdf["pages"] else ""
        return [_joined([*first, pages, pdf["title"], pdf["damage"], *pdf["active"]]), *_einvoices(pdf)]
    if eml := facts.get("eml"):
        mail = [f"from {eml['sender']}", eml["date"], eml["subject"], eml["damage"], *eml["active"]]
        attached = [f"attached: {', '.join(eml['attachments'])}"] if eml["attachments"] else []
        return [_joined([*first, *mail]), *attached]
    return [_joined(first)]


def _einvoices(pdf: Mapping[str, Any]) -> list[str]:
    """What each embedded e-invoice says of itself."""
    return [
        _joined(
            [
                f"e-invoice {einvoice['name']}",
                f"number {einvoice['number']}" if einvoice["number"] else "",
                f"type {einvoice['type_code']}" if einvoice["type_code"] else "",
                f"from {einvoice['seller']}" if einvoice["seller"] else "",
                einvoice["unreadable"],
            ]
        )
        for einvoice in pdf["einvoices"]
    ]


def _joined(parts: Sequence[str]) -> str:
    return ", ".join(filter(None, parts))
