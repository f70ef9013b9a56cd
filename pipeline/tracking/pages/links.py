"""Links between MLflow's pages, which lead on whatever address its server has."""

from urllib.parse import quote

LOCAL = "http://127.0.0.1:5000"
"""Where `mlflow ui` and `layerwise ui` show a local store, unless told otherwise."""


def address(uri: str, link: str) -> str:
    """A link with its server in front."""
    server = uri if uri.startswith(("http://", "https://")) else LOCAL
    return f"{server.rstrip('/')}/{link}"


def run_link(experiment_id: str, run_id: str, artifact: str = "") -> str:
    """To the page of a run, or of an artifact of it."""
    below = f"/artifacts/{quote(artifact)}" if artifact else ""
    return f"#/experiments/{experiment_id}/runs/{run_id}{below}"


def version_link(name: str, version: str) -> str:
    """To the page of a version of a registered model."""
    return f"#/models/{quote(name)}/versions/{version}"


def view_link(experiment_id: str, view: str) -> str:
    """To the chart of a view that `store_comparison_views` stored."""
    return f"#/experiments/{experiment_id}/runs?compareRunsMode=CHART&viewStateShareKey={view}"
