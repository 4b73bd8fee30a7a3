"""How events travel: topics, codec, slices, checkpoints, settings, the command."""
