"""Answers to the code exercises: plausible wrong ones with the behaviour they must lose, and correct variants.

Each module has `WRONG`, title → (behaviour, words of the reason, the text of each solution region), and `RIGHT`,
title → the text of each region.
"""
