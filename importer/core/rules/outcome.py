"""What the rules make of a name, and the account of each rule that `explain` shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from importer.core.model import Kind, Reason


class Source(StrEnum):
    """Which text a rule reads: its setting `from`."""

    FILENAME = "filename"
    SUBJECT = "subject"
    ATTACHMENT = "attachment"

    @property
    def word(self) -> str:
        return "name" if self is Source.FILENAME else self.value


class RuleResult(StrEnum):
    """How one rule took one name."""

    MATCHED = "matched"
    MISMATCH = "mismatch"
    BLOCKED = "blocked"
    """It fits, but the name holds more that says which invoice or kind, or a word that refuses."""
    AMBIGUOUS = "ambiguous"
    """It fits in more than one way, with different results."""
    OTHER_FOLDER = "other_folder"
    OTHER_EXTENSION = "other_extension"
    UNREADABLE = "unreadable"
    NOT_TRIED = "not_tried"
    """A fallback, and something else was recognised; or a rule for e-mails, where there is nothing for it to read."""


_RECOGNISED = (RuleResult.MATCHED, RuleResult.BLOCKED, RuleResult.AMBIGUOUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAccount:
    """What one rule made of a name. Positions count characters of the normalised stem, from 0."""

    rule: str
    result: RuleResult
    message: str
    captures: Mapping[str, str] = field(default_factory=dict)
    reference: str | None = None
    kind: Kind | None = None
    position: int | None = None
    """Where a mismatch began; None for every other result and for `regex` rules."""
    matched_text: str = ""
    """What was understood before that position."""
    expected: str = ""
    found: str = ""
    """The rest of the stem from that position; empty at its end."""
    source: Source = Source.FILENAME
    text: str = ""
    """What was read; empty for the file's name, and where nothing was."""
    near_miss: str | None = None
    """What little would have to be otherwise for the rule to match, for a person; see `nearness.py`."""

    @property
    def matched(self) -> bool:
        return self.result is RuleResult.MATCHED

    @property
    def recognised(self) -> bool:
        """Whether the name means something to this rule, so that no fallback may guess."""
        return self.result in _RECOGNISED

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "from": self.source.value,
            "text": self.text or None,
            "matched": self.matched,
            "result": self.result.value,
            "message": self.message,
            "captures": dict(self.captures),
            "invoice_reference": self.reference,
            "kind": self.kind.value if self.kind else None,
            "position": self.position,
            "matched_text": self.matched_text,
            "expected": self.expected,
            "found": self.found,
            "near_miss": self.near_miss,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The name says one invoice reference and one kind."""

    reference: str
    kind: Kind
    rule: str
    """The first of the rules that agree; it gives label, description and resend."""
    label: str
    description: str
    resend: bool
    by_fallback: bool
    """Whether no other rule understood the name."""
    captures: Mapping[str, str]
    accounts: tuple[RuleAccount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoMatch:
    """Nothing that any rule knows, in any text that it reads. Reason codes: `no_rule`, `unreadable_name`."""

    reason: Reason
    accounts: tuple[RuleAccount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """Something was recognised, but not one invoice reference and one kind. Reason code: `ambiguous`."""

    reason: Reason
    accounts: tuple[RuleAccount, ...]


Inference = Match | NoMatch | Ambiguous
