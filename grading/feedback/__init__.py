"""Feedback: `said` is what a page says, `formulas` sets its mathematics, `write` writes it, `marking` is the marker's
page.
"""
