"""One file, one method: a probe in, one (b, h, w) array out. Numpy only."""
