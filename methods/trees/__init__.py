"""Boosted trees by the loss that is boosted: what an analyst of lifetime values tries before any network."""
