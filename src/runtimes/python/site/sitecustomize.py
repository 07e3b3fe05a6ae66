"""Switches the hooks of plots.py on in interpreters that a program or a shell starts.

Found through PYTHONPATH at the start of an interpreter. What can show something is imported rarely, so
plots.py is only loaded when the first of those libraries is.
"""

import os
import sys

LIBRARIES = {"matplotlib", "plotly", "bokeh", "PIL"}
PLOTS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "plots.py")


class Watch:
    """Sees the first import of one of the libraries, and leaves it to the hooks."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name not in LIBRARIES:
            return None
        sys.meta_path.remove(cls)
        import importlib.util

        spec = importlib.util.spec_from_file_location("_cloister_plots", PLOTS)
        plots = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = plots
        spec.loader.exec_module(plots)
        plots.install()
        return sys.meta_path[0].find_spec(name, path, target)


if "CLOISTER_PLOTS" in os.environ:
    sys.meta_path.insert(0, Watch)
