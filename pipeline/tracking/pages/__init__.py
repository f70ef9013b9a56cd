"""What people see on MLflow's own pages beside what it records."""
