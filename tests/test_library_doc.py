"""docs/library.md cannot drift: its examples are run as one program, and checked as strictly as our own code."""

import re
import subprocess
import sys
from pathlib import Path

import importer
from tests.world import pdf

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")


def program():
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    return "\n".join(blocks)


def test_the_examples_run(world):
    # Given what they speak of, beside config/
    (world.folder / "RE-2024-0815.pdf").write_bytes(pdf("RE-2024-0815"))
    (world.folder / "today").mkdir()
    for number in range(10001, 10004):
        (world.folder / "today" / f"RE{number}.pdf").write_bytes(pdf(str(number)))
    # When they are run as one program
    command = [sys.executable, "-c", program()]
    ended = subprocess.run(
        command, cwd=world.folder, env=world.full_environ, capture_output=True, text=True, check=False
    )
    # Then each says what the page promises
    assert (ended.returncode, ended.stderr) == (0, "")
    first, again, missing, *today = ended.stdout.splitlines()
    told = world.document("RE-2024-0815.pdf")
    assert first.split() == [told["communication_reference"], told["file_reference"], told["voucher_reference"]]
    assert again == told["voucher_reference"]
    assert "RE-2024-0816.pdf" in missing
    assert sorted(line.split()[1] for line in today) == ["imported"] * 3
    assert len(world.stored()) == 4


def test_the_examples_are_typed(tmp_path):
    sample = tmp_path / "sample.py"
    sample.write_text(f"{program()}\nreveal_type(result)\nreveal_type(importer.follow)\n", encoding="utf-8")
    options = ["--strict", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache' / 'sample'}"]
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", *options, sample], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert 'Revealed type is "importer.library.result.ImportResult"' in ended.stdout
    assert "timeout: float" in ended.stdout.replace("builtins.", "")


def test_every_error_and_method_is_told():
    named = set(re.findall(r"`(\w+)[`(]", PAGE))
    errors = {
        name
        for name in importer.__all__
        if isinstance(found := getattr(importer, name), type) and issubclass(found, importer.ImporterError)
    }
    assert errors <= named
    assert {name for name in vars(importer.Importer) if not name.startswith("_")} <= named
