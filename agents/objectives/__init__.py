"""Regional objectives: as data, evaluated exactly."""
