"""Six photos to try things on, free to use; who made them stands in CREDITS.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from explain.errors import ImageError, near

if TYPE_CHECKING:
    from explain.results import Image

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """slug: the name to ask for; title: for people; path: a JPEG file; credit: who made it."""

    slug: str
    title: str
    path: Path
    credit: str
    licence: str


def samples() -> dict[str, Sample]:
    """Every sample by its slug, in the order in which a page should show them."""
    shelf = (
        ("cat", "Chelsea, a cat", "Stéfan van der Walt", "CC0 1.0"),
        ("raccoon", "A raccoon", "public-domain-image.com", "public domain"),
        ("coffee", "A cup of coffee", "Rachel Michetti, courtesy of Pikolo Espresso Bar", "CC0 1.0"),
        ("astronaut", "Eileen Collins, astronaut", "NASA", "public domain"),
        ("rocket", "A Falcon 9 lifts off", "SpaceX", "CC0 1.0"),
        ("motorcycle", "A motorcycle", "Middlebury College, stereo benchmark 2014", "CC0 1.0"),
    )
    return {slug: Sample(slug, title, HERE / f"{slug}.jpg", *rest) for slug, title, *rest in shelf}


def read_sample(slug: str) -> Image:
    """The sample of that slug as an Image. ImageError with near misses for any other."""
    from explain.image import read  # late: the list alone costs no OpenCV

    shelf = samples()
    if slug not in shelf:
        known = ", ".join(f"'{s}'" for s in shelf)
        raise ImageError(f"There is no sample '{slug}'. Known are {known}.{near(slug, shelf)}")
    return read(shelf[slug].path, shelf[slug].title)
