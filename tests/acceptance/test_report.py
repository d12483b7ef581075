"""`importer report`: a month for an auditor."""

import csv
import hashlib
import io
from datetime import datetime
from html.parser import HTMLParser

from tests.world import pdf

MONTH = datetime.now().astimezone().strftime("%Y-%m")


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)


def lived(world):
    world.drop("RE10001.pdf", pdf("one"))
    world.drop("<script>alert(1)<\u2215script> RE10002.pdf", pdf("two"))
    world.importer("backfill", exits=None)
    world.drop("Rechnung_RE10001.pdf", pdf("another"))
    world.drop("Preisliste.pdf", pdf("prices"))
    world.importer("backfill", exits=3)
    world.importer("resolve", world.document("Preisliste.pdf")["id"], "--dismiss", exits=0)
    (held,) = world.json("list", "--state", "held", exits=0)
    world.importer("resolve", held["id"], "--accept", "--note", "<b>seen</b> by sales", exits=0)
    world.importer("backfill", exits=0)
    world.importer("resend", "RE10001", exits=0)
    return held["id"]


def test_a_month_is_told_whole(world, tmp_path):
    accepted = lived(world)
    rows = list(
        csv.DictReader(io.StringIO(world.importer("report", "--month", MONTH, "--format", "csv", exits=0).stdout))
    )
    imported = {document["id"]: document for document in world.json("list", "--state", "imported", exits=0)}
    assert [row["document"] for row in rows] == list(imported)
    for row in rows:
        document = imported[row["document"]]
        for name in ("sha256", "communication_reference", "file_reference", "voucher_reference", "imported_at"):
            assert row[name] == document[name]
        assert row["importer_version"]
        assert len(row["ledger"].split(",")[0]) == 32
    (decided,) = [row["decisions"] for row in rows if row["document"] == accepted]
    assert "accept" in decided
    assert "seen" in decided

    path = tmp_path / "report.html"
    world.importer("report", "--month", MONTH, "--output", path, exits=0)
    page = Page(path.read_text(encoding="utf-8"))
    assert not {"script", "link", "img", "iframe", "b"} & set(page.tags), "what comes from outside stays text"
    assert not [found for found in page.attributes if found[1].startswith("on") or found[1] in ("src", "href")]
    assert hashlib.sha256(pdf("one")).hexdigest() in page.text
    assert "<b>seen</b> by sales" in page.text
    assert "A person decided" not in page.text, "it is our sentence, and no note of the person's"
    assert "Invoices that were sent again" in page.text
    assert "@media print" in page.text
    assert "epoch 1" in page.text
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".html" or p.name.startswith(".")] == ["report.html"]


def test_an_empty_month_and_a_wrong_one(world, tmp_path):
    page = Page(world.importer("report", "--month", "2020-12", exits=0).stdout)
    assert "none" in page.text
    assert "2020-12-01 00:00:00" in page.text
    assert "2021-01-01 00:00:00" in page.text
    world.importer("report", "--month", "2020-12", "--output", tmp_path / "x.csv", exits=0)
    assert (tmp_path / "x.csv").read_text().startswith("imported_at,document,")
    world.importer("report", "--month", "2020-13", exits=2)
    world.importer("report", "--month", "2020-12", "--format", "html", "--csv-dialect", "excel-de", exits=2)
    world.importer("report", "--month", "2020-12", "--output", tmp_path / "missing" / "x.csv", exits=1)
