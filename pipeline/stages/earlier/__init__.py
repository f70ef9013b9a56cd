"""What a run takes from the experiment's last one: what is new, how far it lies, where to start."""
