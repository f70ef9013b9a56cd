"""What the trained stack is for beside pretraining: anomalies found."""
