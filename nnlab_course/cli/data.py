"""`nnlab data`: fetch, prepare, pack and verify datasets"""

# A plain module, edited here.

import sys
from pathlib import Path

import click

from nnlab_course.cli.options import answer, json_option, root_option


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

    root = data_root(root)
    stores = {path.stem: path for path in sorted(root.glob("*.safetensors"))}
    facts = {
        name: {"summary": str(read_store(path)), "megabytes": path.stat().st_size / 1e6}
        for name, path in stores.items()
    }
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
@click.option("--test-fraction", default=0.2, help="Share to hold out.")
@root_option
@json_option
def prepare(
    folder: Path,
    name: str | None,
    size: int,
    grey: bool,
    test_fraction: float,
    root: Path | None,
    as_json: bool,
) -> None:
    """Make a dataset of your own pictures: FOLDER has one subfolder per class.

    With subfolders train/ and test/ that have one subfolder per class, nothing is held out.
    """
    from nnlab_course.data import make_store, read_store

    store = make_store(
        folder, root, name=name, size=size, channels=1 if grey else 3, test_fraction=test_fraction
    )
    facts = {"path": str(store), "dataset": str(read_store(store))}
    answer(as_json, facts, f"{facts['dataset']}\nload it with --data {store.stem}")


@data.command("pack")
@click.argument("names", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@root_option
@json_option
def pack_data(names: tuple[str, ...], out: Path, root: Path | None, as_json: bool) -> None:
    """Write datasets into one archive, for computers without a network."""
    from nnlab_course.data.pack import pack

    pack(names, out, root)
    facts = {"path": str(out), "datasets": list(names), "megabytes": out.stat().st_size / 1e6}
    answer(as_json, facts, f"{', '.join(names)} in {out} ({facts['megabytes']:.0f} MB)")


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
    answer(as_json, facts, f"{', '.join(names)} in {facts['root']}")


@data.command()
@click.argument("names", nargs=-1)
@root_option
@json_option
def verify(names: tuple[str, ...], root: Path | None, as_json: bool) -> None:
    """Read datasets to the last bit, all of them unless NAMES are given.

    Ends with 1 if one of them is damaged or missing.
    """
    from nnlab_course.data import data_root, verify_store

    root, facts = data_root(root), {}
    for name in names or sorted(path.stem for path in root.glob("*.safetensors")):
        try:
            checked = verify_store(root / f"{name}.safetensors")
            facts[name] = "right" if checked else "readable, but it carries no checksum"
        except (OSError, RuntimeError) as error:
            facts[name] = f"damaged: {error}"
    lines = [f"{name}: {fact}" for name, fact in facts.items()]
    answer(as_json, facts, "\n".join(lines) or f"no datasets in {root}")
    if any(fact.startswith("damaged") for fact in facts.values()):
        sys.exit(1)
