"""The site builds from the stored outputs, without a warning, and shows what readers want."""

import ast
import configparser
import gzip
import html
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from urllib.parse import unquote

import nbformat
import publish
import pytest
import torch
from course_site import folding, images, landing
from course_site.downloads import launch_addresses
from course_site.reference.stubs import PUBLIC
from site_samples import PROJECT, build_small, code, exercise_cells, lesson_cells, markdown, picture

from nnlab_course.explorers.drawing import trained_lenet

LESSONS = sorted(path.stem for path in (PROJECT / "nbs").glob("*.ipynb"))
NOTEBOOKS = sorted((PROJECT / "nbs").rglob("*.ipynb"))
HIDDEN = {".ipynb_checkpoints", "checks"}
NOTEBOOKS = [path for path in NOTEBOOKS if not HIDDEN & set(path.parts)]
NAMES = [path.relative_to(PROJECT / "nbs").with_suffix("").as_posix() for path in NOTEBOOKS]
SETTINGS = configparser.ConfigParser(interpolation=None)
SETTINGS.read(PROJECT / "settings.ini", encoding="utf-8")
SETTINGS = SETTINGS["DEFAULT"]


def text_of(page):
    """Return what a page says, without its tags."""
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


# --- the pages of the course ------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_a_page_without_directives(site, name):
    page = site / f"{name}.html"
    assert "#|" not in text_of(page)
    assert "default_exp" not in text_of(page)
    assert "### BEGIN" not in text_of(page)
    assert re.search(r'href="(\.\./)*index\.html', page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_shows_its_pictures_lazily_with_words_and_sizes(site, lesson):
    page = (site / f"{lesson}.html").read_text(encoding="utf-8")
    tags = re.findall(r'<img src="_images/[^>]+>', page)
    assert len(tags) >= 5
    for tag in tags:
        values = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        assert len(values["alt"]) > 20
        assert values["loading"] == "lazy"
        assert int(values["width"]) > 100 < int(values["height"])
        assert (site / values["src"]).stat().st_size < 60_000


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_is_light(site, lesson):
    data = (site / f"{lesson}.html").read_bytes()
    assert len(gzip.compress(data)) < 45_000  # what travels
    assert len(data) < 200_000


def test_the_site_is_light(site):
    files = [path for path in site.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 12_000_000


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_to_download_is_the_students(site, name):
    notebook = nbformat.read(site / "notebooks" / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert codes
    assert not any(cell.outputs or "### BEGIN" in cell.source for cell in codes)
    page = (site / f"{name}.html").read_text(encoding="utf-8")
    assert f'notebooks/{name}.ipynb"' in page


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_is_launched_in_the_student_edition(site, lesson):
    page = html.unescape((site / f"{lesson}.html").read_text(encoding="utf-8"))
    course = f"{SETTINGS['user']}/{SETTINGS['repo']}"
    assert f"/github/{course}/blob/gh-pages/dev/notebooks/{lesson}.ipynb" in page
    assert f"/gh/{course}/main?urlpath=lab/tree/lessons/{lesson}.ipynb" in page
    script = (PROJECT / "binder/postBuild").read_text(encoding="utf-8")
    assert "nnlab lab lessons --no-open\nrm -rf nbs " in script


def test_nothing_that_one_can_click_leads_to_a_notebook_with_solutions(site):
    sources = [*site.rglob("*.html"), PROJECT / "README.md"]
    addresses = [
        address
        for path in sources
        for address in re.findall(r"""(?:href="|\]\()([^")]+)""", path.read_text(encoding="utf-8"))
    ]
    assert len(addresses) > 500
    assert [a for a in addresses if re.search(r"(?:^|/)nbs/[^#]*\.ipynb", a)] == []


@pytest.mark.parametrize(("branch", "folder"), [("main", "dev"), ("v1.2.3", "1.2.3")])
def test_a_release_launches_its_own_notebooks(branch, folder):
    addresses = launch_addresses("us", "course", branch, "01_activations")
    assert f"/gh-pages/{folder}/notebooks/01_activations.ipynb" in addresses["Colab"]
    assert f"/us/course/{branch}?" in addresses["Binder"]
    assert list(launch_addresses("us", "course", branch, "data/digits")) == ["Colab"]


def test_the_first_page_has_a_card_for_each_lesson_of_the_readme(site):
    page = (site / "index.html").read_text(encoding="utf-8")
    cards = re.findall(r'<a class="course-card" href="(\w+)\.html"><img [^>]*alt="[^"]{20,}', page)
    assert cards == LESSONS
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    for title, question in re.findall(r"^\| \[\d (.+?)\]\(https.+?\) \| (.+?) \|", readme, re.M):
        assert title in text_of(site / "index.html")
        assert question in text_of(site / "index.html")
    assert "make course" in text_of(site / "index.html")


def test_pages_tell_their_last_change_and_what_they_are_about(site):
    page = (site / f"{LESSONS[0]}.html").read_text(encoding="utf-8")
    command = ["git", "log", "-1", "--format=%cs", "--", f"nbs/{LESSONS[0]}.ipynb"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    if done.stdout:  # not in an unpacked archive
        year, _, day = done.stdout.strip().split("-")
        assert re.search(rf"Last updated on {int(day)} \w+ {year}", page)
    assert '<meta name="description" content="Eleven curves' in page


# --- the API reference ------------------------------------------------------------------


def public_things():
    """Yield module, name and parameters of each function and class that a public module offers."""
    for module in PUBLIC:
        home = importlib.import_module(f"nnlab_course.{module}")
        for name in home.__all__:
            thing = getattr(home, name)
            if inspect.isfunction(thing):
                yield module, name, list(inspect.signature(thing).parameters)
            elif inspect.isclass(thing):
                yield module, name, []


def test_the_reference_describes_every_public_thing_and_its_parameters(site):
    assert len(list(public_things())) > 50
    for module, name, parameters in public_things():
        page = (site / f"api/{module}.html").read_text(encoding="utf-8")
        anchor = f'id="nnlab_course.{module}.{name}"'
        assert anchor in page
        entry = page.split(anchor)[1].split('<dl class="py function">')[0]
        rows = re.findall(r"<td><p><strong>(\w+)</strong></p></td>", entry)
        assert [p for p in parameters if p not in rows] == [], f"{module}.{name}"


def test_the_reference_links_to_the_cell_that_develops_a_thing(site):
    page = (site / "api/lenet.html").read_text(encoding="utf-8")
    entry = page.split('id="nnlab_course.lenet.LeNet"')[1]
    address = re.search(r'href="\.\./(04_lenet\.html)#(cell-\w+)"', entry)
    cell = (site / address[1]).read_text(encoding="utf-8").split(f'id="{address[2]}"')[1]
    assert "class" in cell[:400]
    assert "LeNet" in cell[:400]


def test_the_reference_links_to_the_lines_of_the_source(site):
    page = (site / "api/lenet.html").read_text(encoding="utf-8")
    entry = page.split('id="nnlab_course.lenet.count_features"')[1]
    first, last = re.search(r"/blob/main/nnlab_course/lenet\.py#L(\d+)-L(\d+)", entry).groups()
    lines = (PROJECT / "nnlab_course/lenet.py").read_text(encoding="utf-8").splitlines()
    assert lines[int(first) - 1] == "def count_features("
    assert lines[int(last) - 1] == "    return 16 * map_size * map_size"


def test_the_reference_names_notebooks_by_their_titles(site):
    for page in (site / "api").glob("*.html"):
        assert not re.search(r"Developed in <a [^>]+>training/", page.read_text(encoding="utf-8"))


def test_names_in_prose_link_to_the_reference(site):
    lesson = (site / "01_activations.html").read_text(encoding="utf-8")
    assert 'href="api/activations.html#nnlab_course.activations.dead_units"' in lesson
    # Lesson 1 has a `fit` of its own, which is not the package's.
    assert "nnlab_course.training.fit" not in lesson


GUIDE = (PROJECT / "nbs/programmers.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE, re.M | re.S)


def test_code_in_the_guide_for_programmers_runs(tmp_path):
    blocks = [block for block in BLOCKS if "onnx" not in block]
    assert len(blocks) >= 4
    environment = {**os.environ, "NNLAB_DATA": str(tmp_path), "NNLAB_OFFLINE": "1"}
    environment |= {"MPLBACKEND": "agg", "TQDM_DISABLE": "1"}
    program = "\n".join(blocks).replace("num_epochs=3", "num_epochs=0.1")
    assert "num_epochs=0.1" in program
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_the_onnx_file_of_the_guide_computes_what_torch_computes(tmp_path, monkeypatch):
    pytest.importorskip("onnxscript", reason="onnxscript and onnxruntime are not installed")
    onnxruntime = pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    (block,) = (block for block in BLOCKS if "onnx" in block)
    model, six = trained_lenet(), torch.rand(6, 1, 28, 28)
    exec(block, {"model": model, "six": six})
    (logits,) = onnxruntime.InferenceSession("lenet.onnx").run(None, {"images": six[:4].numpy()})
    assert torch.allclose(model(six[:4]), torch.from_numpy(logits), atol=1e-5)


# --- a small course, whole and broken ---------------------------------------------------

SECRETS = ("secret", "BEGIN SOLUTION", "HIDDEN TESTS", "worked solution")


def test_a_solution_is_folded_and_hidden_tests_are_left_out(small):
    page = (small / "lesson.html").read_text(encoding="utf-8")
    task, hints, folded = re.split(r'id="cell-hint"|id="cell-answer"', page)
    assert "Write it by hand." in task
    assert hints.count("<details><summary>Hint") == 2
    assert "exercises.logistic.hint" not in hints
    assert re.match(r'[^<]*>\s*<details class="[\w ]*hide', folded)
    assert "secret_of_the_answer" in folded.split("</details>")[0]
    assert '<a href="notebooks/lesson.ipynb" download>Try it in the notebook</a>' in folded
    for dead in ("secret of the verdict", ".check(", ".solution(", "secret_of_the_grader"):
        assert dead not in page
    assert "secret" not in task + hints
    assert "plumbing" not in page


def test_without_solutions_no_file_of_the_site_holds_one(tmp_path):
    done = build_small(tmp_path, lesson_cells(), SOLUTIONS="0")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html/lesson.html").read_text(encoding="utf-8")
    assert page.count("<details><summary>Hint") == 2
    assert folding.STUB in text_of(tmp_path / "html/lesson.html")
    files = [path for path in (tmp_path / "html").rglob("*") if path.is_file()]
    for path in files:
        if (
            path.suffix in {".html", ".js", ".ipynb", ".inv", ".txt"}
            and "_static" not in path.parts
        ):
            found = [s for s in SECRETS if s.encode() in path.read_bytes()]
            assert not found, path


def test_the_students_notebook_leaves_the_answer_to_the_student(small):
    notebook = nbformat.read(small / "notebooks/lesson.ipynb", as_version=4)
    sources = {cell.id: cell.source for cell in notebook.cells}
    assert sources["answer"].endswith(f"    {folding.STUB}")
    assert sources["check"] == "exercises.logistic.check(logistic)"
    ast.parse(sources["answer"])
    assert not any(secret in json.dumps(notebook) for secret in SECRETS)


def test_what_a_reader_would_stumble_over_breaks_the_build(tmp_path):
    error = {"output_type": "error", "ename": "ZeroDivisionError", "evalue": "", "traceback": []}
    cells = [
        markdown("# A lesson\n\n> A subtitle", "title"),
        code("plot()", "bare", [picture()]),
        code("plot()", "absent", alt="A plot."),
        code("1 / 0", "broken", [error]),
        code("### BEGIN SOLUTION\n1", "half"),
    ]
    index = """
[a page that is not there](nowhere.md), [a heading that is not there](lesson.ipynb#heading),

<a href="nothing.html">a</a> <a href="lesson.html#place">b</a> <a href="../out.html">c</a>
<img src="_static/logo.svg">
"""
    messages = [
        "the picture of cell bare lacks a description",
        "cell absent describes a picture and shows none",
        "cell broken stores an error",
        "cell half: ### BEGIN SOLUTION without its partner",
        "a link to nothing: nothing.html",
        "a link to a place that is not on its page: lesson.html#place",
        "a link out of the site: ../out.html",
        "a picture without a description: _static/logo.svg",
        "nowhere.md",
        "'heading'",
    ]
    done = build_small(tmp_path, cells, index)
    assert done.returncode != 0
    assert [message for message in messages if message not in done.stderr] == []


def test_a_notebook_without_outputs_breaks_the_build(tmp_path):
    cells = [markdown("# A lesson\n\n> A subtitle", "title"), code("print(1)", "print")]
    done = build_small(tmp_path, cells)
    assert done.returncode != 0
    assert "no cell of the notebook was executed: make outputs" in done.stderr


# --- what the extensions are made of ----------------------------------------------------


@pytest.mark.parametrize("marker", ["BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS"])
def test_a_marker_without_partner_is_an_error(marker):
    with pytest.raises(ValueError, match=f"### {marker} without its partner"):
        folding.clear(f"x = 1\n### {marker}\n")


def test_clear_keeps_indentation_and_every_other_line():
    source = "def f():\n    ### BEGIN SOLUTION\n    a\n    b\n    ### END SOLUTION\n\nf()\n"
    assert folding.clear(source) == f"def f():\n    {folding.STUB}\n\nf()"
    assert folding.solve(source) == "def f():\n    a\n    b\n\nf()"
    two = "### BEGIN SOLUTION\na = 1\n### END SOLUTION\n" * 2
    assert folding.clear(two) == f"{folding.STUB}\n{folding.STUB}"


def test_arrange_leaves_other_cells_alone():
    cell = {"id": "x", "cell_type": "code", "source": "print(1)", "metadata": {}, "outputs": []}
    text = {"id": "y", "cell_type": "markdown", "source": "text", "metadata": {}}
    assert folding.arrange([cell, text], False, "here") == [cell, text]


def test_arrange_shows_the_stub_where_there_are_no_solutions():
    cells = [cell | {"source": "".join(cell["source"])} for cell in exercise_cells()]
    shown = folding.arrange(cells, False, "here.ipynb")
    assert [cell["id"] for cell in shown] == ["task", "hint", "answer", "answer-try"]
    assert shown[2]["source"].endswith(folding.STUB)
    assert shown[2]["outputs"] == []


def test_a_picture_is_stored_once_by_what_it_shows(tmp_path):
    first, second = (images.store(picture(), tmp_path) for _ in range(2))
    assert first == second
    assert (first.width, first.height) == (40, 30)
    assert [path.name for path in (tmp_path / "_images").iterdir()] == [first.name]
    assert first.tag('"<a>"', "../").startswith('<img src="../_images/')
    assert 'alt="&quot;&lt;a&gt;&quot;"' in first.tag('"<a>"', "")
    sharp = picture() | {"metadata": {"image/png": {"width": 20, "height": 15}}}
    assert 'width="20" height="15"' in images.store(sharp, tmp_path).tag("", "")


def test_line_plots_are_told_from_photographs(site):
    """Which is what the dark mode turns over."""
    page = (site / "05_cifar10.html").read_text(encoding="utf-8")
    kinds = {"One photograph of each class": False, "Training loss against steps": True}
    for words, is_line_plot in kinds.items():
        assert is_line_plot == bool(re.search(rf'alt="{words}[^"]*" class="line-plot"', page))


def test_the_readme_is_cut_at_its_headings():
    parts = landing.sections(
        "# Title\n\nFirst.\n\nSecond.\n\n## Run it\n\nmake\n\n## Licence\n\nMIT\n"
    )
    assert parts == {"introduction": "First.", "Run it": "make", "Licence": "MIT"}


def test_the_work_of_others_is_the_version_that_is_locked():
    wanted = json.loads((PROJECT / "docs/package.json").read_text("utf-8"))["dependencies"]
    lock = (PROJECT / "docs/package-lock.json").read_text(encoding="utf-8")
    there = (PROJECT / "docs/_static/katex/katex.min.js").read_text("utf-8")
    assert list(wanted) == ["katex"]
    assert f'version:"{wanted["katex"]}"' in there
    assert json.loads(lock)["packages"]["node_modules/katex"]["version"] == wanted["katex"]
    assert "resolved" not in lock


def test_binder_has_what_the_course_requires():
    conda = {"matplotlib": "matplotlib-base", "torch": "pytorch-cpu"}
    environment = (PROJECT / "binder/environment.yml").read_text(encoding="utf-8")
    there = set(re.findall(r"^  - (\S+)$", environment, re.M))
    for requirement in f"{SETTINGS['requirements']} {SETTINGS['lab_requirements']}".split():
        name, version = requirement.split(">=")
        assert f"{conda.get(name, name)}>={version}" in there


def test_releases_are_published_side_by_side(tmp_path):
    site, pages = tmp_path / "site", tmp_path / "pages"
    site.mkdir()
    with pytest.raises(ValueError, match="make docs"):
        publish.publish(site, pages, "0.1.0")
    for name in ("dev", "0.9.0", "0.10.0", "0.2.0", "0.10.0"):
        (site / "index.html").write_text(name, encoding="utf-8")
        publish.publish(site, pages, name)
    assert publish.releases(pages) == ["0.10.0", "0.9.0", "0.2.0"]
    assert "url=0.10.0/index.html" in (pages / "index.html").read_text(encoding="utf-8")
    listed = re.findall(r'<li><a href="(.+?)/index', (pages / "versions.html").read_text("utf-8"))
    assert listed == ["0.10.0", "0.9.0", "0.2.0", "dev"]
    assert (pages / "0.9.0/index.html").read_text(encoding="utf-8") == "0.9.0"
    assert (pages / ".nojekyll").exists()
    with pytest.raises(ValueError, match="main"):
        publish.publish(site, pages, "main")


def test_the_index_of_a_published_site_leads_to_the_others(tmp_path):
    done = build_small(tmp_path, lesson_cells(), COURSE_VERSIONS="1", COURSE_REF="v9.9")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html/lesson.html").read_text(encoding="utf-8")
    assert 'href="./../versions.html"' in page
    assert "/blob/gh-pages/9.9/notebooks/lesson.ipynb" in unquote(page)
