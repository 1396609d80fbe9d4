"""What nbgrader, and our own student edition, put in place of a solution.

Copy this file into the folder of an nbgrader course; CONTRIBUTING.md says how.
"""

c = get_config()  # noqa: F821 - given by traitlets, which loads this file

c.ClearSolutions.code_stub = {"python": "...  # your answer"}
