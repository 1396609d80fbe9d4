"""A student's session in JupyterLab, in a real browser: answer, read, take a hint, answer, see.

It is skipped where there is no Chromium; see `lab_browser.py`.
"""

import json
import re

from lab_browser import go_to, leave, new_tab, open_notebook, photograph, run_cell, set_theme
from playwright.sync_api import expect

LESSON = "02_autograd.ipynb"


def answer(page, text, code):
    """Replace the cell with this text by `code`, as a student types it, and run it."""
    go_to(page, text).locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type(code)
    page.keyboard.press("Control+Enter")


def test_the_first_screen_is_the_first_lesson_and_nothing_else(lab):
    page = new_tab(lab)
    page.goto(f"{lab.address}/?token={lab.token}")
    heading = page.get_by_role("heading", name="Activation functions")
    expect(heading).to_be_in_viewport(timeout=60_000)
    photograph(page, "first")
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", state="attached")
    changed = "() => window.jupyterapp.shell.currentWidget.context.model.dirty"
    assert not page.evaluate(changed), "opening a lesson changes it"
    menus = page.get_by_role("menubar").first.get_by_role("menuitem").all_inner_texts()
    assert "Help" in menus
    assert "Nbgrader" not in menus
    assert page.get_by_text("Would you like to").count() == 0
    leave(page, lab)
    log = lab.folder.with_name("log").read_text()
    before, _, after = log.partition(lab.token)
    assert after.startswith("\nTo stop, save and press Ctrl-C here, twice; to come back,")
    assert not re.search(r"^\[", before, re.M), "a log that says nothing to a student"


def test_a_session(lab):
    with open_notebook(lab, LESSON) as page:
        one_exercise(page, lab.folder)
        result_in_the_dark(page)


def one_exercise(page, folder):
    """Answer wrong, take a hint, answer right, and see the progress; all is kept."""
    check = "exercises.one_entry.check("
    unanswered = run_cell(page, check)
    expect(unanswered).to_contain_text("… Exercise 2.4: not answered yet")

    answer(page, "growth_of_o = (", "growth_of_o = 1.5")
    wrong = run_cell(page, check)
    expect(wrong).to_contain_text("✘ Exercise 2.4: this is the gradient, the growth per unit")
    photograph(page, "wrong")

    code = go_to(page, check).locator(".cm-content")
    code.click()
    page.keyboard.type("nonsense")
    expect(code).to_have_text("exercises.one_entry.check(growth_of_o)")  # no accident changes it

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

    expect(run_cell(page, "exercises.one_entry.solution(")).to_contain_text("hasn't published")

    progress = run_cell(page, "exercises.progress()")
    expect(progress).to_contain_text("1 of 8 right, 1 of 19 points")
    expect(progress).to_contain_text("✔ 2.4 One entry moves")
    photograph(page, "progress")
    kept = json.loads((folder / "nnlab-progress.json").read_text())
    assert kept["one-entry"] == {"verdict": "right", "points": 1.0}

    progress.get_by_role("link", name="2.7 A bias").click()
    expect(page.get_by_role("heading", name="Exercise 2.7")).to_be_in_viewport()

    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    assert "growth_of_o = 1.5 * 0.01" in (folder / LESSON).read_text()


def result_in_the_dark(page):
    """See a result that is half right: it can be read in the dark, too."""
    set_theme(page, "Dark")
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
    set_theme(page, "Light")
