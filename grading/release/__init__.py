"""From chapters to what students get: `sheets` (with `plain` and `labels`) derives them, `release` lets nbgrader
release them, `handout` zips.
"""
