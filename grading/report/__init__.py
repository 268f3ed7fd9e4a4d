"""The report on a class: `answers` reads what a class handed in and earned, `study` counts, `page` writes.

Two files an assignment: one without names, which can be projected, and one with names, for the instructor alone.
"""
