"""Marks come to where they belong: rosters, feedback zips, deadlines, attempts, adjustments."""

import csv
import json
import zipfile
from dataclasses import replace

import pytest

from nnlab_course.grading.marks import ExerciseMark, Mark, PartMark, Register, as_plain
from nnlab_course.grading.parts import merge
from nnlab_course.grading.publish import Delivery, deliver
from nnlab_course.grading.reports import summary_html
from nnlab_course.grading.rosters import read_roster
from nnlab_course.grading.rules import Rules, read_adjustments, read_exceptions, read_time
from nnlab_course.grading.statistics import exercise_statistics, frequent_mistakes
from nnlab_course.grading.table import rows, safe_field


def exercise(number, points, of=2.0, mistake=None):
    verdict = "right" if points == of else "partly" if points else "wrong"
    part = PartMark("my_answer", verdict, "said `so`", mistake)
    return ExerciseMark(number, f"Title {number}", points, of, verdict, "said", mistake, (part,))


def mark(student, *points, **facts):
    """A marked notebook with exercises of two points."""
    exercises = tuple(exercise(f"1.{n}", value) for n, value in enumerate(points, start=1))
    facts = {"file": f"{student}.ipynb", "lesson": "activations", "place": student} | facts
    own = Mark(student, points=sum(points), of=2.0 * len(points), exercises=exercises, **facts)
    return own


def register(*marks):
    return Register(7, "e", "l", (1, 1), len(marks), marks)


def moodle(number):
    return f"{number}_assignsubmission_file_"


MARKS = register(
    mark("Anna Ä", 2, 1, platform_id="11", place=f"Anna Ä_{moodle(11)}"),
    mark("Ben Bär", 2, 2, platform_id="12", place=f"Ben Bär_{moodle(12)}"),
    mark("Zed", 0, 0, platform_id="99", place=f"Zed_{moodle(99)}"),
)
WORKSHEET = (
    "\ufeffIdentifier,\"Full name\",\"Email address\",Status,Grade,\"Maximum Grade\","
    "\"Feedback comments\"\r\n"
    'Participant 11,"Anna Ä",a@x.org,"Submitted, late",,4.00,"<p>a ""b""\r\nc</p>"\r\n'
    "Participant 12,Ben  Bär,b@x.org,Submitted,1.00,100.00,\r\n"
    "Participant 13,Cara,c@x.org,-,,4.00,\r\n"
)  # fmt: skip


def test_moodles_worksheet_is_filled_and_nothing_else_touched(tmp_path):
    path = tmp_path / "grades.csv"
    path.write_bytes(WORKSHEET.encode())
    done = deliver(MARKS, tmp_path / "marks.csv", Delivery(roster=path))
    expected = WORKSHEET.replace('late",,4.00', 'late",3,4.00').replace("d,1.00,", "d,100,")
    assert path.read_bytes() == expected.encode()
    assert (done.missing, done.unmatched) == (("Cara",), ("Zed",))
    with (tmp_path / "marks.csv").open(newline="") as file:
        table = {row["student"]: row for row in csv.DictReader(file)}
    assert (table["Cara"]["points"], table["Cara"]["note"]) == ("0.0", "handed in nothing")
    again = path.read_bytes()
    deliver(MARKS, tmp_path / "marks.csv", Delivery(roster=path))
    assert path.read_bytes() == again


GRADEBOOK = (
    "Student,ID,SIS Login ID,Section,Lab 1 activations (501),Lab 2 autograd (502),Final Score\n"
    "    Points Possible,,,,8,20,(read only)\n"
    '"Ä, Anna",123,anna,A,,7,1\n'
    '"Muster, Ben",124,bm,A,3,,2\n'
    '"Student, Test",,x,A,,,\n'
)


def test_canvas_gradebook_is_filled_in_the_lessons_column(tmp_path):
    path = tmp_path / "gradebook.csv"
    path.write_text(GRADEBOOK)
    marks = register(
        mark("aanna", 2, 1, platform_id="123", place="aanna_123_456_01.ipynb"),
        mark("musterben", 2, 2),
        mark("nobody", 2, 2),
    )
    done = deliver(marks, tmp_path / "marks.csv", Delivery(roster=path))
    assert path.read_text() == GRADEBOOK.replace("anna,A,,7", "anna,A,6,7").replace(
        "A,3,,", "A,8,,"
    )
    assert (done.missing, done.unmatched) == ((), ("nobody",))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_a_roster_keeps_its_encoding_and_its_decimal_comma(tmp_path, encoding):
    path = tmp_path / "grades.csv"
    text = "ID;Vollständiger Name;Bewertung;Maximale Bewertung\nTeilnehmer11;Anna Ä;;4,00\n"
    path.write_bytes(text.encode(encoding))
    deliver(register(mark("anna ä", 2, 1.5)), tmp_path / "marks.csv", Delivery(roster=path))
    assert path.read_bytes() == text.replace(";;", ";3,5;").encode(encoding)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        (  # Excel's first line, tabs, names in two columns
            "sep=\t\r\nVorname\tNachname\tBewertung\r\nAnna\tÄ\t\r\n",
            "sep=\t\r\nVorname\tNachname\tBewertung\r\nAnna\tÄ\t3.5\r\n",
        ),
        (  # a decimal comma between commas
            'Full name,Grade,Maximum grade\nAnna Ä,,"4,00"',
            'Full name,Grade,Maximum grade\nAnna Ä,"3,5","4,00"',
        ),
        ('Name,Grade\r"Anna ""Ä""",""\r', 'Name,Grade\r"Anna ""Ä""","3.5"\r'),
        ("Name,Note\nAnna Ä\n Anna  ä ,1,x\n", "Name,Note\nAnna Ä\n Anna  ä ,3.5,x\n"),
    ],
)
def test_rosters_as_spreadsheets_write_them(tmp_path, text, filled):
    path = tmp_path / "grades.csv"
    path.write_bytes(text.encode())
    deliver(register(mark("anna ä", 2, 1.5)), tmp_path / "marks.csv", Delivery(roster=path))
    assert path.read_bytes() == filled.encode()


