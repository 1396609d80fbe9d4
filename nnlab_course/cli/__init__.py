"""`nnlab`: open the lessons, train, take care of the data, and grade a class"""

# A plain module, edited here.

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click


class _Group(click.Group):
    """A group of commands that turns the package's own errors into messages."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except (OSError, RuntimeError, ValueError, FloatingPointError) as error:
            if ctx.params["traceback"]:
                raise
            raise click.ClickException(str(error)) from error


_SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True}


@click.group(cls=_Group, context_settings=_SETTINGS)
@click.option("--traceback", is_flag=True, help="Show where an error came from.")
@click.version_option(package_name="nnlab-course")
def main(traceback: bool) -> None:
    """Train the networks of the neural-network lab course, take care of its data, grade a class.

    \b
    A first run, which downloads MNIST if it isn't there:
        nnlab train --data mnist --model lenet --epochs 3
    """
    logging.basicConfig(format="%(message)s")  # notices, such as that a stand-in is used


_root = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder. Default: NNLAB_DATA, or your cache folder.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")


def _answer(as_json: bool, facts: Any, text: str) -> None:
    """Print facts as JSON, or the text."""
    click.echo(json.dumps(facts, indent=2) if as_json else text)


@main.command()
@click.argument("folder", default="nnlab-lessons", type=click.Path(path_type=Path, file_okay=False))
@click.option("--open/--no-open", "opens", default=True, help="Open JupyterLab.")
@click.option(
    "--lessons", type=click.Path(path_type=Path, exists=True, file_okay=False), hidden=True
)
def lab(folder: Path, opens: bool, lessons: Path | None) -> None:
    """Put the lessons into FOLDER, and open JupyterLab there.

    Call it again to go on, or to get the lessons of a newer edition. Lessons that you have changed
    are kept; a newer edition is laid beside them.
    """
    from nnlab_course.student_folder import lay_out, packaged_lessons

    for laid in lay_out(lessons or packaged_lessons(), folder):
        click.echo(laid)
    if opens:
        _open_lab(folder)


def _open_lab(folder: Path) -> None:
    """Become JupyterLab."""
    import subprocess
    from importlib.util import find_spec

    if find_spec("jupyterlab") is None:
        raise click.ClickException(
            f"the lessons are in {folder}, but JupyterLab isn't installed: "
            "pip install jupyterlab ipywidgets"
        )
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder.resolve()}"]
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(sys.executable, command)  # so that Ctrl-C and signals reach JupyterLab itself
    sys.exit(subprocess.call(command))


@main.group()
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
@_root
@_as_json
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
    _answer(as_json, {"root": str(root), "datasets": facts}, "\n".join(lines) or empty)


@data.command()
@click.argument("names", nargs=-1, required=True)
@_root
@_as_json
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
    _answer(as_json, facts, "\n".join(facts["datasets"]))


@data.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", help="What to call the dataset. Default: the folder's name.")
@click.option("--size", default=32, help="Height and width, pixels.")
@click.option("--grey", is_flag=True, help="One channel instead of three.")
@click.option("--test-fraction", default=0.2, help="Share to hold out.")
@_root
@_as_json
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
    _answer(as_json, facts, f"{facts['dataset']}\nload it with --data {store.stem}")


@data.command("pack")
@click.argument("names", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@_root
@_as_json
def pack_data(names: tuple[str, ...], out: Path, root: Path | None, as_json: bool) -> None:
    """Write datasets into one archive, for computers without a network."""
    from nnlab_course.data.pack import pack

    pack(names, out, root)
    facts = {"path": str(out), "datasets": list(names), "megabytes": out.stat().st_size / 1e6}
    _answer(as_json, facts, f"{', '.join(names)} in {out} ({facts['megabytes']:.0f} MB)")


@data.command("unpack")
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_root
@_as_json
def unpack_data(archive: Path, root: Path | None, as_json: bool) -> None:
    """Verify an archive that `nnlab data pack` wrote, and put its datasets into the data folder."""
    from nnlab_course.data import data_root
    from nnlab_course.data.pack import unpack

    names = unpack(archive, root)
    facts = {"root": str(data_root(root)), "datasets": names}
    _answer(as_json, facts, f"{', '.join(names)} in {facts['root']}")


@data.command()
@click.argument("names", nargs=-1)
@_root
@_as_json
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
    _answer(as_json, facts, "\n".join(lines) or f"no datasets in {root}")
    if any(fact.startswith("damaged") for fact in facts.values()):
        sys.exit(1)


def _build_model(name: str, dataset: Any, activation: str, pool: str, seed: int) -> Any:
    """Make a network for the images of a dataset, the same each time for the same seed."""
    import torch
    from torch import nn

    from nnlab_course.cifar10 import ConvNet
    from nnlab_course.lenet import LeNet

    channels, size = dataset.train.images.shape[1:3]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "convnet":
            return ConvNet(size, channels, len(dataset.classes))
        return LeNet(
            size,
            channels,
            len(dataset.classes),
            activation={"tanh": nn.Tanh, "relu": nn.ReLU}[activation],
            pool={"avg": nn.AvgPool2d, "max": nn.MaxPool2d}[pool],
        )


@contextmanager
def _process_group() -> Iterator[int]:  # This process's number, from 0
    """Join the processes that `torchrun` has started, if it has."""
    import torch
    from torch import distributed

    if not distributed.is_torchelastic_launched():
        yield 0
        return
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield distributed.get_rank()
    finally:
        distributed.destroy_process_group()


def _save_weights(model: Any, path: Path, about: dict[str, Any]) -> None:
    """Write the weights of a network to a safetensors file, whole or not at all."""
    from safetensors.torch import save

    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(save(weights, {"nnlab": json.dumps(about)}))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


_FILE = click.Path(path_type=Path, dir_okay=False)
_MODELS = click.Choice(["lenet", "convnet"])
_ACTIVATIONS = click.Choice(["tanh", "relu"])
_POOLS = click.Choice(["avg", "max"])
_SCHEDULES = click.Choice(["constant", "one_cycle"])
_OPTIMIZERS = click.Choice(["adam", "sgd"])


@main.command()
@click.option("--data", "data_name", default="mnist", help="Dataset.")
@click.option("--model", "model_name", default="lenet", type=_MODELS, help="Network.")
@click.option("--activation", default="tanh", type=_ACTIVATIONS, help="Of lenet.")
@click.option("--pool", default="avg", type=_POOLS, help="Of lenet.")
@click.option("--epochs", default=3.0, help="Passes over the images; 0.5 stops half way.")
@click.option("--batch-size", default=64, help="Images in a batch.")
@click.option("--lr", default=5e-4, help="Learning rate; the highest one of one_cycle.")
@click.option("--schedule", default="constant", type=_SCHEDULES, help="Of the learning rate.")
@click.option("--optimizer", default="adam", type=_OPTIMIZERS, help="sgd has momentum 0.9.")
@click.option("--normalize", is_flag=True, help="Bring each channel to mean 0 and deviation 1.")
@click.option("--augment", is_flag=True, help="Mirror and shift: for photographs, not for digits.")
@click.option("--valid", "num_valid", default=0, help="Images to hold out and judge on.")
@click.option("--patience", type=int, help="Epochs to wait for a lower validation loss.")
@click.option("--seed", default=0, help="Of all randomness.")
@click.option("--device", help="cpu, cuda or mps. Default: a GPU if there is one.")
@click.option("--checkpoint", type=_FILE, help="Write the run here, and go on from here.")
@click.option("--out", type=_FILE, help="Write the weights here (safetensors).")
@click.option(
    "--history", "history_path", type=_FILE, help="Write each step's numbers here (JSON)."
)
@click.option("--progress/--no-progress", default=None, help="A bar. Default: in a terminal.")
@_root
@_as_json
def train(
    data_name: str,
    model_name: str,
    activation: str,
    pool: str,
    epochs: float,
    batch_size: int,
    lr: float,
    schedule: str,
    optimizer: str,
    normalize: bool,
    augment: bool,
    num_valid: int,
    patience: int | None,
    seed: int,
    device: str | None,
    checkpoint: Path | None,
    out: Path | None,
    history_path: Path | None,
    progress: bool | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Train a network, and judge it on the test images.

    \b
    LeNet on MNIST by the recipe of lesson 4:
        nnlab train
    The same with relu and max pooling, at a pace that one epoch is enough for 97 %:
        nnlab train --activation relu --pool max --epochs 1 \\
            --batch-size 128 --lr 4e-3 --schedule one_cycle
    A night on CIFAR-10 that survives anything; call it again and it goes on:
        nnlab train --data cifar10 --model convnet --normalize --augment --epochs 50 \\
            --batch-size 128 --lr 1e-2 --schedule one_cycle --checkpoint night.pt
    Four processes that work as one:
        torchrun --nproc-per-node 4 --no-python nnlab train --data cifar10
    """
    import torch

    from nnlab_course.cifar10 import augment as mirror_and_shift
    from nnlab_course.data import load
    from nnlab_course.training import ADAM, evaluate, fit, unit_range
    from nnlab_course.training.history import print_epoch

    for path in (checkpoint, out, history_path):
        if path is not None and not path.absolute().parent.is_dir():
            raise click.UsageError(f"{path} can't be written: there is no such folder")

    with _process_group() as rank:
        quiet = as_json or rank > 0
        dataset = load(data_name, root)
        part, valid = dataset.train, None
        if num_valid:
            generator = torch.Generator().manual_seed(seed)
            part, valid = dataset.train.split(num_valid, generator=generator)
        model = _build_model(model_name, dataset, activation, pool, seed)
        num_parameters = sum(weights.numel() for weights in model.parameters())
        if not quiet:
            click.echo(f"{dataset}\n{model_name}: {num_parameters:,} parameters")
        transform = dataset.normalize if normalize else unit_range
        start = time.perf_counter()
        history = fit(
            model,
            part,
            valid=valid,
            num_epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            schedule=schedule,
            optimizer=ADAM if optimizer == "adam" else _sgd,
            transform=transform,
            augment=mirror_and_shift if augment else None,
            patience=patience,
            device=device,
            generator=torch.Generator().manual_seed(seed),
            checkpoint=checkpoint,
            on_epoch=(lambda history: None) if quiet else print_epoch,
            progress=progress,
        )
        facts = {
            "data": dataset.name,
            "model": model_name,
            "num_parameters": num_parameters,
            "seed": seed,
            "interrupted": history.interrupted,
            "seconds": time.perf_counter() - start,
            "epochs": history.to_dict()["epochs"],
        }
        if rank > 0:
            return
        if history_path:
            history.to_json(history_path)
        if history.interrupted:
            again = ", the same call goes on" if checkpoint else ""
            _answer(as_json, facts, f"interrupted{again}")
            sys.exit(130)
        test = evaluate(model, dataset.test, transform=transform)
        facts["test"] = {"loss": test.loss, "accuracy": test.accuracy}
        if out:
            about = {name: facts[name] for name in ("data", "model", "seed", "test")}
            _save_weights(model, out, about | {"activation": activation, "pool": pool})
        _answer(as_json, facts, f"test {test}")


