"""The witness beside the archive: it notices every ledger that has forgotten something."""

import shutil
import threading
from contextlib import closing
from dataclasses import asdict

import pytest

from importer.adapters.ledger import WITNESS, Database, Ledger, LedgerError, LedgerNeedsPerson, Sighting, read_witness
from importer.adapters.ledger.witness import identify, replace_witness
from importer.core.model import State, digest_of
from tests.making import REFERENCES, START, document, made


@pytest.fixture
def archive(tmp_path):
    (tmp_path / "archive").mkdir()
    return tmp_path / "archive"


@pytest.fixture
def opened(tmp_path, archive):
    return lambda: Ledger(f"sqlite:///{tmp_path}/ledger.db", witness=archive / WITNESS)


def witnessed(archive):
    return asdict(read_witness(archive / WITNESS))


def sending(ledger, number):
    """A document whose upload is about to begin."""
    candidate = document(id=0, sha256=digest_of(bytes([number])), invoice_reference=f"RE{number}")
    claim = made(ledger).admit(candidate, Sighting(f"/inbox/{number}", 1, 2, number), START, lambda new, _: new)
    return made(ledger).intend(claim, claim.document.evolve(state=State.SENDING, attempts=1), START)


def importing(ledger, number):
    claim = sending(ledger, number)
    done = claim.document.evolve(state=State.IMPORTED, references=REFERENCES, imported_at=START)
    return made(ledger).record(claim, done, "document.imported", START)


def copy_of(tmp_path, name):
    """The ledger's file as it is between two starts."""
    shutil.copy(tmp_path / "ledger.db", tmp_path / name)


def restore(tmp_path, name):
    for leftover in tmp_path.glob("ledger.db-*"):
        leftover.unlink()
    shutil.copy(tmp_path / name, tmp_path / "ledger.db")


def test_a_new_ledger_gets_a_witness_and_keeps_its_identity(opened, archive):
    with opened() as ledger:
        ledger.face_witness()
    first = witnessed(archive)
    assert (first["epoch"], first["sequence"]) == (1, 0)
    with opened() as ledger:
        ledger.face_witness()
        assert ledger.amnesia() is None
    assert witnessed(archive) == first


def test_it_knows_of_an_upload_before_its_first_byte_and_of_an_import_afterwards(opened, archive):
    with opened() as ledger:
        ledger.face_witness()
        claim = sending(ledger, 1)
        assert witnessed(archive)["sequence"] == 2, "admitted, intended"
        done = claim.document.evolve(state=State.IMPORTED, references=REFERENCES, imported_at=START)
        made(ledger).record(claim, done, "document.imported", START)
        assert witnessed(archive)["sequence"] == 3


def test_a_ledger_from_before_the_witness_gets_one(tmp_path, opened, archive):
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        importing(ledger, 1)
    (archive / "RE1.pdf.receipt.json").write_text("{}")
    with opened() as ledger:
        ledger.face_witness()
    assert witnessed(archive)["sequence"] == 3


def test_a_witness_that_is_older_than_the_ledger_is_fine(opened, archive):
    with opened() as ledger:
        ledger.face_witness()
        sending(ledger, 1)
        before = (archive / WITNESS).read_bytes()
        sending(ledger, 2)
    (archive / WITNESS).write_bytes(before)
    with opened() as ledger:
        ledger.face_witness()
        sending(ledger, 3)
    assert witnessed(archive)["sequence"] == 6


def test_a_deleted_ledger_is_noticed(tmp_path, opened, archive):
    with opened() as ledger:
        ledger.face_witness()
        importing(ledger, 1)
    (tmp_path / "ledger.db").unlink()
    with opened() as ledger:
        with pytest.raises(LedgerNeedsPerson, match=r"a new ledger.*importer ledger rebuild"):
            ledger.face_witness()
        with pytest.raises(LedgerNeedsPerson):
            sending(ledger, 2)


def test_a_new_ledger_beside_old_receipts_is_noticed_even_without_a_witness(opened, archive):
    (archive / "2026").mkdir()
    (archive / "2026" / "RE1.pdf.receipt.json").write_text("{}")
    with opened() as ledger, pytest.raises(LedgerNeedsPerson, match="holds receipts"):
        ledger.face_witness()


def test_a_restored_ledger_is_noticed(tmp_path, opened):
    with opened() as ledger:
        ledger.face_witness()
        importing(ledger, 1)
    copy_of(tmp_path, "backup.db")
    with opened() as ledger:
        sending(ledger, 2)
    restore(tmp_path, "backup.db")
    with opened() as ledger:
        assert "older copy" in ledger.amnesia()
        with pytest.raises(LedgerNeedsPerson, match=r"ends at event 3 .* has seen event 5"):
            ledger.face_witness()


