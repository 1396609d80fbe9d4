"""Sphinx configuration: the site is made from the notebooks in nbs/."""

import gc
import os
import sys
from configparser import ConfigParser
from pathlib import Path

DOCS = Path(__file__).parent
PROJECT = DOCS.parent
os.chdir(PROJECT)  # nbdev looks for settings.ini from the working directory
sys.path[:0] = [str(DOCS), str(PROJECT / "scripts")]
gc.disable()  # A build keeps nearly all that it makes: collecting took a sixth of its time.

from course_site.downloads import published_folder  # noqa: E402
from course_site.reference import source_address  # noqa: E402

settings = ConfigParser()
settings.read(PROJECT / "settings.ini", encoding="utf-8")
settings = settings["DEFAULT"]

project = settings["title"]
author = settings["author"]
copyright = settings["copyright"]
version = release = settings["version"]
repository = f"https://github.com/{settings['user']}/{settings['repo']}"
branch = os.environ.get("COURSE_REF", settings["branch"])  # A release's site links to its tag

extensions = [
    "myst_nb",
    "sphinx.ext.extlinks",
    "sphinx_copybutton",
    *(
        "course_site." + name
        for name in (
            "notebooks",
            "explorers",
            "downloads",
            "landing",
            "pad",
            "pages",
            "scripts",
        )
    ),
    *("course_site." + name for name in ("reference", "commands", "highlighting", "mathematics")),
    "course_site.links",
]
# The checks name every known mistake: no reading for somebody who is about to answer.
exclude_patterns = ["**.ipynb_checkpoints", "**/conftest.py", "checks/**"]
templates_path = ["_templates"]
default_role = "code"  # `name` in a docstring
smartquotes_action = "qe"  # not the dashes of --options

extlinks = {"repo": (f"{repository}/blob/{branch}/%s", "%s")}

course_project = str(PROJECT)
course_readme = str(PROJECT / "README.md")
course_branch = branch
course_repository = (settings["user"], settings["repo"])
folder = published_folder(branch)
course_address = f"https://{settings['user']}.github.io/{settings['repo']}/{folder}/"
course_solutions = os.environ.get("SOLUTIONS", "1") != "0"

autodoc_typehints = "none"  # they are in the tables of parameters
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
add_module_names = False


def linkcode_resolve(domain, info):
    """Return where the code host shows the source of an entry of the API reference."""
    address = source_address(PROJECT, info["module"], info["fullname"])
    return f"{repository}/blob/{branch}/{address}"


html_theme = "sphinx_book_theme"
html_title = project
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_math_renderer = "katex"
html_context = {
    "default_mode": "auto",
    "course_versions": os.environ.get("COURSE_VERSIONS") == "1",  # Other sites stand beside it
}
html_copy_source = False
html_use_index = html_domain_indices = False
html_sidebars = {"**": ["navbar-logo.html", "search-button-field.html", "sbt-sidebar-nav.html"]}
html_theme_options = {
    "logo": {"text": project, "image_light": "_static/logo.svg", "image_dark": "_static/logo.svg"},
    "navbar_persistent": [],
    "repository_url": repository,
    "repository_branch": branch,
    "path_to_docs": "nbs",
    "use_repository_button": True,
    "use_edit_page_button": False,
    "primary_sidebar_end": ["course-version.html"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "github-dark-high-contrast",
    "max_navbar_depth": 1,
    "show_toc_level": 1,
}

nb_execution_mode = "off"
nb_ipywidgets_js = {}
nb_merge_streams = True
myst_enable_extensions = ["deflist", "dollarmath"]
myst_dmath_allow_space = False
myst_dmath_allow_digits = False
myst_heading_anchors = 3