def _sgd(parameters: Any, lr: float) -> Any:
    """Make the optimiser of most recipes before Adam."""
    from torch.optim import SGD

    return SGD(parameters, lr=lr, momentum=0.9)


class _Shard(click.ParamType):
    """A part of a class: 3/10 is the third of ten."""

    name = "i/n"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        try:
            part, total = (int(number) for number in value.split("/"))
        except ValueError:
            part = total = 0
        if not 1 <= part <= total:
            self.fail(f"{value!r} is no part such as 3/10, the third of ten", param, ctx)
        return part, total


def _outcome(document: dict, out: Path) -> tuple[dict, str]:
    """Sum up a grading, as facts and as text."""
    problems = [record for record in document["records"] if record["problem"]]
    graded = len(document["records"]) - len(problems)
    facts = {"marks": str(out), "summary": str(out.with_suffix(".html")), "graded": graded}
    facts |= {"feedback": str(out.with_suffix("")), "seed": document["seed"]}
    facts["problems"] = [{name: r[name] for name in ("file", "problem")} for r in problems]
    lines = [f"{graded} graded, {len(problems)} not: {out}, and {facts['summary']} to look at"]
    lines += [f"not graded: {r['file']}: {r['problem']}" for r in problems]
    return facts, "\n".join(lines)


