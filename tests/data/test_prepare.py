"""Folders of pictures as people bring them become a dataset, with a report on each file."""

import hashlib
import json
import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
import torch
from picture_folders import noise, put_noise, put_pictures
from PIL import Image, ImageDraw

from nnlab_course.data import load, make_store, prepare_pictures

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's files")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def content_of(root):
    return sorted(path.name for path in root.iterdir())


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
        ("train_images", "test_images"),
        ("Train Data", "Evaluation Pictures"),
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
    assert "copies of one another: 40" in report.warning


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
    assert "pictures with two labels: 1" in report.warning


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
    assert report.warning == "pictures of one colour: 1"


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


def test_folders_that_all_hold_the_same_folders_are_asked_about(tmp_path):
    put_noise(tmp_path / "folds", {"fold1/ash": 3, "fold1/oak": 3, "fold2/ash": 3, "fold2/oak": 3})
    report = prepare_pictures(tmp_path / "folds", tmp_path)
    (note,) = report.notes
    assert note.startswith("the classes are fold1, fold2, and each holds ash, oak; if these are")
    put_noise(tmp_path / "days", {"ash/monday": 3, "oak/tuesday": 3, "oak/monday": 3})
    assert prepare_pictures(tmp_path / "days", tmp_path).notes == []


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
