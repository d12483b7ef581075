"""The pages that people read, taken apart: their fenced blocks, what is marked, and the commands that they show."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MADE = ROOT / "docs" / "reference"
PAGES = sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md")} - set(MADE.rglob("*.md")))

FENCE = re.compile(
    r"^(?:<!-- (?P<mark>.+?) -->\n)?(?P<indent> *)```(?P<language>\S*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)
OPERATORS = re.compile(r"[;&|()]+")


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str
    mark: str
    """What a comment right above it says, such as `not tested: no nginx here`."""

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks(*pages):
    return [block for page in pages or PAGES for block in _blocks(page)]


def _blocks(page):
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        inner = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        line = text.count("\n", 0, found.start("language")) + 1
        yield Block(str(page.relative_to(ROOT)), line, found["language"], inner, found["mark"] or "")


def prose(page):
    """Without its blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def inline(page):
    """What stands between backticks, on one line."""
    return [re.sub(r"\s*\n\s*", " ", code) for code in re.findall(r"`([^`]+)`", prose(page))]


def simple_commands(script):
    """The words of each simple command of a shell script, without what it assigns first."""
    for line in _whole_lines(script):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.commenters = "#"
        lexer.whitespace_split = True
        command = []
        for word in [*lexer, ";"]:
            if not OPERATORS.fullmatch(word):
                command.append(word)
            elif command:
                yield _without_assignments(command)
                command = []


def _whole_lines(script):
    """Continued lines, and those of a quoted text, in one piece."""
    begun = ""
    for line in script.replace("\\\n", " ").splitlines(keepends=True):
        begun += line
        try:
            shlex.split(begun, comments=True)
        except ValueError:  # a quotation is still open
            continue
        yield begun
        begun = ""
    assert not begun, f"an open quotation: {begun}"


def _without_assignments(words):
    while words and re.match(r"\w+=", words[0]):
        words = words[1:]
    return words


def ours(words):
    """The arguments of `importer` in a simple command, also behind `runuser ... --` or by its path; None: another's."""
    for place, word in reversed([*enumerate(words)]):
        if word.endswith("/bin/importer") or (word == "importer" and (place == 0 or words[place - 1] == "--")):
            return words[place + 1 :]
    return None
