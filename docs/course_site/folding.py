"""What a reader sees of an exercise: the task, and its solution folded, or no solution at all.

The notebooks hold the exercises in nbgrader's format: solutions between `### BEGIN SOLUTION` and
`### END SOLUTION`, what only the grader needs between `### BEGIN HIDDEN TESTS` and
`### END HIDDEN TESTS`.
"""

import copy
import re

STUB = "...  # your answer"


def _block(name: str) -> re.Pattern:
    return re.compile(rf"^([ \t]*)### BEGIN {name}\n(.*?)^[ \t]*### END {name}\n?", re.M | re.S)


SOLUTION, HIDDEN_TESTS = _block("SOLUTION"), _block("HIDDEN TESTS")
MARKER = re.compile(r"^[ \t]*### (?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS)\b", re.M)
SOLUTION_CALL = re.compile(r"^[\w.]+\.solution\(\)\s*$")  # it only says what is folded here
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


def present(
    cell: dict,  # A code cell of a notebook
    solutions: bool,  # Whether the reader may see them
) -> list[dict]:  # The cells to show in its place
    """Fold the solution of an exercise, or leave it out."""
    source, role = cell["source"], cell["metadata"].get("nbgrader", {})
    shown = copy.deepcopy(cell) | {"source": clear(source)}
    is_answer = role.get("solution", False) or bool(SOLUTION.search(source))
    is_verdict = role.get("grade", False) or PROGRESS_CALL.match(source)
    if is_answer or SOLUTION_CALL.match(source) or (is_verdict and not solutions):
        shown["outputs"] = []
    if not (solutions and SOLUTION.search(source)):
        return [shown]
    folded = copy.deepcopy(cell) | {"source": solve(source)}
    folded["id"] = f"{cell['id']}-solution"
    folded["metadata"] = {
        "tags": ["hide-cell"],
        "mystnb": {
            "code_prompt_show": "Show the worked solution",
            "code_prompt_hide": "Hide the worked solution",
        },
    }
    return [shown, folded]
