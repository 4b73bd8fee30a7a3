"""What operators see: the metric catalogue, its collectors and the live page."""
