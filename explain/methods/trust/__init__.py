"""One file, one check of a heatmap against a random baseline."""
