"""Plots of interpreters that are started in the ordinary way: src/runtimes/python/plots.py.

The suites that drive a server look at the pictures, and at every library that the image has.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SITE = Path(__file__).resolve().parents[2] / "src" / "runtimes" / "python" / "site"
needs_matplotlib = pytest.mark.skipif(not find_spec("matplotlib"), reason="needs matplotlib")
needs_pillow = pytest.mark.skipif(not find_spec("PIL"), reason="needs pillow")


def run(folder, text, plots=True):
    environment = dict(os.environ, PYTHONPATH=str(SITE), MPLBACKEND="Agg")
    environment.pop("CLOISTER_PLOTS", None)
    if plots:
        environment["CLOISTER_PLOTS"] = str(folder)
    ended = subprocess.run(
        [sys.executable, "-c", text], cwd=folder, env=environment, capture_output=True, text=True
    )
    return sorted(path.name for path in folder.iterdir()), ended


def fake_library(folder, name, text):
    """A module with the name of a library; the hooks have to leave it as it is."""
    package = folder / "lib" / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(text)
    return f"import sys; sys.path.insert(0, {str(folder / 'lib')!r})\n"


def test_programs_without_plots_do_not_load_the_hooks(tmp_path):
    text = "import sys, json; print('_cloister_plots' in sys.modules, len(sys.meta_path))"
    loaded, without = run(tmp_path, text, plots=False)[1].stdout.split()
    assert loaded == "False"
    assert run(tmp_path, text)[1].stdout == f"False {int(without) + 1}\n"


def test_an_unknown_version_of_a_library_works_without_plots(tmp_path):
    path = fake_library(tmp_path, "matplotlib", "value = 5\n")
    text = path + "import matplotlib; print(matplotlib.value, matplotlib.__loader__.get_source)"
    ended = run(tmp_path, text)[1]
    assert ended.returncode == 0 and ended.stdout.startswith("5 <bound method")
    assert ended.stderr.startswith("Plots of matplotlib are not saved")


PLOT = "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot([1, 2])\n"
MATPLOTLIB = {
    "shown": (PLOT + "plt.show()", ["plot_1.png"]),
    "shown twice": (
        PLOT + "plt.show()\nplt.bar([1], [2])\nplt.show()",
        ["plot_1.png", "plot_2.png"],
    ),
    "left open": (PLOT, ["plot_1.png"]),
    "left open by an error": (PLOT + "1/0", ["plot_1.png"]),
    "closed": (PLOT + "plt.close()", []),
    "empty": ("import matplotlib.pyplot as plt\nplt.subplots(2, 2)\nplt.show()", []),
    "saved": (PLOT + "plt.savefig('a.pdf')\nplt.show()", ["a.pdf"]),
    "saved after it was shown": (PLOT + "plt.show()\nfigure.savefig('a.png')", ["a.png"]),
    "saved, then changed": (
        PLOT + "plt.savefig('a.png')\naxes.set_title('x')\nfigure.canvas.draw()\nplt.show()",
        ["a.png", "plot_1.png"],
    ),
    "another directory": (PLOT + "import os\nos.chdir('/')\nplt.show()", ["plot_1.png"]),
    "taken names": (PLOT + "open('plot_1.html', 'w')\nplt.show()", ["plot_1.html", "plot_2.png"]),
    "a fork": (PLOT + "import os, sys\nif os.fork() == 0: sys.exit()\nos.wait()", ["plot_1.png"]),
    "a backend with windows": (
        "import matplotlib\nmatplotlib.use('TkAgg')\n" + PLOT + "plt.show()",
        ["plot_1.png"],
    ),
}


@needs_matplotlib
@pytest.mark.parametrize("text, files", MATPLOTLIB.values(), ids=MATPLOTLIB)
def test_matplotlib(tmp_path, text, files):
    found, ended = run(tmp_path, text)
    assert found == files
    assert "Warning" not in ended.stderr


@needs_matplotlib
def test_without_the_variable_nothing_is_saved(tmp_path):
    assert run(tmp_path, PLOT + "plt.show()", plots=False)[0] == []


@needs_pillow
def test_pillow(tmp_path):
    text = (
        "from PIL import Image\nred = Image.new('RGB', (4, 3), 'red')\nred.show()\nred.show()\n"
        "Image.new('CMYK', (4, 3)).show()\nblue = Image.new('RGB', (4, 3), 'blue')\n"
        "blue.save('blue.png')\nblue.show()\n"
    )
    assert run(tmp_path, text)[0] == ["blue.png", "plot_1.png", "plot_2.png"]
