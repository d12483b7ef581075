"""From a rules file as written to rules that can be used, or every fault in it at once."""

from collections.abc import Iterator, Mapping

from importer.core.model import Kind
from importer.core.rules.draft import RESERVED, Draft, is_any
from importer.core.rules.engine import Rules
from importer.core.rules.reading import Vocabulary
from importer.core.rules.spec import (
    REFUSE,
    CompilePattern,
    Pattern,
    PatternError,
    RuleFault,
    RulesError,
    RulesSpec,
    did_you_mean,
)
from importer.core.rules.word_tree import KindWord
from importer.core.rules.words import KindWords, kind_word


def compile_rules(spec: RulesSpec, compile_pattern: CompilePattern) -> Rules:
    """Rules that can be used. Examples are not run: `run_examples` does.

    Raises:
        RulesError: with every fault.
    """
    faults: list[RuleFault] = []
    tokens = _tokens(spec.tokens, compile_pattern, faults)
    words = KindWords(_words(spec.kinds, faults))
    drafts = [Draft(rule, frozenset(spec.tokens), compile_pattern, words) for rule in spec.rules]
    rules = tuple(draft.rule() for draft in drafts)
    faults += [fault for draft in drafts for fault in draft.faults]
    faults += _whole_file_faults(spec)
    if faults:
        raise RulesError(faults)
    used = frozenset(name for rule in rules for name in rule.reference.names)
    return Rules(Vocabulary(tokens, words, used & tokens.keys()), rules)


def _whole_file_faults(spec: RulesSpec) -> Iterator[RuleFault]:
    if not spec.rules:
        yield RuleFault("rule", "there is none, so every file would be refused", "add a [[rule]]")
    names = [rule.name for rule in spec.rules]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield RuleFault(f'rule "{name}"', "several rules have this name", "give each its own")


def _tokens(written: Mapping[str, str], compile_pattern: CompilePattern, faults: list[RuleFault]) -> dict[str, Pattern]:
    tokens: dict[str, Pattern] = {}
    for name, expression in written.items():
        where = f"tokens.{name}"
        if name in RESERVED or is_any(name):
            faults.append(RuleFault(where, f"{{{name}}} has a meaning of its own", "choose another name"))
        if not (name.isascii() and name.isidentifier()):
            faults.append(RuleFault(where, "not a name for a placeholder", "use letters, digits and `_`"))
        try:
            tokens[name] = compile_pattern(expression)
        except PatternError as error:
            faults.append(RuleFault(where, error.problem, error.remedy))
        else:
            if tokens[name].match_longest("", 0) is not None:
                faults.append(RuleFault(where, "it can stand for nothing at all", "make it want one character"))
    return tokens


def _words(written: Mapping[str, str], faults: list[RuleFault]) -> tuple[KindWord, ...]:
    words: dict[str, KindWord] = {}
    kept: list[KindWord] = []
    for text, value in written.items():
        where = f'kinds."{text}"'
        if value != REFUSE and value not in list(Kind):
            faults.append(RuleFault(where, f"`{value}` is no kind", did_you_mean(value, [*Kind, REFUSE])))
            continue
        word = kind_word(text, None if value == REFUSE else Kind(value))
        if not word.pieces:
            faults.append(RuleFault(where, "it has no letter or digit", "write the word as it stands in names"))
            continue
        if any("*" in piece for piece in word.pieces):
            faults.append(RuleFault(where, "a `*` stands only at an end of a word", "write two words instead"))
            continue
        if word.is_piece and word.kind is not None:
            problem = "a word with `*` can only refuse, for what it is a piece of may mean anything"
            faults.append(RuleFault(where, problem, "write out the whole words that have this kind"))
            continue
        if words.setdefault(word.key, word).kind is not word.kind:
            faults.append(RuleFault(where, "the same word has another kind as well", "keep one of the two spellings"))
        kept.append(word)
    return tuple(kept)
