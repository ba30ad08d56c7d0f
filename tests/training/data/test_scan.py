import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data import scan
from training.data.errors import Reject
from training.data.folder import read_layout
from training.data.scan import decode_all, inspect_all, read


def unreadable(folder: Path) -> Path:
    """A regular file that nobody can read, not even the superuser, whom permissions do not bind."""
    path = folder / "unreadable.png"
    if sys.platform == "linux":
        path.symlink_to("/proc/self/mem")
    else:
        path.write_bytes(b"secret")
        path.chmod(0)
    return path


def test_a_file_that_cannot_be_read_is_rejected_with_the_reason(tmp_path):
    with pytest.raises(Reject, match="cannot be read: "):
        read(unreadable(tmp_path))
    with pytest.raises(Reject, match="cannot be read: No such file"):
        read(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(Reject, match="cannot be read: "):
        read(tmp_path / "loop")


def test_pipes_and_folders_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(Reject, match="not a regular file"):
            read(path)


def test_huge_files_are_not_read(tmp_path):
    path = tmp_path / "sparse.png"
    with path.open("wb") as file:
        file.truncate(scan.MAX_FILE_BYTES + 1)
    with pytest.raises(Reject, match="too large: 100 MB"):
        read(path)


def test_the_order_is_kept_and_nothing_is_lost(tmp_path, fill, monkeypatch):
    monkeypatch.setattr(scan, "WINDOW", 16)
    folder = fill(tmp_path, 40, side=8)
    (folder / "00010.png").write_bytes(b"")
    seen = []
    files, rejects = inspect_all(read_layout(folder).candidates, "crop", lambda *call: seen.append(call))
    assert [file.candidate.name for file in files] == [f"{n:05d}.png" for n in range(40) if n != 10]
    assert [(reject.name, reject.reason) for reject in rejects] == [("00010.png", "empty file")]
    assert seen == [("reading", 16, 40), ("reading", 32, 40), ("reading", 40, 40)]


def test_pixels_are_written_in_the_order_of_the_looks(tmp_path, fill):
    folder = fill(tmp_path, 20, side=16)
    files, _ = inspect_all(read_layout(folder).candidates, "crop")
    (folder / "00003.png").write_bytes(b"changed")
    written: list[np.ndarray] = []
    looks, rejects = decode_all(files, 16, "crop", written.append)
    assert [(reject.name, reject.reason) for reject in rejects] == [("00003.png", "changed while it was being read")]
    assert len(looks) == len(written) == 19
    for look, pixels in zip(looks, written, strict=True):
        np.testing.assert_array_equal(pixels[..., :3], np.asarray(Image.open(look.inspected.candidate.path)))


def test_a_look_says_what_the_image_is(tmp_path):
    Image.new("RGB", (16, 16), (5, 5, 5)).save(tmp_path / "a-grey.png")
    Image.new("RGB", (16, 16), (5, 6, 5)).save(tmp_path / "b-colour.png")
    Image.new("RGBA", (16, 16), (5, 6, 5, 0)).save(tmp_path / "c-clear.png")
    files, _ = inspect_all(read_layout(tmp_path).candidates, "crop")
    looks, _ = decode_all(files, 16, "crop", lambda _: None)
    assert [(look.grey, look.transparent) for look in looks] == [(True, False), (False, False), (True, True)]
    assert len({look.pixel_hash for look in looks}) == 3


def test_odd_metadata_raises_no_warning(tmp_path, draw, encoded):
    (tmp_path / "a.jpg").write_bytes(encoded(draw(1, 32), "JPEG", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff"))
    files, rejects = inspect_all(read_layout(tmp_path).candidates, "crop")
    looks, more = decode_all(files, 32, "crop", lambda _: None)
    assert (len(looks), rejects, more) == (1, [], [])
