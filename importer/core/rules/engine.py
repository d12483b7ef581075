"""All rules on one name: one answer, or a refusal with its reason. The order of rules never decides where it goes."""

from collections.abc import Sequence
from dataclasses import dataclass

from importer.core.model import Kind, Reason
from importer.core.rules.outcome import Ambiguous, Inference, Match, NoMatch, RuleAccount, RuleResult
from importer.core.rules.reading import Reading, Vocabulary
from importer.core.rules.rule import Rule
from importer.core.rules.text import FileName, printable

_RENAME = "Rename it so that it says one invoice and one kind, such as “Rechnung_RE12345.pdf”, or add a rule."
_SAY_A_KIND = "Name it for example “1. Mahnung RE12345.pdf”, or give the word a kind."


@dataclass(frozen=True, slots=True)
class Rules:
    """A rules file that has been checked; `compile_rules` makes it."""

    vocabulary: Vocabulary
    rules: tuple[Rule, ...]

    def infer(self, name: FileName) -> Inference:
        """Which invoice reference and kind the name says; never an exception, never a guess."""
        if not name.is_utf8:
            return _unreadable(name, tuple(rule.unreadable() for rule in self.rules))
        reading = self.vocabulary.read(name.stem)
        accounts = self._accounts(name, reading)
        matched = [account for account in accounts if account.matched]
        readings = {(account.reference, account.kind) for account in matched}
        torn = [account for account in accounts if account.result is RuleResult.AMBIGUOUS]
        if len(readings) > 1 or torn:
            return _disagreement(name, matched, torn, accounts)
        if matched:
            return self._match(matched[0], name, accounts)
        blocked = [account for account in accounts if account.result is RuleResult.BLOCKED]
        return _blocked(name, reading, blocked, accounts) if blocked else _no_match(name, reading, accounts)

    def _accounts(self, name: FileName, reading: Reading) -> tuple[RuleAccount, ...]:
        accounts = {rule.name: rule.judge(name, reading) for rule in self.rules if not rule.fallback}
        recognised = any(account.recognised for account in accounts.values())
        for rule in self.rules:
            if rule.fallback:
                accounts[rule.name] = rule.not_tried() if recognised else rule.judge(name, reading)
        return tuple(accounts[rule.name] for rule in self.rules)

    def _match(self, account: RuleAccount, name: FileName, accounts: tuple[RuleAccount, ...]) -> Match:
        rule = next(rule for rule in self.rules if rule.name == account.rule)
        assert account.reference is not None
        assert account.kind is not None
        values = {
            **account.captures,
            "kind": account.kind.value,
            "kind_word": account.captures.get("kind", ""),
            "stem": name.stem,
            "filename": name.shown,
        }
        return Match(
            reference=account.reference,
            kind=Kind(account.kind),
            rule=rule.name,
            label=printable(rule.label.fill(values)).strip(),
            description=printable(rule.description.fill(values)).strip(),
            resend=rule.resend,
            captures=account.captures,
            accounts=accounts,
        )


def _unreadable(name: FileName, accounts: tuple[RuleAccount, ...]) -> NoMatch:
    message = f"The name “{name.shown}” is not UTF-8, so no rule can read it; rename it."
    return NoMatch(reason=Reason("unreadable_name", message), accounts=accounts)


def _disagreement(
    name: FileName, matched: Sequence[RuleAccount], torn: Sequence[RuleAccount], accounts: tuple[RuleAccount, ...]
) -> Ambiguous:
    opinions = [f"rule “{account.rule}” says {account.message}" for account in [*_one_each(matched), *torn]]
    message = f"The name “{name.shown}” can be read in more than one way ({'; '.join(opinions)}). {_RENAME}"
    return Ambiguous(reason=Reason("ambiguous", message, {"rules": _names([*matched, *torn])}), accounts=accounts)


def _blocked(
    name: FileName, reading: Reading, blocked: Sequence[RuleAccount], accounts: tuple[RuleAccount, ...]
) -> Ambiguous:
    words = _refusing(reading)
    first = blocked[0]
    message = f"The name “{name.shown}” does not say one thing only (rule “{first.rule}”: {first.message}). {_RENAME}"
    if words:
        message = f"The name “{name.shown}” holds {_told(words)}. {_SAY_A_KIND}"
    details = {"rules": _names(blocked), **({"words": words} if words else {})}
    return Ambiguous(reason=Reason("ambiguous", printable(message), details), accounts=accounts)


def _no_match(name: FileName, reading: Reading, accounts: tuple[RuleAccount, ...]) -> NoMatch:
    words = _refusing(reading)
    recognised = list(dict.fromkeys(remark.describe(reading.stem) for remark in reading.outermost))
    held = _told(words) if words else ", ".join(recognised)
    message = f"No rule matches “{name.shown}”{f' (it holds {held})' if held else ''}. {_RENAME}"
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
