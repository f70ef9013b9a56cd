"""Which arm, label budget and seed a trial of fine-tuning is for."""

from pipeline.config.part import Part


class Trial(Part):
    """One trial of an arm or of a reference model."""

    arm: str
    """Of an arm, or of a reference model."""
    labels: int
    """0 where the task needs none."""
    seed: int

    @property
    def name(self) -> str:
        """How the trial is called in Prefect, MLflow and on the terminal."""
        if not self.labels:
            return f"train {self.arm}, seed {self.seed}"
        return f"fine-tune {self.arm}, {self.labels} labels, seed {self.seed}"
