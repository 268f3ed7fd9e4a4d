"""JupyterLab for the book: `make lab` names this directory in JUPYTER_CONFIG_PATH."""

import sys
import warnings
from pathlib import Path

from jupyterlab.handlers.announcements import NeverCheckForUpdate


def drop_kernel_details(model, **kwargs):
    """Keep out of a saved notebook what the kernel wrote there: the version of this machine's Python."""
    if model["type"] == "notebook" and model.get("content"):
        model["content"]["metadata"].pop("language_info", None)


c = get_config()  # noqa: F821
# The server reads its settings once for itself and once for JupyterLab, and then warns of the same hook twice.
warnings.filterwarnings("ignore", "Overriding existing pre_save_hook")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a course's folder may lie anywhere
c.ServerApp.contents_manager_class = "chapters.jupyter.contents.Chapters"
c.ContentsManager.pre_save_hook = drop_kernel_details
# Nothing leaves the machine unasked: no news, no look for a newer release, no catalogue of extensions.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = NeverCheckForUpdate
c.LabApp.extension_manager = "readonly"
