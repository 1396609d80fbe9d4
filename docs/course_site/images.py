"""Pictures for the web: a notebook's PNG becomes a smaller file, and a tag that loads it lazily.

Line plots are told from photographs and maps by their white ground; in the dark the style sheet
turns them over: light lines on the page's own ground, in the same hues. As SVG they would need no
turning, but a scatter or a panel of eleven curves is heavier so, and a notebook would store both
forms. Where a notebook stores a picture at twice its size (`make outputs` does), it is shown sharp.
"""

import base64
import html
import io
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from PIL import Image

FOLDER = "_images"
LOSSLESS_LIMIT = 60_000  # Bytes. Plots stay below it; photographs don't, and bear some loss.
WHITE = 0.75  # The share of it in a line plot; in the lessons at least 0.78, in others at most 0.7


@dataclass(frozen=True)
class Picture:
    """A picture in the site: the name of its file in `FOLDER`, and its size in pixels."""

    name: str
    width: int
    height: int
    is_line_plot: bool

    def tag(
        self,
        alt: str,  # What the picture shows, in words
        root: str,  # The relative address of the site's root, as "../"; or nothing
    ) -> str:
        """Write the picture as HTML. With its size in the tag, the text does not jump."""
        kind = ' class="line-plot"' if self.is_line_plot else ""
        return (
            f'<img src="{root}{FOLDER}/{self.name}" alt="{html.escape(alt)}"{kind} '
            f'width="{self.width}" height="{self.height}" loading="lazy" decoding="async">'
        )


def store(
    output: dict,  # Of a notebook's cell, with a PNG
    site: Path,  # The site's root
) -> Picture:
    """Write a picture as WebP, once: its name is made of what it shows."""
    data = base64.b64decode("".join(output["data"]["image/png"]))
    shown = output.get("metadata", {}).get("image/png", {})  # where it stores twice the pixels
    path = site / FOLDER / f"{sha256(data).hexdigest()[:16]}.webp"
    with Image.open(io.BytesIO(data)) as image:
        rgb = image.convert("RGB")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_encode(rgb))
    width, height = shown.get("width", rgb.width), shown.get("height", rgb.height)
    return Picture(path.name, width, height, _white_share(rgb) > WHITE)


def _white_share(image: Image.Image) -> float:
    histogram = image.convert("L").histogram()
    return sum(histogram[250:]) / sum(histogram)


def _encode(image: Image.Image) -> bytes:
    lossless, lossy = io.BytesIO(), io.BytesIO()
    image.save(lossless, "webp", lossless=True)
    if lossless.tell() <= LOSSLESS_LIMIT:
        return lossless.getvalue()
    image.save(lossy, "webp", quality=90)
    return lossy.getvalue()
