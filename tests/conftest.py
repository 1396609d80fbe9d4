"""Shared by the tests: no figure outlives its test; the package and the site, built once."""

import multiprocessing
import os
import shutil
import sys

import matplotlib
import pytest
from building import PROJECT, build, copy_source
from filelock import FileLock
from site_samples import build_site

matplotlib.use("Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # here as in the processes that tests start


def pytest_ignore_collect(collection_path, config):
    """Leave out what needs more than the course: `make test-engines`, `make test-browsers`."""
    name = collection_path.name
    asked = any(name in argument for argument in config.args)
    return True if name in ("engines", "browsers") and not asked else None


@pytest.hookimpl(trylast=True)  # when pytest-randomly has mixed them
def pytest_collection_modifyitems(items):
    """Begin with what needs the site: while one worker builds it, the notebooks have a core."""
    items.sort(key=lambda item: "site" not in getattr(item, "fixturenames", ()))


@pytest.fixture(autouse=True)
def close_figures():
    """Close every figure after a test."""
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture(scope="session")
def children():
    """How processes are started: forked from one that has imported once what takes seconds."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    from forked_kernels import start_server

    start_server()
    return multiprocessing.get_context("forkserver")


@pytest.fixture
def forked_kernels(monkeypatch):
    """Have the kernels that this process starts forked like the other processes."""
    from forked_kernels import fork_kernels

    fork_kernels(monkeypatch)


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Have something made in a folder by one of the workers; the others wait, and only read."""
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent

    def make_once(name, make):
        folder, made = place / name, place / f"{name}.made"
        with FileLock(place / f"{name}.lock"):
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)  # where making it failed before
                folder.mkdir()
                make(folder)
                made.touch()
        return folder

    return make_once


@pytest.fixture(scope="session")
def site(once):
    """Build the site from the stored outputs; any warning is an error."""

    def make(folder):
        done = build_site(PROJECT / "nbs", folder)
        assert done.returncode == 0, done.stderr

    return once("site", make) / "html"


@pytest.fixture(scope="session")
def browser():
    """Chromium, started once; skips where neither it nor Chrome is installed."""
    from playwright.sync_api import sync_playwright
    from worksheet import BROWSERS, find_browser  # and with it nbgrader, which takes a second

    path = find_browser()
    if not path:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


@pytest.fixture
def with_widgets(monkeypatch):
    """Show explorers with their controls, as a notebook does."""
    monkeypatch.setenv("NNLAB_STATIC", "0")


@pytest.fixture(scope="session")
def lab(tmp_path_factory, browser):
    """JupyterLab, as a student starts it: its address, its token and the folder."""
    from lab_browser import running_lab
    from student_edition import write_edition  # and with it nbgrader, which takes a second

    root = tmp_path_factory.mktemp("lab")
    write_edition(PROJECT / "nbs", root / "edition")
    with running_lab(root, root / "edition", browser, NNLAB_OFFLINE="1") as lab:
        yield lab


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A copy of what git would hand out."""
    copy = tmp_path_factory.mktemp("source")
    copy_source(copy)
    return copy


@pytest.fixture(scope="session")
def built(once):
    """The sdist, and the wheel built from it."""

    def make(folder):
        copy_source(folder)
        build(folder)

    dist = once("built", make) / "dist"
    (wheel,) = dist.glob("*.whl")
    (sdist,) = dist.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}
