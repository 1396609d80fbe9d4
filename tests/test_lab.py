"""A student's session in JupyterLab, in a real browser: answer, read, take a hint, answer, see.

Needs Chromium, as Debian's package `chromium` installs it; skipped where there is none. Set
NNLAB_SCREENSHOTS to a folder to get a picture of each step.
"""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from student_edition import write_edition

PROJECT = Path(__file__).parents[1]
NNLAB = Path(sys.executable).with_name("nnlab")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LESSON = "02_autograd.ipynb"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

# Waits until the notebook can be run, and runs all its cells; true if every cell succeeded.
RUN_ALL = """async () => {
    const app = window.jupyterapp, panel = app.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
    return await app.commands.execute('notebook:run-all-cells');
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


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """`nnlab lab`, as a student starts it; yields its address, its token and the folder."""
    root = tmp_path_factory.mktemp("lab")
    write_edition(PROJECT / "nbs", root / "edition")
    port, token = free_port(), secrets.token_hex(16)
    settings = {
        "ServerApp": {"port": port, "port_retries": 0, "open_browser": False, "allow_root": True},
        "IdentityProvider": {"token": token},
        "LabApp": {"expose_app_in_browser": True},
    }
    (root / "config").mkdir()
    (root / "config" / "jupyter_server_config.json").write_text(json.dumps(settings))
    news = root / "settings" / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    private = {
        "HOME": "home",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    environment = os.environ | {name: str(root / folder) for name, folder in private.items()}
    environment |= {"NNLAB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [NNLAB, "lab", root / "my lessons", "--lessons", root / "edition"]
    with open(root / "log", "w") as log:
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/api/status?token={token}", process, root / "log")
        yield address, token, root / "my lessons"
    finally:
        process.terminate()
        process.wait(60)


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


@pytest.fixture
def page(lab):
    """JupyterLab with the lesson open, and every cell run."""
    address, token, _ = lab
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(f"{address}/lab/workspaces/e2e/tree/{LESSON}?reset&token={token}")
        page.wait_for_selector(".jp-NotebookPanel .jp-Notebook")
        page.wait_for_selector(
            ".jp-Notebook-ExecutionIndicator[data-status=idle]", state="attached"
        )
        assert page.evaluate(RUN_ALL), "a cell failed, though nothing was answered"
        yield page
        browser.close()


def photograph(page, name):
    """Keep a picture, if somebody wants to look."""
    if folder := os.environ.get("NNLAB_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def run_cell(page, text):
    """Run the cell with this text, and return its output area."""
    page.evaluate(GO_TO, text)
    active = page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    active.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(active.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=60_000)
    return active.locator(".jp-Cell-outputArea")


def answer(page, text, code):
    """Replace the cell with this text by `code`, as a student types it, and run it."""
    page.evaluate(GO_TO, text)
    page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type(code)
    page.keyboard.press("Control+Enter")


def test_a_session(page, lab):
    check = "exercises.one_entry.check("
    unanswered = run_cell(page, check)
    expect(unanswered).to_contain_text("… Exercise 2.4: not answered yet")

    answer(page, "growth_of_o = (", "growth_of_o = 1.5")
    wrong = run_cell(page, check)
    expect(wrong).to_contain_text("✘ Exercise 2.4: this is the gradient, the growth per unit")
    photograph(page, "wrong")

    hints = run_cell(page, "exercises.one_entry.hint(")
    expect(hints.locator("details")).to_have_count(2)
    expect(hints).not_to_contain_text("hint(2)")
    advice = hints.get_by_text("How many units does x[1, 0] move?")
    expect(advice).to_be_hidden()
    hints.get_by_text("Hint 2 of 2").click()
    expect(advice).to_be_visible()
    photograph(page, "hint")

    answer(page, "growth_of_o = 1.5", "growth_of_o = 1.5 * 0.01")
    right = run_cell(page, check)
    expect(right).to_contain_text("✔ Exercise 2.4: right")
    expect(right).not_to_contain_text("✘")
    photograph(page, "right")

    expect(run_cell(page, "exercises.one_entry.solution(")).to_contain_text("is not published")

    progress = run_cell(page, "exercises.progress()")
    expect(progress).to_contain_text("1 of 8 right, 1 of 19 points")
    expect(progress).to_contain_text("✔ 2.4 One entry moves")
    photograph(page, "progress")
    _, _, folder = lab
    kept = json.loads((folder / "nnlab-progress.json").read_text())
    assert kept["one-entry"] == {"verdict": "right", "points": 1.0}

    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    assert "growth_of_o = 1.5 * 0.01" in (folder / LESSON).read_text()


def test_a_check_cannot_be_edited_by_accident(page):
    page.evaluate(GO_TO, "exercises.bias.check(")
    active = page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    active.locator(".cm-content").click()
    page.keyboard.type("nonsense")
    expect(active.locator(".cm-content")).to_have_text("exercises.bias.check(bias_gradient)")


def test_results_can_be_read_in_the_dark(page):
    page.evaluate(
        "window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    )
    page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    answer(page, "my_grad_y1 = (", "my_grad_y1 = my_grad_z2 = my_grad_z1 = my_grad_z_tilde = M")
    result = run_cell(page, "exercises.near_the_output.check(")
    expect(result).to_contain_text("◐ Exercise 2.2: 2 of 4 right")
    photograph(page, "dark")
    line = result.locator("div", has_text="you counted the path through").last
    color, background = line.evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
    )
    brightness = [sum(map(int, re.findall(r"\d+", text)[:3])) for text in (color, background)]
    assert brightness[0] - brightness[1] > 300, (color, background)
