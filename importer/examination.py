"""What a file is, by its name and its bytes, and what should become of it. Nothing here writes or sends."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from importer.adapters.probe import Probe
from importer.adapters.reading import Reading
from importer.core import verdict
from importer.core.brake import Understood
from importer.core.einvoice import Named
from importer.core.facts import Facts, Format, extension_of
from importer.core.model import Document, Reason, State
from importer.core.rules import FileName, Inference, Match, Rules
from importer.core.verdict import DocumentPolicy, Verdict, judge, judge_name

NAMES = 8192
"""Names whose reading is remembered at once, from when their batch is counted until the file itself is examined."""


@dataclass(frozen=True, slots=True)
class Examination:
    """A candidate for the ledger, with the whole account of how it came about."""

    candidate: Document
    facts: Facts | None
    """None when only a name was examined."""
    inference: Inference


class Examiner:
    """Probe, rules and policy together: from a file to a candidate."""

    def __init__(self, probe: Probe, rules: Rules, policy: DocumentPolicy, account: str) -> None:
        self._probe = probe
        self._rules = rules
        self._policy = policy
        self._account = account
        self._understood: OrderedDict[str, Inference] = OrderedDict()

    def under(self, rules: Rules, policy: DocumentPolicy) -> "Examiner":
        """The same probe and account under other rules and another policy."""
        return Examiner(self._probe, rules, policy, self._account)

    @property
    def rules(self) -> Rules:
        return self._rules

    @property
    def resending_rules(self) -> frozenset[str]:
        """The names of the rules after whose imports the invoice e-mail is to be sent again."""
        return frozenset(rule.name for rule in self._rules.rules if rule.resend)

    @property
    def max_size(self) -> int:
        """Bytes; of a larger file only the hash is taken."""
        return self._policy.max_size

    def get_ready(self) -> None:
        """To be called when there will be documents: what inspects them takes its time to start."""
        self._probe.get_ready()

    def newcomer(self, path: Path, relative: str, inbox: Path, reading: Reading, now: datetime) -> Document:
        """A document that nothing is known of but its bytes and its place."""
        return Document(
            id=0,
            account=self._account,
            sha256=reading.sha256,
            size=reading.size,
            inbox=str(inbox),
            path=relative,
            location=str(path),
            filename=path.name,
            first_seen_at=now,
        )

    def examine(self, document: Document, content: bytes | None) -> Examination:
        """Judges a document by its bytes and its name: `pending`, `held` or `rejected`, with the reason.

        Args:
            document: its `path` is what the rules look at, and its `accepted` reasons no longer count.
            content: its bytes; None for a file beyond the limit.
        """
        facts = self._facts(document, content)
        inference = self._inference(document.path, facts)
        named = Named(inference.reference, inference.kind) if isinstance(inference, Match) else None
        return _judged(document, inference, facts, judge(facts, self._policy, named))

    def examine_name(self, document: Document) -> Examination:
        """The same by the name alone, as if the bytes were in order."""
        return _judged(document, self._inference(document.path), None, verdict.Accepted())

    def understand(self, relative: str) -> Understood | None:
        """What the rules read from a file's path alone; None for nothing certain. For one thread at a time."""
        inference = self._understood[relative] = self._inferred(relative)
        if len(self._understood) > NAMES:
            self._understood.popitem(last=False)
        return Understood(inference.reference, inference.by_fallback) if isinstance(inference, Match) else None

    def _inference(self, relative: str, facts: Facts | None = None) -> Inference:
        """Only of an e-mail do the rules read more than its name."""
        inference = self._understood.pop(relative, None)
        if facts is not None and facts.eml is not None:
            return self._inferred(relative, facts)
        return inference or self._inferred(relative)

    def _inferred(self, relative: str, facts: Facts | None = None) -> Inference:
        return self._rules.infer(FileName.parse(relative), facts)

    def _facts(self, document: Document, content: bytes | None) -> Facts:
        extension = extension_of(document.filename)
        if content is None:
            return Facts(format=Format.UNKNOWN, size=document.size, extension=extension)
        return self._probe.probe(content, extension)


def _judged(document: Document, inference: Inference, facts: Facts | None, judged: Verdict) -> Examination:
    document = document.evolve(unjudged=False, invoice_reference=None, kind=None, rule=None)
    if isinstance(inference, Match):
        document = document.evolve(
            invoice_reference=inference.reference,
            kind=inference.kind,
            rule=inference.rule,
            label=inference.label,
            description=inference.description,
        )
    state, reason = _standing(document, inference, judged)
    return Examination(document.evolve(state=state, reason=reason), facts, inference)


def _standing(document: Document, inference: Inference, judged: Verdict) -> tuple[State, Reason | None]:
    """The gravest reason first: a name that must not reach a debtor, bytes that cannot, a name that says nothing."""
    if reasons := judge_name(document.filename):
        return State.REJECTED, reasons[0]
    if isinstance(judged, verdict.Refused):
        return State.REJECTED, judged.reasons[0]
    if not isinstance(inference, Match):
        return State.REJECTED, inference.reason
    if isinstance(judged, verdict.Held):
        doubts = [reason for reason in judged.reasons if reason.code not in document.accepted]
        if doubts:
            return State.HELD, doubts[0]
    return State.PENDING, None
