"""Read one file as a square picture of 0 to 255, whatever its format, depth and orientation"""

# A plain module, edited here.

import hashlib
import io
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageOps, UnidentifiedImageError

from nnlab_course.files import shown

# By name: Pillow would start Ghostscript for an EPS, and guess where a format has no signature.
_FORMATS = (
    *("JPEG", "MPO", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM"),
    *("JPEG2000", "AVIF", "HEIF", "ICO"),
)
_MAX_PIXELS = 64_000_000  # 256 MB as RGBA; a phone's 200 megapixels are read smaller
_MAX_BYTES = 512 * 2**20
_UPRIGHT = {  # EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Unusable(ValueError):
    """A file that can't be used as a picture; the text is the reason."""


@dataclass(frozen=True)
class Form:
    """What pictures are brought to."""

    size: int = 32  # Height and width in pixels
    channels: int = 3  # 3 for RGB, 1 for grey
    background: str = "white"  # Colour under what is transparent


@dataclass
class Picture:
    """A square picture.

    `pixels` is `(size, size, channels)`: uint8, or float32 on a scale of its own. `scale` is then
    "whole numbers" or "fractions", and `peak` the largest value in the file.
    """

    path: Path
    pixels: np.ndarray
    digest: str  # SHA-256 of the file
    scale: str = ""
    peak: float = 255.0
    notes: tuple[str, ...] = ()  # What was done to it


def read_picture(path: Path, form: Form) -> Picture:
    """Read a file, upright, over the background, shrunk and cut to a square.

    **Raises:** `Unusable` if it can't be read as a picture.
    """
    content = _read_bytes(path)
    try:
        with warnings.catch_warnings(), _open(content) as image:
            warnings.simplefilter("ignore")  # Pillow's remarks on files; what matters is raised
            return _bring_to_form(image, path, form, hashlib.sha256(content).hexdigest())
    except Unusable:
        raise
    except UnidentifiedImageError:
        raise Unusable(_what_it_is(content, path)) from None
    except Image.DecompressionBombError:
        raise Unusable("more than 64 megapixels; shrink it") from None
    except MemoryError:
        raise Unusable("too large for this computer's memory; shrink it") from None
    except Exception as error:  # each format's decoder has errors of its own
        raise Unusable(f"damaged or cut short ({shown(error) or type(error).__name__})") from error


def _read_bytes(path: Path) -> bytes:
    """Read the file, if it is one: a pipe would never end."""
    if not path.is_file():
        if path.is_symlink():
            raise Unusable("a link to a folder, which is not followed, or to nowhere")
        raise Unusable("a folder that can't be read" if path.is_dir() else "not a regular file")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise Unusable("larger than 512 MB")
        content = path.read_bytes()
    except OSError as error:
        raise Unusable(f"can't be opened ({error.strerror})") from error
    if not content:
        raise Unusable("an empty file")
    return content


def _open(content: bytes) -> Image.Image:
    Image.init()
    if find_spec("pillow_heif") and "HEIF" not in Image.OPEN:
        from pillow_heif import register_heif_opener

        register_heif_opener()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # sizes are checked below
        return Image.open(io.BytesIO(content), formats=[f for f in _FORMATS if f in Image.OPEN])


def _what_it_is(content: bytes, path: Path) -> str:
    """Say what a file is that Pillow doesn't take for a picture."""
    start, suffix = content[:64].lstrip().lower(), path.suffix.lower()
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        if brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
            return "HEIC: pip install pillow-heif, or save it as JPEG"
        if brand in (b"avif", b"avis"):
            return "AVIF, which this Pillow can't read: save it as JPEG"
        return "a video" if suffix not in (".heic", ".heif", ".avif") else "damaged or cut short"
    if suffix in (".heic", ".heif"):
        return "HEIC: pip install pillow-heif, or save it as JPEG"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, not a picture"
    if b"<svg" in content[:1000].lower():
        return "a drawing (SVG): save it as PNG"
    if start.startswith((b"%!ps", b"%pdf", b"\xc5\xd0\xd3\xc6")):
        return "a page (EPS or PDF): save it as PNG"
    kind = Image.registered_extensions().get(suffix)
    if kind and kind not in _FORMATS:
        return f"{kind}, which is not read here: save it as PNG"
    if kind or suffix in (".jfif", ".avif"):
        return "damaged, or no picture"
    return f"no picture ({shown(suffix)})" if suffix else "no picture"


def _bring_to_form(image: Image.Image, path: Path, form: Form, digest: str) -> Picture:
    notes = []
    if getattr(image, "is_animated", False) and image.format != "MPO":
        notes.append("first frame or page of several")
    if image.format in ("JPEG", "MPO"):
        image.draft(None, (2 * form.size, 2 * form.size))  # decodes large photographs smaller
    if image.width * image.height > _MAX_PIXELS:
        millions = image.width * image.height / 1e6
        raise Unusable(f"{millions:,.0f} megapixels, more than 64; shrink it")
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    image, scale, peak, note = _plain_mode(image, form)
    if turn is not None:
        image = image.transpose(turn)
        notes.append("turned upright")
    if min(image.size) < form.size:
        notes.append(f"enlarged to {form.size} pixels")
    pixels = np.array(ImageOps.fit(image, (form.size, form.size)))
    pixels = pixels.reshape(form.size, form.size, -1)
    if pixels.shape[2] != form.channels:  # grey on a scale of its own
        pixels = pixels.repeat(form.channels, axis=2)
    return Picture(path, pixels, digest, scale, peak, tuple([*note, *notes]))


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(0x0112, 1)
    except Exception:  # damaged EXIF is no reason to leave the picture out
        return 1


# --- modes ------------------------------------------------------------------------------


def _plain_mode(image: Image.Image, form: Form) -> tuple[Image.Image, str, float, list[str]]:
    """Bring an image to L or RGB; or to F, on a scale of its own."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _from_numbers(image, form)
    wanted, notes = "RGB" if form.channels == 3 else "L", []
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        if image.mode in ("RGBa", "La"):
            image = image.convert(image.mode.upper())
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema()[0] < 255:
            base = Image.new("RGBA", image.size, form.background)
            image = Image.alpha_composite(base, image)
            notes.append(f"transparent, laid over {form.background}")
        image = image.convert("RGB")
    elif image.mode == "CMYK":
        notes.append("CMYK, converted to RGB")
    if image.mode not in ("1", "L"):
        image = image.convert("RGB")
    return image.convert(wanted), "", 255.0, notes


def _from_numbers(image: Image.Image, form: Form) -> tuple[Image.Image, str, float, list[str]]:
    """Bring grey values of 16 or 32 bits to F; refuse those of which none is known to be white."""
    scale = "fractions" if image.mode == "F" else "whole numbers"
    values, clear = np.asarray(image).astype(np.float32), image.info.get("transparency")
    bits = "16" if image.mode.startswith("I;16") else "32"
    if not np.isfinite(values).all():
        raise Unusable("its fractions are not all finite numbers; save it with 8 or 16 bits")
    if values.min() < 0 or values.max() > 65_535:
        raise Unusable(
            f"its {bits}-bit {scale} go from {values.min():g} to {values.max():g}, so that nothing "
            "says what white is; save it with 8 or 16 bits"
        )
    notes, peak = [f"{bits}-bit {scale}"], float(values.max())
    if isinstance(clear, int) and (values == clear).any():
        grey = ImageOps.grayscale(Image.new("RGB", (1, 1), form.background)).getpixel((0, 0))
        values[values == clear] = grey / 255 * white(scale, peak)
        notes.append(f"transparent, laid over {form.background}")
    return Image.fromarray(values), scale, peak, notes


def white(
    scale: str,  # "whole numbers" or "fractions"
    peak: float,  # The largest value of all pictures on this scale
) -> float:
    """Say which value is white: the largest of the depth that holds the peak."""
    steps = (1, 255, 65_535) if scale == "fractions" else (255, 1023, 4095, 16_383, 65_535)
    return float(next(step for step in steps if peak <= step))


def scale_to_bytes(pictures: list[Picture]) -> dict[str, float]:
    """Bring all pixels to uint8, pictures of one scale alike; return what was taken for white."""
    peaks: dict[str, float] = {}
    for picture in pictures:
        if picture.scale:
            peaks[picture.scale] = max(picture.peak, peaks.get(picture.scale, 0.0))
    whites = {scale: white(scale, peak) for scale, peak in peaks.items()}
    for picture in pictures:
        if picture.scale:
            values = picture.pixels * (255 / whites[picture.scale])
            picture.pixels = values.round().clip(0, 255).astype(np.uint8)
    return whites


def check_colour(colour: str) -> None:
    """Refuse what Pillow doesn't know as a colour.

    **Raises:** `ValueError`.
    """
    try:
        ImageColor.getrgb(colour)
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f"background={shown(repr(colour))} is no colour; use a name such as 'white', "
            "or '#rrggbb'"
        ) from error
