"""One compiled rule and what it makes of a name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from importer.core.rules.folder import FolderGlob
from importer.core.rules.matching import Attempt, Matcher
from importer.core.rules.outcome import RuleAccount, RuleResult, Source
from importer.core.rules.reading import Reading
from importer.core.rules.template import OutputText
from importer.core.rules.text import FileName, has_controls


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A `[[rule]]` that has been checked."""

    name: str
    source: Source
    matcher: Matcher
    folder: FolderGlob | None
    folder_text: str
    extension: str | None
    reference: OutputText
    label: OutputText
    description: OutputText
    resend: bool
    fallback: bool
    examples: Mapping[str, str]

    def judge(self, name: FileName, reading: Reading) -> RuleAccount:
        if self.folder is not None and not self.folder.matches(name.folder):
            return self._aside(RuleResult.OTHER_FOLDER, f"only for the folder `{self.folder_text}`")
        if self.extension is not None and self.extension != name.extension:
            return self._aside(RuleResult.OTHER_EXTENSION, f"only for the extension `{self.extension}`")
        attempt = self.matcher.attempt(reading)
        if attempt.result is RuleResult.MATCHED:
            return self._matched(attempt)
        return self._account(attempt, reading.stem)

    def unreadable(self) -> RuleAccount:
        return self._aside(RuleResult.UNREADABLE, "the name is not UTF-8")

    def not_tried(self) -> RuleAccount:
        return self._aside(RuleResult.NOT_TRIED, "a fallback; another rule recognised something")

    def not_asked(self, why: str) -> RuleAccount:
        return self._aside(RuleResult.NOT_TRIED, f"reads the {self.source.word}, which {why}")

    def _aside(self, result: RuleResult, message: str) -> RuleAccount:
        return RuleAccount(rule=self.name, source=self.source, result=result, message=message)

    def _matched(self, attempt: Attempt) -> RuleAccount:
        captures = dict(attempt.captures or {})
        reference = self._reference(captures)
        if not reference or has_controls(reference):
            problem = "the invoice reference would be incomplete or hold control characters"
            return replace(self._aside(RuleResult.MISMATCH, problem), captures=captures)
        message = f"{reference} {attempt.kind}"
        return RuleAccount(
            rule=self.name,
            source=self.source,
            result=RuleResult.MATCHED,
            message=message,
            captures=captures,
            reference=reference,
            kind=attempt.kind,
        )

    def _reference(self, captures: Mapping[str, str]) -> str:
        """Empty when a part of it is missing, as an optional group of an expression can be."""
        if not all(captures.get(name) for name in self.reference.names):
            return ""
        return self.reference.fill(captures).strip()

    def _account(self, attempt: Attempt, stem: str) -> RuleAccount:
        position = attempt.position
        found = "" if position is None else stem[position:]
        message = attempt.message or f"expected {attempt.expected}, found {f'`{found}`' if found else 'the end'}"
        return RuleAccount(
            rule=self.name,
            source=self.source,
            result=attempt.result,
            message=message,
            captures=attempt.captures or {},
            position=position,
            matched_text="" if position is None else stem[:position],
            expected=attempt.expected,
            found=found,
        )
