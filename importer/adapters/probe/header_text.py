"""Header bytes -> text and dates, by what mail systems write rather than by what they should (RFC 2047, RFC 5322)."""

import base64
import re
from datetime import UTC, datetime
from email.quoprimime import header_decode
from email.utils import parsedate_to_datetime

_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_BAD_QUOTED = re.compile(r"=(?![0-9A-Fa-f]{2})")
_SURROGATE = re.compile("[\ud800-\udfff]")
# The label says one thing and the bytes are of its superset, as in browsers (WHATWG Encoding).
_SUPERSETS = {
    "iso-8859-1": "cp1252", "latin1": "cp1252", "iso-8859-9": "cp1254", "iso-8859-11": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "shift_jis": "cp932",
    "tis-620": "cp874", "cp-850": "cp850", "ansi": "cp1252",
}  # fmt: skip
_GUESSED = frozenset({"", "unknown-8bit", "x-unknown", "unknown", "us-ascii", "ascii", "utf8", "utf-8", "8bit"})
# Codecs of Python's own, which no mail program knows.
_NOT_FOR_MAIL = re.compile("escape|idna|punycode|undefined|mbcs|oem", re.IGNORECASE)

# As German programs put them; the English ones are the standard's.
_GERMAN_MONTHS = {"mrz": "Mar", "mär": "Mar", "märz": "Mar", "mai": "May", "okt": "Oct", "dez": "Dec"}
_LETTERS = re.compile(r"[^\W\d_]+\.?")
_DOT_AFTER_DAY = re.compile(r"(?<=\d)\.(?= )")
_BLANK_BEFORE_OFFSET = re.compile(r" (?=[+-]\d\d:?\d\d$)")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


def guessed(raw: bytes) -> str:
    """Bytes without a charset: UTF-8 where they are that, and otherwise what Windows writes in western Europe."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def decoded(raw: bytes, charset: str) -> str:
    """Bytes by the charset that they are said to have; what cannot be decoded becomes U+FFFD."""
    # RFC 2231, 5: a language may follow.
    name = charset.partition("*")[0].strip().lower()
    if name in _GUESSED or _NOT_FOR_MAIL.search(name):
        return guessed(raw)
    try:
        text = raw.decode(_SUPERSETS.get(name, name), "replace")
    except (LookupError, ValueError):
        return guessed(raw)
    return _SURROGATE.sub("\ufffd", text)


def decode_words(text: str) -> str:
    """An unfolded header with its encoded words decoded; those that cannot be stay as they are, `=?...?=`."""
    pieces: list[tuple[str, bytes]] = []
    done: list[str] = []
    position = 0
    for found in _WORD.finditer(text):
        between, word = text[position : found.start()], _word(found)
        if word is None:
            continue
        # Blanks between two encoded words only divide them, and a character may be spread over both.
        if between.strip() or not pieces:
            done += [_joined(pieces), between]
            pieces = []
        pieces.append((found[1].lower(), word))
        position = found.end()
    return "".join([*done, _joined(pieces), text[position:]])


def date_of(text: str) -> str:
    """A Date header's text in RFC 3339.

    Raises:
        ValueError, TypeError, OverflowError: it is none.
    """
    if _ISO_DATE.match(text):
        return _rfc3339(datetime.fromisoformat(_BLANK_BEFORE_OFFSET.sub("", text)))
    return _rfc3339(parsedate_to_datetime(_LETTERS.sub(_in_english, _DOT_AFTER_DAY.sub("", text))))


def _rfc3339(date: datetime) -> str:
    # "-0000" means UTC by a clock of unknown place (RFC 5322, 3.3).
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).isoformat()


def _in_english(word: re.Match[str]) -> str:
    return _GERMAN_MONTHS.get(word[0].lower().rstrip("."), word[0])


def _word(found: re.Match[str]) -> bytes | None:
    """The bytes of an encoded word; None where it is broken."""
    encoded = found[3]
    if not encoded.isascii():
        return None
    if found[2] in "qQ":
        return None if _BAD_QUOTED.search(encoded) else header_decode(encoded).encode("latin-1")
    letters = "".join(encoded.split()).rstrip("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except ValueError:
        return None


def _joined(pieces: list[tuple[str, bytes]]) -> str:
    """Encoded words side by side; neighbours of the same charset are decoded together."""
    runs: list[tuple[str, bytes]] = []
    for charset, raw in pieces:
        if runs and runs[-1][0] == charset:
            runs[-1] = (charset, runs[-1][1] + raw)
        else:
            runs.append((charset, raw))
    return "".join(decoded(raw, charset) for charset, raw in runs)
