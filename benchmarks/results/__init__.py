"""The whole experiment by one command: `make results` writes docs/results.md from seeds."""