def test_in_doubt_a_submission_fits_nobody(tmp_path):
    path = tmp_path / "grades.csv"
    text = "Identifier,Full name,Grade\nParticipant 1,Anna,\nParticipant 2,Anna,\n"
    path.write_text(text)
    done = deliver(register(mark("Anna", 2)), tmp_path / "marks.csv", Delivery(roster=path))
    assert path.read_text() == text
    assert done.unmatched == ("Anna",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no column to fill was found"),
        ("Grade,x\n1,2\n", "no column with names"),
        ("Student,ID,Section,Lab 1 (1),Lab 2 (2)\n", "several columns could be filled"),
        ('Full name,Grade\n"a"b,1\n', "no table of grades"),
        ("", "no column to fill"),
    ],
)
def test_a_table_that_is_no_roster(tmp_path, text, message):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_roster(tmp_path / "r.csv", lessons=["activations"])


def test_feedback_goes_back_as_moodle_gave_it(tmp_path):
    path = tmp_path / "feedback.zip"
    marks = [*MARKS.records, mark("../..", 1)]
    deliver(register(*marks), tmp_path / "marks.csv", Delivery(feedback_zip=path))
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert "Feedback for Ben Bär" in archive.read(names[2]).decode()
    assert names == [
        names[0],
        f"Anna Ä_{moodle(11)}/feedback.html",
        f"Ben Bär_{moodle(12)}/feedback.html",
        f"Zed_{moodle(99)}/feedback.html",
    ]
    assert ".." not in names[0].split("/")


def test_feedback_takes_moodles_names_from_the_roster(tmp_path):
    (tmp_path / "grades.csv").write_text(WORKSHEET)
    delivery = Delivery(roster=tmp_path / "grades.csv", feedback_zip=tmp_path / "f.zip")
    deliver(register(mark("ben bär", 2)), tmp_path / "marks.csv", delivery)
    with zipfile.ZipFile(tmp_path / "f.zip") as archive:
        assert archive.namelist() == [f"Ben  Bär_{moodle(12)}/feedback.html"]


def test_marks_can_be_read_as_the_dicts_that_they_were():
    assert MARKS["records"][0]["exercises"][0]["points"] == 2
    assert rows(MARKS["records"])[0]["student"] == "Anna Ä"
    assert merge([json.loads(json.dumps(as_plain(MARKS)))]) == MARKS
    with pytest.raises(ValueError, match="not a file of marks"):
        merge([{"records": []}])


# --- rules ---------------------------------------------------------------------------------------

DEADLINE = read_time("2026-11-20T12:00:00+00:00")
HOUR = 3600.0
EARLY = mark("Anna", 1, 1, file="1", handed_in=DEADLINE - HOUR)
LATE = mark("Anna", 2, 2, file="2", handed_in=DEADLINE + 26 * HOUR)
LAST = mark("Anna", 0, 1, file="3", handed_in=DEADLINE + 27 * HOUR)


@pytest.mark.parametrize(
    ("rules", "points", "late"),
    [
        (Rules(), 4, ""),
        (Rules(deadline=DEADLINE), 4, "1 d 2 h"),
        (Rules(deadline=DEADLINE, attempt="last"), 1, "1 d 3 h"),
        (Rules(deadline=DEADLINE, exceptions={"Anna": DEADLINE + 30 * HOUR}), 4, ""),
        (Rules(deadline=DEADLINE, exceptions={"Anna": DEADLINE + 25.5 * HOUR}), 4, "30 min"),
    ],
)
def test_deadline_exceptions_and_attempts(rules, points, late):
    (row,) = rows([EARLY, LATE, LAST], rules)
    assert (row.points, row.late) == (points, late)
    assert row.note == f"the {rules.attempt} of 3 notebooks"


def test_the_platforms_word_for_late():
    assert rows([replace(EARLY, late=True)])[0].late == "late"


