"""One picture of any mode, depth and orientation comes out right, or is refused by name."""

import io
import os
import sys
import zlib

import numpy as np
import pytest
import torch
from picture_folders import noise
from PIL import Image, ImageCms, ImageDraw

from nnlab_course.data import load, make_store, prepare_pictures
from nnlab_course.data.pictures import Form, Unusable, read_picture

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's files")


def pixels(path, size=32, channels=3, **options):
    return read_picture(path, Form(size, channels, **options)).pixels


def saved(tmp_path, image, suffix=".png", **options):
    path = tmp_path / f"picture{suffix}"
    image.save(path, **options)
    return path


def shape(mode, size=48):
    """Return a black disc on transparent ground, as logos come."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((12, 12, 36, 36), fill=(0, 0, 0, 255))
    if mode == "P":
        paletted = Image.new("P", (size, size), 1)
        paletted.putpalette([0, 0, 0, 0, 0, 0])
        paletted.paste(0, mask=image.getchannel("A"))
        return paletted, {"transparency": 1}
    if mode == "RGB":  # one colour stands for transparent
        image = Image.new("RGB", (size, size), (1, 2, 3))
        ImageDraw.Draw(image).ellipse((12, 12, 36, 36), fill=(0, 0, 0))
        return image, {"transparency": (1, 2, 3)}
    return image.convert(mode), {}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("background", "ground"), [("white", (255, 255, 255)), ("#ff8000", (255, 128, 0))]
)
def test_transparent_pictures_lie_on_a_colour(tmp_path, mode, channels, background, ground):
    image, options = shape(mode)
    path = saved(tmp_path, image, **options)
    picture = read_picture(path, Form(48, channels, background))
    if channels == 1:
        ground = (Image.new("RGB", (1, 1), ground).convert("L").getpixel((0, 0)),)
    assert tuple(picture.pixels[0, 0]) == ground
    assert picture.pixels[24, 24].max() == 0
    assert picture.notes == (f"transparent, laid over {background}",)


def test_an_opaque_alpha_channel_is_no_transparency(tmp_path):
    assert read_picture(saved(tmp_path, noise(0).convert("RGBA")), Form()).notes == ()


def wide_ramp(dtype=np.uint16, largest=65_535, size=32):
    return np.tile(np.linspace(0, largest, size).astype(dtype), (size, 1))


def put_wide(folder, make, suffix=".tif"):
    """Write two classes of two pictures each, which `make` gives as arrays, and prepare them."""
    for label, name in enumerate(("a", "b")):
        (folder / name).mkdir(parents=True)
        for i in range(2):
            array = make() if not (label or i) else np.roll(make(), 5 * label + 7 * i, axis=1)
            Image.fromarray(array).save(folder / name / f"{i}{suffix}")
    report = prepare_pictures(folder, folder.parent, size=32, channels=1)
    data = load(folder.name, folder.parent)
    images = torch.cat([data.train.images, data.test.images])
    first = next(image for image in images if image[0, 0, 0] == 0 and image[0, 0, -1] == 255)
    return first[0, 0].tolist(), report


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_become_8_by_their_range(tmp_path, suffix):
    row, report = put_wide(tmp_path / "scans", wide_ramp, suffix)
    assert row == [round(int(v) / 257) for v in wide_ramp()[0]]
    assert report.notes == ["on the scale of the whole numbers, 65,535 was taken for white"]
    assert {what: len(names) for what, names in report.changed.items()} == {
        "16-bit whole numbers": 4
    }


@pytest.mark.parametrize(
    ("make", "white"),
    [
        (lambda: wide_ramp(np.uint16, 4095), "whole numbers, 4,095"),  # a microscope's 12 bits
        (lambda: wide_ramp(">u2"), "whole numbers, 65,535"),
        (lambda: wide_ramp(np.int32), "whole numbers, 65,535"),
        (lambda: wide_ramp(np.int32, 255), "whole numbers, 255"),
        (lambda: wide_ramp(np.float32, 1), "fractions, 1"),
        (lambda: wide_ramp(np.float32, 255), "fractions, 255"),
    ],
)
def test_other_depths_become_8_bits_by_their_range(tmp_path, make, white):
    row, report = put_wide(tmp_path / "scans", make)
    values = make()[0].astype(float)
    assert np.abs(np.array(row) - values / values.max() * 255).max() <= 1
    assert report.notes == [f"on the scale of the {white} was taken for white"]


def test_pictures_of_one_scale_are_compared(tmp_path):
    """A dark scan stays darker than a bright one."""
    folder = tmp_path / "scans"
    for name, value in (("bright", 60_000), ("dark", 6_000)):
        (folder / name).mkdir(parents=True)
        for i in range(2):
            Image.fromarray(np.full((8, 8), value + i, np.uint16)).save(folder / name / f"{i}.png")
    make_store(folder, tmp_path, size=8, channels=1)
    scans = load("scans", tmp_path)
    assert scans.train.images[:, 0, 0, 0].tolist() == [233, 23]


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (wide_ramp(np.int32, 2**31 - 1), r"its 32-bit whole numbers go from 0 to 2.14748e\+09, so"),
        (wide_ramp(np.float32, 1e6), r"its 32-bit fractions go from 0 to 1e\+06, so that nothing"),
        (wide_ramp(np.float32, 1) - 0.5, "its 32-bit fractions go from -0.5 to 0.5, so that"),
        (wide_ramp(np.int32) - 9, "go from -9 to 65526, .* save it with 8 or 16 bits"),
        (wide_ramp(np.float32, 1) * np.nan, "are not all finite numbers"),
    ],
)
def test_numbers_without_a_white_are_refused_by_name(tmp_path, array, reason):
    path = saved(tmp_path, Image.fromarray(array), ".tif")
    with pytest.raises(Unusable, match=reason):
        read_picture(path, Form())


@pytest.mark.parametrize(
    ("mode", "suffix", "colour", "expected"),
    [
        ("1", ".png", 1, (255, 255, 255)),
        ("L", ".png", 77, (77, 77, 77)),
        ("P", ".gif", None, (10, 200, 30)),
        ("CMYK", ".tif", (0, 255, 255, 0), (255, 0, 0)),
        ("CMYK", ".jpg", (0, 255, 255, 0), (254, 0, 0)),
        ("YCbCr", ".jpg", (76, 85, 255), (254, 0, 0)),
        ("LA", ".png", (77, 255), (77, 77, 77)),
        ("RGBA", ".webp", (10, 200, 30, 255), (10, 200, 30)),
        ("I;16", ".png", 32_896, None),
    ],
)
def test_modes(tmp_path, mode, suffix, colour, expected):
    if mode == "P":
        image = Image.new("RGB", (40, 40), expected).convert("P", palette=Image.Palette.ADAPTIVE)
    else:
        image = Image.new(mode, (40, 40), colour)
    options = {"lossless": True} if suffix == ".webp" else {}
    picture = read_picture(saved(tmp_path, image, suffix, **options), Form())
    if expected is None:
        assert picture.pixels[0, 0].tolist() == [32_896] * 3
    else:
        assert np.abs(picture.pixels[5, 5].astype(int) - expected).max() <= 3


@pytest.mark.parametrize("mode", ["LAB", "CMYK", "YCbCr", "P", "1", "LA"])
def test_a_mode_becomes_grey_by_its_colours(tmp_path, mode):
    image = noise(0).convert("RGB") if mode == "LAB" else noise(0).convert(mode)
    if mode == "LAB":
        profiles = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
        image = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")
    path = saved(tmp_path, image, ".jpg" if mode == "YCbCr" else ".png" if mode == "P" else ".tif")
    grey, rgb = pixels(path, 48, 1), pixels(path, 48, 3)
    expected = np.array(Image.fromarray(rgb).convert("L"))
    assert np.abs(grey[..., 0].astype(int) - expected).max() <= 1
    assert np.abs(rgb.astype(int) - np.array(noise(0))).mean() < (3 if mode == "LAB" else 256)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_every_orientation_is_turned_upright(tmp_path, orientation, suffix):
    upright = Image.new("RGB", (64, 64), "blue")
    upright.paste((255, 255, 255), (0, 0, 32, 16))  # top left
    undo = {  # how a camera that was held so stores the picture
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read_picture(saved(tmp_path, stored, suffix, exif=exif), Form(64, 3))
    assert picture.pixels[4, 8, 0] > 200
    assert picture.pixels[4, 50, 0] < 60
    assert picture.pixels[50, 8, 0] < 60
    # Pillow turns TIFF by itself.
    assert ("turned upright" in picture.notes) == (orientation > 1 and suffix != ".tif")


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".tif"])
def test_the_first_frame_counts(tmp_path, suffix):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "green", "blue")]
    path = tmp_path / f"moving{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    picture = read_picture(path, Form())
    assert np.abs(picture.pixels[5, 5].astype(int) - (255, 0, 0)).max() <= 3
    assert "first frame or page of several" in picture.notes


@pytest.mark.parametrize(
    "suffix", [".jpg", ".JPG", ".jpeg", ".jpe", ".jfif", ".JFIF", "", ".photo"]
)
def test_jpeg_under_any_suffix(tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    noise(0).save(path, format="JPEG")
    assert pixels(path).std() > 20


def test_large_photographs_are_decoded_smaller(tmp_path):
    noise(0, 48).resize((4000, 3000)).save(tmp_path / "large.jpg", quality=90)
    picture = pixels(tmp_path / "large.jpg")
    exact = np.array(noise(0, 48).resize((4000, 3000)).crop((500, 0, 3500, 3000)).resize((32, 32)))
    assert np.abs(picture.astype(int) - exact).mean() < 4


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.png", b"", "an empty file"),
        ("a.png", b"not a picture", "damaged, or no picture"),
        ("a.jpg", b"<!DOCTYPE html><title>Please log in</title>", "a web page, not a picture"),
        ("a.heic", b"\0\0\0\x18ftypheic" + bytes(100), "HEIC: pip install pillow-heif, or save"),
        ("a.HEIC", b"who knows", "HEIC: pip install pillow-heif, or save it as JPEG"),
        ("a.jpg", b"\0\0\0\x18ftypheic" + bytes(100), "HEIC: pip install pillow-heif"),
        ("a.mp4", b"\0\0\0\x18ftypisom" + bytes(100), "a video"),
        ("a.svg", b'<?xml version="1.0"?><svg></svg>', r"a drawing \(SVG\): save it as PNG"),
        ("a.pdf", b"%PDF-1.7 ", r"a page \(EPS or PDF\): save it as PNG"),
        ("x.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", r"a page \(EPS or PDF\)"),
        ("a.tga", b"some", "TGA, which is not read here: save it as PNG"),
        ("notes.txt", b"text", r"no picture \(\.txt\)"),
        ("README", b"text", "no picture$"),
        ("a.\x1b[31m", b"text", r"no picture \(\.\\x1b\[31m\)"),
    ],
)
def test_files_that_are_no_pictures_are_told_by_what_they_are(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unusable, match=f"^{reason}"):
        read_picture(tmp_path / name, Form())


def test_heic_is_read_where_the_plug_in_is(tmp_path, monkeypatch):
    """A stand-in for pillow-heif, which registers a reader under the name HEIF."""
    (tmp_path / "pillow_heif.py").write_text(
        "from PIL import Image, PngImagePlugin\n"
        "class Reader(PngImagePlugin.PngImageFile):\n"
        "    format = 'HEIF'\n"
        "def register_heif_opener():\n"
        "    Image.register_open('HEIF', Reader, lambda start: start[:4] == b'\\x89PNG')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(Image.OPEN, "PNG", (None, lambda start: False))
    try:
        assert pixels(saved(tmp_path, noise(0))).std() > 20
    finally:
        Image.OPEN.pop("HEIF", None)
        Image.ID.remove("HEIF")
        sys.modules.pop("pillow_heif", None)


def test_avif_is_read_or_named(tmp_path, monkeypatch):
    if "AVIF" not in Image.SAVE:
        Image.init()
    if "AVIF" in Image.SAVE:
        assert pixels(saved(tmp_path, noise(0), ".avif")).std() > 20
    (tmp_path / "a.avif").write_bytes(b"\0\0\0\x18ftypavif" + bytes(100))
    with monkeypatch.context() as patch:
        patch.delitem(Image.OPEN, "AVIF", raising=False)
        with pytest.raises(Unusable, match="AVIF, which this Pillow can't read: save it as JPEG"):
            read_picture(tmp_path / "a.avif", Form())


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif", ".tif", ".webp", ".bmp"])
def test_cut_pictures_are_refused(tmp_path, suffix):
    path = saved(tmp_path, noise(0), suffix)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Unusable, match="damaged"):
        read_picture(path, Form())


def png_of_size(width, height):
    """Return the start of a PNG that claims to be large."""
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "PNG")
    content = bytearray(file.getvalue())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize(
    ("side", "reason"),
    [
        (8_100, "66 megapixels, more than 64; shrink it"),
        (13_000, "169 megapixels, more than 64; shrink it"),
        (30_000, "more than 64 megapixels; shrink it"),
    ],
)
def test_pixels_are_bounded_before_they_are_decoded(tmp_path, side, reason):
    (tmp_path / "large.png").write_bytes(png_of_size(side, side))
    with pytest.raises(Unusable, match=f"^{reason}$"):
        read_picture(tmp_path / "large.png", Form())


@posix
def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(Unusable, match="not a regular file"):
        read_picture(tmp_path / "x.png", Form())


@posix
def test_ghostscript_is_never_started(tmp_path, monkeypatch):
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "x.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    )
    with pytest.raises(Unusable, match="EPS"):
        read_picture(tmp_path / "x.png", Form())
    assert not (tmp_path / "started").exists()
