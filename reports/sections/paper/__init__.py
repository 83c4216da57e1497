"""The sections beside a paper's tables."""
