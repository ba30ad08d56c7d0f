"""The card says what the manifest says, to people, and shows text from outside as text."""

import re

import pytest

from training.card import render


def manifest(**changes):
    base = {
        "name": "drawings",
        "version": 3,
        "family": "tessera-gan",
        "created": "2026-11-24T02:14:00Z",
        "files": {"generator.pt": {"sha256": "c" * 64, "bytes": 4_300_000}},
        "latent": {"dim": 64, "distribution": "normal", "mean": None},
        "image": {"height": 64, "width": 48, "channels": 3},
        "classes": [],
        "capabilities": ["generate"],
        "golden": {"seeds": list(range(16)), "labels": None, "columns": 4, "padding": 0, "tolerance": 2},
        "training": {
            "dataset": {"name": "drawings", "sha256": "d" * 64, "count": 12_000, "held_out": 1_200},
            "recipe": "tessera",
            "config": {"lr": 2e-4},
            "seed": 7,
            "images_seen": 1_234_567,
            "seconds": 5400.0,
            "cpu_hours": 2.9,
            "gpu_hours": 0.0,
            "energy_wh": None,
            "commit": "abc123-dirty",
            "device": "cpu",
            "versions": {"torch": "2.14.1"},
        },
        "metrics": {},
        "memorisation": {"verdict": "not-audited", "summary": ""},
        "licence": {"data": "CC0-1.0", "weights": "MIT"},
    }
    return base | changes


def changed(part, **changes):
    base = manifest()
    return manifest(**{part: base[part] | changes})


@pytest.mark.parametrize(
    "said",
    [
        "# drawings, version 3",
        "![64 images, seeds 0 to 63](preview.png)",
        "A generator of 48x64 RGB images",
        "64 latent dimensions, 4.3 MB",
        "12,000 images. Training saw 10,800; 1,200 were held out",
        "d" * 64,
        "No classes.",
        "| Images seen in training | 1,234,567 |",
        "| Time | 90 min |",
        "| CPU time | 2.9 h |",
        "| GPU time | none |",
        "| Energy | not measured |",
        "| Seed | 7 |",
        "commit `abc123-dirty`",
        "torch 2.14.1",
        '"lr": 0.0002',
        "It was not measured.",
        "**Not audited.**",
        '"model": "drawings@3"',
        "c" * 64,
        "Seeds 0 to 15 must give `golden.png`",
        "levels may differ by 2",
        "Data: CC0-1.0. Weights: MIT.",
    ],
)
def test_what_people_ask(said):
    assert said in render(manifest())


def test_sections_stand_in_order():
    assert re.findall(r"^## (.*)$", render(manifest()), re.M) == [
        "What it learned from",
        "How it was trained",
        "How good it is",
        "Does it copy?",
        "Limits",
        "Using it",
        "Licence",
    ]


def test_metrics_stand_beside_their_floors_and_extractors():
    metrics = {
        "kid_open_nsfw": {"value": 0.4212, "floor": 0.0, "extractor_sha256": "e" * 64},
        "psnr": {"value": 22.5, "floor": None, "extractor_sha256": None},
    }
    card = render(manifest(metrics=metrics))
    assert f"| kid\\_open\\_nsfw | 0.4212 | 0 | `{'e' * 12}` |" in card
    assert "| psnr | 22.5 | none | no network |" in card
    assert "cannot be compared" in card


@pytest.mark.parametrize(
    ("verdict", "said"), [("passed", "**Passed.**"), ("failed", "**Failed.**"), ("not-audited", "**Not audited.**")]
)
def test_the_verdict_is_in_words_with_its_summary(verdict, said):
    card = render(manifest(memorisation={"verdict": verdict, "summary": "Ratio 1.02, p = 0.4"}))
    assert said in card
    assert "Ratio 1.02, p = 0.4" in card


def test_cost_is_said_where_it_is_known():
    card = render(changed("training", gpu_hours=1.25, energy_wh=12.345, seconds=42.4, cpu_hours=100.0, commit=""))
    for said in ("| GPU time | 75 min |", "| Energy | 12.3 Wh |", "| Time | 42 s |", "100.0 h", "unknown commit"):
        assert said in card


def test_few_images_are_a_limit():
    small = changed("training", dataset={"name": "d", "sha256": "d" * 64, "count": 290, "held_out": 29})
    assert "fewer than 1,000 images" in render(small)
    assert "fewer than 1,000 images" not in render(manifest())


def test_classes_are_named_up_to_a_limit():
    assert "2 classes: a, b." in render(manifest(classes=["a", "b"]))
    assert "and 50 more." in render(manifest(classes=[str(number) for number in range(100)]))


def test_encode_and_transparency_are_said():
    assert "`encode`" in render(manifest(capabilities=["generate", "encode"]))
    assert "RGBA (with transparency)" in render(changed("image", channels=4))
    assert "grey" in render(changed("image", channels=1))


HOSTILE = "x | y\n# z <script>alert(1)</script> [a](http://b) ![i](j) `c` **d**"


@pytest.mark.parametrize("summary", ["- not a list", "+ nor this", "# no heading", "> no quotation"])
def test_a_summary_is_a_paragraph(summary):
    card = render(manifest(memorisation={"verdict": "passed", "summary": summary}))
    assert f"\n\n\\{summary}\n\n" in card


def test_numbers_stay_readable():
    assert "Ratio 1.02 (p = 0.4)!" in render(
        manifest(memorisation={"verdict": "passed", "summary": "Ratio 1.02 (p = 0.4)!"})
    )


def test_text_from_outside_is_shown_as_text():
    hostile = manifest(classes=[HOSTILE], memorisation={"verdict": "passed", "summary": HOSTILE})
    hostile["training"] = hostile["training"] | {
        "dataset": hostile["training"]["dataset"] | {"name": HOSTILE},
        "recipe": HOSTILE,
        "commit": HOSTILE,
        "device": HOSTILE,
        "versions": {HOSTILE: HOSTILE},
        "config": {"note": "```\n# escaped?\n````"},
    }
    hostile["metrics"] = {HOSTILE: {"value": 1.0, "floor": 1.0, "extractor_sha256": None}}
    hostile["licence"] = {"data": HOSTILE, "weights": HOSTILE}
    card = render(hostile)
    plain = re.sub(r"^(`{3,}).*?^\1$", "", card, flags=re.M | re.S)
    assert re.findall(r"^#+ ", plain, re.M) == ["# ", *["## "] * 7]
    unescaped = re.sub(r"\\.", "", plain)
    assert "<" not in unescaped
    assert unescaped.count("](") == 1  # the preview
    assert "**d**" not in unescaped
    assert all(line.count("|") in (0, 3, 5) for line in unescaped.splitlines())
