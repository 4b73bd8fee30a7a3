"""How well detection works, measured on the simulated region: `vigie evaluate`."""
