"""`nnlab grade` and `nnlab merge-marks`: mark a class"""

# A plain module, edited here.

import json
import sys
from pathlib import Path
from typing import Any

import click

from nnlab_course.cli.options import answer, json_option, root_option


class _Shard(click.ParamType):
    """A part of a class: 3/10 is the third of ten."""

    name = "i/n"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        try:
            part, total = (int(number) for number in value.split("/"))
        except ValueError:
            part = total = 0
        if not 1 <= part <= total:
            self.fail(f"{value!r} is no part such as 3/10, the third of ten", param, ctx)
        return part, total


def _outcome(document: dict, out: Path) -> tuple[dict, str]:
    """Sum up a grading, as facts and as text."""
    problems = [record for record in document["records"] if record["problem"]]
    graded = len(document["records"]) - len(problems)
    facts = {"marks": str(out), "summary": str(out.with_suffix(".html")), "graded": graded}
    facts |= {"feedback": str(out.with_suffix("")), "seed": document["seed"]}
    facts["problems"] = [{name: r[name] for name in ("file", "problem")} for r in problems]
    lines = [f"{graded} graded, {len(problems)} not: {out}, and {facts['summary']} to look at"]
    lines += [f"not graded: {r['file']}: {r['problem']}" for r in problems]
    return facts, "\n".join(lines)


_CSV = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("submissions", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=_CSV, default="marks.csv", help="The table of marks.")
@click.option("--lesson", help="Grade as this lesson. Default: the one whose answers are there.")
@click.option("--workers", type=click.IntRange(1), help="Default: one for each core.")
@click.option(
    "--seconds", type=click.FloatRange(0.1), help="Of computing, for a cell. Default: the lesson's."
)
@click.option("--shard", type=_Shard(), default="1/1", help="Grade a part: 3/10, the third of ten.")
@click.option("--seed", type=int, help="Of the inputs of functions. Default: drawn.")
@click.option(
    "--unsafe-no-sandbox", "unsafe", is_flag=True, help="Let students' code read your files."
)
@root_option
@json_option
def grade(
    submissions: Path,
    out: Path,
    lesson: str | None,
    workers: int | None,
    seconds: float | None,
    shard: tuple[int, int],
    seed: int | None,
    unsafe: bool,
    root: Path | None,
    as_json: bool,
) -> None:
    """Mark the notebooks in SUBMISSIONS: a folder for each student, or a notebook.

    \b
    A class, with feedback for each student in the folder marks/, and a summary marks.html:
        nnlab grade submissions --out marks.csv
    After a crash, or when somebody has handed in late, the same call grades what is new.
    A large class as an array job of two, and the parts together afterwards:
        nnlab grade submissions --shard $SLURM_ARRAY_TASK_ID/2 \\
            --out part-$SLURM_ARRAY_TASK_ID.csv
        nnlab merge-marks part-1.json part-2.json --out marks.csv

    Students' code runs under bubblewrap: no network, no environment, no files but Python's own.
    Without bubblewrap nothing is graded, unless you ask for it with --unsafe-no-sandbox.

    Ends with 1 if something was handed in that could not be graded; the table says what.
    """
    from nnlab_course.data import data_root
    from nnlab_course.grading import Settings, grade_folder, lesson_names
    from nnlab_course.sandbox import Limits

    if lesson not in (None, *lesson_names()):
        raise click.UsageError(f"no lesson {lesson!r}; there are {', '.join(lesson_names())}")
    if out.suffix != ".csv":
        raise click.UsageError(f"{out} doesn't end in .csv; the other files are named after it")
    data = data_root(root)
    settings = Settings(
        seed=seed,
        limits=Limits.for_cells_of(seconds) if seconds else None,
        lesson=lesson,
        data=data if data.is_dir() else None,
        unsafe=unsafe,
    )
    try:
        document = grade_folder(submissions, out, settings, num_workers=workers, shard=shard)
    except KeyboardInterrupt:
        click.echo("interrupted, the same call goes on", err=True)
        sys.exit(130)
    facts, text = _outcome(document, out)
    answer(as_json, facts, text)
    if facts["problems"]:
        sys.exit(1)


@click.command("merge-marks")
@click.argument(
    "parts",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option("--out", type=_CSV, default="marks.csv", help="The table of marks.")
@json_option
def merge_marks(parts: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Put the PARTS of a class together, the .json files of `nnlab grade --shard`.

    Every part must be there, once.
    """
    from nnlab_course.grading import merge, write_reports

    document = merge([json.loads(path.read_text(encoding="utf-8")) for path in parts])
    write_reports(document, out)
    answer(as_json, *_outcome(document, out))
