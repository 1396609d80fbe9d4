"""Make the student edition of the lessons, and the file with the published solutions.

    python scripts/student_edition.py nbs FOLDER             # the edition
    python scripts/student_edition.py nbs --solutions FILE   # {slug: worked solution}, as JSON

nbgrader's own preprocessors take out the solutions, the hidden tests and the outputs, and lock the
checks; nbdev's directives are cut here. `setup.py` calls `write_edition` for the wheel.
"""

import argparse
import json
import re
from pathlib import Path

import nbformat
from nbconvert.preprocessors import Preprocessor
from nbgrader import preprocessors
from nbgrader.utils import is_solution
from plumbing import plumbing
from traitlets.config.loader import PyFileConfigLoader

PROJECT = Path(__file__).parents[1]
DIRECTIVE = re.compile(r"^#\|.*\n?", re.MULTILINE)
TASK = re.compile(r"### Exercise (\d+)\.(\d+) ")
MARKER = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)

# In the order of nbgrader's generate_assignment, whose gradebook is left out.
STEPS = (
    preprocessors.LockCells,
    preprocessors.ClearSolutions,
    preprocessors.ClearOutput,
    preprocessors.CheckCellMetadata,
    preprocessors.ClearHiddenTests,
    preprocessors.ClearMarkScheme,
    preprocessors.ComputeChecksums,
)


class CutDirectives(Preprocessor):
    """Cut nbdev's directives, and drop the cells that hold nothing else."""

    def preprocess(self, nb, resources):
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.source = DIRECTIVE.sub("", cell.source).strip("\n")
        nb.cells = [cell for cell in nb.cells if cell.source]
        return nb, resources


class FoldPlumbing(Preprocessor):
    """Fold what a reader may skip; a click opens it."""

    def preprocess(self, nb, resources):
        for cell in plumbing(nb.cells):
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
        return nb, resources


class NameKernel(Preprocessor):
    """Say of the kernel what it will say of itself, so that opening a lesson changes nothing."""

    def preprocess(self, nb, resources):
        nb.metadata = nbformat.from_dict(
            {
                "kernelspec": {
                    "display_name": "Python 3 (ipykernel)",
                    "language": "python",
                    "name": "python3",
                },
                "language_info": {
                    "codemirror_mode": {"name": "ipython", "version": 3},
                    "file_extension": ".py",
                    "mimetype": "text/x-python",
                    "name": "python",
                    "nbconvert_exporter": "python",
                    "pygments_lexer": "ipython3",
                    "version": "3",  # which `nnlab lab` makes exact
                },
            }
        )
        return nb, resources


class NameTasks(Preprocessor):
    """Give the task of exercise 1.2 the id `exercise-1-2`, to which the table of progress links."""

    def preprocess_cell(self, cell, resources, index):
        if task := TASK.match(cell.source):
            cell.id = f"exercise-{task[1]}-{task[2]}"
        return cell, resources


def lessons(source):
    """List the lessons in the folder `source`."""
    paths = sorted(Path(source).glob("*.ipynb"))
    if not paths:
        raise FileNotFoundError(f"no notebooks in {source}")
    return paths


def read(path):
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def student_notebook(nb):
    """Return a notebook as a student gets it; `nb` itself is changed on the way."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(PROJECT)).load_config()
    resources = {}
    for step in (FoldPlumbing, CutDirectives, NameKernel, NameTasks, *STEPS):
        nb, resources = step(parent=None, config=config).preprocess(nb, resources)
    return nb


def write_edition(source, target):
    """Write the student edition of the lessons in `source` to the folder `target`."""
    Path(target).mkdir(parents=True, exist_ok=True)
    for path in lessons(source):
        nbformat.write(student_notebook(read(path)), Path(target) / path.name)


def worked_solutions(nb):
    """Return the worked solutions in a notebook: slug to code."""
    cells = [cell for cell in nb.cells if is_solution(cell)]
    return {cell.metadata.nbgrader.grade_id: MARKER.sub("", cell.source) for cell in cells}


def write_solutions(source, target):
    """Write the worked solutions of the lessons in `source` to the file `target`."""
    found = {}
    for path in lessons(source):
        found |= worked_solutions(read(path))
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    Path(target).write_text(text + "\n", encoding="utf-8")


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder of the lessons")
    parser.add_argument("target", type=Path, help="folder to write to; with --solutions, a file")
    parser.add_argument("--solutions", action="store_true", help="write the worked solutions")
    arguments = parser.parse_args()
    write = write_solutions if arguments.solutions else write_edition
    write(arguments.source, arguments.target)


if __name__ == "__main__":
    main()
