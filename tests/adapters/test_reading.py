"""A file is read whole, whatever its size."""

import errno
import hashlib
import os

import pytest

from importer.adapters.reading import CHUNK, ReadError, read


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1])
@pytest.mark.parametrize("spare", [0, -1])
def test_every_byte_is_hashed_and_kept_up_to_the_limit(tmp_path, size, spare):
    path = tmp_path / "RE1.pdf"
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    path.write_bytes(content)
    reading = read(path, size + spare)
    assert (reading.sha256, reading.size) == (hashlib.sha256(content).hexdigest(), size)
    assert reading.content == (content if spare == 0 else None)


@pytest.fixture
def in_pieces(monkeypatch):
    """As a network brings it: never more than 64 KB at once, of which only so many come through at all."""

    def limited_to(pieces):
        whole, left = os.read, iter(range(pieces))

        def piece(descriptor, size):
            if next(left, None) is None:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return whole(descriptor, min(size, 1 << 16))

        monkeypatch.setattr(os, "read", piece)

    return limited_to


def test_what_comes_in_pieces_is_read_to_its_end(tmp_path, in_pieces):
    path = tmp_path / "RE1.pdf"
    path.write_bytes(content := bytes(300_000))
    in_pieces(10)
    assert read(path, len(content)).content == content


def test_a_disk_that_fails_in_the_middle_is_no_end(tmp_path, in_pieces):
    path = tmp_path / "RE1.pdf"
    path.write_bytes(bytes(300_000))
    in_pieces(2)
    with pytest.raises(ReadError, match="the disk or the network share reports an error"):
        read(path, 300_000)
