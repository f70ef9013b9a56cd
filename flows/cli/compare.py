"""`layerwise compare`: the results of a tracked run, or of two beside each other."""

import json

import click

from flows.cli.group import main
from flows.interpreter import collector_paused
from pipeline.errors import InputError


@main.command()
@click.argument("run", required=False)
@click.argument("other", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--per-seed", is_flag=True, help="Print the score of every seed.")
@click.option("--plan", metavar="GAIN", type=click.FloatRange(min=0, min_open=True),
              help="Print how many seeds would show a gain of this size, in the table's units "
              "(percentage points, or R squared).")  # fmt: skip
def compare(
    run: str | None, other: str | None, as_json: bool, per_seed: bool, plan: float | None
) -> None:
    """Print the comparison of a tracked run, or of two runs with each other.

    RUN and OTHER are experiments, of which the latest run is meant, or ids of runs. Without them:
    the latest run of all.
    """
    if sum((as_json, per_seed, plan is not None)) > 1:
        raise InputError("--json, --per-seed and --plan each print something else. Give one.")
    if other:
        if per_seed or plan is not None:
            raise InputError("--per-seed and --plan are for one run. Given: two. Leave one out.")
        _compare_two(run, other, as_json)
        return
    with collector_paused():
        from pipeline.stages.summary import read_summary
        from pipeline.tracking.find import find

        summary = read_summary(*find(run))
    if as_json:
        click.echo(json.dumps(summary, indent=1))
        return
    from flows.cli.tables import print_plan, print_results, print_seeds

    if plan is not None:
        print_plan(summary, plan)
    elif per_seed:
        print_seeds(summary)
    else:
        print_results(summary)


def _compare_two(run: str | None, other: str, as_json: bool) -> None:
    from flows.cli.tables import print_differences
    from pipeline.evaluation.differences import differences

    with collector_paused():
        from pipeline.stages.summary import read_config, read_summary
        from pipeline.tracking.find import find

        a, b = find(run), find(other)
        first, second = read_summary(*a), read_summary(*b)
    found = differences(first, second, read_config(*a), read_config(*b))
    if as_json:
        rows = [row._asdict() | {"gain": row.gain._asdict()} for row in found.rows]
        click.echo(json.dumps(found._asdict() | {"rows": rows}, indent=1))
        return
    print_differences(first, second, found)
