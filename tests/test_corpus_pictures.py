"""Every odd picture shows what it should, or is refused by its code, within a second."""

from __future__ import annotations

import time

import pytest
from corpus_pictures import PICTURES, Picture
from picture_files import far

from explain.errors import ImageError
from explain.image import read


def test_the_list_is_long():
    assert len(PICTURES) >= 60


@pytest.mark.parametrize("picture", PICTURES.values(), ids=lambda picture: picture.name)
def test_picture(picture: Picture):
    data, start = picture.make(), time.perf_counter()
    if picture.code:
        with pytest.raises(ImageError, match=f"'{picture.name}'") as caught:
            read(data, picture.name)
        assert caught.value.code == picture.code, caught.value
    else:
        pixels = read(data, picture.name).pixels
        assert pixels.shape == picture.pixels.shape
        assert far(pixels, picture.pixels) <= picture.far
    assert time.perf_counter() - start < 1.0
