"""Settings with which an estimator is fitted in a second."""

FINETUNE = {
    "epochs": 1,
    "min_steps": 60,
    "batch_size": 32,
    "learning_rate": 0.03,
    "weight_decay": 0.0001,
    "dropout": 0.0,
    "encoder_rates": [1.0],
    "checkpoints": 1,
    "also_tried": [],
}
STACK = [{"units": 16, "epochs": 3}]
QUICK = {"stack": STACK, "finetune": FINETUNE}
