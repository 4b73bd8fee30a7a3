"""Attacks and the innocent incidents that look like them, each with its ground truth."""
