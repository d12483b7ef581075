"""All rules on one name: one answer, or a refusal with its reason. The order of rules never decides where it goes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from importer.core.facts import Facts
from importer.core.model import Reason
from importer.core.reference import same_reference
from importer.core.rules.mail import Line, mail_lines, mail_values, name_line, why_not_read
from importer.core.rules.matching import RegexMatcher, TemplateMatcher
from importer.core.rules.outcome import Ambiguous, Inference, Match, NoMatch, RuleAccount, RuleResult, Source
from importer.core.rules.reading import Reading, Vocabulary
from importer.core.rules.rule import Rule
from importer.core.rules.text import FileName, printable
from importer.core.rules.tree import TemplateTree

_Asked = Callable[[FileName, Reading], Iterable[Rule]]
"""Which rules are asked about a text."""
_RENAME = "Rename it so that it says one invoice and one kind, such as “Rechnung_RE12345.pdf”, or add a rule."
_SAY_A_KIND = "Name it for example “1. Mahnung RE12345.pdf”, or give the word a kind."


@dataclass(frozen=True, slots=True)
class _File:
    """What all rules are asked about."""

    name: FileName
    stem: str
    """Without the marks of copying programs."""
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the rules for one text say of it."""

    line: Line
    reading: Reading
    inference: Inference


