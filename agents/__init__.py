"""What we conclude from events: pure modules, and the thin Faust shells that feed them."""
