"""What a model that is exported predicts for its test rows."""

import numpy as np

from pipeline.data.prepared import Prepared
from pipeline.data.rows.streamed import at
from pipeline.evaluation.common_rows import ScoredRows
from pipeline.export.trained import Trained
from pipeline.tasks.metric import Predicted

BATCH_ROWS = 4096


def scored_rows(trained: Trained, data: Prepared, measured: np.ndarray | None = None) -> ScoredRows:
    """Its predictions for the test rows, by the content of each row.

    `measured` (test rows, measures) takes their place where no label was needed.
    """
    test = data.splits.test
    weights = None if data.weights is None else data.weights[test]
    if measured is not None:
        found = Predicted(measured, None, weights)
        return ScoredRows(data.test_contents, data.targets[test], found)
    rows = at(data.rows, test)
    batches = [
        trained.network(rows[start : start + BATCH_ROWS], training=False).numpy()
        for start in range(0, len(test), BATCH_ROWS)
    ]
    predicted = trained.task.predicted(np.concatenate(batches), trained.coding, trained.decision)
    return ScoredRows(data.test_contents, data.targets[test], predicted._replace(weights=weights))
