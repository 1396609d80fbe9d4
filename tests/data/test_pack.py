"""Archives arrive as they were packed, or not at all."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from nnlab_course.data import load, make_store, verify_store
from nnlab_course.data.pack import pack, unpack


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


def test_a_missing_archive_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        unpack(tmp_path / "none.zip", tmp_path)
