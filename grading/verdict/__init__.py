"""Verdicts: `probe` is what a kernel is asked, `reading` reads what it published, `judge` lets the exercise that
`registry` finds judge it, `preprocessors` are the steps among nbgrader's, `hidden` keeps hidden tests hidden.
"""