_CSV = click.Path(path_type=Path, dir_okay=False)


@main.command()
@click.argument("submissions", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=_CSV, default="marks.csv", help="The table of marks.")
@click.option("--lesson", help="Grade as this lesson. Default: the one whose answers are there.")
@click.option("--workers", type=click.IntRange(1), help="Default: one for each core.")
@click.option(
    "--seconds", type=click.FloatRange(0.1), help="Of computing, for a cell. Default: the lesson's."
)
@click.option("--shard", type=_Shard(), default="1/1", help="Grade a part: 3/10, the third of ten.")
@click.option("--seed", type=int, help="Of the inputs of functions. Default: drawn.")
@click.option(
    "--unsafe-no-sandbox", "unsafe", is_flag=True, help="Let students' code read your files."
)
@_root
@_as_json
def grade(
    submissions: Path,
    out: Path,
    lesson: str | None,
    workers: int | None,
    seconds: float | None,
    shard: tuple[int, int],
    seed: int | None,
    unsafe: bool,
    root: Path | None,
    as_json: bool,
) -> None:
    """Mark the notebooks in SUBMISSIONS: a folder for each student, or a notebook.

    \b
    A class, with feedback for each student in the folder marks/, and a summary marks.html:
        nnlab grade submissions --out marks.csv
    After a crash, or when somebody has handed in late, the same call grades what is new.
    A large class as an array job of two, and the parts together afterwards:
        nnlab grade submissions --shard $SLURM_ARRAY_TASK_ID/2 \\
            --out part-$SLURM_ARRAY_TASK_ID.csv
        nnlab merge-marks part-1.json part-2.json --out marks.csv

    Students' code runs under bubblewrap: no network, no environment, no files but Python's own.
    Without bubblewrap nothing is graded, unless you ask for it with --unsafe-no-sandbox.

    Ends with 1 if something was handed in that could not be graded; the table says what.
    """
    from nnlab_course.data import data_root
    from nnlab_course.grading import Settings, grade_folder, lesson_names
    from nnlab_course.sandbox.host import Limits

    if lesson not in (None, *lesson_names()):
        raise click.UsageError(f"no lesson {lesson!r}; there are {', '.join(lesson_names())}")
    if out.suffix != ".csv":
        raise click.UsageError(f"{out} doesn't end in .csv; the other files are named after it")
    data = data_root(root)
    settings = Settings(
        seed=seed,
        limits=Limits.for_cells_of(seconds) if seconds else None,
        lesson=lesson,
        data=data if data.is_dir() else None,
        unsafe=unsafe,
    )
    try:
        document = grade_folder(submissions, out, settings, num_workers=workers, shard=shard)
    except KeyboardInterrupt:
        click.echo("interrupted, the same call goes on", err=True)
        sys.exit(130)
    facts, text = _outcome(document, out)
    _answer(as_json, facts, text)
    if facts["problems"]:
        sys.exit(1)


@main.command("merge-marks")
@click.argument(
    "parts",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option("--out", type=_CSV, default="marks.csv", help="The table of marks.")
@_as_json
def merge_marks(parts: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Put the PARTS of a class together, the .json files of `nnlab grade --shard`.

    Every part must be there, once.
    """
    from nnlab_course.grading import merge, write_reports

    document = merge([json.loads(path.read_text(encoding="utf-8")) for path in parts])
    write_reports(document, out)
    _answer(as_json, *_outcome(document, out))
