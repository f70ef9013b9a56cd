# The image for the runs of a Docker work pool, see docs/machines.md. Made by: docker build -t layerwise .
FROM python:3.11-slim

WORKDIR /opt/layerwise
COPY requirements.txt pyproject.toml README.md LICENSE ./
COPY layers layers
COPY pipeline pipeline
COPY flows flows
COPY layerwise.py ./
# What a run needs, in the versions that the tests ran with.
RUN pip install --no-cache-dir --constraint requirements.txt .

# All that runs write is on this volume: store, scratch, exports, and what programs keep at home.
RUN useradd --home-dir /data --create-home --uid 1000 layerwise
USER layerwise
WORKDIR /data
VOLUME /data
ENV HOME=/data \
    MLFLOW_TRACKING_URI=sqlite:////data/mlruns/mlflow.db \
    PREFECT_HOME=/data/.prefect \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=true \
    MLFLOW_DISABLE_TELEMETRY=true

# `docker run layerwise`; the worker of a Docker pool gives a command of its own in its place.
CMD ["layerwise", "--help"]
