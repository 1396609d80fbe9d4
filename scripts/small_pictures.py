"""Make stored pictures smaller: what is mostly white needs no more than 128 colours.

    python scripts/small_pictures.py FILES

`make outputs` draws at twice the pixels, for sharp pictures on the site; this brings their size
below that of the simple ones. What is still large then, as noise is, goes back to simple pixels.
"""

import base64
import io
import sys
from pathlib import Path

import nbformat
from PIL import Image

COLOURS = 128
LARGE = 700_000  # characters of base64


def shrink(png: str) -> str:
    """Return a PNG, in base64, with a palette; one with photographs is returned as it is."""
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        white = sum(image.convert("L").histogram()[250:]) / (image.width * image.height)
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    if white < 0.65:
        return png
    file = io.BytesIO()
    small.save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def halve(png: str) -> str:
    """Return a PNG, in base64, with half as many pixels each way."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        image.reduce(2).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def main():
    """Run from the command line."""
    for path in map(Path, sys.argv[1:]):
        nb = nbformat.read(path, as_version=4)
        for cell in nb.cells:
            for output in cell.get("outputs", []):
                if "image/png" in output.get("metadata", {}):  # drawn at twice the pixels
                    output.data["image/png"] = shrink(output.data["image/png"])
                    if len(output.data["image/png"]) > LARGE:
                        output.data["image/png"] = halve(output.data["image/png"])
                        del output.metadata["image/png"]
        nbformat.write(nb, path)


if __name__ == "__main__":
    main()
