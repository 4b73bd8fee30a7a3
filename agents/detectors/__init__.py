"""One file per detector: what it looks for, why, what it misses and what it takes for it wrongly."""
