"""What turns executed chapters into a site: `build` is the command, `extension` what Sphinx is told, `formulas`
sets the mathematics and `speech` says it, `fonts` and `icons` are the letters and icons in use, `sheet` the one style
sheet, `assets/` and `templates/` what pages load; `lab` opens JupyterLab.
"""
