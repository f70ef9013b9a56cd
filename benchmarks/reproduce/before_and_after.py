"""The table that stacked autoencoders were published with: before and after fine-tuning."""

from typing import Any

from benchmarks.running import percent


def before_and_after(
    summary: dict[str, Any], title: str, published: tuple[str, str], proportions: str
) -> None:
    """Print a run with one label budget beside published accuracies, in per cent."""
    (row,) = summary["comparison"]
    arms = row["arms"]
    print(f"| {title}, {row['labels']:,} labels | {summary['data']['name']} | published |")
    print("| - | -: | -: |")
    print(
        f"| before fine-tuning (head on the codes) | {percent(arms['frozen'])} | {published[0]} |"
    )
    print(f"| after fine-tuning | {percent(arms['pretrained'])} | {published[1]} |")
    print(f"| random sigmoid network, tuned alike | {percent(arms['random'])} | - |")
    activations = ", ".join(f"{layer['mean_activation']:.3f}" for layer in summary["layers"])
    print(f"\nMean activation of the levels: {activations} (asked for: {proportions}).\n")
