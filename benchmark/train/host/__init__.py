"""Layers on a CPU in compiled loops, for all replicas at once, inside of a map over them."""
