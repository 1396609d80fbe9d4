"""make takes PyTorch's CPU wheels where they can be had, and PyPI's where not."""

import contextlib
import functools
import http.server
import threading
import zipfile

import install
import pytest
from building import BIN, PROJECT, run

LOCK = """
triton==3.9.0 ; sys_platform == 'linux'
    # via torch
torch==2.15.0 ; python_full_version >= '3.10'
    # via torchvision
torch==2.14.1 ; python_full_version < '3.10'
torchvision==0.29.2
tqdm==4.66
"""
PYPI = ["torch-2.15.0", "torchvision-0.29.2", "triton-3.9.0", "tqdm-4.66"]
# An index like PyTorch's has other packages as well, in versions of its own.
CPU = ["torch-2.15.0+cpu", "torchvision-0.29.2+cpu", "tqdm-4.64"]


def write_index(folder, wheels):
    """Lay out an index of packages that hold nothing."""
    for wheel in wheels:
        name, version = wheel.split("-")
        (folder / name).mkdir(parents=True)
        path = folder / name / f"{wheel}-py3-none-any.whl"
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{wheel}.dist-info/METADATA", about)
            archive.writestr(f"{wheel}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr(f"{wheel}.dist-info/RECORD", "")
        (folder / name / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>')


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Answer without a word."""

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(folder):
    """Serve a folder on this machine."""
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Serve both indexes and stand in an empty environment; return the indexes' address."""
    write_index(tmp_path / "pypi", PYPI)
    write_index(tmp_path / "cpu", CPU)
    write_index(tmp_path / "old", ["torch-2.13.0+cpu", "torchvision-0.28.0+cpu"])
    run(BIN / "uv", "venv", tmp_path / "venv", cwd=tmp_path)
    (tmp_path / "lock.txt").write_text(LOCK, encoding="utf-8")
    monkeypatch.setattr(install, "LOCK", tmp_path / "lock.txt")
    monkeypatch.setattr(install, "PYTHON", tmp_path / "venv/bin/python")
    monkeypatch.setattr(install, "UV", BIN / "uv")
    monkeypatch.setattr(install, "has_nvidia_driver", lambda: False)
    for name, value in {"UV_CACHE_DIR": tmp_path / "cache", "UV_NO_CONFIG": "1"}.items():
        monkeypatch.setenv(name, str(value))
    with served(tmp_path) as address:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{address}/pypi")
        yield address


def installed():
    """Return what the environment holds."""
    packages = next(install.PYTHON.parent.parent.glob("lib/python*/site-packages"))
    return sorted(path.name.removesuffix(".dist-info") for path in packages.glob("*.dist-info"))


LIGHT = ["torch-2.15.0+cpu", "torchvision-0.29.2+cpu", "tqdm-4.66"]


@pytest.mark.skipif("sys.platform != 'linux'", reason="elsewhere PyPI's torch is light")
def test_wheels_come_from_where_they_can_be_had(here, capsys):
    assert install.main(f"{here}/cpu") == 0
    assert installed() == LIGHT
    assert "wheels without CUDA come from http" in capsys.readouterr().err
    assert install.main(f"{here}/cpu") == 0
    assert installed() == LIGHT


@pytest.mark.skipif("sys.platform != 'linux'", reason="elsewhere PyPI's torch is light")
@pytest.mark.parametrize("index", ["old", "nothing", "closed"])
def test_an_index_that_has_not_our_versions_or_is_not_there_breaks_nothing(here, capsys, index):
    address = "http://127.0.0.1:9" if index == "closed" else here
    assert install.main(f"{address}/{index}") == 0
    assert installed() == sorted(PYPI)
    assert "can't be had, PyPI's are taken" in capsys.readouterr().err
    # the index has come back: what was PyPI's is replaced, CUDA goes
    assert install.main(f"{here}/cpu") == 0
    assert installed() == LIGHT


def test_a_gpu_or_no_index_takes_pypi_without_a_word(here, capsys, monkeypatch):
    assert install.main("") == 0
    monkeypatch.setattr(install, "has_nvidia_driver", lambda: True)
    assert install.main(f"{here}/cpu") == 0
    assert installed() == sorted(PYPI)
    assert capsys.readouterr().err == ""


def test_what_pypi_has_not_is_an_error(here, capfd):
    install.LOCK.write_text("tqdm==5\n", encoding="utf-8")
    assert install.main("") == 1
    assert "tqdm==5" in capfd.readouterr().err


def test_the_lock_without_cuda_lacks_nothing_else():
    lock = (PROJECT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    light = install.without_cuda("\n".join(lock)).splitlines()
    gone = {line.split("==")[0] for line in set(lock) - set(light)}
    others = {name for name in gone if not name.startswith(("nvidia-", "cuda-"))}
    assert others == {"torch", "torchvision", "triton"}
    pins = [line.split(" ")[0] for line in light if line.startswith("torch")]
    assert len(pins) == 3
    assert all(pin.endswith("+cpu") for pin in pins)
