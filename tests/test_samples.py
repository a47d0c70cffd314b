"""The sample photos: small, readable, credited, and named without OpenCV."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from explain.errors import ImageError
from explain.samples import read_sample, samples

FOLDER = Path(sys.modules["explain.samples"].__file__).parent


@pytest.mark.parametrize("slug", samples())
def test_each_sample_is_small_and_readable(slug):
    sample, image = samples()[slug], read_sample(slug)
    assert sample.slug == slug and sample.path.suffix == ".jpg" and sample.path.stat().st_size < 150_000
    assert 300 <= max(image.pixels.shape) <= 640 and image.pixels.std() > 20
    assert image.name == sample.title and len(image.key) == 64


def test_six_different_pictures_and_no_file_without_an_entry():
    assert len({read_sample(slug).key for slug in samples()}) == 6
    assert {s.path.name for s in samples().values()} == {p.name for p in FOLDER.glob("*.jpg")}


def test_each_is_credited_and_free():
    credits = (FOLDER / "CREDITS.md").read_text(encoding="utf-8")
    for sample in samples().values():
        row = next(line for line in credits.splitlines() if f"`{sample.path.name}`" in line)
        assert sample.licence in ("CC0 1.0", "public domain") and sample.licence in row
        assert sample.credit.split(",")[0] in row


def test_unknown_sample_names_the_near_ones():
    with pytest.raises(ImageError, match=r"'racoon'.*Did you mean 'raccoon'"):
        read_sample("racoon")


def test_the_list_costs_no_picture_library():
    code = "import sys, explain.samples as s; s.samples(); print('cv2' in sys.modules, 'PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=FOLDER.parents[1])
    assert done.stdout.split() == ["False", "False"], done.stderr
