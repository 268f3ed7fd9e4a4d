"""What turns `book/*.md` into notebooks and a site. Knows jupytext, nbclient and Sphinx; nothing of grading."""
