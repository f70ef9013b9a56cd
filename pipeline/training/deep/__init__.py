"""The stack as a deep autoencoder, and what tells anomalies with it."""
