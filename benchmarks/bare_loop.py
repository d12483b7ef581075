"""The bare loop B: what an upload costs in Python at the least. No hash, no check, no ledger, no move.

    python -m benchmarks.bare_loop URL CONCURRENCY FOLDER

C threads share one `httpx.Client` and post the folder's files.
"""

import sys
import threading
from collections import deque
from pathlib import Path

import httpx


def main(url: str, concurrency: int, folder: Path) -> None:
    files = deque(sorted(folder.rglob("*.pdf")))
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    with httpx.Client(auth=("user", "password"), limits=limits, timeout=60) as client:

        def loop() -> None:
            while files:
                try:
                    path = files.popleft()
                except IndexError:
                    return
                reference = path.stem.partition("_")[2]
                with open(path, "rb") as f:  # noqa: PTH123 - as the loop is defined
                    response = client.post(
                        f"{url}/invoices/{reference}/importExternalDocument",
                        files={"file": (path.name, f, "application/pdf")},
                        data={"filename": path.name, "kind": "invoice", "label": f"Rechnung {reference}"},
                    )
                response.raise_for_status().json()

        threads = [threading.Thread(target=loop) for _ in range(concurrency)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
