"""How a chapter is read, and what is made of it for every reader alike.

- `source` says where the pages are, reads one as a notebook, and obtains what it defines;
- `editions` makes the reader's and the student's edition of it;
- `pairs` derives `notebooks/` and `student/`, and the macros at the top of each page;
- `execution` runs the chapters, in parallel, once for the same content;
- `jupyter` holds JupyterLab's settings for them.
"""