@dataclass(frozen=True)
class Rules:
    """A rules file that has been checked; `compile_rules` makes it."""

    vocabulary: Vocabulary
    rules: tuple[Rule, ...]

    @cached_property
    def _trees(self) -> Mapping[str | None, TemplateTree]:
        """By the extension; None for those that no rule names."""
        return {extension: self._tree(extension) for extension in {None, *(rule.extension for rule in self.rules)}}

    def _tree(self, extension: str | None) -> TemplateTree:
        return TemplateTree(
            (number, rule.matcher.steps)
            for number, rule in enumerate(self.rules)
            if isinstance(rule.matcher, TemplateMatcher) and rule.extension in (None, extension)
        )

    @cached_property
    def _by_name(self) -> Mapping[str, Rule]:
        return {rule.name: rule for rule in self.rules}

    @cached_property
    def _further(self) -> tuple[Rule, ...]:
        """Those with `from`."""
        return tuple(rule for rule in self.rules if rule.source is not Source.FILENAME)

    @cached_property
    def _expressions(self) -> tuple[int, ...]:
        return tuple(number for number, rule in enumerate(self.rules) if isinstance(rule.matcher, RegexMatcher))

    def fitting(self, name: FileName, reading: Reading) -> list[Rule]:
        """The rules, in the file's order, that can recognise something in a text that belongs to this file."""
        tree = self._trees.get(name.extension) or self._trees[None]
        return [self.rules[number] for number in sorted((*tree.fitting(reading), *self._expressions))]

    def infer(self, name: FileName, facts: Facts | None = None) -> Inference:
        """Which invoice reference and kind the name says; never an exception, never a guess.

        Rules with `from` are asked for an e-mail of which the name says nothing. What they read in its subject and its
        attachments has to agree, and the name, the subject and the attachments must not speak of another invoice.

        Its accounts are those of the rules that recognised something; `explain` has one of every rule.

        Args:
            name: where the file lies and what it is called.
            facts: what the file's bytes say; None where only a name is known.
        """
        inference = self._inferred(name, facts, self.fitting)
        recognised = tuple(account for account in inference.accounts if account.recognised)
        return replace(inference, accounts=recognised) if len(recognised) < len(inference.accounts) else inference

    def explain(self, name: FileName, facts: Facts | None = None) -> Inference:
        """The same as `infer`, with the account of every rule."""
        return self._inferred(name, facts, lambda *_: self.rules)

    def _inferred(self, name: FileName, facts: Facts | None, asked: _Asked) -> Inference:
        if not name.is_utf8:
            return _unreadable(name, tuple(rule.unreadable() for rule in self.rules))
        line = name_line(name)
        reading = self.vocabulary.read(line.text)
        file = _File(name, reading.stem, facts)
        by_name = self._answer(line, reading, file, asked)
        further = self._further
        if not further:
            return by_name
        why_not = why_not_read(name, facts) if isinstance(by_name, NoMatch) else "counts only where the name is silent"
        if why_not or facts is None or facts.eml is None:
            return replace(by_name, accounts=by_name.accounts + tuple(rule.not_asked(why_not) for rule in further))
        answers = [_Answer(line, reading, by_name)]
        for line in mail_lines(facts.eml):
            reading = self.vocabulary.read(line.text)
            answers.append(_Answer(line, reading, self._answer(line, reading, file, asked)))
        return replace(self._agreed(answers), accounts=_telling(answers, further))

    def _answer(self, line: Line, reading: Reading, file: _File, asked: _Asked) -> Inference:
        """What those of the asked rules say of one text that are for texts of its source."""
        accounts = self._accounts(line, file.name, reading, asked(file.name, reading))
        matched = [account for account in accounts if account.matched]
        readings = {(account.reference, account.kind) for account in matched}
        torn = [account for account in accounts if account.result is RuleResult.AMBIGUOUS]
        if len(readings) > 1 or torn:
            return _disagreement(line, matched, torn, accounts)
        if matched:
            return self._match(matched[0], file, accounts)
        blocked = [account for account in accounts if account.result is RuleResult.BLOCKED]
        return _blocked(line, reading, blocked, accounts) if blocked else _no_match(line, reading, accounts)

    def _accounts(self, line: Line, name: FileName, reading: Reading, asked: Iterable[Rule]) -> tuple[RuleAccount, ...]:
        rules = [rule for rule in asked if rule.source is line.source]
        accounts = {rule.name: rule.judge(name, reading) for rule in rules if not rule.fallback}
        recognised = any(account.recognised for account in accounts.values())
        for rule in rules:
            if rule.fallback:
                accounts[rule.name] = rule.not_tried() if recognised else rule.judge(name, reading)
        told = tuple(accounts[rule.name] for rule in rules)
        if line.source is Source.FILENAME:
            return told
        return tuple(replace(account, text=line.shown) for account in told)

    def _agreed(self, answers: Sequence[_Answer]) -> Inference:
        """What all texts say together; the first one is the file's name."""
        torn = next((answer.inference for answer in answers if isinstance(answer.inference, Ambiguous)), None)
        matched = [(answer.line, answer.inference) for answer in answers if isinstance(answer.inference, Match)]
        if torn or not matched:
            return torn or answers[0].inference
        line, match = matched[0]
        for other in answers:
            objection = _objection(other, match) or _remarks_against(other, match)
            if objection:
                said = f"{match.reference} {match.kind}"
                message = f"The {line.told} says {said}, but the {other.line.told} {objection}. {_RENAME}"
                return Ambiguous(reason=Reason("ambiguous", printable(message), {"rules": [match.rule]}), accounts=())
        return match

    def _match(self, account: RuleAccount, file: _File, accounts: tuple[RuleAccount, ...]) -> Match:
        rule = self._by_name[account.rule]
        assert account.reference is not None
        assert account.kind is not None
        values = {
            **mail_values(file.facts),
            **account.captures,
            "kind": account.kind.value,
            "kind_word": account.captures.get("kind", ""),
            "stem": file.stem,
            "filename": file.name.shown,
        }
        return Match(
            reference=account.reference,
            kind=account.kind,
            rule=rule.name,
            label=printable(rule.label.fill(values)).strip(),
            description=printable(rule.description.fill(values)).strip(),
            resend=rule.resend,
            by_fallback=rule.fallback,
            captures=account.captures,
            accounts=accounts,
        )


def _objection(other: _Answer, match: Match) -> str:
    if not other.line.is_certain:
        return "cannot be read for certain"
    answer = other.inference
    if isinstance(answer, Match) and (answer.reference, answer.kind) != (match.reference, match.kind):
        return f"says {answer.reference} {answer.kind}"
    return ""


