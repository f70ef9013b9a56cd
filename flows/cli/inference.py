"""Commands that use a model: `export`, `predict`, `encode`, `reconstruct`, `score`."""

from pathlib import Path

import click

from flows.cli.group import main
from flows.cli.options import code_options, keep_option
from flows.inference import ENDPOINTS, kept_columns, model_at
from pipeline.credentials import redact
from pipeline.errors import InputError


@main.command()
@click.argument("run")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def export(run: str, directory: Path) -> None:
    """Copy the SavedModel of a tracked run to DIRECTORY/1 (or the next free number).

    RUN is an experiment, of which the latest run is meant, or the id of a run.
    """
    from pipeline.export.folder import model_folder
    from pipeline.files import copy_version
    from pipeline.tracking.find import find
    from pipeline.tracking.registry import download_model

    tracker, found = find(run)
    exports = [c for c in tracker.children(found.run_id) if c.tags["stage"] == "export"]
    if not exports:
        raise InputError(
            f"Run {found.run_id} has no model: its time limit left no time for the export. Run its "
            "config again, which goes on from there, or give the id of an earlier run."
        )
    exported = exports[0]
    if when := tracker.run(exported.made_by).cleaned:
        raise InputError(
            f"The model of run {found.run_id} was removed by `layerwise clean` ({when}). Its "
            f"figures are there: layerwise compare {found.run_id}. Run its config again to have it."
        )
    model = model_folder(download_model(exported.tags["logged_model"]))
    click.echo(copy_version(model, directory))


HELP = {
    "predict": "What the model is for: label and probabilities, number, clean row, ...",
    "encode": "The code of each row.",
    "reconstruct": "Each row as the stack reconstructs it.",
    "score": "The reconstruction error of each row: high for anomalies.",
}


def _add_command(name: str) -> None:
    """A command that applies a model to rows and writes what it gives."""

    def command(
        model: str,
        data: str,
        output: Path,
        keep: tuple[str, ...],
        level: int | None = None,
        dims: int | None = None,
    ) -> None:
        from flows.progress import RowCount
        from flows.terminal import shown, terminal_display
        from pipeline.export.new_files import check_spared
        from pipeline.files import check_output

        check_output(output)
        check_spared(data, output)
        with model_at(model) as folder, shown():
            from pipeline.export.apply import Asked, apply_model

            count = RowCount([terminal_display(name)])
            asked = Asked(ENDPOINTS[name], kept_columns(keep), level, dims)
            applied = apply_model(folder, asked, data, output, count)
        for note in applied.notes:
            click.echo(f"note: {redact(note)}", err=True)
        click.echo(f"{applied.rows:,} rows in {output}, {count.told(applied.rows)}")

    for option in reversed([*OPTIONS, *code_options(name)]):
        command = option(command)
    main.command(name, help=HELP[name])(command)


OPTIONS = (
    click.argument("model"),
    click.argument("data"),
    click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
                 help="A .csv, .parquet, .npz or .npy file."),
    keep_option,
)  # fmt: skip
for _name in HELP:
    _add_command(_name)
