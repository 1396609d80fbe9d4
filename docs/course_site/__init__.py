"""The Sphinx extensions that make the course's site of its notebooks, one matter in each module."""
