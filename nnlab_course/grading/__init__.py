"""Mark a class: notebooks in, a table of marks and feedback out"""

# A plain module, edited here.

from nnlab_course.grading.grade import grade_folder, mark_folder, told_apart
from nnlab_course.grading.journal import Journal, read_register, write_register
from nnlab_course.grading.judge import LIMITS, Marker, fresh, mark_notebook
from nnlab_course.grading.lessons import answer_names, find_lesson, import_lesson, lesson_names
from nnlab_course.grading.marks import CellError, ExerciseMark, Mark, PartMark, Refused, Register
from nnlab_course.grading.notebooks import (
    NotebookContent,
    Readable,
    code_cells,
    read_file,
    read_submission,
)
from nnlab_course.grading.parts import merge
from nnlab_course.grading.reports import feedback_html, summary_html, write_reports
from nnlab_course.grading.rules import (
    Adjustment,
    Rules,
    read_adjustments,
    read_exceptions,
    read_time,
)
from nnlab_course.grading.settings import Settings
from nnlab_course.grading.statistics import (
    ExerciseStatistics,
    FrequentMistake,
    exercise_statistics,
    frequent_mistakes,
)
from nnlab_course.grading.submissions import HandedIn, find_submissions
from nnlab_course.grading.table import Row, rows, write_csv
from nnlab_course.grading.workers import grade_all, grade_notebook

# As they were called before.
Found, Task, mark = HandedIn, Readable, mark_notebook

__all__ = [
    "LIMITS",
    "Adjustment",
    "CellError",
    "ExerciseMark",
    "ExerciseStatistics",
    "Found",
    "FrequentMistake",
    "HandedIn",
    "Journal",
    "Mark",
    "Marker",
    "NotebookContent",
    "PartMark",
    "Readable",
    "Refused",
    "Register",
    "Row",
    "Rules",
    "Settings",
    "Task",
    "answer_names",
    "code_cells",
    "exercise_statistics",
    "feedback_html",
    "find_lesson",
    "find_submissions",
    "frequent_mistakes",
    "fresh",
    "grade_all",
    "grade_folder",
    "grade_notebook",
    "import_lesson",
    "lesson_names",
    "mark",
    "mark_folder",
    "mark_notebook",
    "merge",
    "read_adjustments",
    "read_exceptions",
    "read_file",
    "read_register",
    "read_submission",
    "read_time",
    "rows",
    "summary_html",
    "told_apart",
    "write_csv",
    "write_register",
    "write_reports",
]
