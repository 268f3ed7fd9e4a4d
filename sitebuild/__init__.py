"""What turns executed chapters into a site: `build` is the command, `extension` what Sphinx is told, `icons` the
theme's icons in use, `assets/` and `templates/` what pages load; `lab` opens JupyterLab.
"""
