"""Views that do the real thing at a press or a keystroke, and say in words what came of it.

Every view is driven by traits, so that a cell can press and read it as a learner's hand does,
and every view has a twin in text. None of them decides anything: the lab does.
"""
