"""The site, served as from a host."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from site_samples import build_small, lesson_cells


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files, and write no log."""

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="session")
def address(site, tmp_path_factory):
    """Serve the site below a path of its own, and return its address."""
    root = tmp_path_factory.mktemp("host")
    (root / "some").mkdir()
    (root / "some/where").symlink_to(site, target_is_directory=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=root))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/some/where"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def small(once):
    """The site of a course of one lesson."""

    def make(folder):
        done = build_small(folder, lesson_cells())
        assert done.returncode == 0, done.stderr

    return once("small", make) / "html"
