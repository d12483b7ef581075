"""One rule on its way from written to checked."""

from dataclasses import dataclass, field

from importer.core.model import Kind
from importer.core.rules.examples import answer_faults
from importer.core.rules.folder import FolderGlob
from importer.core.rules.matching import Matcher, RegexMatcher, TemplateMatcher
from importer.core.rules.outcome import Source
from importer.core.rules.rule import Rule
from importer.core.rules.spec import CompilePattern, Pattern, PatternError, RuleFault, RuleSpec, did_you_mean
from importer.core.rules.template import OutputText, Part, Placeholder, TemplateError, parse_output, parse_pattern
from importer.core.rules.walk import step
from importer.core.rules.words import KindWords

_BUILT_IN = frozenset({"kind", "any", "date"})
_OF_THE_FILE = frozenset({"stem", "filename", "subject", "sender"})
_OUTPUT_ONLY = _OF_THE_FILE | {"kind_word"}
RESERVED = _BUILT_IN | _OUTPUT_ONLY
"""Placeholders with a meaning of their own."""
_NOTHING = OutputText(())


def is_any(name: str) -> bool:
    """Whether it names free text: `any`, or `any2` for the second one in a template."""
    return name.rstrip("0123456789") == "any"


@dataclass(slots=True)
class Draft:
    """One `[[rule]]` on its way, with the faults met on it."""

    spec: RuleSpec
    tokens: frozenset[str]
    compile_pattern: CompilePattern
    words: KindWords
    faults: list[RuleFault] = field(default_factory=list)
    candidates: frozenset[str] = frozenset()
    """The captures that could be the reference where the rule does not say which."""

    def rule(self) -> Rule:
        """Only to be used when there are no faults."""
        spec = self.spec
        if not spec.name.strip():
            self._fault("name", "it is empty", "say in a few words which names the rule is for")
        kind = self._kind()
        matcher, captures = self._matcher(kind)
        for path, expected in spec.examples.items():
            self.faults.extend(answer_faults(self._where(f'examples."{path}"'), expected))
        return Rule(
            name=spec.name,
            source=self._source(),
            matcher=matcher,
            folder=self._folder(),
            folder_text=spec.folder or "",
            extension=spec.extension.lower().removeprefix(".") if spec.extension else None,
            reference=self._reference(captures),
            label=self._output("label", spec.label, captures),
            description=self._output("description", spec.description, captures),
            resend=spec.resend,
            fallback=spec.fallback,
            examples=spec.examples,
        )

    def _where(self, key: str) -> str:
        return f'rule "{self.spec.name}", {key}'

    def _fault(self, key: str, problem: str, remedy: str) -> None:
        self.faults.append(RuleFault(self._where(key), problem, remedy))

    def _kind(self) -> Kind | None:
        value = self.spec.kind
        if value is None or value in list(Kind):
            return Kind(value) if value else None
        self._fault("kind", f"`{value}` is no kind", did_you_mean(value, list(Kind)))
        return None

    def _source(self) -> Source:
        value = self.spec.source
        if value not in list(Source):
            self._fault("from", f"`{value}` is nothing that a rule reads", did_you_mean(value, list(Source)))
            return Source.FILENAME
        if value != Source.FILENAME and (self.spec.extension or "eml").lower().removeprefix(".") != "eml":
            remedy = 'leave `extension` out, or write extension = "eml"'
            self._fault("from", f"only e-mails have a {value}, so the rule would never be asked", remedy)
        return Source(value)

    def _folder(self) -> FolderGlob | None:
        if self.spec.folder is None:
            return None
        folder = FolderGlob.parse(self.spec.folder)
        if folder is None:
            self._fault("folder", f"`{self.spec.folder}` leads out of the inbox", "write it relative to the inbox")
        return folder

    def _matcher(self, kind: Kind | None) -> tuple[Matcher, frozenset[str] | None]:
        """With the names of its captures; None when they are not known for faults already told."""
        if (self.spec.pattern is None) == (self.spec.regex is None):
            self._fault("pattern", "a rule has either `pattern` or `regex`", "keep one of the two")
            if self.spec.pattern is not None and self.spec.regex is not None:
                self._template(self.spec.pattern, kind)
                self._compiled(self.spec.regex)
            return TemplateMatcher((), kind), None
        if self.spec.pattern is not None:
            return self._template(self.spec.pattern, kind)
        return self._regex(self.spec.regex or "", kind)

    def _template(self, pattern: str, kind: Kind | None) -> tuple[Matcher, frozenset[str] | None]:
        try:
            parts = parse_pattern(pattern)
        except TemplateError as error:
            self._fault("pattern", str(error), error.remedy)
            return TemplateMatcher((), kind), None
        names = [part.name for part in parts if isinstance(part, Placeholder)]
        for name in sorted(set(names) - self.tokens - _BUILT_IN):
            self._fault("pattern", f"there is no token {{{name}}}", did_you_mean(name, self.tokens | _BUILT_IN))
        self._want_kind("kind" in names, "pattern")
        captures = _capture_names(parts)
        # A token that does not exist is told once, and not as a missing reference as well.
        self.candidates = (self.tokens.intersection(names) or frozenset(names)) - RESERVED
        deciding = self._reference_names()
        for name in sorted(name for name in deciding | {"kind"} if names.count(name) > 1):
            remedy = "one name has one reference and one kind; define a second token for the other one"
            self._fault("pattern", f"{{{name}}} stands in it twice", remedy)
        steps = tuple(step(part, capture, kind, deciding) for part, capture in zip(parts, captures, strict=True))
        return TemplateMatcher(steps, kind), frozenset(captures) - {""}

    def _regex(self, regex: str, kind: Kind | None) -> tuple[Matcher, frozenset[str] | None]:
        pattern = self._compiled(regex)
        if pattern is None:
            return TemplateMatcher((), kind), None
        groups = frozenset(pattern.group_names)
        for name in sorted(groups & _OUTPUT_ONLY):
            self._fault("regex", f"the group name `{name}` has a meaning of its own", "choose another name")
        self._want_kind("kind" in groups, "regex")
        self.candidates = groups - RESERVED
        return RegexMatcher(pattern, self.words, self._reference_names(), kind), groups

    def _compiled(self, regex: str) -> Pattern | None:
        try:
            return self.compile_pattern(regex)
        except PatternError as error:
            self._fault("regex", error.problem, error.remedy)
            return None

    def _want_kind(self, captured: bool, key: str) -> None:
        if not captured and self.spec.kind is None:
            remedy = 'capture `kind` in it, or add `kind = "invoice"` or another of the nine'
            self._fault(key, "neither it nor `kind` says what the document is", remedy)

    def _reference_names(self) -> frozenset[str]:
        """The captures that make up the reference; what is wrong with them is told by `_reference`."""
        if self.spec.reference is None:
            return self.candidates if len(self.candidates) == 1 else frozenset()
        try:
            return parse_output(self.spec.reference).names
        except TemplateError:
            return frozenset()

    def _reference(self, captures: frozenset[str] | None) -> OutputText:
        if captures is None:
            return _NOTHING
        if self.spec.reference is not None:
            return self._checked_reference(self.spec.reference, captures)
        names = self._reference_names()
        if not names:
            self._fault("reference", "the rule does not say which capture it is", 'add e.g. reference = "{invoice}"')
        return OutputText(tuple(Placeholder(name) for name in names))

    def _checked_reference(self, written: str, captures: frozenset[str]) -> OutputText:
        allowed = captures - {"kind"}
        reference = self._text("reference", written, allowed)
        if not reference.names and reference is not _NOTHING:
            self._fault("reference", "it would be the same for every file", "use a capture, as in `{invoice}`")
        if any(is_any(name) for name in reference.names & allowed):
            self._fault("reference", "free text cannot be an invoice reference", "define a token for it")
        return reference

    def _output(self, key: str, written: str, captures: frozenset[str] | None) -> OutputText:
        if captures is None:
            return _NOTHING
        words = {"kind_word"} if "kind" in captures else set()
        return self._text(key, written, captures | words | _OF_THE_FILE | {"kind", "date"})

    def _text(self, key: str, written: str, allowed: frozenset[str]) -> OutputText:
        try:
            text = parse_output(written)
        except TemplateError as error:
            self._fault(key, str(error), error.remedy)
            return _NOTHING
        for name in sorted(text.names - allowed):
            self._fault(key, f"the rule has no {{{name}}}", did_you_mean(name, allowed))
        return text


def _capture_names(parts: tuple[Part, ...]) -> list[str]:
    """One a part: empty for literal text; the second `{any}` is `any2`."""
    names = [part.name if isinstance(part, Placeholder) else "" for part in parts]
    counts = [names[: index + 1].count(name) for index, name in enumerate(names)]
    return [f"{name}{count}" if name and count > 1 else name for name, count in zip(names, counts, strict=True)]
