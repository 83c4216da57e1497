"""Torture of the whole program: `python -m tests.torture PART [--times N] [--seed S]`, PART one of kills, together,
resources, files, security, cluster; `page` then writes docs/torture.md.

Everything happens below build/torture, on a copy of the sources with a small world; it is bounded in count and time,
and speaks to nobody but 127.0.0.1. The same seed makes the same cases.
"""
