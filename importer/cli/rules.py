"""`importer rules`: test them, and compare others with what is known."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from importer.adapters.patterns import compile_pattern
from importer.adapters.probe import Probe
from importer.adapters.rules_file import load_rules
from importer.assembly import scanner_of
from importer.cli.exits import Exit
from importer.cli.output import console, json_option, print_json
from importer.cli.reading import reading_ledger, settings_of
from importer.core.naming import shown
from importer.core.rules import ExampleResult, Rules, RuleWarning, lint, run_examples
from importer.replay import Difference, Reader, Replay
from importer.report import counted

EXAMPLES = """\b
Examples:
  importer rules test
  importer rules test /tmp/new-rules.toml
  importer rules diff /tmp/new-rules.toml
"""


@click.group(epilog=EXAMPLES)
def command() -> None:
    """Test the rules by their examples; compare other rules with what the ledger holds."""


@command.command("test", epilog="\b\nExample:\n  importer rules test /tmp/new-rules.toml")
@click.argument("file", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
@json_option
@click.pass_context
def test_command(ctx: click.Context, file: Path | None, *, as_json: bool) -> None:
    """Run all examples of a rules file, and report rules that do nothing.

    Without FILE those of the configuration. Ends with 2 when an example fails: no verb would start with these rules. A
    rule that can never match, or whose every name another rule contradicts, is a warning.
    """
    rules = load_rules(file or settings_of(ctx).rules, compile_pattern, run_their_examples=False)
    examples, warnings = run_examples(rules), lint(rules)
    if as_json:
        print_json(_rule_as_json(rule.name, examples, warnings) for rule in rules.rules)
    else:
        _print_test(rules, examples, warnings)
    raise SystemExit(int(Exit.OK if all(example.passed for example in examples) else Exit.USAGE))


def _rule_as_json(name: str, examples: Sequence[ExampleResult], warnings: Sequence[RuleWarning]) -> dict[str, Any]:
    mine = [example for example in examples if example.rule == name]
    return {
        "rule": name,
        "passed": all(example.passed for example in mine),
        "examples": [_example_as_json(example) for example in mine],
        "warnings": [{"problem": w.problem, "remedy": w.remedy} for w in warnings if w.rule == name],
    }


def _example_as_json(example: ExampleResult) -> Mapping[str, Any]:
    return {
        "path": example.path,
        "expected": example.expected,
        "actual": example.actual,
        "passed": example.passed,
        "because": example.because,
    }


def _print_test(rules: Rules, examples: Sequence[ExampleResult], warnings: Sequence[RuleWarning]) -> None:
    out = console()
    for rule in rules.rules:
        mine = [example for example in examples if example.rule == rule.name]
        wrong = [example for example in mine if not example.passed]
        mark, style = ("✗", "red") if wrong else ("✓", "green") if mine else ("·", "dim")
        passed = f"{len(mine) - len(wrong)} of {counted(len(mine), 'example')}" if mine else "no example"
        out.print(Text.assemble((f"{mark} ", style), f"{shown(rule.name)}: ", (passed, "red" if wrong else "dim")))
        for example in wrong:
            text = f"    {example.path}: expected {example.expected}, got {example.actual} ({example.because})"
            out.print(Text(shown(text), style="red"))
        for warning in warnings:
            if warning.rule == rule.name:
                out.print(Text(shown(f"  ! {warning.problem}; {warning.remedy}"), style="yellow"))
    failed = sum(not example.passed for example in examples)
    summary = f"{counted(len(rules.rules), 'rule')}, {counted(len(examples), 'example')}, {failed} failed"
    out.print(Text(f"{summary}, {counted(len(warnings), 'warning')}", style="bold red" if failed else "bold"))


@command.command("diff", epilog="\b\nExample:\n  importer rules diff /tmp/new-rules.toml --json")
@click.argument("new", metavar="NEW", type=click.Path(path_type=Path))
@json_option
@click.pass_context
def diff_command(ctx: click.Context, new: Path, *, as_json: bool) -> None:
    """Replay other rules over every document of the ledger and every file of the inbox; changes nothing.

    Lists what NEW would classify differently, by the name under which each was first seen. What the ledger holds stays
    as it is, and where a person has decided about a document, it is said. Ends with 3 when anything differs. Whether
    the examples of NEW hold is told by `importer rules test NEW`.
    """
    settings = settings_of(ctx)
    old, other = (load_rules(path, compile_pattern, run_their_examples=False) for path in (settings.rules, new))
    with reading_ledger(settings) as ledger, Probe() as probe:
        max_size = settings.documents.max_size
        replay = Replay(Reader(old, probe, max_size), Reader(other, probe, max_size))
        files = scanner_of(settings).files()
        for difference in replay.differences(ledger.each(), files):
            if as_json:
                print_json([difference.as_json()])
            else:
                _print_difference(difference)
    click.echo(_summary(replay), err=True)
    raise SystemExit(int(Exit.NEEDS_PERSON if replay.different else Exit.OK))


def _print_difference(difference: Difference) -> None:
    document = difference.document
    who = f"D{document.id} {document.state}" if document else "in the inbox"
    note = " (a person has decided about it)" if difference.is_by_person else ""
    click.echo(shown(f"{who}  {difference.path}: {difference.old} -> {difference.new}{note}"))
    if difference.new.reason:
        click.echo(f"    {shown(difference.new.reason.message)}")


def _summary(replay: Replay) -> str:
    looked = (
        f"{counted(replay.documents, 'document')} of the ledger and {counted(replay.files, 'new file')} of the inbox"
    )
    person = f", {replay.by_person} of them decided by a person" if replay.by_person else ""
    return f"{looked} replayed: {replay.different} would be classified differently{person}"
