"""Pictures: from bytes to upright RGB, and from RGB to the size a network or a screen wants.

    bytes or path ─► containers   which format, is it whole, only what the picture needs
                  ─► decoding     Pillow's numbers, 8 bits, over white, upright        → (H, W, 3)
                  ─► reading      the limits, the digest, the noun                     → Image
    (H, W, 3)     ─► sizing       squash to the network, shrink for the screen

Every failure is an `explain.errors.ImageError` whose sentence names the picture.
"""

from explain.image.reading import Limits, digest, from_pixels, limits, read
from explain.image.sizing import fit, preview

__all__ = ["Limits", "digest", "fit", "from_pixels", "limits", "preview", "read"]
