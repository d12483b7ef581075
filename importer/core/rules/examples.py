"""The examples that every rule brings along: names with the answer that the operator expects."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from importer.core.facts import EmlFacts, Facts, Format
from importer.core.model import Kind
from importer.core.rules.engine import Rules
from importer.core.rules.outcome import Match, NoMatch, Source
from importer.core.rules.rule import Rule
from importer.core.rules.spec import RuleFault, did_you_mean
from importer.core.rules.text import FileName

_SILENT = "_.eml"
"""A name that says nothing, so that only the e-mail speaks."""

REFUSALS = ("no match", "ambiguous", "refused")
"""Expected answers for names that must not be imported; `refused` stands for either of the others."""


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """One example of one rule, tried on all rules together."""

    rule: str
    path: str
    expected: str
    actual: str
    """`<reference> <kind>`, `no match` or `ambiguous`."""
    because: str

    @property
    def passed(self) -> bool:
        return self.expected == self.actual or (self.expected == "refused" and self.actual in REFUSALS)

    @property
    def fault(self) -> RuleFault:
        return RuleFault(
            f'rule "{self.rule}", examples."{self.path}"',
            f"expected `{self.expected}`, but the rules say `{self.actual}` ({self.because})",
            "correct the rule or the example",
        )


def run_examples(rules: Rules) -> tuple[ExampleResult, ...]:
    return tuple(
        ExampleResult(rule.name, path, expected.strip(), *_answer(*asked_about(rules, rule, path)))
        for rule in rules.rules
        for path, expected in rule.examples.items()
    )


def asked_about(rules: Rules, rule: Rule, example: str) -> tuple[Rules, FileName, Facts | None]:
    """The rules, and the file that they are asked about for an example.

    An example is what the rule reads: a path, a subject, or the name of an attachment, in whatever folder.
    """
    if rule.source is Source.FILENAME:
        return rules, FileName.parse(example), None
    anywhere = tuple(replace(each, folder=None) if each is rule else each for each in rules.rules)
    is_subject = rule.source is Source.SUBJECT
    eml = EmlFacts(subject=example) if is_subject else EmlFacts(attachments=(example,))
    return replace(rules, rules=anywhere), FileName((), _SILENT), Facts(format=Format.EML, size=0, eml=eml)


def answer_faults(where: str, expected: str) -> Iterator[RuleFault]:
    """What is wrong with an example's right side as such."""
    reference, _, kind = expected.strip().rpartition(" ")
    if expected.strip() in REFUSALS or (reference and kind in list(Kind)):
        return
    remedy = did_you_mean(kind, list(Kind)) if reference else "write `<reference> <kind>`, or one of the refusals"
    problem = f"`{expected}` is neither `<reference> <kind>` nor one of {', '.join(REFUSALS)}"
    yield RuleFault(where, problem, remedy)


def _answer(rules: Rules, name: FileName, facts: Facts | None) -> tuple[str, str]:
    inference = rules.infer(name, facts)
    if isinstance(inference, Match):
        return f"{inference.reference} {inference.kind}", f"rule “{inference.rule}”"
    return "no match" if isinstance(inference, NoMatch) else "ambiguous", inference.reason.message
