"""JupyterLab for the book: its settings, and the command that opens an edition's notebooks."""
