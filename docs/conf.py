"""Sphinx configuration: the site is made from the notebooks in nbs/."""

import os
import sys
from configparser import ConfigParser
from pathlib import Path

DOCS = Path(__file__).parent
PROJECT = DOCS.parent
os.chdir(PROJECT)  # nbdev looks for settings.ini from the working directory
sys.path.insert(0, str(DOCS))

settings = ConfigParser()
settings.read(PROJECT / "settings.ini", encoding="utf-8")
settings = settings["DEFAULT"]

project = settings["title"]
author = settings["author"]
copyright = settings["copyright"]
version = release = settings["version"]

extensions = ["myst_nb", "nbdev_notebooks", "sphinx_copybutton"]
# The checks name every known mistake: no reading for somebody who is about to answer.
exclude_patterns = ["**.ipynb_checkpoints", "**/conftest.py", "checks/**"]

html_theme = "sphinx_book_theme"
html_title = project
html_context = {"default_mode": "auto"}
html_theme_options = {"navbar_persistent": []}
html_copy_source = False

nb_execution_mode = "off"
nb_ipywidgets_js = {}
myst_enable_extensions = ["dollarmath"]
myst_dmath_allow_space = False
myst_dmath_allow_digits = False
myst_heading_anchors = 3
