"""Arrows point one way only: core <- adapters <- assembly <- door. Read from the code itself."""

import ast
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "importer"

DOOR = {"cli", "__main__", "demo", "dashboard", "library"}
ALONE = {"sandbox"}
CLOSED = {"core": {"core"}, "sandbox": {"sandbox"}}


def layer_of(module: str) -> str:
    """`importer.adapters.ledger.rows` -> `adapters`; a module directly under the package is assembly."""
    parts = module.split(".")
    if len(parts) == 1:
        return "package"
    return parts[1] if parts[1] in {"core", "adapters"} | DOOR | ALONE else "assembly"


ALLOWED = {
    "package": {"library"},
    "core": {"core"},
    "adapters": {"core", "adapters"},
    "assembly": {"core", "adapters", "assembly", "package"},
    "cli": {"core", "adapters", "assembly", "cli", "demo", "sandbox", "dashboard", "package"},
    "dashboard": {"core", "adapters", "assembly", "dashboard"},
    "library": {"core", "adapters", "assembly", "library"},
    "demo": {"demo"},
    "__main__": {"cli"},
    "sandbox": {"sandbox"},
}

PURE = {"__future__", "collections", "dataclasses", "datetime", "enum", "functools", "hashlib", "itertools"} | {
    "calendar", "difflib", "fnmatch", "heapq", "json", "math", "operator", "pathlib", "re", "string", "typing",
    "unicodedata", "types", "abc", "bisect", "textwrap",
}  # fmt: skip
"""What the core may use of the standard library: nothing that reads, writes, waits or tells the time."""


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        if "migrations" in path.parts:
            continue
        dotted = ".".join(("importer", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        yield dotted, path, ast.parse(path.read_text(encoding="utf-8"))


def imports_of(name, tree, *, is_package):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively; name the module in full"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module.startswith("importer"))


def own(imported):
    return imported == "importer" or imported.startswith("importer.")


def every_import():
    for name, path, tree in modules():
        for imported in imports_of(name, tree, is_package=path.name == "__init__.py"):
            yield name, imported


def test_arrows_point_one_way():
    wrong = [
        f"{name} imports {imported}"
        for name, imported in every_import()
        if own(imported) and layer_of(imported) not in ALLOWED[layer_of(name)]
    ]
    # `from importer.x import y` yields both `importer.x` and `importer.x.y`; both must be allowed.
    assert not wrong, "\n".join(wrong)


def test_adapters_never_import_one_another():
    def adapter(module):
        return module.split(".")[2] if module.count(".") >= 2 else None

    wrong = [
        f"{name} imports {imported}"
        for name, imported in every_import()
        if layer_of(name) == layer_of(imported) == "adapters" and own(imported) and adapter(name) != adapter(imported)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_core_uses_nothing_that_has_an_effect():
    wrong = [
        f"{name} imports {imported}"
        for name, imported in every_import()
        if layer_of(name) == "core" and not own(imported) and imported.split(".")[0] not in PURE
    ]
    assert not wrong, "\n".join(wrong)


def test_the_sandbox_uses_only_the_standard_library():
    wrong = [
        f"{name} imports {imported}"
        for name, imported in every_import()
        if layer_of(name) == "sandbox" and not own(imported) and imported.split(".")[0] not in sys.stdlib_module_names
    ]
    assert not wrong, "\n".join(wrong)


def test_no_import_cycles():
    graph = {}
    known = {name for name, _, _ in modules()}
    for name, imported in every_import():
        if imported in known and imported != name:
            graph.setdefault(name, set()).add(imported)
    # A package's own names pass through its __init__; only cycles between modules with code of their own count.
    seen, done = [], set()

    def visit(name):
        if name in done:
            return
        assert name not in seen, " -> ".join([*seen[seen.index(name) :], name])
        seen.append(name)
        for other in sorted(graph.get(name, ())):
            if not name.startswith(f"{other}."):
                visit(other)
        seen.pop()
        done.add(name)

    for name in sorted(known):
        visit(name)
