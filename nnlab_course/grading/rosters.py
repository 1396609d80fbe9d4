"""A learning platform's own table of grades: fill one column, leave the rest as it is"""

# A plain module, edited here.

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnlab_course.files import write_whole
from nnlab_course.grading.encodings import decode_table, delimiter_of
from nnlab_course.grading.platforms import read_name
from nnlab_course.grading.table import Row

_GRADES = ("grade", "bewertung", "note", "calificación", "valutazione", "cijfer")
_MAXIMA = ("maximum grade", "max grade", "maximale bewertung", "bestwertung", "note maximale")
_NAMES = ("full name", "vollständiger name", "nom complet", "nombre completo", "name", "student")
_OTHER_KEYS = ("email address", "e-mail-adresse", "id number", "username", "sis login id")
_OTHER_KEYS += ("sis user id", "login id", "student id")
_IDS = ("identifier", "id", "identifikator", "identifiant")
_FIRST = ("first name", "vorname", "prénom", "nombre", "given name")
_LAST = ("last name", "surname", "nachname", "nom", "nom de famille", "apellido(s)", "family name")


@dataclass(frozen=True)
class _Field:
    """A field of a table, and where it stands in the text."""

    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Person:
    """A line of the roster."""

    name: str
    id: str
    keys: frozenset[str]  # By which the person can be found, normalised
    grade: _Field
    maximum: float | None


@dataclass(frozen=True)
class Roster:
    """A platform's table of grades."""

    path: Path
    platform: str  # "Moodle" or "Canvas"
    text: str
    bom: bytes
    encoding: str
    delimiter: str
    decimal_comma: bool
    people: tuple[Person, ...]


@dataclass(frozen=True)
class Matches:
    """Who on the roster has handed in what."""

    rows: dict[int, list[Row]]  # Number of the person -> what was handed in
    missing: tuple[str, ...]  # Names on the roster without a submission
    unmatched: tuple[str, ...]  # Students that fit nobody, or several, on the roster


def _fields(text: str, delimiter: str, at: int) -> Iterator[list[_Field]]:
    """Split a table, from a place on, into lines of fields, and keep their places."""
    pattern = re.compile(rf'"((?:[^"]|"")*)"|([^{delimiter}\r\n]*)')
    line = []
    while at <= len(text):
        match = pattern.match(text, at)
        value = match[2] if match[1] is None else match[1].replace('""', '"')
        line.append(_Field(value, match.start(), match.end()))
        at = match.end()
        if text[at : at + 1] == delimiter:
            at += 1
            continue
        end = re.compile(r"\r\n|\r|\n").match(text, at)
        if len(line) > 1 or line[0].value:
            yield line
        if at < len(text) and not end:
            raise ValueError(f"text after a closing quote, at character {at}")
        line, at = [], end.end() if end else len(text) + 1


def normalised(text: str) -> str:
    """Write a name in one form, however it is typed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _squashed(text: str) -> str:
    """Write a name as Canvas does in the names of files: letters and digits only."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _number(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def _keys(name: str, others: Sequence[str]) -> frozenset[str]:
    """List the forms of a person's name, login and address."""
    last, comma, first = name.partition(",")
    forms = {name, f"{first} {last}" if comma else name, *others}
    forms |= {other.partition("@")[0] for other in others}
    return frozenset({normalised(f) for f in forms} | {_squashed(f) for f in forms}) - {""}


