"""The card of an exported model, in Markdown (after Mitchell et al. 2019)."""

from typing import Any, NamedTuple

from pipeline.evaluation.metrics import PERCENT, WORDS
from pipeline.evaluation.summary import Summary
from pipeline.evaluation.units import score_text
from pipeline.report.gate import gate_decision
from pipeline.report.markdown import table_markdown
from pipeline.report.tables import gain_table, headline, notes
from pipeline.report.verdict import verdict_sentence

CALL = """\
In Python, on rows as the file of training has them (a DataFrame of pandas' or an array):

```python
import mlflow

model = mlflow.pyfunc.load_model("{uri}")
predictions = model.predict(rows)
codes = model.predict(rows, params={{"endpoint": "encode"}})
```

Over HTTP:

```sh
mlflow models serve -m {uri} --env-manager local --port 5001
curl --header 'Content-Type: application/json' \\
  --data '{{"dataframe_split": {{"columns": [...], "data": [[...]]}}}}' \\
  http://127.0.0.1:5001/invocations
```

Endpoints: {endpoints}."""
SINCE = (
    "That was decided when the model was made: the alias `champion` and `layerwise status` say "
    "which version is in service now."
)


class Exported(NamedTuple):
    """Which network was exported."""

    name: str
    version: str
    arm: str
    labels: int
    seed: int
    score: float
    """On the test rows."""


def model_sentence(summary: Summary, exported: Exported) -> str:
    """What the model is, in a line."""
    return (
        f"The network of the arm {exported.arm}, {_trained(exported.labels)} "
        f"{summary['data']['name']}: "
        f"{score(summary, exported)} on "
        f"{summary['data']['test_rows']:,} test rows."
    )


def _trained(labels: int) -> str:
    return f"fine-tuned on {labels:,} labels of" if labels else "trained without labels on"


def model_card(summary: Summary, exported: Exported) -> str:
    """What the model was trained on, how it compares, what the gate decided, how it is called."""
    uri = f"models:/{exported.name}/{exported.version}"
    endpoints = ", ".join(f"`{name}`" for name in summary["export"]["endpoints"])
    sections: dict[str, Any] = {
        "What it was trained on": [
            headline(summary),
            f"Of its arm's trials with most labels it is the best on the validation rows: "
            f"seed {exported.seed}. Run {summary['run_id']} of experiment "
            f"{summary['experiment']}.",
        ],
        "How it compares": [verdict_sentence(summary), table_markdown(gain_table(summary))],
        "At the gate": [f"{gate_decision(summary['gate'])} {SINCE}"],
        "How to call it": [CALL.format(uri=uri, endpoints=endpoints)],
        "Limits": [
            "Its score is of rows that are drawn like those of training: of others nothing is "
            "known. It knows no other classes, columns or categories than those.",
            *notes(summary),
        ],
    }
    parts = [f"# {exported.name}, version {exported.version}", model_sentence(summary, exported)]
    for heading, paragraphs in sections.items():
        parts += [f"## {heading}", *paragraphs]
    return "\n\n".join(parts) + "\n"


def score(summary: Summary, exported: Exported) -> str:
    """The score of the exported network, in words."""
    metric = summary["metric"]
    unit = " %" if metric in PERCENT else ""
    return f"{WORDS[metric].removesuffix(' in %')} {score_text(exported.score, metric)}{unit}"
