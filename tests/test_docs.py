"""What README and docs show is what there is: every block and every command is parsed, loaded or run.

`sh` is parsed here, and run where a page says so (tests/test_install.py, tests/systemd); `console` is run by
tests/test_walks.py, `python` by tests/test_library_doc.py; `text` is what somebody sees. A
block that nothing looks at says why, in a comment above it.
"""

import ast
import functools
import re
import runpy
import shutil
import subprocess
from html.parser import HTMLParser

import click
import pytest

from importer.adapters.patterns import compile_pattern
from importer.adapters.rules_file import RULE_KEYS, load_rules
from importer.cli.main import cli
from importer.config import load_settings
from importer.config.settings import settings_reference
from importer.core import events, reasons
from importer.core.model import State
from tests.pages import PAGES, ROOT, blocks, inline, ours, simple_commands

LOOKED_AT = {"sh", "console", "toml", "ini", "python", "text"}
OF_THE_BUILDER = {"{toctree}", "{include}"}


def shown(*languages):
    return [block for block in blocks() if block.language in languages and not block.mark.startswith("not tested")]


def by_place(block):
    return str(block)


def test_every_block_is_looked_at_or_says_why_not():
    for block in blocks():
        if block.language not in LOOKED_AT | OF_THE_BUILDER:
            assert re.fullmatch(r"not tested: .{10,}", block.mark), (
                f"{block}: `{block.language}` is looked at by nothing"
            )


# ------------------------------------------------------------------- commands


def typed(block):
    """What somebody types, without the prompt and what is answered."""
    return "\n".join(re.findall(r"^\$ (.+)$", block.text, re.MULTILINE)) if block.language == "console" else block.text


def commands():
    scripts = [(str(block), typed(block)) for block in shown("sh", "console")]
    scripts += [
        (page.name, code) for page in PAGES for code in inline(page) if re.match(r"(\w+=\S+ )*importer [a-z]", code)
    ]
    return [(place, words) for place, script in scripts for words in simple_commands(script)]


def parse(arguments):
    """As the program would take them; a file that is only shown need not be there."""
    group, context = cli, cli.make_context("importer", list(arguments))
    while isinstance(group, click.Group):
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        name, group, rest = group.resolve_command(context, rest)
        try:
            context = group.make_context(name, rest, parent=context)
        except click.BadParameter as refused:
            if "does not exist" not in refused.message:
                raise
            return


PLACEHOLDERS = re.compile(r"\[DIR\]|\[?PATH\.\.\.\]?")


def test_every_command_of_ours_parses():
    parsed = 0
    for place, words in commands():
        arguments = ours(words)
        if arguments is None or {"--help", "--version"} & {*arguments}:
            continue
        given = [PLACEHOLDERS.sub("x", argument) for argument in arguments]
        try:
            parse([argument for argument in given if argument != "..."])
        except click.MissingParameter:
            assert len(arguments) <= 2, f"{place}: importer {' '.join(arguments)}"  # the text speaks of the verb
        except click.UsageError as refused:
            pytest.fail(f"{place}: importer {' '.join(arguments)}: {refused.message}")
        parsed += 1
    assert parsed > 100


