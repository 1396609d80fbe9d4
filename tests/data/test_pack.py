"""Archives arrive as they were packed, or not at all."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from nnlab_course.data import load, make_store, verify_store
from nnlab_course.data.pack import pack, unpack
from nnlab_course.data.packages import course_requirement, download_packages
from nnlab_course.data.store import write_store


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A data folder with two small datasets, `cats` and `dogs`."""
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    for name in ("light", "dark"):
        for i in range(5):
            file = home / "pictures" / name / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(file)
    for name in ("cats", "dogs"):
        make_store(home / "pictures", home, name=name, size=8)
    return home


@pytest.fixture
def packed(home, tmp_path):
    path = tmp_path / "suitcase.zip"
    pack(["cats", "dogs"], path, home)
    return path


def stores(root):
    return sorted(path.name for path in root.glob("**/*") if path.suffix == ".safetensors")


def rewrite(path, change):
    """Pass the name and content of each member through `change`, and write the archive again."""
    with zipfile.ZipFile(path) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(*change(name, content))


def test_round_trip(home, packed, tmp_path):
    root = tmp_path / "new" / "root"
    assert unpack(packed, root) == ["cats", "dogs"]
    for name in ("cats", "dogs"):
        before, after = load(name, home), load(name, root)
        assert torch.equal(before.train.images, after.train.images)
        assert torch.equal(before.test.labels, after.test.labels)
        assert verify_store(root / f"{name}.safetensors")
    assert stores(root) == ["cats.safetensors", "dogs.safetensors"]
    assert [path.name for path in packed.parent.iterdir() if "part" in path.name] == []


def test_unpacks_over_what_is_there(packed, tmp_path):
    (tmp_path / "cats.safetensors").write_bytes(b"old")
    unpack(packed, tmp_path)
    assert verify_store(tmp_path / "cats.safetensors")


def test_names_what_can_be_packed(home, tmp_path):
    with pytest.raises(ValueError, match=r"there is no birds.safetensors in .*: cats, dogs"):
        pack(["cats", "birds"], tmp_path / "suitcase.zip", home)
    assert list(tmp_path.iterdir()) == []


def test_packs_no_damaged_store(home, tmp_path):
    content = bytearray((home / "cats.safetensors").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "cats.safetensors").write_bytes(content)
    with pytest.raises(RuntimeError, match="not those that were written"):
        pack(["cats"], tmp_path / "suitcase.zip", tmp_path)
    assert not (tmp_path / "suitcase.zip").exists()


def test_keeps_the_old_archive_when_writing_fails(home, tmp_path):
    path = tmp_path / "suitcase.zip"
    path.mkdir()  # nothing can take this name
    with pytest.raises(OSError, match=r"suitcase\.zip"):
        pack(["cats"], path, home)
    assert [p.name for p in tmp_path.iterdir()] == ["suitcase.zip"]


@pytest.mark.parametrize("keep", [0, 10, 2000, -30])
def test_refuses_a_shortened_archive(keep, packed, tmp_path):
    packed.write_bytes(packed.read_bytes()[:keep])
    with pytest.raises(RuntimeError, match=r"suitcase\.zip can't be used: .*Copy it again"):
        unpack(packed, tmp_path / "root")
    assert stores(tmp_path) == []


def test_refuses_an_altered_byte_of_the_archive(packed, tmp_path):
    content = bytearray(packed.read_bytes())
    content[len(content) // 4] ^= 1
    packed.write_bytes(content)
    with pytest.raises(RuntimeError, match="can't be used"):
        unpack(packed, tmp_path / "root")
    assert "cats.safetensors" not in stores(tmp_path)


def test_refuses_a_directory_that_points_before_the_file(packed, tmp_path):
    content = bytearray(packed.read_bytes())
    content[-6:-2] = (2**31 - 1).to_bytes(4, "little")  # where the directory is said to begin
    packed.write_bytes(content)
    with pytest.raises(RuntimeError, match=r"suitcase\.zip can't be used: \S.*\. Copy it again"):
        unpack(packed, tmp_path / "root")
    assert stores(tmp_path) == []


def test_refuses_an_altered_pixel_in_a_sound_archive(packed, tmp_path):
    def change(name, content):
        content = bytearray(content)
        content[len(content) // 2] ^= 1
        return name, bytes(content)

    rewrite(packed, change)
    with pytest.raises(RuntimeError, match="not those that were written"):
        unpack(packed, tmp_path / "root")
    assert stores(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["../cats.safetensors", "/cats.safetensors", "a/cats.safetensors", ".bashrc", "cats.py"]
)
def test_refuses_names_that_lead_elsewhere(name, packed, tmp_path):
    rewrite(packed, lambda old, content: (name if "cats" in old else old, content))
    with pytest.raises(RuntimeError, match="no store's name"):
        unpack(packed, tmp_path / "root")
    assert stores(tmp_path) == []


def test_refuses_a_member_that_is_no_store(packed, tmp_path):
    image = io.BytesIO()
    np.save(image, np.zeros(3))
    rewrite(packed, lambda name, _: (name, image.getvalue()))
    with pytest.raises(RuntimeError, match="can't be used"):
        unpack(packed, tmp_path / "root")
    assert stores(tmp_path) == []


def test_refuses_birds_under_the_name_mnist(packed, tmp_path):
    rewrite(packed, lambda name, content: (name.replace("cats", "mnist"), content))
    with pytest.raises(RuntimeError, match=r"its mnist.safetensors holds 'cats', which is not mni"):
        unpack(packed, tmp_path / "root")
    assert stores(tmp_path) == []


@pytest.mark.parametrize("name", ["mnist", "shapes"])
def test_refuses_birds_that_call_themselves_by_a_known_name(home, tmp_path, name):
    dataset = load("cats", home)
    write_store(replace(dataset, name=name), tmp_path / f"{name}.safetensors")
    with zipfile.ZipFile(tmp_path / "suitcase.zip", "w") as archive:
        archive.write(tmp_path / f"{name}.safetensors", f"{name}.safetensors")
    with pytest.raises(RuntimeError, match=f"which is not {name}"):
        unpack(tmp_path / "suitcase.zip", tmp_path / "root")
    assert stores(tmp_path / "root") == []


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2], ids=["lzma", "bzip2"])
@pytest.mark.parametrize("damaged", [False, True])
def test_other_compressions_are_refused_with_a_sentence(home, tmp_path, method, damaged):
    path = tmp_path / "suitcase.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.write(home / "cats.safetensors", "cats.safetensors")
    if damaged:
        content = bytearray(path.read_bytes())
        content[200:300] = bytes(100)
        path.write_bytes(content)
    with pytest.raises(RuntimeError, match=r"zip can't be used: .*compressed in a way of others"):
        unpack(path, tmp_path / "root")
    assert stores(tmp_path) == []