def test_a_restored_ledger_that_went_on_differently_is_noticed(tmp_path, opened):
    with opened() as ledger:
        ledger.face_witness()
        importing(ledger, 1)
    copy_of(tmp_path, "backup.db")
    with opened() as ledger:
        sending(ledger, 2)
    restore(tmp_path, "backup.db")
    # Given somebody who works with the copy, without looking at the witness, past where the lost one had come
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        for number in (3, 4):
            importing(ledger, number)
    with opened() as ledger, pytest.raises(LedgerNeedsPerson, match="gone on by itself"):
        ledger.face_witness()


def test_another_ledger_is_noticed(tmp_path, opened, archive):
    with opened() as ledger:
        ledger.face_witness()
    other = Ledger(f"sqlite:///{tmp_path}/other.db", witness=archive / WITNESS)
    with other as ledger, pytest.raises(LedgerNeedsPerson, match="not the one"):
        ledger.face_witness()


def test_an_earlier_epoch_is_noticed(tmp_path, opened, archive):
    with opened() as ledger:
        ledger.face_witness()
        importing(ledger, 1)
    copy_of(tmp_path, "before.db")
    with closing(Database(f"sqlite:///{tmp_path}/ledger.db")) as rebuilt:
        rebuilt.write(lambda connection: identify(connection, witnessed(archive)["ledger"], 2))
        replace_witness(archive / WITNESS, rebuilt)
    restore(tmp_path, "before.db")
    with opened() as ledger, pytest.raises(LedgerNeedsPerson, match="epoch 2"):
        ledger.face_witness()


def test_a_damaged_witness_vouches_for_nobody(opened, archive):
    (archive / WITNESS).write_text("{")
    with opened() as ledger, pytest.raises(LedgerNeedsPerson, match="damaged"):
        ledger.face_witness()


def halves(archive):
    content = (archive / WITNESS).read_bytes()
    return [content[: len(content) // 2], content[len(content) // 2 :]]


def test_a_witness_that_was_cut_off_while_it_was_written_still_knows_what_it_knew_before(opened, archive):
    with opened() as ledger:
        ledger.face_witness()
        importing(ledger, 1)
        before, older = witnessed(archive), halves(archive)
        sending(ledger, 2)
        newer = halves(archive)
    (slot,) = (number for number in (0, 1) if older[number] != newer[number])
    for size in range(len(newer[slot])):
        torn = older[:]
        torn[slot] = newer[slot][:size] + older[slot][size:]
        (archive / WITNESS).write_bytes(b"".join(torn))
        assert witnessed(archive)["sequence"] in (before["sequence"], 5), f"torn after {size} bytes"
    with opened() as ledger:
        ledger.face_witness()
        sending(ledger, 3)
    assert witnessed(archive)["sequence"] == 7


def test_each_half_of_the_witness_notices_damage_by_itself(opened, archive):
    with opened() as ledger:
        ledger.face_witness()
        importing(ledger, 1)
    sound = halves(archive)
    (archive / WITNESS).write_bytes(sound[0].replace(b"sequence", b"sEquence") + sound[1].replace(b"hash", b"hAsh"))
    with opened() as ledger, pytest.raises(LedgerNeedsPerson, match="damaged"):
        ledger.face_witness()


def test_nothing_is_sent_when_the_witness_cannot_be_written(opened, archive):
    with opened() as ledger:
        ledger.face_witness()
        (archive / WITNESS).unlink()
        (archive / WITNESS).mkdir()
        with pytest.raises(LedgerError, match="nothing was sent"):
            sending(ledger, 1)
        assert ledger.get(1).state is State.SENDING, "which a restart takes for uncertain, and looks up"


def test_many_uploads_at_once_leave_the_witness_at_the_last_one(opened, archive):
    with opened() as ledger, opened() as another:
        ledger.face_witness()
        together = threading.Barrier(8)

        def send(number):
            together.wait()
            importing(ledger if number % 2 else another, number)

        threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert witnessed(archive)["sequence"] == 24
        assert ledger.amnesia() is None


def test_without_a_witness_nothing_is_written(tmp_path):
    with closing(Ledger(f"sqlite:///{tmp_path}/ledger.db")) as ledger:
        ledger.face_witness()
        assert ledger.amnesia() is None
    assert not list(tmp_path.rglob(WITNESS))
