"""The page's texts in both languages, and its charts."""

import re
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path

from importer.adapters.ledger import Ending
from importer.core.audit import Gap
from importer.core.model import State
from importer.core.person import Decision
from importer.core.resending import ResendState
from importer.dashboard.figures import HOURS, spans
from importer.dashboard.words import LANGUAGES, MESSAGES

PACKAGE = Path(__file__).parent.parent.parent / "importer" / "dashboard"
NOW = datetime(2026, 11, 21, 15, 20, tzinfo=UTC)


def placeholders(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)


def test_each_text_has_both_languages_and_the_same_values():
    assert LANGUAGES == ("de", "en")
    for key, texts in MESSAGES.items():
        assert len(texts) == len(LANGUAGES), key
        assert all(text.strip() for text in texts), key
        assert placeholders(texts[0]) == placeholders(texts[1]), key


def test_each_text_is_used_and_each_that_is_used_is_there():
    sources = [path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".html"} and path.name != "words.py"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    named = set(re.findall(r"""["'](\w+)["']""", text))
    by_value = {f"{prefix}{state}" for prefix in ("state_", "means_") for state in State} | set(Decision)
    by_value |= {f"decision_{decision}" for decision in ("import", "duplicate", "hold", "reject", "ignore")}
    by_value |= {f"{prefix}{gap}" for prefix in ("gap_", "gap_means_") for gap in Gap}
    by_value |= {f"resend_{state}" for state in ResendState} | {
        f"all_{decision}" for decision in ("accept", "dismiss", "retry")
    }
    assert by_value <= MESSAGES.keys() <= named | by_value
    asked = set(re.findall(r"""\bt\(["'](\w+)["'][,)]""", text)) | set(re.findall(r"""say\([\w.]+, "(\w+)\"""", text))
    assert asked <= MESSAGES.keys()


def test_the_charts_count_by_the_hour_and_know_the_oldest_of_each():
    def before(**ago):
        return NOW - timedelta(**ago)

    endings = [
        Ending(before(hours=5), before(hours=2), State.IMPORTED),
        Ending(before(hours=3), before(minutes=10), State.REJECTED),
    ]
    found = spans(
        NOW, [before(minutes=1), before(hours=3), before(hours=5), before(days=2)], endings, before(minutes=5)
    )

    assert len(found) == HOURS
    assert [span.begins for span in found[-2:]] == [NOW.replace(hour=14, minute=0), NOW.replace(minute=0)]
    assert [span.arrived for span in found[-6:]] == [1, 0, 1, 0, 0, 1]
    assert [span.imported for span in found[-6:]] == [0, 0, 0, 1, 0, 0]
    # At 13:00 the first one was 2 h 40 min old; then the second one was the oldest, and now the one that has no end.
    assert [span.oldest for span in found[-4:]] == [
        timedelta(hours=2, minutes=40), timedelta(hours=1, minutes=40), timedelta(hours=2, minutes=40),
        timedelta(minutes=5),
    ]  # fmt: skip
