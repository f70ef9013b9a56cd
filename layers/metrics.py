"""The numbers that describe an autoencoder on a set of rows, accumulated batch by batch."""

import keras
from keras import ops


class ReconstructionError(keras.metrics.Metric):
    """Mean over rows and features of the squared difference, in squared units of the rows."""

    def __init__(self, name: str = "reconstruction_error"):
        super().__init__(name=name)
        self.total = self.add_weight(name="total", initializer="zeros")
        self.rows = self.add_weight(name="rows", initializer="zeros")

    def update_state(self, rows, reconstruction):
        self.total.assign_add(ops.sum(ops.mean(ops.square(rows - reconstruction), axis=-1)))
        self.rows.assign_add(ops.cast(ops.shape(rows)[0], "float32"))

    def result(self):
        return self.total / ops.maximum(self.rows, 1.0)


class ExplainedVariance(keras.metrics.Metric):
    """1 - sum of squared errors / sum of squared distances from the mean row; 1 is perfect."""

    def __init__(self, features: int, name: str = "explained_variance"):
        super().__init__(name=name)
        self.errors = self.add_weight(name="errors", initializer="zeros")
        self.rows = self.add_weight(name="rows", initializer="zeros")
        self.mean = self.add_weight(name="mean", shape=(features,), initializer="zeros")
        self.spread = self.add_weight(name="spread", shape=(features,), initializer="zeros")

    def update_state(self, rows, reconstruction):
        self.errors.assign_add(ops.sum(ops.square(rows - reconstruction)))
        # Means and squared distances are merged batch by batch (Chan, Golub & LeVeque 1979): the
        # difference of two large sums would lose the digits that count.
        count = ops.cast(ops.shape(rows)[0], "float32")
        together = self.rows + count
        mean = ops.mean(rows, axis=0)
        distance = mean - self.mean
        self.spread.assign_add(
            ops.sum(ops.square(rows - mean), axis=0)
            + ops.square(distance) * self.rows * count / together
        )
        self.mean.assign_add(distance * count / together)
        self.rows.assign(together)

    def result(self):
        return 1.0 - self.errors / ops.maximum(ops.sum(self.spread), keras.config.epsilon())


class ActiveFraction(keras.metrics.Metric):
    """L0 / width: the share of a code's units that are active, averaged over rows."""

    def __init__(self, name: str = "active_fraction"):
        super().__init__(name=name)
        self.total = self.add_weight(name="total", initializer="zeros")
        self.rows = self.add_weight(name="rows", initializer="zeros")

    def update_state(self, active):
        self.total.assign_add(ops.sum(ops.mean(active, axis=-1)))
        self.rows.assign_add(ops.cast(ops.shape(active)[0], "float32"))

    def result(self):
        return self.total / ops.maximum(self.rows, 1.0)


class DeadFraction(keras.metrics.Metric):
    """The share of units that are active for none of the rows seen."""

    def __init__(self, units: int, name: str = "dead_fraction"):
        super().__init__(name=name)
        self.ever_active = self.add_weight(name="ever_active", shape=(units,), initializer="zeros")

    def update_state(self, active):
        self.ever_active.assign(ops.maximum(self.ever_active, ops.max(active, axis=0)))

    def result(self):
        return 1.0 - ops.mean(self.ever_active)
