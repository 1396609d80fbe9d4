"""What a reader sees of an exercise: the task, and its solution folded, or no solution at all.

The notebooks hold the exercises in nbgrader's format: solutions between `### BEGIN SOLUTION` and
`### END SOLUTION`, what only the grader needs between `### BEGIN HIDDEN TESTS` and
`### END HIDDEN TESTS`.
"""

import copy
import re

from . import answers as answering

STUB = "...  # your answer"
TRY_IT = '<p class="try-it"><a href="{notebook}" download>Try it in the notebook</a></p>'


def _block(name: str) -> re.Pattern:
    return re.compile(rf"^([ \t]*)### BEGIN {name}\n(.*?)^[ \t]*### END {name}\n?", re.M | re.S)


SOLUTION, HIDDEN_TESTS = _block("SOLUTION"), _block("HIDDEN TESTS")
MARKER = re.compile(r"^[ \t]*### (?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS)\b", re.M)
SOLUTION_CALL = re.compile(r"^[\w.]+\.solution\(\)\s*$")  # it only says what is folded here
HINT_CALL = re.compile(r"^[\w.]+\.hint\(\)\s*$")
PROGRESS_CALL = re.compile(r"^[\w.]+\.progress\(\)\s*$")  # of the teacher, who had solved all


def clear(
    source: str,  # Of a cell
) -> str:
    """Return the cell as a student gets it.

    **Raises:** `ValueError` if a marker has no partner.
    """
    text = HIDDEN_TESTS.sub("", SOLUTION.sub(rf"\1{STUB}\n", source)).rstrip("\n")
    if marker := MARKER.search(text):
        raise ValueError(f"{marker[0].strip()} without its partner")
    return text


def solve(source: str) -> str:
    """Return the cell with its solution, and without markers and hidden tests."""
    return HIDDEN_TESTS.sub("", SOLUTION.sub(r"\2", source)).rstrip("\n")


def _role(cell: dict) -> str:
    """Say what a cell is in its exercise; nothing if it is in none."""
    marks, source = cell["metadata"].get("nbgrader", {}), cell["source"]
    if marks.get("solution") or SOLUTION.search(source):
        return "answer"
    if marks.get("grade") or SOLUTION_CALL.match(source) or PROGRESS_CALL.match(source):
        return "dead"  # a verdict on an empty answer, or a call that a page can't make
    if MARKER.search(source):
        return "answer"  # without its partner, which is refused
    return "hint" if HINT_CALL.match(source) else ""


def arrange(
    cells: list[dict],  # Of a notebook
    solutions: bool,  # Whether the reader may see them
    notebook: str,  # Address of the notebook to download
) -> list[dict]:
    """Order an exercise for a reader: the task, its answer, hints, the solution, where to try it.

    Without solutions, the stub of the answer is shown, as it says what is to be defined.
    """
    shown, answers = [], []
    for cell in cells:
        role = _role(cell) if cell["cell_type"] == "code" else ""
        if role == "answer":
            answers.append(cell)
            shown += _field(cell) if solutions else []
        elif role == "hint":
            shown += [_only_output(cell), *_finish(answers, solutions, notebook)]
        elif not role:
            shown += [*_finish(answers, solutions, notebook), cell]
    return [*shown, *_finish(answers, solutions, notebook)]


def _only_output(cell: dict) -> dict:
    return cell | {"metadata": cell["metadata"] | {"tags": ["remove-input"]}}


def _field(cell: dict) -> list[dict]:
    """Return a cell in which the exercise is answered on the page, if it can be."""
    slug = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
    if not (source := answering.form(slug)):
        return []
    field = {"cell_type": "markdown", "metadata": {}, "source": source}
    return [field | {"id": f"{cell['id']}-here"}]


def _finish(answers: list[dict], solutions: bool, notebook: str) -> list[dict]:
    """Empty the list of answers, and return the cells that a reader sees in their place."""
    shown = [_fold(cell) if solutions else _stub(cell) for cell in answers]
    if answers:
        source = TRY_IT.format(notebook=notebook)
        shown.append({"cell_type": "markdown", "metadata": {}, "source": source})
        shown[-1]["id"] = f"{answers[0]['id']}-try"
    answers.clear()
    return shown


def _clear(cell: dict) -> str:
    try:
        return clear(cell["source"])
    except ValueError as error:
        raise ValueError(f"cell {cell['id']}: {error}") from error


def _stub(cell: dict) -> dict:
    return copy.deepcopy(cell) | {"source": _clear(cell), "outputs": []}


def _fold(cell: dict) -> dict:
    _clear(cell)  # which refuses markers without a partner
    folded = copy.deepcopy(cell) | {"source": solve(cell["source"])}
    folded["metadata"] = {
        "tags": ["hide-cell"],
        "mystnb": {
            "code_prompt_show": "Show the worked solution",
            "code_prompt_hide": "Hide the worked solution",
        },
    }
    return folded
