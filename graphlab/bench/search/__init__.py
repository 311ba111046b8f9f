"""Hyper-parameter search: by validation alone, resumable, by any number of processes.

``space`` says what is searched, ``plan`` what a trial is, ``study`` keeps the trials in a file,
``worker`` executes them, ``pool`` looks after the workers, ``api`` puts it together.
"""
