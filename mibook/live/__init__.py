"""Live figures: widgets that compute and draw where the reader is, in JupyterLab and on the plain page.

Import the figure you need (``from mibook.live.resampling import Resampling``): nothing is re-exported here.
"""
