"""`nnlab data`: fetch, prepare, pack and verify datasets"""

# A plain module, edited here.

import sys
from pathlib import Path
from typing import Any

import click

from nnlab_course.cli.options import FILE, answer, json_option, root_option


@click.group()
def data() -> None:
    """Fetch, prepare, pack and verify datasets.

    \b
    For a classroom without a network, on a computer that has one:
        nnlab data fetch mnist cifar10
        nnlab data pack mnist cifar10 --out suitcase.zip
    and then on each computer of the classroom:
        nnlab data unpack suitcase.zip
    """


@data.command("list")
@root_option
@json_option
def list_data(root: Path | None, as_json: bool) -> None:
    """List the datasets in the data folder."""
    from nnlab_course.data import data_root, read_store
    from nnlab_course.data.store import store_names, store_path

    root, facts = data_root(root), {}
    for name in store_names(root):
        path = store_path(name, root)
        try:
            summary = str(read_store(path))
        except (OSError, RuntimeError) as error:
            summary = f"{name}: {error}"
        facts[name] = {"summary": summary, "megabytes": path.stat().st_size / 1e6}
    lines = [f"{fact['summary']} ({fact['megabytes']:.0f} MB)" for fact in facts.values()]
    empty = f"no datasets in {root}; get one with: nnlab data fetch mnist"
    answer(as_json, {"root": str(root), "datasets": facts}, "\n".join(lines) or empty)


@data.command()
@click.argument("names", nargs=-1, required=True)
@root_option
@json_option
def fetch(names: tuple[str, ...], root: Path | None, as_json: bool) -> None:
    """Download datasets (mnist, fashionmnist, cifar10), verify and keep them.

    What is there already is not downloaded again.
    """
    from nnlab_course.data import data_root, load

    datasets = [load(name, root) for name in names]
    missing = [name for name, dataset in zip(names, datasets, strict=True) if dataset.name != name]
    if missing:
        raise click.ClickException(f"could not get {', '.join(missing)}; the reason is above")
    facts = {"root": str(data_root(root)), "datasets": [str(dataset) for dataset in datasets]}
    answer(as_json, facts, "\n".join(facts["datasets"]))


@data.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", help="What to call the dataset. Default: the folder's name.")
@click.option("--size", default=32, help="Height and width, pixels.")
@click.option("--grey", is_flag=True, help="One channel instead of three.")
@click.option("--background", default="white", help="Colour under transparent pictures.")
@click.option("--invert", is_flag=True, help="Make dark light: ink on paper, for MNIST's networks.")
@click.option("--test-fraction", default=0.2, help="Share to hold out.")
@click.option("--sheet", type=FILE, help="Write a contact sheet here (PNG).")
@root_option
@json_option
def prepare(
    folder: Path, grey: bool, sheet: Path | None, root: Path | None, as_json: bool, **options: Any
) -> None:
    """Make a dataset of your own pictures: FOLDER has one subfolder per class.

    With subfolders train/ and test/ that have one subfolder per class, nothing is held out. A
    report says which files were used and which not, what are copies, and what was changed.
    """
    from nnlab_course.data import prepare_pictures

    report = prepare_pictures(folder, root, channels=1 if grey else 3, **options)
    facts = report.to_dict() | {"dataset": report.summary}
    text = f"{report}\n\nload it with --data {report.path.stem}"
    if sheet:
        _write_sheet(report.path, sheet)
        facts["sheet"], text = str(sheet), f"{text}\na look at it: {sheet}"
    answer(as_json, facts, text)


def _write_sheet(store: Path, sheet: Path) -> None:
    """Draw a few pictures of each class of a store."""
    import matplotlib

    matplotlib.use("Agg")
    from nnlab_course.data import read_store
    from nnlab_course.files import write_whole
    from nnlab_course.plots.images import plot_classes

    dataset = read_store(store)
    figure = plot_classes(dataset.train.images, dataset.train.labels, dataset.classes).figure
    write_whole(sheet, lambda file: figure.savefig(file, format="png", dpi=120))


@data.command("pack")
@click.argument("names", nargs=-1, required=True)
@click.option("--out", type=FILE, required=True)
@click.option("--with-packages", is_flag=True, help="Put in the course's packages, too.")
@click.option("--package", "packages", multiple=True, help="Others than the course, as pip's.")
@root_option
@json_option
def pack_data(
    names: tuple[str, ...],
    out: Path,
    with_packages: bool,
    packages: tuple[str, ...],
    root: Path | None,
    as_json: bool,
) -> None:
    """Write datasets into one archive, for computers without a network.

    With packages, these computers can be installed from it, too, if they have the same system and
    the same version of Python as this one; INSTALL.txt in the archive says how.
    """
    from tempfile import TemporaryDirectory

    from nnlab_course.data.pack import pack
    from nnlab_course.data.packages import download_packages

    with TemporaryDirectory() as folder:
        with_packages = with_packages or bool(packages)
        wheels = download_packages(Path(folder), packages) if with_packages else []
        pack(names, out, root, packages=Path(folder) if with_packages else None)
    megabytes = out.stat().st_size / 1e6
    facts = {"path": str(out), "datasets": list(names), "megabytes": megabytes, "packages": wheels}
    and_packages = f" and {len(wheels)} packages" if with_packages else ""
    answer(as_json, facts, f"{', '.join(names)}{and_packages} in {out} ({megabytes:.0f} MB)")


@data.command("unpack")
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@root_option
@json_option
def unpack_data(archive: Path, root: Path | None, as_json: bool) -> None:
    """Verify an archive that `nnlab data pack` wrote, and put its datasets into the data folder."""
    from nnlab_course.data import data_root
    from nnlab_course.data.pack import unpack

    names = unpack(archive, root)
    facts = {"root": str(data_root(root)), "datasets": names}
    text = f"{', '.join(names)} in {facts['root']}"
    packages = data_root(root) / "packages"
    if packages.is_dir():
        facts["packages"] = str(packages)
        text += (
            "\nthe course is installed from the packages there by:\n"
            f'    python -m pip install --no-index --find-links "{packages}" "nnlab-course[lab]"'
        )
    answer(as_json, facts, text)


@data.command()
@click.argument("names", nargs=-1)
@root_option
@json_option
def verify(names: tuple[str, ...], root: Path | None, as_json: bool) -> None:
    """Read datasets to the last bit, all of them unless NAMES are given.

    Ends with 1 if one of them is damaged or missing.
    """
    from nnlab_course.data import data_root, verify_store
    from nnlab_course.data.store import store_names, store_path

    root, facts = data_root(root), {}
    for name in names or store_names(root):
        path = store_path(name, root)
        try:
            checked = verify_store(path)
            facts[name] = "right" if checked else "readable, but it carries no checksum"
        except (OSError, RuntimeError) as error:
            facts[name] = f"damaged: {error}"
    lines = [f"{name}: {fact}" for name, fact in facts.items()]
    answer(as_json, facts, "\n".join(lines) or f"no datasets in {root}")
    if any(fact.startswith("damaged") for fact in facts.values()):
        sys.exit(1)
