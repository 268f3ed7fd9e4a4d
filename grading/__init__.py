"""The course: from the chapters to a grade, and back to the student.

The rooms in the order of the flow; each knows only those below it in this list and `chapters`, which reads the book.
"""