def _column(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def read_roster(
    path: Path,
    column: str | None = None,  # Title of the column to fill; None: find it
    lessons: Sequence[str] = (),  # Names by which Canvas's column may be recognised
) -> Roster:
    """Read Moodle's grading worksheet or Canvas's gradebook.

    **Raises:** `ValueError` if it is neither, or if it can't be told which column to fill.
    """
    bom, encoding, text = decode_table(path.read_bytes())
    delimiter, start = delimiter_of(text)
    try:
        lines = list(_fields(text, delimiter, start))
    except ValueError as error:
        raise ValueError(f"{path} is no table of grades: {error}") from error
    titles = [field.value for field in lines[0]] if lines else []
    header = [normalised(title) for title in titles]
    is_canvas = "student" in header and ("section" in header or "sis login id" in header)
    grade = _grade_column(path, titles, column, is_canvas, lessons)
    whole, number = _column(header, _NAMES), _column(header, _IDS)
    names = [whole] if whole is not None else [_column(header, t) for t in (_FIRST, _LAST)]
    names = [n for n in names if n is not None]
    if not names:
        raise ValueError(f"{path} has no column with names; its columns: {', '.join(titles)}")
    others = [n for n, title in enumerate(header) if title in _OTHER_KEYS]
    maximum = _column(header, _MAXIMA)
    possible, people = None, []
    for line in (line for line in lines[1:] if len(line) > max(grade, *names)):
        value = " ".join(line[n].value for n in names)
        if is_canvas and value.strip().casefold().startswith("points possible"):
            possible = _number(line[grade].value)
            continue
        id_text = line[number].value if number is not None and number < len(line) else ""
        most = _number(line[maximum].value) if maximum is not None else possible
        digits = re.search(r"\d+$", id_text.strip())
        keys = _keys(value, [line[n].value for n in others if n < len(line)])
        people.append(Person(value, digits[0] if digits else "", keys, line[grade], most))
    platform = "Canvas" if is_canvas else "Moodle"
    numbers = [line[n].value for line in lines[1:] for n in (grade, maximum) if _has(line, n)]
    comma = delimiter == ";" or any(re.fullmatch(r"\s*\d+,\d+\s*", text) for text in numbers)
    return Roster(path, platform, text, bom, encoding, delimiter, comma, tuple(people))


def _has(line: Sequence[_Field], number: int | None) -> bool:
    return number is not None and number < len(line)


def _grade_column(
    path: Path, titles: Sequence[str], column: str | None, is_canvas: bool, lessons: Sequence[str]
) -> int:
    """Find the column to fill."""
    header = [normalised(title) for title in titles]
    if column is not None:
        found = [n for n, title in enumerate(header) if title == normalised(column)]
    elif is_canvas:
        assignments = [n for n, t in enumerate(titles) if re.search(r"\(\d+\)\s*$", t)]
        named = [n for n in assignments if any(_names_lesson(titles[n], name) for name in lessons)]
        found = named or assignments
    else:
        found = [n for n, title in enumerate(header) if title in _GRADES]
    if len(found) != 1:
        which = "several columns could be filled" if found else "no column to fill was found"
        raise ValueError(
            f"{path}: {which}; name one by --grade-column. Its columns: {', '.join(titles)}"
        )
    return found[0]


def _names_lesson(title: str, lesson: str) -> bool:
    return _squashed(lesson) in _squashed(title)


def match(roster: Roster, rows: Sequence[Row]) -> Matches:
    """Find out who on the roster has handed in what; in doubt, nobody."""
    by_key: dict[str, set[int]] = {}
    for number, person in enumerate(roster.people):
        for key in [*person.keys, f"#{person.id}"]:
            by_key.setdefault(key, set()).add(number)
    found: dict[str, int] = {}
    for row in rows:
        number = _find(roster, row, by_key)
        if number is not None:
            found[row.student] = number
    counts = list(found.values())
    found = {student: number for student, number in found.items() if counts.count(number) == 1}
    matched: dict[int, list[Row]] = {}
    for row in rows:
        if row.student in found:
            matched.setdefault(found[row.student], []).append(row)
    missing = [
        person.name
        for number, person in enumerate(roster.people)
        if number not in matched and normalised(person.name) not in ("student, test", "")
    ]
    unmatched = {row.student: None for row in rows if row.student not in found}
    return Matches(matched, tuple(missing), tuple(unmatched))


def _find(roster: Roster, row: Row, by_key: dict[str, set[int]]) -> int | None:
    """Find the one person that a row belongs to, if there is one."""
    number, platform = row.mark.platform_id, read_name(row.mark.place).platform
    if number and platform == roster.platform and len(by_key.get(f"#{number}", ())) == 1:
        return next(iter(by_key[f"#{number}"]))
    name = row.student.removesuffix(f" ({number})")
    for key in (normalised(name), _squashed(name)):
        if key and len(by_key.get(key, ())) == 1:
            return next(iter(by_key[key]))
    return None


def grade_of(rows: Sequence[Row], maximum: float | None) -> float | None:
    """Add up a student's points, on the platform's scale; None if nothing could be marked."""
    marked = [row for row in rows if row.of]
    of = sum(row.of for row in marked)
    if not of:
        return None
    points = sum(row.points for row in marked)
    return points if maximum is None or maximum == of else points * maximum / of


def fill(roster: Roster, matches: Matches) -> None:
    """Write the grades into the roster's file; every other byte stays as it is."""
    changes = []
    for number, rows in matches.rows.items():
        person = roster.people[number]
        grade = grade_of(rows, person.maximum)
        if grade is not None:
            changes.append((person.grade, grade))
    text = roster.text
    for field, grade in sorted(changes, key=lambda change: -change[0].start):
        written = _written(text[field.start : field.end], grade, roster)
        text = text[: field.start] + written + text[field.end :]
    write_whole(roster.path, roster.bom + text.encode(roster.encoding))


def _written(old: str, grade: float, roster: Roster) -> str:
    """Write a grade as the table writes its numbers."""
    number = f"{grade:.2f}".rstrip("0").rstrip(".")
    if roster.decimal_comma:
        number = number.replace(".", ",")
    return f'"{number}"' if old.startswith('"') or roster.delimiter in number else number
