"""Pictures as people bring them become a dataset, and a report says what became of each file."""

import hashlib
import io
import json
import os
import subprocess
import sys
import unicodedata
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageDraw

from nnlab_course.data import load, make_store, prepare_pictures
from nnlab_course.data.pictures import Form, Unusable, read_picture

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's files")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def content_of(root):
    return sorted(path.name for path in root.iterdir())


def put_pictures(folder, counts, size=(40, 30), mode="RGB", suffix=".png"):
    """Write pictures, each of one colour: the class gives its red, the picture its green."""
    for label, (name, num) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(num):
            picture = Image.new("RGB", size, (50 * label, 10 * i, 200)).convert(mode)
            picture.save(folder / name / f"{i}{suffix}")
    return folder


def noise(seed, size=48, channels=3):
    """Return a picture that is like no other: soft blotches."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, channels), np.uint8).squeeze())
    return coarse.resize((size, size), Image.Resampling.BICUBIC)


def put_noise(folder, counts, **options):
    for label, (name, num) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(num):
            noise(1000 * label + i, **options).save(folder / name / f"{i}.png")
    return folder


def pixels(path, size=32, channels=3, **options):
    return read_picture(path, Form(size, channels, **options)).pixels


# --- one picture: modes, depths, transparency, orientation --------------------------------


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


# --- a folder becomes a store -------------------------------------------------------------


def test_folder_becomes_a_store(tmp_path):
    folder = put_pictures(tmp_path / "leaves", {"ash": 10, "oak": 5, "yew": 2})
    path = make_store(folder, tmp_path)
    assert path == tmp_path / "leaves.safetensors"
    leaves = load("leaves", tmp_path)
    assert leaves.classes == ("ash", "oak", "yew")
    assert leaves.train.images.shape == (13, 3, 32, 32)
    assert torch.bincount(leaves.train.labels).tolist() == [8, 4, 1]
    assert torch.bincount(leaves.test.labels).tolist() == [2, 1, 1]
    assert leaves.source == "pictures of the folder leaves"
    for split in (leaves.train, leaves.test):
        assert torch.equal(split.images[:, 0, 0, 0], (50 * split.labels).byte())
        assert (split.images == split.images[:, :, :1, :1]).all()
    # Every picture is in one of the parts, and in one only.
    colours = torch.cat([leaves.train.images, leaves.test.images])[:, :2, 0, 0]
    assert colours.unique(dim=0).shape == (17, 2)
    assert content_of(tmp_path) == [".leaves.lock", "leaves", "leaves.safetensors"]


def test_held_out_pictures_depend_on_the_generator(tmp_path):
    folder = put_pictures(tmp_path / "leaves", {"ash": 20, "oak": 20})

    def held_out(**options):
        make_store(folder, tmp_path, test_fraction=0.5, **options)
        return load("leaves", tmp_path).test.images[:, 1, 0, 0].tolist()

    assert held_out() == held_out()
    assert held_out(generator=generator(1)) == held_out(generator=generator(1))
    assert held_out(generator=generator(1)) != held_out(generator=generator(2))


def test_train_and_test_folders_are_kept_apart(tmp_path):
    folder = tmp_path / "leaves"
    put_pictures(folder / "train", {"ash": 4, "oak": 3})
    put_pictures(folder / "test", {"ash": 1, "oak": 2}, suffix=".JPG")
    make_store(folder, tmp_path, name="other", size=8, channels=1)
    other = load("other", tmp_path)
    assert other.train.labels.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert other.test.labels.tolist() == [0, 1, 1]
    assert other.test.images.shape == (3, 1, 8, 8)


def test_pictures_are_shrunk_cut_and_turned_upright(tmp_path):
    folder = put_pictures(tmp_path / "leaves", {"ash": 2, "oak": 2}, size=(96, 48))
    # Three squares side by side; the middle one is green. It is all that should be left.
    picture = Image.new("RGB", (96, 32), (255, 0, 0))
    picture.paste((0, 255, 0), (32, 0, 64, 32))
    picture.save(folder / "ash" / "0.png")
    # A photograph whose camera was held on its side: stored lying, marked "turn me".
    lying = Image.new("RGB", (64, 64), (0, 0, 255))
    lying.paste((255, 255, 255), (0, 0, 32, 64))
    orientation = Image.Exif()
    orientation[0x0112] = 6  # the left side is the top
    lying.save(folder / "oak" / "0.jpg", exif=orientation, quality=95)
    (folder / "oak" / "0.png").unlink()
    make_store(folder, tmp_path)
    leaves = load("leaves", tmp_path)
    images = torch.cat([leaves.train.images, leaves.test.images])
    labels = torch.cat([leaves.train.labels, leaves.test.labels])
    green = [
        image for image in images[labels == 0] if image[0].max() == 0 and image[1].min() == 255
    ]
    assert len(green) == 1
    upright = [
        image
        for image in images[labels == 1].int()
        if image[0, :14].min() > 200 and image[0, 18:].max() < 60
    ]
    assert len(upright) == 1


def test_other_modes_and_stray_files(tmp_path):
    folder = put_pictures(tmp_path / "leaves", {"ash": 2, "oak": 2}, mode="L")
    put_pictures(folder, {"ash": 3}, mode="P", suffix=".gif")
    put_pictures(folder, {"deep/er": 1}, mode="RGBA")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / "ash" / "notes.txt").write_text("not a picture")
    (folder / "ash" / "._0.png").write_bytes(b"left by another system")
    (folder / "readme.md").write_text("not a class")
    put_pictures(folder, {"deep": 1})
    make_store(folder, tmp_path)
    leaves = load("leaves", tmp_path)
    assert leaves.classes == ("ash", "deep", "oak")
    assert len(leaves.train) + len(leaves.test) == 9


def test_store_is_replaced(tmp_path):
    folder = put_pictures(tmp_path / "leaves", {"ash": 2, "oak": 2})
    make_store(folder, tmp_path)
    before = load("leaves", tmp_path)
    put_pictures(folder, {"ash": 9})
    make_store(folder, tmp_path)
    assert len(load("leaves", tmp_path).train) > len(before.train)
    assert before.train.images[0, 2, 0, 0] == 200  # what was loaded stays readable


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "got size=0"),
        ({"size": 32.0}, r"got size=32\.0"),
        ({"channels": 2}, "channels=2"),
        ({"test_fraction": 0}, "test_fraction=0"),
        ({"test_fraction": 1.0}, r"test_fraction=1\.0"),
        ({"name": "mnist"}, "'mnist' is the name of another dataset"),
        ({"name": "shapes"}, "'shapes' is the name of another dataset"),
        ({"name": "my leaves"}, "'my leaves' can't name a dataset"),
        ({"name": "../leaves"}, "can't name a dataset"),
        ({"name": ""}, "can't name a dataset"),
    ],
)
def test_arguments_are_checked(tmp_path, options, message):
    folder = put_pictures(tmp_path / "leaves", {"ash": 2, "oak": 2})
    with pytest.raises(ValueError, match=message):
        make_store(folder, tmp_path, **options)
    assert content_of(tmp_path) == ["leaves"]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "leaves has 0 subfolders; give it one for each class, 2 to 256 in all"),
        ({"ash": 3}, "leaves has 1 subfolder; .* there is nothing to tell apart: add a folder"),
        ({"a/ash": 3, "a/oak": 3}, r"leaves has 1 subfolder; .*Did you mean .*leaves/a\?"),
        ({"": 3}, "has 0 subfolders; .*side by side: move those of each class into a folder"),
        ({f"c{i:03}": 0 for i in range(257)}, "leaves has 257 subfolders"),
        ({"ash": 3, "oak": 0}, "oak holds no pictures: put some in, or take"),
        ({"ash": 3, "oak": 1}, "class oak has one picture; give at least two, or train/ and test/"),
        (
            {"train/ash": 1, "train/oak": 1, "test/ash": 1},
            "must have the same classes; not so: oak",
        ),
        (
            {"train/ash": 1, "train/oak": 1, "test/ash": 1, "test/elm": 1},
            "must have the same classes; not so: elm, oak",
        ),
        ({"train": 3, "val": 3}, "has the folders train, val, which are parts of a dataset and no"),
        (
            {"train/ash": 3, "train/oak": 3, "test": 3},
            "test holds no folders, so its",
        ),
        (
            {"train/ash": 3, "train/oak": 3, "yew": 3},
            "has the parts train, but yew beside them: give either",
        ),
        ({"val/ash": 3, "test/ash": 3}, "has the parts test, val, but no train: give either"),
        ({"train/ash": 3, "Training/ash": 3}, "two for the same part: give either"),
        (
            {"ash/train": 3, "ash/test": 1, "oak/train": 3, "oak/test": 1},
            "the parts stand inside the classes: put train/ and test/ outside",
        ),
        ({"Oak": 3, "oak": 3}, "has two folders that read 'oak': put their pictures into one"),
        ({"oak ": 3, "oak": 3}, "has two folders that read 'oak'"),
    ],
)
def test_layout_is_checked(tmp_path, counts, message):
    folder = tmp_path / "leaves"
    folder.mkdir()
    put_pictures(folder, counts)
    with pytest.raises(ValueError, match=message):
        make_store(folder, tmp_path)
    assert content_of(tmp_path) == ["leaves"]


@pytest.mark.parametrize("count", [1, 3])
def test_unusable_pictures_are_all_named_in_one_run(tmp_path, caplog, count):
    folder = put_pictures(tmp_path / "leaves", {"ash": 4, "oak": 5})
    for i in range(count):
        picture = folder / "oak" / f"{i}.png"
        picture.write_bytes(picture.read_bytes()[:60])
    report = prepare_pictures(folder, tmp_path)
    assert set(report.not_used) == {f"oak/{i}.png" for i in range(count)}
    assert all(reason.startswith("damaged or cut short") for reason in report.not_used.values())
    assert vars(report.classes["oak"]) == {"files": 5, "train": 4 - count, "test": 1}
    make_store(folder, tmp_path)
    assert f"leaves: of 9 files {count} were not used" in caplog.text


def test_absent_folder(tmp_path):
    with pytest.raises(ValueError, match="leaves is not a folder"):
        make_store(tmp_path / "leaves", tmp_path)


# --- parts, system folders, names -----------------------------------------------------------


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "val"),
        ("Train", "VALID"),
        ("training", "validation"),
        ("train", "dev"),
        ("Training_Set", "Test-Set"),
        ("01 train", "02 test"),
        ("train2017", "val2017"),
    ],
)
def test_the_usual_names_of_parts_are_parts(tmp_path, train, test):
    folder = put_noise(tmp_path / "leaves", {f"{train}/ash": 3, f"{train}/oak": 2})
    for label, name in enumerate(("ash", "oak")):
        (folder / test / name).mkdir(parents=True)
        noise(50 + label).save(folder / test / name / "0.png")
    report = prepare_pictures(folder, tmp_path)
    leaves = load("leaves", tmp_path)
    assert leaves.classes == ("ash", "oak")
    assert leaves.train.labels.tolist() == [0, 0, 0, 1, 1]
    assert leaves.test.labels.tolist() == [0, 1]
    told = [f"{test} is the test part"] if "test" not in test.lower() else []
    assert report.notes == told


def test_validation_joins_training_where_there_is_a_test(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"train/ash": 3, "train/oak": 2})
    put_noise(folder, {"x": 0, "val/ash": 1, "val/oak": 1, "y": 0, "test/ash": 1, "test/oak": 1})
    for name in "xy":
        (folder / name).rmdir()
    report = prepare_pictures(folder, tmp_path)
    assert load("leaves", tmp_path).train.labels.tolist() == [0, 0, 0, 0, 1, 1, 1]
    (note,) = report.notes
    assert note.startswith("val was added to the training pictures: take a validation part out")


def test_train_alone_has_a_share_held_out(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"train/ash": 5, "train/oak": 10})
    prepare_pictures(folder, tmp_path)
    assert load("leaves", tmp_path).test.labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize("names", [("train", "bus", "car"), ("valid", "invalid"), ("dev", "ops")])
def test_classes_that_are_called_like_parts(tmp_path, names):
    folder = put_noise(tmp_path / "things", dict.fromkeys(names, 3))
    prepare_pictures(folder, tmp_path)
    assert load("things", tmp_path).classes == tuple(sorted(names))


SYSTEM = ("__MACOSX", "@eaDir", ".ipynb_checkpoints", "$RECYCLE.BIN", "System Volume Information")


def test_what_systems_leave_is_ignored(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"ash": 2, "oak": 2})
    for name in SYSTEM:
        for place in (folder, folder / "ash"):
            put_noise(place, {name: 1})
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._0.png", "Icon\r"):
        for place in (folder, folder / "oak"):
            (place / name).write_bytes(b"a system's")
    report = prepare_pictures(folder, tmp_path)
    assert {name: vars(count) for name, count in report.classes.items()} == {
        "ash": {"files": 2, "train": 1, "test": 1},
        "oak": {"files": 2, "train": 1, "test": 1},
    }
    assert report.not_used == {}


def test_classes_stand_in_natural_order(tmp_path):
    names = [str(i) for i in range(1, 13)] + ["Ärger", "b", "C", "a"]
    folder = put_noise(tmp_path / "leaves", dict.fromkeys(names, 2))
    make_store(folder, tmp_path)
    classes = [str(i) for i in range(1, 13)] + ["a", "b", "C", "Ärger"]
    assert load("leaves", tmp_path).classes == tuple(classes)


def test_names_are_compared_as_a_person_reads_them(tmp_path):
    composed, parted = (unicodedata.normalize(form, "Öl") for form in ("NFC", "NFD"))
    folder = put_noise(tmp_path / "leaves", {f"train/{parted}": 3, "train/oak": 2})
    put_noise(folder / "test", {"x": 0, "Oak": 1, composed: 1})
    (folder / "test" / "x").rmdir()
    prepare_pictures(folder, tmp_path)
    assert load("leaves", tmp_path).classes == ("oak", composed)


def test_names_are_harmless_to_print(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"ash\x1b[31m": 2, "oak\u202e": 2})
    (folder / "oak\u202e" / "a\nb.txt").write_text("no picture")
    report = prepare_pictures(folder, tmp_path)
    assert list(report.classes) == ["ash\\x1b[31m", "oak\\u202e"]
    assert report.not_used == {"oak\\u202e/a\\nb.txt": "no picture (.txt)"}
    assert not {c for c in str(report) + str(load("leaves", tmp_path)) if ord(c) < 32} - {"\n"}


@posix
def test_deep_folders_and_pipes(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"ash": 2, "oak": 2})
    os.mkfifo(folder / "oak" / "x.png")
    deep = os.open(folder / "ash", os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=deep)
        inner = os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = inner
    os.close(deep)
    try:
        report = prepare_pictures(folder, tmp_path)
    finally:  # pytest can't remove what is so deep
        subprocess.run(["rm", "-rf", folder / "ash" / "d"], check=True)
    assert report.not_used["oak/x.png"] == "not a regular file"
    assert report.classes["ash"].used == 2


@posix
def test_links_are_told(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"ash": 2, "oak": 2})
    (folder / "ash" / "loop").symlink_to(folder)
    (folder / "ash" / "nowhere.png").symlink_to(tmp_path / "nowhere.png")
    (folder / "ash" / "good.png").symlink_to(folder / "oak" / "1.png")
    report = prepare_pictures(folder, tmp_path)
    reason = "a link to a folder, which is not followed, or to nowhere"
    assert report.not_used == {"ash/loop": reason, "ash/nowhere.png": reason}
    assert report.same_picture_two_labels == [["ash/good.png", "oak/1.png"]]


def test_an_option_that_is_none(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"ash": 2, "oak": 2})
    with pytest.raises(TypeError, match=r"prepare_pictures.* unexpected keyword argument 'sise'"):
        make_store(folder, tmp_path, sise=32)


# --- copies ---------------------------------------------------------------------------------


def test_copies_are_on_one_side(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"ash": 10, "oak": 10})
    for path in sorted(folder.rglob("*.png")):
        path.with_name(f"again {path.name}").write_bytes(path.read_bytes())
    for seed in range(3):
        report = prepare_pictures(folder, tmp_path, generator=generator(seed))
        leaves = load("leaves", tmp_path)
        parts = [{digest(image) for image in part.images} for part in (leaves.train, leaves.test)]
        assert parts[0] & parts[1] == set()
        assert (len(leaves.train), len(leaves.test)) == (32, 8)
    assert len(report.copies) == 20
    assert report.copies[0] == ["ash/0.png", "ash/again 0.png"]
    assert "40 pictures are copies of one another" in report.warning


def digest(image):
    return hashlib.md5(image.numpy().tobytes(), usedforsecurity=False).hexdigest()


def test_copies_in_another_format_size_or_depth(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"ash": 4, "oak": 4}, size=200)
    picture = noise(0, 200)
    picture.save(folder / "ash" / "as.jpg", quality=75)
    picture.resize((150, 150)).save(folder / "ash" / "smaller.png")
    picture.convert("RGBA").save(folder / "ash" / "as.webp", quality=80)
    report = prepare_pictures(folder, tmp_path)
    assert report.copies == [["ash/0.png", "ash/as.jpg", "ash/as.webp", "ash/smaller.png"]]


def test_copies_of_test_pictures_are_left_out_of_training(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"train/ash": 3, "train/oak": 3})
    put_noise(folder / "test", {"ash": 1, "oak": 1, "x": 0}, size=40)
    (folder / "test" / "x").rmdir()
    (folder / "test" / "oak" / "same.png").write_bytes(
        (folder / "train" / "oak" / "2.png").read_bytes()
    )
    report = prepare_pictures(folder, tmp_path)
    reason = "a copy of the test picture test/oak/same.png"
    assert report.not_used["train/oak/2.png"] == reason
    assert vars(report.classes["oak"]) == {"files": 5, "train": 1, "test": 2}


def test_a_picture_with_two_labels_is_told(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"ash": 5, "oak": 5})
    (folder / "oak" / "x.png").write_bytes((folder / "ash" / "3.png").read_bytes())
    report = prepare_pictures(folder, tmp_path)
    assert report.same_picture_two_labels == [["ash/3.png", "oak/x.png"]]
    assert "1 pictures have two labels" in report.warning


def test_pictures_that_are_all_nearly_alike_are_not_refused(tmp_path):
    """A camera on a tripod."""
    folder = put_noise(tmp_path / "leaves", {"oak": 5})
    (folder / "ash").mkdir()
    for i in range(5):
        frame = np.array(noise(77)).astype(int) + i % 2
        Image.fromarray(frame.clip(0, 255).astype(np.uint8)).save(folder / "ash" / f"{i}.bmp")
        with (folder / "ash" / f"{i}.bmp").open("ab") as file:
            file.write(bytes([i]))  # another file, the same picture
    report = prepare_pictures(folder, tmp_path)
    assert vars(report.classes["ash"]) == {"files": 5, "train": 4, "test": 1}


# --- what a teacher should look at ----------------------------------------------------------


def test_one_colour_is_told(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"ash": 3, "oak": 3})
    Image.new("RGB", (40, 40), "black").save(folder / "oak" / "black.png")
    report = prepare_pictures(folder, tmp_path)
    assert report.one_colour == ["oak/black.png"]
    assert report.warning == "1 pictures are of one colour"


def put_digits(folder, ink, ground):
    for label in "01":
        (folder / label).mkdir(parents=True)
        for i in range(6):
            image = Image.new("L", (56, 56), ground)
            pen = ImageDraw.Draw(image)
            if label == "0":
                pen.ellipse((14 + i, 8, 42 + i, 46), outline=ink, width=5)
            else:
                pen.line((22 + i, 8, 28 + 2 * i, 46), fill=ink, width=5)
            image.save(folder / label / f"{i}.png")
    return folder


def test_ink_on_paper_is_noticed_and_inverted(tmp_path, caplog):
    folder = put_digits(tmp_path / "scans", ink=30, ground=235)
    report = prepare_pictures(folder, tmp_path, size=28, channels=1)
    (note,) = report.notes
    assert note.startswith("most pictures are dark on light, MNIST is light on dark: for a network")
    paper = load("scans", tmp_path).test.images
    make_store(folder, tmp_path, size=28, channels=1)
    assert "prepare them with invert=True (--invert)" in caplog.text
    report = prepare_pictures(folder, tmp_path, size=28, channels=1, invert=True)
    assert report.notes == []
    assert torch.equal(load("scans", tmp_path).test.images, 255 - paper)


def test_light_on_dark_and_colour_are_left_alone(tmp_path):
    folder = put_digits(tmp_path / "scans", ink=235, ground=10)
    assert prepare_pictures(folder, tmp_path, size=28, channels=1).notes == []
    folder = put_noise(tmp_path / "leaves", {"ash": 5, "oak": 5})
    assert prepare_pictures(folder, tmp_path, channels=1).notes == []


def test_half_of_a_class_can_not_be_used(tmp_path):
    """Phone photographs beside others."""
    folder = put_noise(tmp_path / "leaves", {"ash": 4, "oak": 4})
    for i in range(3):
        (folder / "oak" / f"{i}.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    noise(99).save(folder / "oak" / "x.jfif", format="JPEG")
    report = prepare_pictures(folder, tmp_path)
    assert vars(report.classes["oak"]) == {"files": 8, "train": 4, "test": 1}
    expected = (
        "Not used, and why:\n"
        "  3 HEIC: pip install pillow-heif, or save it as JPEG: "
        "oak/0.HEIC, oak/1.HEIC, oak/2.HEIC"
    )
    assert expected in str(report)


def test_a_class_of_which_nothing_is_left_says_why(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"ash": 4, "oak": 0})
    for i in range(3):
        (folder / "oak" / f"{i}.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(ValueError, match=r"class oak has no pictures .* \(not used: HEIC: pip"):
        make_store(folder, tmp_path)
    (folder / "oak" / "a.png").write_bytes((folder / "ash" / "0.png").read_bytes())
    (folder / "oak" / "b.png").write_bytes((folder / "ash" / "0.png").read_bytes())
    with pytest.raises(ValueError, match="class oak has one picture, several times; give"):
        make_store(folder, tmp_path)


def test_sizes_are_bounded_before_anything_is_read(tmp_path, monkeypatch):
    folder = put_pictures(tmp_path / "leaves", {"ash": 2, "oak": 2})
    with pytest.raises(ValueError, match=r"got size=100000.* a whole number from 1 to 1024"):
        make_store(folder, tmp_path, size=100_000)
    for i in range(1400):
        (folder / "oak" / f"{i}.jpg").touch()
    with pytest.raises(ValueError, match="1,404 pictures of 1024 x 1024 take 4 GB, more than 4"):
        make_store(folder, tmp_path, size=1024)


def test_a_colour_that_is_none(tmp_path):
    folder = put_pictures(tmp_path / "leaves", {"ash": 2, "oak": 2})
    with pytest.raises(ValueError, match="background='whitish' is no colour; use a name such as"):
        make_store(folder, tmp_path, background="whitish")


@posix
@pytest.mark.parametrize(("mode", "expected"), [(0o755, 0o644), (0o750, 0o640), (0o700, 0o600)])
def test_a_store_is_readable_like_its_folder(tmp_path, mode, expected):
    folder = put_pictures(tmp_path / "leaves", {"ash": 2, "oak": 2})
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(mode)
    before = os.umask(0o077)
    try:
        store = make_store(folder, root)
    finally:
        os.umask(before)
    assert store.stat().st_mode & 0o777 == expected


def test_the_report_is_plain_values(tmp_path):
    folder = put_noise(tmp_path / "leaves", {"ash": 5, "oak": 5})
    (folder / "notes.txt").write_text("no class")
    report = prepare_pictures(folder, tmp_path)
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["path"] == str(tmp_path / "leaves.safetensors")
    assert plain["classes"]["ash"] == {"files": 5, "train": 4, "test": 1, "used": 5}
    assert plain["not_used"] == {"notes.txt": "in no class's folder"}


# --- a thousand pictures ----------------------------------------------------------------------


def put_mixed(folder, num=1000):
    """Write a folder as a class brings it: every kind of the above, about evenly."""
    kinds = {
        "jpg": lambda i: noise(i),
        "JPG": lambda i: noise(i),
        "jfif": lambda i: noise(i),
        "png": lambda i: noise(i).convert("RGBA" if i % 3 else "P"),
        "webp": lambda i: noise(i),
        "gif": lambda i: noise(i).quantize(32),
        "tif": lambda i: Image.fromarray(
            np.array(noise(i, channels=1)).astype(np.uint16) * (257 if i % 2 else 256)
        ),
        "bmp": lambda i: noise(i).convert("L"),
    }
    formats = {"jfif": "JPEG", "JPG": "JPEG"}
    for i in range(num):
        suffix = list(kinds)[i % len(kinds)]
        path = folder / str(i % 12 + 1) / f"{i}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if i % 50 == 7:
            path.write_bytes(b"\xff\xd8\xff cut short")
        elif i % 50 == 9:
            path.with_suffix(".HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
        else:
            kinds[suffix](i).save(path, format=formats.get(suffix))
    put_noise(folder, {"__MACOSX": 1})
    (folder / "1" / "Thumbs.db").write_bytes(b"a system's")
    for name in ("notes.txt", "list.csv"):
        (folder / "2" / name).write_text("no picture")
    for i in range(10):
        source = folder / "1" / f"{120 * i % 960}.jpg"
        if source.exists():
            (folder / "1" / f"copy {i}.jpg").write_bytes(source.read_bytes())
    Image.new("RGB", (50, 50)).save(folder / "3" / "black.png")


def test_a_thousand_mixed_pictures_in_one_run(tmp_path):
    put_mixed(tmp_path / "mixed")
    report = prepare_pictures(tmp_path / "mixed", tmp_path)
    mixed = load("mixed", tmp_path)
    assert mixed.classes == tuple(str(i) for i in range(1, 13))
    used = sum(count.used for count in report.classes.values())
    assert used == len(mixed.train) + len(mixed.test)
    assert used + len(report.not_used) == sum(count.files for count in report.classes.values())
    reasons = sorted({reason.split(":")[0].split(" (")[0] for reason in report.not_used.values()})
    assert reasons == ["HEIC", "damaged, or no picture", "no picture"]
    assert len(report.not_used) == 20 + 20 + 2
    assert report.one_colour == ["3/black.png"]
    assert len(report.copies) >= 4
    assert report.changed["16-bit whole numbers"]
    told = str(report)
    assert all(name in told for name in report.not_used)
    assert max(map(len, told.splitlines())) <= 110
