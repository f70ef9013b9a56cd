"""Stage keys: what identifies the outcome of a stage, so that it need not be computed twice."""

import json
from typing import Any

from pydantic import BaseModel

from pipeline.files import text_digest

# Raise the number of a stage when its code changes what it computes from the same inputs.
CONTRACTS = {
    "data": 1,
    "pretrain": 1,
    "finetune": 2,
    "reference": 1,
    "compare": 2,
    "export": 2,
    "report": 1,
}


def stage_key(stage: str, *parts: Any) -> str:
    """A digest of the stage's code contract, its part of the config and what it stands on."""
    plain = [
        part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts
    ]
    text = json.dumps([stage, CONTRACTS[stage], plain], sort_keys=True, default=str)
    return text_digest(text)
