"""A file is read whole, whatever its size."""

import hashlib

import pytest

from importer.adapters.reading import CHUNK, read


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1])
@pytest.mark.parametrize("spare", [0, -1])
def test_every_byte_is_hashed_and_kept_up_to_the_limit(tmp_path, size, spare):
    path = tmp_path / "RE1.pdf"
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    path.write_bytes(content)
    reading = read(path, size + spare)
    assert (reading.sha256, reading.size) == (hashlib.sha256(content).hexdigest(), size)
    assert reading.content == (content if spare == 0 else None)
