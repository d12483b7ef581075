"""Invoice references as people and programs write them: whether two are the same one, and whether a text holds one."""

import re
import unicodedata

_PART = re.compile(r"[^\W_]+")
_LOOSE = r"[\W_]{0,3}"
"""Between two parts of a reference: `RE-2024`, `RE 2024`, `RE: 2024`, `RE2024`."""
_SPLIT = r"(?:-? )?"
"""Within a part: letters set apart, or a line break with or without a hyphen."""
_SPLIT_OR_GROUPED = r" ?[-/_]? ?"
"""Within the digits of a reference that has no groups of its own: `20240815` may be printed as `2024-0815`."""
# A neighbour makes a longer number or word of it, and that is another reference.
_NO_LETTER_BEFORE, _NO_LETTER_AFTER = r"(?<![^\W\d_])", r"(?![^\W\d_])"
_NO_DIGIT_BEFORE, _NO_DIGIT_AFTER = r"(?<!\d)(?<!\d[-/_.,])", r"(?!\d)(?![-/_][^\W_])(?![.,]\d)"


def same_reference(one: str, other: str) -> bool:
    """Whether both name the same invoice, whatever the case of letters and the separators.

    `RE-2024-0815`, `re 2024/0815` and `RE20240815` are the same. `RE-2024-1-11` and `RE-2024-11-1` are not, nor are
    numbers with and without a prefix, a suffix or leading zeros: any of these may tell two invoices apart.
    """
    (letters, groups), (other_letters, other_groups) = _shape(one), _shape(other)
    return letters == other_letters and (groups == other_groups or not groups or not other_groups)


def contains_reference(text: str, reference: str) -> bool:
    """Whether a text, as it comes out of a PDF, holds the reference.

    Line breaks, blanks between letters, soft hyphens, ligatures and other dashes do not matter. A piece of a longer
    number or word is not the reference; but what a blank divides cannot be told from a split number.
    """
    letters, groups = _shape(reference)
    if not letters:
        return False
    text = _flat(text)
    if f" {_flat(reference)} " in f" {text} ":
        return True  # as it should be; and nothing is to be made out that takes longer
    within = _SPLIT if groups else _SPLIT_OR_GROUPED
    pattern = _NO_DIGIT_BEFORE if letters[0].isdigit() else _NO_LETTER_BEFORE
    for position, character in enumerate(letters):
        if position:
            is_border = position in groups or letters[position - 1].isdigit() != character.isdigit()
            pattern += _LOOSE if is_border else within
        pattern += re.escape(character)
    pattern += _NO_DIGIT_AFTER if letters[-1].isdigit() else _NO_LETTER_AFTER
    return re.search(pattern, text) is not None


def _shape(reference: str) -> tuple[str, frozenset[int]]:
    """Its letters and digits in one piece, and before which digits a new group begins."""
    letters, groups = "", set()
    for part in _PART.findall(_folded(reference)):
        if letters and letters[-1].isdigit() and part[0].isdigit():
            groups.add(len(letters))
        letters += part
    return letters, frozenset(groups)


def _flat(text: str) -> str:
    """One line: single blanks, one kind of dash, nothing invisible."""
    visible = "".join("-" if unicodedata.category(c) == "Pd" or c == "\u2212" else c for c in _folded(text))
    return " ".join(visible.split())


def _folded(text: str) -> str:
    invisible = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return "".join(invisible).casefold()
