import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from app.zipping import ZipStream

FILES = {"metadata.jsonl": b"{}\n", "a/1.png": b"\x89PNG" * 9, "Zoë 東京.png": b"", "again.png": b"\x89PNG" * 9}


def written(files: dict[str, bytes]) -> bytes:
    names = list(files)
    archive = ZipStream(lambda i: names[i])
    return b"".join([*map(archive.file, files.values()), *archive.directory()])


def test_readers_find_every_file() -> None:
    with zipfile.ZipFile(io.BytesIO(written(FILES))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert archive.namelist() == list(FILES)
        entry = archive.infolist()[1]
    assert (entry.date_time, entry.external_attr >> 16, entry.create_system) == ((1980, 1, 1, 0, 0, 0), 0o100644, 3)


def test_a_reader_that_cannot_seek_needs_nothing_from_the_end() -> None:
    stream = io.BytesIO(written(FILES))
    for name, content in FILES.items():
        mark, _, flags, method, _, _, checksum, packed, size, length, extra = struct.unpack(
            "<4sHHHHHIIIHH", stream.read(30)
        )
        assert (mark, flags & 0x8, method, extra) == (b"PK\3\4", 0, 0, 0)
        assert stream.read(length).decode() == name
        assert packed == size == len(content)
        assert stream.read(size) == content
        assert checksum == zlib.crc32(content)
    assert stream.read(4) == b"PK\1\2"


def test_equal_files_make_equal_archives() -> None:
    assert written(FILES) == written(dict(FILES))


def test_a_file_can_be_given_in_parts() -> None:
    archive = ZipStream(lambda i: f"{i}.txt")
    parts = [b"one, ", b"two"]
    content = b"".join(parts)
    pieces = [archive.head(len(content), zlib.crc32(content)), *parts, archive.file(b"x"), *archive.directory()]
    assert zipfile.ZipFile(io.BytesIO(b"".join(pieces))).read("0.txt") == content


def test_no_file_at_all() -> None:
    assert zipfile.ZipFile(io.BytesIO(written({}))).namelist() == []


@pytest.mark.parametrize("count", [65_534, 65_535])
def test_more_files_than_a_plain_zip_holds(count: int) -> None:
    archive = ZipStream(lambda i: f"{i:06d}")
    content = b"".join([*(archive.file(b"%d" % i) for i in range(count)), *archive.directory()])
    assert (b"PK\6\6" in content[-200:]) == (count > 65_534)
    with zipfile.ZipFile(io.BytesIO(content)) as read:
        assert len(read.infolist()) == count
        assert read.read(f"{count - 1:06d}") == b"%d" % (count - 1)


def test_files_beyond_four_gibibytes(tmp_path: Path) -> None:
    """In a sparse file: only the heads, the last content and the directory are written."""
    sizes = [0xFFFFFFFF, 3 * 2**30, 5]
    archive = ZipStream(lambda i: f"{i}.png")
    with (tmp_path / "large.zip").open("w+b") as file:
        for size in sizes:
            file.write(archive.head(size, zlib.crc32(b"small")))
            file.seek(size, io.SEEK_CUR)
        file.seek(-5, io.SEEK_CUR)
        file.write(b"small")
        for part in archive.directory():
            file.write(part)
        with zipfile.ZipFile(file) as read:
            assert [entry.file_size for entry in read.infolist()] == sizes
            assert read.infolist()[2].header_offset > 2**32
            assert read.read("2.png") == b"small"


def test_a_file_that_needs_more_than_it_writes_is_refused() -> None:
    with pytest.raises(ValueError, match="4 GiB"):
        ZipStream(str).head(2**32, 0)