class Zeros(io.RawIOBase):
    """A file of zeros of any size."""

    def __init__(self, size):
        self.left = size

    def read(self, size):
        size = min(size, self.left)
        self.left -= size
        return bytes(size)


def test_a_bomb_is_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "suitcase.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("cats.safetensors", "w") as member,
    ):
        shutil.copyfileobj(Zeros(80 * 2**20), member, 2**20)
    with pytest.raises(RuntimeError, match=r"'cats.safetensors' in it would unpack to 0.1 GB of"):
        unpack(path, tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_what_is_no_store_is_refused_by_its_beginning(tmp_path):
    path = tmp_path / "suitcase.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cats.safetensors", bytes(2**20))
    with pytest.raises(RuntimeError, match=r"cats\.safetensors in it is no store"):
        unpack(path, tmp_path / "root")


def test_what_does_not_fit_is_refused_before_anything_is_written(packed, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="No space left: 0 MB are needed, 0 MB are free"):
        unpack(packed, tmp_path / "root")
    assert stores(tmp_path) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_twice_the_same_name_is_refused(home, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for _ in range(2):
            archive.write(home / "cats.safetensors", "cats.safetensors")
    with pytest.raises(RuntimeError, match="it holds two files of the same name"):
        unpack(tmp_path / "x.zip", tmp_path / "root")


def test_messages_are_harmless_to_print(packed, tmp_path):
    rewrite(packed, lambda name, content: (name.replace("cats", "\x1b[31m"), content))
    with pytest.raises(RuntimeError) as caught:
        unpack(packed, tmp_path / "root")
    assert "'\\x1b[31m.safetensors', which is no store's name" in str(caught.value)


# --- packages -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A folder of wheels, in place of an index: `tiny`, which needs `tinier`."""
    folder = tmp_path_factory.mktemp("index")
    for name, needs in {"tiny": "Requires-Dist: tinier\n", "tinier": ""}.items():
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            about = f"{name}-1.0.dist-info"
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}"
            wheel.writestr(f"{name}.py", f"NAME = {name!r}\n")
            wheel.writestr(f"{about}/METADATA", metadata)
            tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            wheel.writestr(f"{about}/WHEEL", tag)
            files = [f"{name}.py,,", *(f"{about}/{f},," for f in ("METADATA", "WHEEL", "RECORD"))]
            wheel.writestr(f"{about}/RECORD", "\n".join(files) + "\n")
    return folder


@pytest.fixture
def only_this_index(index, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))


@pytest.mark.slow
def test_packages_travel_along_and_can_be_installed(home, tmp_path, only_this_index):
    wheels = download_packages(tmp_path / "wheels", ["tiny"])
    assert wheels == ["tinier-1.0-py3-none-any.whl", "tiny-1.0-py3-none-any.whl"]
    pack(["cats"], tmp_path / "suitcase.zip", home, packages=tmp_path / "wheels")
    with zipfile.ZipFile(tmp_path / "suitcase.zip") as archive:
        steps = archive.read("INSTALL.txt").decode()
    assert 'pip install --no-index --find-links suitcase/packages "nnlab-course[lab]"' in steps
    root = tmp_path / "root"
    assert unpack(tmp_path / "suitcase.zip", root) == ["cats"]
    assert sorted(path.name for path in (root / "packages").iterdir()) == wheels
    target = ["--no-index", "--find-links", root / "packages", "--target", tmp_path / "site"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *map(str, target), "tiny"]
    subprocess.run(pip, check=True, env=os.environ | {"PIP_FIND_LINKS": ""})
    assert (tmp_path / "site" / "tinier.py").is_file()


def test_a_failed_download_says_why(tmp_path, only_this_index):
    with pytest.raises(RuntimeError, match="could not be downloaded: No matching distribution fou"):
        download_packages(tmp_path, ["absent"])


def test_the_course_is_required_from_where_it_was_installed():
    assert course_requirement().startswith("nnlab-course[lab]")


@pytest.mark.parametrize("name", ["packages/../x.whl", "packages/a/x.whl", "packages/x.py"])
def test_packages_lie_in_one_folder(packed, tmp_path, name):
    rewrite(packed, lambda old, content: (name if "cats" in old else old, content))
    with pytest.raises(RuntimeError, match="no store's name"):
        unpack(packed, tmp_path / "root")


def test_a_missing_archive_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        unpack(tmp_path / "none.zip", tmp_path)
