"""One trial of anomaly detection: an arm and a seed, from first weights to test scores."""

from collections.abc import Sequence

from layers import SparseAutoencoder
from layers.detection import Detector, ImageDetector, batched
from pipeline.config.task import AnomalyTask
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.detection_rows import DetectionRows
from pipeline.evaluation.measured import measured
from pipeline.tasks.metric import Metric
from pipeline.tasks.task import Coding, Task
from pipeline.training.deep.joint import error_over_variance, train_jointly
from pipeline.training.deep.outcome import DeepOutcome, distances
from pipeline.training.deep.probe import probe
from pipeline.training.deep.unrolled import Unrolled, unrolled
from pipeline.training.progress import Watch


def detect(
    stack: Sequence[UntrainedLevel],
    autoencoders: Sequence[SparseAutoencoder],
    trains: bool,
    parts: DetectionRows,
    task: Task,
    metric: Metric,
    seed: int,
    watch: Watch,
) -> DeepOutcome:
    """Unroll the levels, train them together if they are to be, and score the test rows.

    On clean rows, whatever the levels were pretrained on: codes of noise tell anomalies worse
    (docs/anomalies.md). Raises `DivergedError`.
    """
    section = task.section
    assert isinstance(section, AnomalyTask)
    deep = unrolled(stack, autoencoders)
    before = deep.kernels()
    if trains:
        error = error_over_variance(parts.normal)
        train_jointly(
            deep.variables,
            lambda rows: error(rows, deep.decoder(deep.encoder(rows, training=True))),
            section.joint,
            parts.normal,
            seed,
            watch,
        )
    detector = detector_of(deep, parts)
    validation, test = (
        (
            part.targets,
            task.predicted(batched(detector, part.rows), Coding())._replace(weights=part.weights),
        )
        for part in (parts.validation, parts.test)
    )
    further = {"rows_taken_as_normal": float(len(parts.normal))}
    return DeepOutcome(
        measured(task, metric, validation, test, further),
        detector,
        distances(before, deep.kernels()),
    )


def detector_of(deep: Unrolled, parts: DetectionRows) -> Detector:
    """What tells anomalies by a deep autoencoder, normal rows, and anomalies that are known.

    Images are told by other distances than the rows of tables and arrays.
    """
    kind = ImageDetector if parts.images else Detector
    detector = kind(
        deep.encoder,
        deep.decoder,
        parts.columns,
        parts.column_count,
        len(parts.references),
        len(parts.held_out),
        len(parts.known),
    )
    detector.build((None, parts.normal.shape[1]))
    if len(parts.known):
        codes = (batched(deep.encoder, rows) for rows in (parts.references, parts.known))
        detector.fit_known(parts.known, probe(*codes))
    detector.fit_to(parts.references, parts.held_out)
    return detector
