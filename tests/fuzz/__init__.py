"""Coverage-guided fuzzing of all that reads bytes of others: see run.py."""
