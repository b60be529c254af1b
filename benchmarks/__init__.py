"""Measurements of kmslab against its peers and limits: `make bench`, or `python -m benchmarks`.

Every figure is a ratio of things measured in turn in one run, since machines are noisy and
differ. Nothing here is a test: a slow day fails nobody.
"""
