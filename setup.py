"""Package metadata for setuptools, all of it read from settings.ini.

In a checkout, building makes the student edition of the lessons, for the wheel and for the sdist:
no solution leaves the repository.
"""

import sys
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

here = Path(__file__).parent
config = ConfigParser(interpolation=None)
config.read(here / "settings.ini", encoding="utf-8")
settings = config["DEFAULT"]

LESSONS = Path(settings["lib_name"], "lessons")


def add_lessons(root):
    """Write the student edition below `root`; from an sdist, which carries it, do nothing."""
    if (here / "nbs").is_dir():
        sys.path.insert(0, str(here / "scripts"))
        from student_edition import write_edition

        write_edition(here / "nbs", Path(root) / LESSONS)


class BuildWithLessons(build_py):
    """Put the student edition into the wheel."""

    def run(self):
        super().run()
        if not self.editable_mode:
            add_lessons(self.build_lib)


class SdistWithLessons(sdist):
    """Put the student edition into the sdist, in place of the notebooks it is made from."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        add_lessons(base_dir)


setup(
    name=settings["repo"],
    version=settings["version"],
    description=settings["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=settings["author"],
    keywords=settings["keywords"].split(),
    license=settings["license"].upper(),
    license_files=["LICENSE"],
    packages=find_packages(include=[f"{settings['lib_name']}*"]),
    package_data={
        settings["lib_name"]: [
            "*.safetensors",
            "lessons/*.ipynb",
            "cli/jupyter/*.json",
            "cli/jupyter/labconfig/*.json",
            "records/*.json",
            "explorers/*.js",
            "explorers/*.css",
            "grading/templates/*.html",
        ]
    },
    cmdclass={"build_py": BuildWithLessons, "sdist": SdistWithLessons},
    python_requires=f">={settings['min_python']}",
    install_requires=settings["requirements"].split(),
    extras_require={
        "dev": settings["dev_requirements"].split(),
        "lab": settings["lab_requirements"].split(),
    },
    entry_points={"console_scripts": settings["console_scripts"].split()},
    zip_safe=False,
)
