"""What turns `book/*.md` into notebooks and a site. Knows jupytext, nbclient and Sphinx; of grading only
nbgrader's marks for answers and hidden tests."""
