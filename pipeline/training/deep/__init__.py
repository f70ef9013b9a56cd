"""The stack unrolled as one deep autoencoder: what tasks are made of that ask for no label."""