def test_a_notebook_that_could_not_be_marked_is_not_the_last_attempt():
    broken = replace(LAST, problem="not a notebook", points=0.0, exercises=())
    (row,) = rows([EARLY, broken], Rules(attempt="last"))
    assert row.points == 2


def test_small_tables_are_read_and_their_mistakes_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Student;Deadline\nAnna;2026-11-20\n\n")
    assert read_exceptions(path) == {"Anna": read_time("2026-11-20T23:59:59")}
    for text, message in {
        "student,deadline\nAnna,soon\n": r"line 2: 'soon' is no time such as",
        "student\nAnna\n": "has no column deadline",
    }.items():
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_exceptions(path)
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        path.write_bytes("sep=;\nstudent;deadline\nÄnna;2026-11-20\n".encode(encoding))
        assert list(read_exceptions(path)) == ["Änna"]
    path.write_bytes(b'student,exercise,points,comment\r\nAnna,1.1,1,"well,\r\ndone"\r\n')
    assert read_adjustments(path)[0].comment == "well,\r\ndone"
    path.write_text("student,exercise,points,comment\nAnna,1.1,much,\n")
    with pytest.raises(ValueError, match="line 2: 'much' is no number of points"):
        read_adjustments(path)


def test_points_by_hand_survive_and_misfits_are_told(tmp_path):
    (tmp_path / "adjust.csv").write_text(
        'student,exercise,points,comment\nAnna,1.2,"1,5",a good idea\nAna,1.1,1,\nAnna,9.9,1,\n'
        "Anna,1.1,5,\n"
    )
    exceptions = {"Anna": DEADLINE, "Anne": DEADLINE}
    rules = Rules(DEADLINE, exceptions, adjustments=read_adjustments(tmp_path / "adjust.csv"))
    done = deliver(register(mark("Anna", 2, 0)), tmp_path / "marks.csv", Delivery(rules))
    (row,) = done.rows
    assert row.points == 3.5
    assert row.mark.exercises[1].notes == ("1.5 instead of 0 points by your teacher: a good idea",)
    assert "1.2: 1.5 instead of 0 points by your teacher: a good idea" in row.note
    assert done.misfits == (
        "Anne, deadline: nobody of this name has handed in; is it Anna?",
        "Ana, exercise 1.1: no such student; is it Anna?",
        "Anna, exercise 9.9: no such exercise in what was handed in",
        "Anna, exercise 1.1: 5 points, but it has 2",
    )
    assert "a good idea" in (tmp_path / "marks" / "Anna.html").read_text()


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", " =1", ";=1;", "\t=1", "＝1", '"=1'])
def test_no_field_is_a_formula(text):
    assert safe_field(text) == f"'{text}"
    assert safe_field("Anna = 1") == "Anna = 1"


# --- the summary -----------------------------------------------------------------------------

CLASS = [
    mark(f"s{n}", *points)
    for n, points in enumerate([(2, 2, 0), (2, 2, 1), (2, 1, 0), (2, 0, 2), (2, 0, 1), (2, 0, 2)])
]


def test_how_hard_an_exercise_is_and_how_well_it_tells_apart():
    first, second, third = exercise_statistics(rows(CLASS))
    assert (first.difficulty, first.discrimination) == (1.0, None)
    assert first.counts == {"right": 6, "partly": 0, "wrong": 0, "unanswered": 0}
    assert second.difficulty == pytest.approx(5 / 12)
    assert second.discrimination == pytest.approx(third.discrimination)
    assert second.discrimination == pytest.approx(-0.682, abs=1e-3)
    assert exercise_statistics(rows(CLASS[:4]))[1].discrimination is None


def test_frequent_mistakes_are_counted_once_a_notebook():
    wrong = tuple(exercise(f"1.{n}", 0, mistake="sign") for n in (1, 1, 2))
    found = frequent_mistakes([replace(CLASS[0], exercises=wrong), *CLASS])
    assert [(m.count, m.exercise, m.slug) for m in found] == [
        (1, "1.1", "sign"),
        (1, "1.2", "sign"),
    ]


def test_pages_have_no_barrier(tmp_path, browser):
    """Axe finds nothing to object to, in the light, in the dark, on a phone."""
    from axe_playwright_python.sync_playwright import Axe

    wrong = replace(CLASS[0], exercises=(exercise("1.1", 0, mistake="sign"),))
    wrong = replace(wrong, problem="x", passed_over=("!ls",), notes=("a note",))
    deliver(register(*CLASS, wrong), tmp_path / "marks.csv", Delivery())
    pages = [tmp_path / "marks.html", tmp_path / "marks" / "s0.html"]
    for scheme, width in (("light", 1200), ("dark", 360)):
        page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 700})
        for path in pages:
            page.goto(path.as_uri())
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        page.close()


def test_the_summary_links_to_feedback():
    page = summary_html(CLASS, {"s0": "marks/s0.html"})
    assert '<a href="marks/s0.html">s0</a>' in page
