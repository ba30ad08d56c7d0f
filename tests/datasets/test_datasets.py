"""The makers of data sets, on small packages made here; nothing is downloaded."""

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import __main__ as command_line
from datasets import avatars, emoji, fashion, icons, images, sources


def idx(array: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


@pytest.fixture
def zalando(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An unpacked Debian package with 30 training and 10 test pictures, and the cache folder it is in."""
    folder = tmp_path / "cache" / fashion.PACKAGE / "usr/share/datasets/fashion-mnist"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, size in (("train", 30), ("t10k", 10)):
        pictures = random.integers(0, 256, (size, 28, 28), np.uint8)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(pictures))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(np.arange(size, dtype=np.uint8) % 10))
    monkeypatch.setattr(fashion, "PARTS", (("train", 30), ("t10k", 10)))
    monkeypatch.setattr(fashion, "TOTAL", 40)
    return tmp_path / "cache"


def test_fashion_is_one_folder_a_class(zalando: Path, tmp_path: Path) -> None:
    out = tmp_path / "fashion"
    assert fashion.make(out, zalando) == 40
    assert sorted(path.name for path in out.iterdir()) == sorted(fashion.CLASSES)
    assert sorted(path.name for path in (out / "trouser").iterdir()) == [f"{n:05d}.png" for n in (1, 11, 21, 31)]
    source = zalando / fashion.PACKAGE / "usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz"
    with Image.open(out / "trouser" / "00031.png") as picture:
        assert picture.mode == "L"
        assert np.array_equal(np.asarray(picture), fashion.read_idx(source)[1])


def test_fashion_goes_on_where_it_was(zalando: Path, tmp_path: Path) -> None:
    out = tmp_path / "fashion"
    fashion.make(out, zalando)
    kept, lost = out / "bag" / "00008.png", out / "bag" / "00018.png"
    before = kept.stat().st_mtime_ns
    lost.unlink()
    (out / "bag" / "00018.partial").write_bytes(b"half a picture")
    assert fashion.make(out, zalando) == 40
    assert kept.stat().st_mtime_ns == before
    assert list(out.rglob("*.partial")) == []


def test_a_package_of_another_size_is_refused(zalando: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fashion, "PARTS", (("train", 31), ("t10k", 10)))
    with pytest.raises(sources.SourceError, match=r"train holds \(30, 28, 28\)"):
        fashion.make(tmp_path / "fashion", zalando)


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b""),
        gzip.compress(b"\x00\x00\x0d\x01" + bytes(8)),
        gzip.compress(b"PK\x03\x04"),
        idx(np.zeros((2, 2), np.uint8))[:-12],
        gzip.compress(gzip.decompress(idx(np.zeros((2, 2), np.uint8)))[:-1]),
        b"no gzip at all",
    ],
)
def test_what_is_no_idx_file_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(data)
    with pytest.raises(sources.SourceError, match=r"x\.gz"):
        fashion.read_idx(path)


def entry(image: str, category: str, *variations: str, drawn: bool = True) -> dict[str, object]:
    found: dict[str, object] = {"image": image, "category": category, "has_img_google": drawn}
    if variations:
        found["skin_variations"] = {name: {"image": name, "has_img_google": True} for name in variations}
    return found


@pytest.fixture
def noto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """node_modules with five drawings, two of them equal."""
    package = tmp_path / "node_modules" / emoji.PACKAGE
    pictures = package / "img/google/64"
    pictures.mkdir(parents=True)
    for name, colour in (("a", "red"), ("b", "blue"), ("b-dark", "navy"), ("c", "red"), ("d", "green")):
        picture = Image.new("RGBA", (64, 64))
        picture.paste(Image.new("RGBA", (32, 32), colour), (16, 16))
        picture.save(pictures / f"{name}.png")
    entries = [
        entry("a.png", "Smileys & Emotion"),
        entry("b.png", "People & Body", "b-dark.png"),
        entry("c.png", "People & Body"),
        entry("missing.png", "People & Body", drawn=False),
        entry("d.png", "Food & Drink"),
    ]
    (package / "emoji.json").write_text(json.dumps(entries))
    monkeypatch.setattr(emoji, "npm_modules", lambda cache: tmp_path / "node_modules")
    monkeypatch.setattr(emoji, "PEOPLE_AND_FACES", ({"Smileys & Emotion", "People & Body"}, 3))
    monkeypatch.setattr(emoji, "ANIMALS_AND_FOOD", ({"Animals & Nature", "Food & Drink"}, 1))
    return tmp_path


def test_every_drawing_once_on_white(noto: Path) -> None:
    out = noto / "emoji"
    assert emoji.make_people_and_faces(out, noto) == 3
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b-dark.png", "b.png"]
    with Image.open(out / "a.png") as picture:
        assert picture.mode == "RGB"
        assert picture.getpixel((0, 0)) == (255, 255, 255)
        assert picture.getpixel((32, 32)) == (255, 0, 0)


def test_categories_are_kept_apart(noto: Path) -> None:
    assert emoji.make_animals_and_food(noto / "animals-food", noto) == 1
    assert [path.name for path in (noto / "animals-food").iterdir()] == ["d.png"]


def test_a_complete_set_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Path:
        pytest.fail("asked a package manager")

    for module, name in ((emoji, "npm_modules"), (avatars, "node"), (icons, "node"), (fashion, "debian_package")):
        monkeypatch.setattr(module, name, never)
    monkeypatch.setattr(emoji, "ANIMALS_AND_FOOD", ({"Food & Drink"}, 1))
    monkeypatch.setattr(avatars, "PER_STYLE", 1)
    monkeypatch.setattr(fashion, "TOTAL", 1)
    monkeypatch.setattr(icons, "TOTAL", 1)
    for name, make in (
        ("a/open-peeps", emoji.make_animals_and_food),
        ("f/bag", fashion.make),
        ("i/any", icons.make),
    ):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        Image.new("L", (1, 1)).save(folder / "0.png")
        assert make(folder.parent, tmp_path / "cache") == 1
    for style in avatars.STYLES:
        (tmp_path / "av" / style).mkdir(parents=True)
        Image.new("L", (1, 1)).save(tmp_path / "av" / style / "0.png")
    assert avatars.make(tmp_path / "av", tmp_path / "cache") == 2


def test_a_set_that_came_out_short_says_so(tmp_path: Path) -> None:
    Image.new("L", (1, 1)).save(tmp_path / "0.png")
    with pytest.raises(sources.SourceError, match="holds 1 images instead of 2,420; delete the folder"):
        images.counted(tmp_path, 2_420)


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_programs")
@pytest.mark.parametrize(
    ("get", "sentence"),
    [
        (lambda cache: sources.debian_package("dataset", cache), "apt-get is not on this machine"),
        (lambda cache: avatars.make(cache / "avatars", cache), "n(pm|ode) is not on this machine"),
        (lambda cache: icons.make(cache / "icons", cache), "n(pm|ode) is not on this machine"),
    ],
)
def test_a_missing_program_is_named(get: Callable[[Path], object], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(sources.SourceError, match=sentence):
        get(tmp_path)


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(sources.SourceError, match=r"(?s)`sh -c .*failed with code 3:\nno network"):
        sources.run(["sh", "-c", "echo no network >&2; exit 3"], tmp_path)


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_debian_package_is_unpacked_once_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed download leaves nothing that a second try would take for the package."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")
    program(bin_folder, "apt-get", "echo 'E: Unable to locate package' >&2; exit 100")
    program(bin_folder, "dpkg-deb", 'mkdir -p usr && cp "$2" usr/held')
    cache = tmp_path / "cache"
    with pytest.raises(sources.SourceError, match=r"(?s)Unable to locate.*apt-get update"):
        sources.debian_package("set", cache)
    program(bin_folder, "apt-get", 'echo "$2" > set_1_all.deb')
    assert (sources.debian_package("set", cache) / "usr/held").read_text() == "set\n"
    program(bin_folder, "apt-get", "exit 1")
    assert (sources.debian_package("set", cache) / "usr/held").exists()
    assert [path.name for path in cache.iterdir()] == ["set"]


def test_one_failure_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(folder: Path, cache: Path) -> int:
        raise sources.SourceError("no network")

    monkeypatch.setattr(command_line, "MAKERS", {"bad": fail, "good": lambda folder, cache: 1_234})
    assert command_line.main(["--out", str(tmp_path)]) == 1
    printed, complained = capsys.readouterr()
    assert printed == f"good: 1,234 images in {tmp_path / 'good'}\n"
    assert complained == "bad: no network\n"
    assert command_line.main(["good", "--out", str(tmp_path)]) == 0


def test_an_unknown_name_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command_line.main(["fashon"])
    assert (
        "no such data set: fashon (there are avatars, fashion, emoji, animals-food, icons)" in capsys.readouterr().err
    )
