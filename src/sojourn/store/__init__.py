"""What is kept of runs: one SQLite file in the user's data folder, one row a trial, for many runs at once."""
