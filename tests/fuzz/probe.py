"""The inspection of documents under a coverage-guided fuzzer: `make fuzz`, or `python -m tests.fuzz.probe [OPTION...]`.

Whatever the bytes: they have facts, these survive the way to the parent and into the ledger, and they have a verdict
that can be told to a person. The options are libFuzzer's; a file's name among them tries that file alone.
"""

import json
import logging
import os
import resource
import signal
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("fuzz: atheris is not installed; there are wheels for Linux on x86-64 with glibc, Python 3.11 to 3.14")

with atheris.instrument_imports(include=["importer.adapters.probe", "importer.core", "pypdf", "email"]):
    from importer.adapters.probe.inspect import inspect
    from importer.adapters.probe.worker import MAX_ANSWER, Limits
    from importer.core.admission import Treatment
    from importer.core.einvoice import Named
    from importer.core.facts import Facts, Format
    from importer.core.model import Kind
    from importer.core.verdict import REASONS, Accepted, DocumentPolicy, judge

from tests.adapters.probe_documents import one_page, stream
from tests.fuzz.seeds import LARGEST, seeds

FOUND = Path(__file__).parents[2] / "build" / "fuzz"
"""Where findings and what is worth further mutations are kept; not in the repository."""
TOKENS = Path(__file__).with_name("probe.dict")

LONGEST = int(os.environ.get("FUZZ_LONGEST", "40000"))
"""Characters of the longest reason: it may list a hundred names of active content."""
LIMITS = Limits(text=10_000)
STRICT = DocumentPolicy(text_must_contain_reference=Treatment.HOLD)
LENIENT = DocumentPolicy(
    encrypted=Treatment.ALLOW,
    damaged=Treatment.ALLOW,
    active_content=Treatment.ALLOW,
    einvoice_mismatch=Treatment.ALLOW,
)


class OutOfTime(BaseException):
    """The document has used up its processor time: the kernel ends a child there, and its document is refused."""


def examine(content: bytes) -> None:
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMITS.cpu_seconds)
    try:
        check(content)
        # The XML of an e-invoice is read inside a PDF only.
        if content.lstrip().startswith(b"<"):
            check(one_page(b"/AF[5 0 R]", b"<</F(factur-x.xml)/EF<</F 6 0 R>>>>", stream(content)))
    except OutOfTime:
        print(f"out of time over {len(content)} bytes", file=sys.stderr)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def check(content: bytes) -> None:
    facts = inspect(content, LIMITS.text)
    answer = json.dumps(facts.as_json(with_text=True))
    assert len(answer) <= MAX_ANSWER, "the parent would take no answer that long"
    assert Facts.from_json(json.loads(answer)) == facts
    for text in texts(facts.as_json()):
        assert fit_to_be_shown(text), text
    assert facts.format in (Format.PDF, Format.EML) or (facts.pdf, facts.eml) == (None, None)
    for policy in (STRICT, LENIENT):
        for kind in (Kind.INVOICE, Kind.CREDITNOTE, Kind.LETTER):
            told(replace(facts, extension=facts.format.value), policy, Named("RE-2024-0815", kind))


def told(facts: Facts, policy: DocumentPolicy, named: Named) -> None:
    verdict = judge(facts, policy, named)
    for reason in () if isinstance(verdict, Accepted) else verdict.reasons:
        assert reason.code in REASONS
        assert fit_to_be_shown(reason.message), reason.message


def texts(value: object) -> Iterator[str]:
    """Everything in facts that the ledger keeps and a person reads."""
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for item in inner:
        yield from texts(item)


def fit_to_be_shown(text: str) -> bool:
    """Whether it is one line of bounded length that a terminal shows and UTF-8 has."""
    return len(text) <= LONGEST and not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)


def main(arguments: list[str]) -> None:
    # As in the child.
    logging.disable()

    def stop(number: int, frame: object) -> None:
        raise OutOfTime

    signal.signal(signal.SIGVTALRM, stop)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    # Beside the document's share there is the fuzzer's.
    resource.setrlimit(resource.RLIMIT_AS, (3 * LIMITS.memory, hard))
    atheris.Setup([sys.argv[0], *arguments_of(arguments)], examine)
    atheris.Fuzz()


def arguments_of(arguments: list[str]) -> list[str]:
    if any(not argument.startswith("-") for argument in arguments):
        return arguments
    place = Path(os.environ.get("FUZZ_CORPUS", FOUND))
    corpus, start = place / "corpus", place / "seeds"
    for folder in (FOUND, corpus, start):
        folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds()):
        (start / f"{number:03}").write_bytes(content)
    ours = [
        f"-artifact_prefix={FOUND}/",
        f"-dict={TOKENS}",
        f"-max_len={LARGEST}",
        "-rss_limit_mb=3072",
        "-timeout=120",
    ]
    return [*ours, *arguments, str(corpus), str(start)]


if __name__ == "__main__":
    main(sys.argv[1:])
