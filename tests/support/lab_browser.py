"""JupyterLab as a student starts it, and how to drive it in a browser.

Set NNLAB_SCREENSHOTS to a folder to get
the pictures that a test takes with `photograph`.
"""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import nbformat
from playwright.sync_api import Browser, Page, expect

NNLAB = Path(sys.executable).with_name("nnlab")

# Waits until the notebook can be run, and runs all its cells; true if every cell succeeded.
RUN_ALL = """async () => {
    const app = window.jupyterapp, panel = app.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
    return await app.commands.execute('notebook:run-all-cells');
}"""

# Closes what is open, without a word about what isn't saved, and ends the kernels.
CLOSE_ALL = """async () => {
    const app = window.jupyterapp;
    for (const widget of [...app.shell.widgets('main')]) {
        if (widget.context) widget.context.model.dirty = false;
        widget.close();
    }
    await app.serviceManager.sessions.shutdownAll();
}"""

# Brings the cell with a text to the screen, and makes it the active one.
GO_TO = """async text => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    const index = notebook.widgets.findIndex(c => c.model.sharedModel.source.includes(text));
    notebook.activeCellIndex = index;
    await notebook.scrollToItem(index, 'center');
    return index;
}"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url, process, log, seconds=120):
    """Wait until the server answers."""
    for _ in range(seconds * 2):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"no answer in {seconds} s\n{log.read_text()}")


class Lab(NamedTuple):
    """A running JupyterLab."""

    address: str
    token: str
    folder: Path  # Of the lessons
    browser: Browser
    pages: list[Page]  # With JupyterLab loaded, and nothing open


@contextmanager
def running_lab(root, lessons, browser, **environment):
    """Run `nnlab lab` with everything below `root`."""
    port, token = free_port(), secrets.token_hex(16)
    settings = {
        "ServerApp": {"port": port, "port_retries": 0, "open_browser": False, "allow_root": True},
        "IdentityProvider": {"token": token},
        "LabApp": {"expose_app_in_browser": True},
    }
    (root / "config").mkdir()
    (root / "config" / "jupyter_server_config.json").write_text(json.dumps(settings))
    private = {
        "HOME": "home",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    everything = os.environ | {name: str(root / folder) for name, folder in private.items()}
    everything |= {"NNLAB_STATIC": "0", "OMP_NUM_THREADS": "1"} | environment
    command = [NNLAB, "lab", root / "my lessons", "--lessons", lessons]
    with open(root / "log", "w") as log:
        process = subprocess.Popen(
            command, cwd=root, env=everything, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/api/status?token={token}", process, root / "log")
        yield Lab(address, token, root / "my lessons", browser, [])
    finally:
        process.terminate()
        process.wait(60)


def write_notebook(folder, name, *cells):
    """Write a notebook of code cells into the folder of the lessons, and return its name."""
    kernel = {"name": "python3", "display_name": "python3"}  # without, JupyterLab would ask
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(notebook, folder / name)
    return name


@contextmanager
def open_notebook(lab, name, *, run=True):
    """Open a notebook in a browser, and run every cell, unless told not to; yield the page.

    JupyterLab itself, which takes long, is loaded once, and again where a test has failed.
    """
    page = lab.pages.pop() if lab.pages else load_lab(lab)
    try:
        page.evaluate("path => window.jupyterapp.commands.execute('docmanager:open', {path})", name)
        page.wait_for_selector(".jp-NotebookPanel .jp-Notebook")
        idle = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
        page.wait_for_selector(idle, state="attached")
        assert not run or page.evaluate(RUN_ALL), page.locator(
            ".jp-Cell-outputArea"
        ).all_inner_texts()
        yield page
        leave(page, lab)
    finally:
        if page not in lab.pages:
            page.context.close()


def new_tab(lab):
    """Open an empty page that waits as long as JupyterLab takes."""
    page = lab.browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(120_000)
    return page


def leave(page, lab):
    """Close what is open, and keep the page for the next who needs JupyterLab."""
    page.evaluate(CLOSE_ALL)
    lab.pages.append(page)


def load_lab(lab):
    """Load JupyterLab with nothing open, and return its page."""
    page = new_tab(lab)
    page.goto(f"{lab.address}/lab/workspaces/e2e?reset&token={lab.token}")
    page.wait_for_function("window.jupyterapp && window.jupyterapp.restored")
    page.evaluate("window.jupyterapp.restored.then(() => true)")
    page.evaluate(CLOSE_ALL)
    return page


def photograph(page, name):
    """Keep a picture, if somebody wants to look."""
    if folder := os.environ.get("NNLAB_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def go_to(page, text):
    """Bring the cell with this text to the screen, and return it."""
    page.evaluate(GO_TO, text)
    return page.locator(".jp-Notebook .jp-Cell.jp-mod-active")


def run_cell(page, text):
    """Run the cell with this text, and return its output area."""
    active = go_to(page, text)
    active.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(active.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=60_000)
    return active.locator(".jp-Cell-outputArea")


def set_theme(page, theme):
    """Choose JupyterLab's theme, Light or Dark, and wait until it is there."""
    command = f"{{theme: 'JupyterLab {theme}'}}"
    page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {command})")
    light = str(theme == "Light").lower()
    page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