def _remarks_against(other: _Answer, match: Match) -> str:
    """What a text holds that says another invoice or kind; nothing asks for an attachment's kind."""
    reading = other.reading
    said = (match.reference, *match.captures.values())
    against = [
        remark.describe(reading.stem)
        for remark in reading.outermost
        if (
            not any(same_reference(reading.stem[remark.start : remark.end], text) for text in said)
            if remark.word is None
            else remark.word.kind is not match.kind and other.line.source is not Source.ATTACHMENT
        )
    ]
    return f"holds {against[0]}" if against else ""


def _telling(answers: Iterable[_Answer], further: Iterable[Rule]) -> tuple[RuleAccount, ...]:
    """Of a rule that read several texts, the accounts of those that meant something to it, or else the first."""
    by_rule: dict[str, list[RuleAccount]] = {}
    for answer in answers:
        for account in answer.inference.accounts:
            by_rule.setdefault(account.rule, []).append(account)
    for rule in further:
        by_rule.setdefault(rule.name, [rule.not_asked("this e-mail does not have")])
    groups = by_rule.values()
    return tuple(account for group in groups for account in ([a for a in group if a.recognised] or group[:1]))


def _unreadable(name: FileName, accounts: tuple[RuleAccount, ...]) -> NoMatch:
    message = f"The name “{name.shown}” is not UTF-8, so no rule can read it; rename it."
    return NoMatch(reason=Reason("unreadable_name", message), accounts=accounts)


def _disagreement(
    line: Line, matched: Sequence[RuleAccount], torn: Sequence[RuleAccount], accounts: tuple[RuleAccount, ...]
) -> Ambiguous:
    opinions = [f"rule “{account.rule}” says {account.message}" for account in [*_one_each(matched), *torn]]
    message = f"The {line.told} can be read in more than one way ({'; '.join(opinions)}). {_RENAME}"
    return Ambiguous(reason=Reason("ambiguous", message, {"rules": _names([*matched, *torn])}), accounts=accounts)


def _blocked(
    line: Line, reading: Reading, blocked: Sequence[RuleAccount], accounts: tuple[RuleAccount, ...]
) -> Ambiguous:
    words = _refusing(reading)
    first = blocked[0]
    message = f"The {line.told} does not say one thing only (rule “{first.rule}”: {first.message}). {_RENAME}"
    if words:
        message = f"The {line.told} holds {_told(words)}. {_SAY_A_KIND}"
    details = {"rules": _names(blocked), **({"words": words} if words else {})}
    return Ambiguous(reason=Reason("ambiguous", printable(message), details), accounts=accounts)


def _no_match(line: Line, reading: Reading, accounts: tuple[RuleAccount, ...]) -> NoMatch:
    words = _refusing(reading)
    recognised = list(dict.fromkeys(remark.describe(reading.stem) for remark in reading.outermost))
    held = _told(words) if words else ", ".join(recognised)
    message = f"No rule matches “{line.shown}”{f' (it holds {held})' if held else ''}. {_RENAME}"
    return NoMatch(reason=Reason("no_rule", printable(message), {"words": words} if words else {}), accounts=accounts)


def _refusing(reading: Reading) -> list[str]:
    """The words in the name that refuse, as they stand in it."""
    refusing = [word for word in reading.words.values() if word.kind is None]
    return list(dict.fromkeys(printable(reading.stem[word.start : word.end]) for word in refusing))


def _told(words: Sequence[str]) -> str:
    quoted = " and ".join(f"“{word}”" for word in words)
    noun, verb = ("word", "does") if len(words) == 1 else ("words", "do")
    return f"the {noun} {quoted}, which {verb} not say one of the nine kinds (rules.toml, [kinds])"


def _one_each(matched: Sequence[RuleAccount]) -> list[RuleAccount]:
    """The first rule of each opinion, in the file's order."""
    return list({(account.reference, account.kind): account for account in reversed(matched)}.values())[::-1]


def _names(accounts: Sequence[RuleAccount]) -> list[str]:
    return [account.rule for account in accounts]
