"""Rules that do nothing: one that can never match, and one whose every name another rule contradicts.

What is certain is read off the rule. For the rest names are made by the rule's own template, its tokens and words, and
all rules are tried on them: one name that the rule decides, or one of its examples, proves that it works.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from importer.core.rules.engine import Rules
from importer.core.rules.examples import asked_about
from importer.core.rules.matching import RegexMatcher, TemplateMatcher
from importer.core.rules.outcome import Inference, Match, RuleAccount, RuleResult, Source
from importer.core.rules.rule import Rule
from importer.core.rules.sampling import samples
from importer.core.rules.spec import Pattern
from importer.core.rules.template import Literal, OneOf
from importer.core.rules.text import FileName, has_controls
from importer.core.rules.walk import Step

_EXTENSIONS = ("pdf", "eml")
"""What can be imported at all."""
_NAMES = 24
"""How many names are made for a rule."""
_DATES = ("2024-01-15", "20240115", "15.01.2024")
_FREE_TEXT = ("Text", "x y")


@dataclass(frozen=True, slots=True)
class RuleWarning:
    """A rule that is no fault and no use, and what the operator can do about it."""

    rule: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f'rule "{self.rule}": {self.problem}; {self.remedy}'


def lint(rules: Rules) -> tuple[RuleWarning, ...]:
    """At most one warning for each rule, in the file's order."""
    return tuple(warning for rule in rules.rules if (warning := _certain(rule, rules) or _tried(rule, rules)))


def _certain(rule: Rule, rules: Rules) -> RuleWarning | None:
    """What the rule itself shows."""
    if rule.extension is not None and rule.extension not in _EXTENSIONS:
        problem = f"it can never match: no file of the extension `{rule.extension}` is ever imported"
        return RuleWarning(rule.name, problem, "write `pdf` or `eml`, or leave the extension out")
    if "\\" in rule.folder_text:
        problem = f"it can never match: no folder is called `{rule.folder_text}`"
        return RuleWarning(rule.name, problem, "write `/` between folders")
    if isinstance(rule.matcher, TemplateMatcher):
        return next(_impossible(rule, rule.matcher.steps, rules), None)
    return None


def _impossible(rule: Rule, steps: Sequence[Step], rules: Rules) -> Iterator[RuleWarning]:
    for step in steps:
        if isinstance(step.part, Literal) and (any(c in step.part.text for c in "/\\") or has_controls(step.part.text)):
            problem = f"it can never match: no file name holds {step.part}"
            yield RuleWarning(rule.name, problem, "folders belong into `folder`; the pattern is for the name alone")
        elif step.name == "kind" and not any(_texts(step, rules)):
            problem = f"it can never match: [kinds] has no word that says {step.kind or 'a kind'}"
            yield RuleWarning(rule.name, problem, "add the word to [kinds]")
        elif step.name in rules.vocabulary.tokens and _stands_for_nothing(rules.vocabulary.tokens[step.name]):
            problem = f"it can never match: no text was found that {step.part} could stand for"
            yield RuleWarning(rule.name, problem, f"correct the token `{step.name}`")
    last = steps[-1].part
    if isinstance(last, Literal) and last.text.lower().endswith(tuple(f".{extension}" for extension in _EXTENSIONS)):
        problem = f"it can never match: a pattern is for the name without its extension, and this one ends in {last}"
        yield RuleWarning(
            rule.name, problem, 'take it out of the pattern, and write `extension = "pdf"` if you mean it'
        )


def _tried(rule: Rule, rules: Rules) -> RuleWarning | None:
    """What happens to names that the rule should take."""
    outcomes: list[tuple[str, RuleAccount, Inference]] = []
    for path in [*islice(_names(rule, rules), _NAMES), *rule.examples]:
        asked, name, facts = asked_about(rules, rule, path)
        inference = asked.explain(name, facts)
        mine = [account for account in inference.accounts if account.rule == rule.name]
        account = next((account for account in mine if account.matched), mine[0])
        if account.matched and isinstance(inference, Match):
            return None
        outcomes.append((path, account, inference))
    if not outcomes:
        return None  # nothing could be made of an expression that we cannot read, so nothing is known
    matched = [outcome for outcome in outcomes if outcome[1].matched]
    return _contradicted(rule, matched) if matched else _unmatched(rule, rules, outcomes)


