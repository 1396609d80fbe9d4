"""Pictures for the web: a notebook's PNG becomes a smaller file, and a tag that loads it lazily."""

import base64
import html
import io
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from PIL import Image

FOLDER = "_images"
LOSSLESS_LIMIT = 60_000  # Bytes. Plots stay below it; photographs don't, and bear some loss.


@dataclass(frozen=True)
class Picture:
    """A picture in the site: the name of its file in `FOLDER`, and its size in pixels."""

    name: str
    width: int
    height: int

    def tag(
        self,
        alt: str,  # What the picture shows, in words
        root: str,  # The relative address of the site's root, as "../"; or nothing
    ) -> str:
        """Write the picture as HTML. With its size in the tag, the text does not jump."""
        return (
            f'<img src="{root}{FOLDER}/{self.name}" alt="{html.escape(alt)}" '
            f'width="{self.width}" height="{self.height}" loading="lazy" decoding="async">'
        )


def store(
    png: str,  # In base64, as notebooks store it
    site: Path,  # The site's root
) -> Picture:
    """Write a picture as WebP, once: its name is made of what it shows."""
    data = base64.b64decode(png)
    path = site / FOLDER / f"{sha256(data).hexdigest()[:16]}.webp"
    with Image.open(io.BytesIO(data)) as image:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_encode(image.convert("RGB")))
        return Picture(path.name, *image.size)


def _encode(image: Image.Image) -> bytes:
    lossless, lossy = io.BytesIO(), io.BytesIO()
    image.save(lossless, "webp", lossless=True)
    if lossless.tell() <= LOSSLESS_LIMIT:
        return lossless.getvalue()
    image.save(lossy, "webp", quality=90)
    return lossy.getvalue()
