"""What one would write instead: a curl loop, curl side by side, a short script with `requests`.

    python -m benchmarks.peers [--rounds 5] [--documents 200] [--requests-python PYTHON]

Each uploads the same files to the same sink; the importer is measured as in `benchmarks.throughput`, over whole runs
(imports and start included on every side, because a loop of curl pays its start with every file).
`--requests-python` names an interpreter that has `requests` (`python3 -m venv V && V/bin/pip install requests`).
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import corpus
from benchmarks.home import Home
from benchmarks.measure import Figure, Run, interleaved, main, needs, options, ratio, run, say, workplace
from benchmarks.sink import Sink, serving

CONCURRENCY = 16

# Each sees FILES, URL and C.
CURL = """\
curl -sS -f -o /dev/null -u user:password -F file=@"$1" -F filename="${1##*/}" -F kind=invoice \
"$URL/invoices/$(basename "$1" .pdf | cut -d_ -f2)/importExternalDocument"
"""
CURL_LOOP = f"""\
for f in "$FILES"/*.pdf; do set -- "$f"; {CURL.strip()}; done
"""
XARGS = f"""\
find "$FILES" -name '*.pdf' -print0 | xargs -0 -n 1 -P "$C" sh -c '{CURL.strip()}' sh
"""
REQUESTS = """\
import concurrent.futures, os, pathlib, requests
session = requests.Session()
session.auth = ("user", "password")
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=int(os.environ["C"])))
def upload(path):
    reference = path.stem.partition("_")[2]
    url = f"{os.environ['URL']}/invoices/{reference}/importExternalDocument"
    with open(path, "rb") as f:
        data = {"filename": path.name, "kind": "invoice"}
        session.post(url, files={"file": (path.name, f, "application/pdf")}, data=data, timeout=60).raise_for_status()
with concurrent.futures.ThreadPoolExecutor(int(os.environ["C"])) as pool:
    list(pool.map(upload, sorted(pathlib.Path(os.environ["FILES"]).glob("*.pdf"))))
"""

NOT_GUARANTEED = """\
| | a curl loop | xargs curl | a requests script | the importer |
|---|---|---|---|---|
| nothing twice after a crash or a lost reply | no | no | no | yes |
| nothing forgotten after a crash | no | no | no | yes |
| knows what was sent, and with which references | no | no | no | ledger and receipts |
| a file that is still being written is left alone | no | no | no | yes |
| damaged, encrypted or active files are held back | no | no | no | yes |
| the invoice is read from the name by checked rules | no | no | no | yes |
| refused credentials stop the line after one request | no | no | no | yes |
| the file is put away once it is safe to do so | no | no | no | yes |
"""


def has_requests(python: str) -> bool:
    return subprocess.run([python, "-c", "import requests"], check=False, capture_output=True).returncode == 0


def peers(environment: dict[str, str], python: str) -> dict[str, Callable[[], Run]]:
    needs("curl", "curl")
    found: dict[str, Callable[[], Run]] = {
        "curl loop": lambda: run(["sh", "-ec", CURL_LOOP], env=environment),
        f"xargs -P {CONCURRENCY} curl": lambda: run(["sh", "-ec", XARGS], env=environment),
    }
    if has_requests(python):
        found["requests script"] = lambda: run([python, "-c", REQUESTS], env=environment)
    else:
        say("(no requests: --requests-python) ")
    return found


def ours(place: Path, files: list[Path], sink: Sink) -> Run:
    home = Home.make(Path(tempfile.mkdtemp(dir=place)))
    home.fill(files)
    result = home.backfill(sink, concurrency=CONCURRENCY)
    shutil.rmtree(home.folder)
    return result


def figures(*, documents: int, rounds: int, python: str) -> list[Figure]:
    found = []
    for latency in (0, 50):
        say(f"\npeers, {latency} ms ")
        with workplace() as place, serving(place, latency) as sink:
            files = corpus.make(place / "files", documents, size=50_000)
            environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "URL": sink.url, "C": str(CONCURRENCY)}
            environment["FILES"] = str(files[0].parent)
            sides: dict[str, Callable[[], Run]] = {
                "ours": partial(ours, place, files, sink),
                **peers(environment, python),
            }
            runs = interleaved(sides, rounds)
        for peer in list(sides)[1:]:
            rate = ratio([1 / each.wall for each in runs["ours"]], [1 / each.wall for each in runs[peer]])
            cpu = ratio([each.cpu for each in runs["ours"]], [each.cpu for each in runs[peer]])
            walls = [documents / statistics.median(each.wall for each in runs[side]) for side in ("ours", peer)]
            told = f"{walls[0]:.0f}/s beside {walls[1]:.0f}/s, start included"
            name = f"{peer}, {latency} ms"
            found.append(Figure(f"throughput / {name}", rate.median, spread=rate.spread, note=told))
            found.append(Figure(f"CPU / {name}", cpu.median, spread=cpu.spread))
    return found


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--requests-python", default=sys.executable)
    chosen = parser.parse_args()
    main(lambda: figures(documents=chosen.documents, rounds=chosen.rounds, python=chosen.requests_python))
    print(f"\nWhat each of them does not guarantee:\n\n{NOT_GUARANTEED}")