@pytest.mark.parametrize("block", shown("python"), ids=by_place)
def test_every_program_compiles(block):
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", shown("sh"), ids=by_place)
def test_a_shell_understands_every_script(block):
    done = subprocess.run(["bash", "-n", "-c", block.text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_target_of_make_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = [(place, words[1]) for place, words in commands() if words[:1] == ["make"]]
    called += [(page.name, code.split()[1]) for page in PAGES for code in inline(page) if re.match("make [a-z]", code)]
    assert len(called) > 10
    for place, target in called:
        assert target in targets, f"{place}: make {target}"


OF_THIS_PROJECT = re.compile(r"(?:importer|tests|scripts|systemd|config|requirements|benchmarks)/[\w@./*-]+")


def test_every_file_of_ours_that_is_named_is_there():
    named = [(page.name, code) for page in PAGES for code in inline(page)]
    named += [(place, word) for place, words in commands() for word in words]
    found = [(place, word) for place, word in named if OF_THIS_PROJECT.fullmatch(word)]
    assert len(found) > 50
    for place, word in found:
        assert any(ROOT.glob(word.rstrip("/"))), f"{place}: {word}"


def test_every_module_that_is_run_is_there():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for module in re.findall(r"python -m ((?:benchmarks|tests|importer)[\w.]*)", text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


# ------------------------------------------------------------------- configurations


@pytest.mark.parametrize("block", shown("toml"), ids=by_place)
def test_every_toml_loads(block, tmp_path):
    if "[[rule]]" in block.text:
        path = tmp_path / "rules.toml"
        # One that brings no words of its own stands beside those that are shipped.
        shipped = "" if "[kinds]" in block.text else (ROOT / "config" / "rules.toml").read_text(encoding="utf-8")
        path.write_text(f"{shipped}\n{block.text}", encoding="utf-8")
        rules = load_rules(path, compile_pattern).rules
        assert rules
        assert "[rule.examples]" in block.text
    else:
        path = tmp_path / "config" / "importer.toml"
        path.parent.mkdir()
        path.write_text(block.text, encoding="utf-8")
        # A file that the text shows need not be there, and a token not be read.
        load_settings(path, {})


def test_the_guide_names_every_key_of_a_rule():
    guide = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    for name in RULE_KEYS:
        assert re.search(rf"^{name} = |^\[rule\.{name}\]|`{name} = ", guide, re.MULTILINE), name


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="left out: there is no systemd-analyze")
@pytest.mark.parametrize("block", shown("ini"), ids=by_place)
def test_systemd_understands_every_drop_in(block, tmp_path):
    unit = tmp_path / "shown.service"
    unit.write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    drop_in = tmp_path / "shown.service.d"
    drop_in.mkdir()
    (drop_in / "shown.conf").write_text(re.sub(r"(?<=^ExecStart=)/\S+", "/bin/true", block.text, flags=re.MULTILINE))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


# ------------------------------------------------------------------- the reference


def test_the_reference_is_what_the_code_says():
    made = runpy.run_path(str(ROOT / "scripts" / "reference"))
    pages = {path.name: path.read_text(encoding="utf-8") for path in made["PAGES"].glob("*.md")}
    for name, text in made["rendered"]().items():
        assert pages.pop(name, "") == text, f"docs/reference/{name}: run `make reference`"
    assert not pages


@functools.cache
def program():
    """Each module of ours, as a syntax tree; the sandbox is another program."""
    paths = (path for path in sorted((ROOT / "importer").rglob("*.py")) if "sandbox" not in path.parts)
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def constants(*besides):
    """Every text in the program, but for these modules, that is no docstring."""
    return {text for path, tree in program() if path.name not in besides for text in texts(tree)}


def texts(tree):
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


NO_EVENT = re.compile(
    r".*\.(html|toml|db|eml|ini|py|dat|xml|id)|os\.\w+|importer\.dashboard|api\.password|person\.resend_"
)


def test_every_event_is_told_and_none_besides():
    told = {*events.OF_DOCUMENTS, *events.OF_RESENDS, *events.OF_THE_PROGRAM}
    words = constants("events.py")
    dotted = {text for text in words if re.fullmatch(r"[a-z_]+\.[a-z_]+", text)}
    settings = {each.key for each in settings_reference()} - told
    used = {text for text in dotted - settings if not NO_EVENT.fullmatch(text)}
    assert used <= told, "say in importer/core/events.py what they mean"
    # Those whose second half is a state, or the code of a problem.
    made = {name for name in told - used if re.match(r"(document|resend|scan|person)\.", name)}
    assert told - used == made
    assert {name.partition(".")[2].removeprefix("resend_") for name in made} <= words


def test_every_reason_is_told_and_none_besides():
    told = {*reasons.NEEDS_PERSON, *reasons.GOES_ON, *reasons.OF_THE_LINE, *reasons.OF_ANSWERS}
    used = set(codes_of_reasons())
    assert used - set(reasons.of_verdicts()) <= told, "say in importer/core/reasons.py what they mean"
    assert told <= constants("reasons.py", "wording.py")


def codes_of_reasons():
    """The first argument of each `Reason(...)`, where it is written there or is a constant of the same module."""
    for _, tree in program():
        named = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            if isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Reason", "_doubt"):
                first = node.args[0]
                code = first.value if isinstance(first, ast.Constant) else named.get(getattr(first, "id", ""))
                if isinstance(code, str):
                    yield code


def test_the_fields_of_status_are_those_that_it_prints(world):
    from importer.cli.status import MEANINGS

    (told,) = world.json("status", exits=0)
    assert list(told) == list(MEANINGS)
    assert list(told["states"]) == list(State)


# ------------------------------------------------------------------- the site


class Loaded(HTMLParser):
    """What a browser would fetch by itself."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.found += [given[name] for name in ("src", "srcset", "data", "poster") if given.get(name)]
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev", "search", "index", "author"):
            self.found.append(given["href"])


def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    recipe = re.search(r"^docs:.*\n\t(.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    command = recipe.replace("$(BIN)", str(ROOT / ".venv" / "bin")).replace("build/", f"{tmp_path}/")
    done = subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    site = tmp_path / "docs"
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        for address in Loaded(page.read_text(encoding="utf-8")).found:
            assert not re.match(r"[a-z]*:?//", address), f"{page.name} loads {address}"
            assert address.startswith("data:") or (page.parent / address.partition("?")[0].partition("#")[0]).exists()
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet
    for script in site.rglob("*.js"):
        assert not re.search(r"(fetch|import|open)\(\s*['\"](https?:)?//", script.read_text(encoding="utf-8")), script
