"""Typical wrong answers to the exercises, one module for each notebook, as in kmslab.learn.

`WRONG` maps an exercise to at least three tuples: what is wrong in a few words, then the answers
that its check is called with. tests/test_exercises.py sees that each one is rejected.
"""