def _contradicted(rule: Rule, outcomes: Sequence[tuple[str, RuleAccount, Inference]]) -> RuleWarning | None:
    others = [{account.rule for account in inference.accounts if _speaks(account)} for _, _, inference in outcomes]
    common = set.intersection(*others) - {rule.name}
    if not common:
        return None
    path, account, inference = outcomes[0]
    other = next(account for account in inference.accounts if account.rule in common)
    problem = (
        f"it always collides with rule “{other.rule}”, so that every name of it is refused: “{path}” is "
        f"{account.message} by one and {other.message} by the other"
    )
    return RuleWarning(rule.name, problem, "narrow one of the two, by its pattern, `folder` or `extension`")


def _speaks(account: RuleAccount) -> bool:
    return account.result in (RuleResult.MATCHED, RuleResult.AMBIGUOUS)


def _unmatched(rule: Rule, rules: Rules, outcomes: Sequence[tuple[str, RuleAccount, Inference]]) -> RuleWarning:
    path, account, inference = outcomes[0]
    stem = FileName.parse(path).stem
    if account.result is RuleResult.NOT_TRIED:
        others = [other.rule for other in inference.accounts if other.recognised]
        problem = (
            f"no name was found that it would decide: “{path}” is taken by rule “{others[0]}” before this fallback"
        )
        return RuleWarning(rule.name, problem, "remove it, or drop `fallback` and make the rules exclude one another")
    if marks := rules.vocabulary.read(stem).copy_marks:
        problem = (
            f"no name was found that it matches: `{''.join(marks)}` of “{path}” is taken off before any rule looks"
        )
        return RuleWarning(rule.name, problem, "take it out of the pattern; names with it match then as well")
    problem = f"no name was found that it matches: “{path}”, for one, does not ({account.message})"
    return RuleWarning(rule.name, problem, "correct the pattern, or add an example that it matches")


def _names(rule: Rule, rules: Rules) -> Iterator[str]:
    """Paths as the rule describes them, or subjects or names of attachments where it reads those."""
    if rule.source is Source.SUBJECT:
        yield from _stems(rule, rules)
        return
    if rule.source is Source.ATTACHMENT:
        yield from (f"{stem}.pdf" for stem in _stems(rule, rules))
        return
    folder = "/".join(part.replace("*", "x").replace("?", "x") for part in (rule.folder.parts if rule.folder else ()))
    extensions = (rule.extension,) if rule.extension else _EXTENSIONS
    for number, stem in enumerate(_stems(rule, rules)):
        name = f"{stem}.{extensions[number % len(extensions)]}"
        yield f"{folder}/{name}" if folder else name


def _stems(rule: Rule, rules: Rules) -> Iterator[str]:
    if isinstance(rule.matcher, RegexMatcher):
        yield from samples(rule.matcher.pattern.expression, _NAMES)
    elif isinstance(rule.matcher, TemplateMatcher):
        choices = [tuple(_texts(step, rules)) for step in rule.matcher.steps]
        for number in range(_NAMES if all(choices) else 0):
            yield "".join(texts[number % len(texts)] for texts in choices)


def _texts(step: Step, rules: Rules) -> Iterator[str]:
    """What one part of a template can stand for."""
    match step.part:
        case Literal(text):
            yield text
            return
        case OneOf(characters):
            yield from characters
            return
    if step.name == "kind":
        words = (word for word in rules.vocabulary.words.all if word.kind and step.kind in (None, word.kind))
        yield from (" ".join(word.pieces) for word in words)
    elif step.name in ("any", "date"):
        yield from _DATES if step.name == "date" else _FREE_TEXT
    else:
        yield from _proven(rules.vocabulary.tokens[step.name])


def _proven(pattern: Pattern) -> Iterator[str]:
    return (text for text in samples(pattern.expression, _NAMES) if pattern.match_longest(text, 0) == len(text))


def _stands_for_nothing(pattern: Pattern) -> bool:
    """False where nothing is known, because its syntax is not."""
    return any(samples(pattern.expression, 1)) and not any(_proven(pattern))
