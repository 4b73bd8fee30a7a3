"""The simulated region: population, traffic, recordings, embedded broker."""
