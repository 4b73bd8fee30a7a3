"""The five flows: a day's care, told as events."""
