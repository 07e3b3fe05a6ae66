"""Section 6.5: plots come back as files, of every library, without a change of the program."""

import io
import re

import pytest
from PIL import Image

PLOT = "import matplotlib.pyplot as plt\n"


def check_picture(api, entry, size=None):
    """A PNG that is not blank, whose size is what the answer says; returns it."""
    picture = Image.open(io.BytesIO(api.fetch(entry)))
    picture.load()
    assert picture.format == "PNG"
    assert (entry["width"], entry["height"]) == picture.size
    assert 100 <= picture.width <= 4000 and 100 <= picture.height <= 4000, picture.size
    if size is not None:
        assert picture.size == size
    assert len(picture.convert("RGB").getcolors(1 << 24)) >= 3, "the picture is blank"
    if "dpi" in picture.info:
        assert entry["dpi"] == round(picture.info["dpi"][0])
    return picture


def only(run):
    assert (run.stderr, len(run.files)) == ("", 1), vars(run)
    return run.ok().files[0]


SHOWN = {
    "line": PLOT + "plt.plot([1, 3, 2])\nplt.show()",
    "bar": PLOT + "plt.bar(['a', 'b'], [1, 2])\nplt.title('t')\nplt.show()",
    "scatter": PLOT + "plt.scatter([1, 2], [3, 4])\nplt.show()",
    "image": PLOT + "import numpy as np\nplt.imshow(np.arange(16).reshape(4, 4))\nplt.show()",
    "pie": PLOT + "plt.pie([1, 2, 3])\nplt.show()",
    "figure object": PLOT + "f, ax = plt.subplots()\nax.plot([1, 2])\nf.show()",
    "grid": PLOT + "f, axes = plt.subplots(2, 2)\naxes[1][1].hist([1, 2, 2])\nplt.show()",
    "left open": PLOT + "plt.plot([1, 3, 2])",
    "left open in a function": PLOT + "def f():\n    plt.plot([1, 2])\n\nf()\n",
    "block": PLOT + "plt.plot([1, 2])\nplt.show(block=True)",
    "interactive": PLOT + "plt.ion()\nplt.plot([1, 2])\nplt.show()",
    "other backend asked for": "import matplotlib\nmatplotlib.use('TkAgg')\n"
    + PLOT
    + "plt.plot([1, 2])\nplt.show()",
    "pylab": "from pylab import *\nplot([1, 2])\nshow()",
    "seaborn": PLOT + "import seaborn as sns\nsns.barplot(x=['a', 'b'], y=[1, 2])\nplt.show()",
    "seaborn left open": "import seaborn as sns\nsns.lineplot(x=[1, 2], y=[3, 4])",
    "seaborn grid": "import seaborn as sns, pandas as pd\n"
    "sns.pairplot(pd.DataFrame({'a': [1, 2, 3], 'b': [3, 1, 2]}))",
    "pandas": "import pandas as pd\npd.DataFrame({'a': [1, 3, 2]}).plot()",
    "pandas shown": PLOT + "import pandas as pd\npd.Series([1, 3, 2]).plot.bar()\nplt.show()",
    "cjk text": PLOT + "plt.title('漢字かな한')\nplt.plot([1, 2])\nplt.show()",
}


@pytest.mark.parametrize("name", SHOWN)
def test_shown(chat, name):
    run = chat.python(SHOWN[name])
    entry = only(run)
    assert entry["name"] == "plot_1.png"
    check_picture(chat, entry)
    assert run.stdout.strip() == "Generated 1 plot"


def test_output_of_the_program_is_not_touched(chat):
    run = chat.python(PLOT + "print('drawn')\nplt.plot([1, 2])\nplt.show()\nprint('end')")
    assert run.stdout == "drawn\nend\n" and run.names == ["plot_1.png"]


@pytest.mark.parametrize("dpi", [50, 100, 200])
def test_size_and_dpi_are_known(chat, dpi):
    run = chat.python(PLOT + f"plt.figure(figsize=(8, 6), dpi={dpi})\nplt.plot([1, 2])\nplt.show()")
    entry = only(run)
    picture = check_picture(chat, entry)
    assert entry["dpi"] in (dpi, 100)
    assert abs(picture.width - 8 * entry["dpi"]) <= 2 * entry["dpi"]


def test_pixels(chat):
    """A red area is red where it should be."""
    code = (
        PLOT + "f = plt.figure(figsize=(4, 4))\nax = f.add_axes([0, 0, 1, 1])\n"
        "ax.fill_between([0, 1], 0, 1, color='red')\nax.set_xlim(0, 1)\nax.set_ylim(0, 1)\nplt.show()"
    )
    picture = check_picture(chat, only(chat.python(code))).convert("RGB")
    assert picture.getpixel((picture.width // 2, picture.height // 2)) == (255, 0, 0)


@pytest.mark.parametrize(
    "code, count",
    [
        ("for i in range(2):\n    plt.figure()\n    plt.plot([i, 1])\nplt.show()", 2),
        ("for i in range(2):\n    plt.plot([i, 1])\n    plt.show()", 2),
        ("for i in range(3):\n    plt.figure()\n    plt.plot([i, 1])", 3),
        ("plt.plot([1, 2])\nplt.show()\nplt.figure()\nplt.plot([2, 1])", 2),
        ("plt.plot([1, 2])\nplt.show()\nplt.show()", 1),
        ("plt.figure()\nplt.show()", 0),
        ("plt.plot([1, 2])\nplt.close()", 0),
        ("plt.plot([1, 2])\nplt.clf()", 0),
        ("", 0),
    ],
)
def test_number_of_plots(chat, code, count):
    run = chat.python(PLOT + code).ok()
    assert run.names == [f"plot_{i + 1}.png" for i in range(count)], run.stdout
    assert run.stderr == ""
    pictures = {chat.fetch(entry) for entry in run.files}
    assert len(pictures) == count
    words = {0: "", 1: "Generated 1 plot", 2: "Generated 2 plots", 3: "Generated 3 plots"}
    assert run.stdout.strip() == words[count]


SAVED = {
    "saved": "plt.plot([1, 2])\nplt.savefig('mine.png')",
    "saved and shown": "plt.plot([1, 2])\nplt.savefig('mine.png')\nplt.show()",
    "shown and saved": "plt.plot([1, 2])\nf = plt.gcf()\nplt.show()\nf.savefig('mine.png')",
    "by the figure": "f, ax = plt.subplots()\nax.plot([1, 2])\nf.savefig('mine.png')",
    "and closed": "plt.plot([1, 2])\nplt.savefig('mine.png')\nplt.close()",
    "absolute": "plt.plot([1, 2])\nplt.savefig('/mnt/data/mine.png')\nplt.show()",
    "twice": "plt.plot([1, 2])\nplt.savefig('mine.png')\nplt.savefig('mine.png')",
    "pathlib": "from pathlib import Path\nplt.plot([1, 2])\nplt.savefig(Path('mine.png'))",
    "file object": "plt.plot([1, 2])\nwith open('mine.png', 'wb') as f:\n    plt.savefig(f)",
}


@pytest.mark.parametrize("name", SAVED)
def test_saved_figure_comes_once_under_its_own_name(chat, name):
    if name == "shown and saved":
        run = chat.python(PLOT + SAVED[name]).ok()
        assert "mine.png" in run.names and len(run.names) <= 2
        return
    run = chat.python(PLOT + SAVED[name])
    entry = only(run)
    assert entry["name"] == "mine.png"
    check_picture(chat, entry)


def test_saved_in_several_forms(chat):
    run = chat.python(PLOT + "plt.plot([1, 2])\nplt.savefig('a.svg')\nplt.savefig('a.pdf')").ok()
    assert run.names == ["a.pdf", "a.svg"]


def test_figure_that_changed_after_it_was_saved(chat):
    code = "plt.plot([1, 2])\nplt.savefig('a.png')\nplt.figure()\nplt.plot([2, 1])\nplt.show()"
    assert chat.python(PLOT + code).ok().names == ["a.png", "plot_1.png"]


def test_existing_names_are_not_overwritten(chat):
    first = chat.python(SHOWN["line"]).ok()
    second = chat.python(SHOWN["bar"], session_id=first.session_id).ok()
    assert second.new_names == ["plot_2.png"]
    assert chat.produced(first, "plot_1.png") != chat.produced(second, "plot_2.png")


# The program's text is not touched.


def test_future_import(chat):
    code = "from __future__ import annotations\n" + PLOT + "plt.plot([1, 2])\nplt.show()\n1 / 0\n"
    run = chat.python(code).failed()
    assert re.search(r"line 5\b", run.stderr) and "ZeroDivisionError" in run.stderr
    assert run.names == ["plot_1.png"]


def test_traceback_of_a_wrong_call(chat):
    run = chat.python(PLOT + "\n\nplt.plot([1, 2], nonsense=1)\nplt.show()").failed()
    assert re.search(r"main\.py\", line 4\b|line 4, in <module>", run.stderr), run.stderr
    assert "/cloister/" not in run.stderr


def test_strings_of_many_lines(chat):
    code = PLOT + 'text = """a\n  b\n"""\nplt.plot([1, 2])\nplt.show()\nprint(repr(text))'
    assert chat.python(code).ok().stdout == "'a\\n  b\\n'\n"


def test_plot_before_a_crash(chat):
    run = chat.python(PLOT + "plt.plot([1, 2])\nraise SystemExit(3)")
    assert run.exit_code == 3 and run.names == ["plot_1.png"]


def test_program_that_hooks_exit_itself(chat):
    code = "import atexit\natexit.register(print, 'own')\n" + PLOT + "plt.plot([1, 2])"
    run = chat.python(code).ok()
    assert run.stdout == "own\n" and run.names == ["plot_1.png"]


def test_bash_that_starts_python(chat):
    code = f"cat > draw.py <<'E'\n{SHOWN['line']}\nE\npython3 draw.py"
    run = chat.bash(code).ok()
    assert run.new_names == ["draw.py", "plot_1.png"] and run.stderr == ""
    check_picture(chat, run.file("plot_1.png"))


def test_helper_process(chat):
    code = (
        "import subprocess, sys\n"
        "code = 'import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()'\n"
        "subprocess.run([sys.executable, '-c', code], check=True)"
    )
    run = chat.python(code).ok()
    assert run.names == ["plot_1.png"]


# Other libraries.

PIL_SHOW = "from PIL import Image\nImage.linear_gradient('L').resize((300, 200)).show()"


def test_pil(chat):
    run = chat.python(PIL_SHOW)
    entry = only(run)
    assert entry["name"] == "plot_1.png"
    check_picture(chat, entry, (300, 200))


def test_pil_saved(chat):
    code = "from PIL import Image\nImage.linear_gradient('L').save('mine.png')"
    assert only(chat.python(code))["name"] == "mine.png"


def check_page(api, entry, words):
    assert entry["name"].endswith(".html")
    page = api.fetch(entry).decode()
    assert "<html" in page.lower() and all(word in page for word in words)
    # It works without a network: no script is fetched from anywhere.
    assert not re.search(r"<script[^>]+src=", page)
    assert len(page) > 100_000
    return page


def test_plotly(chat):
    code = "import plotly.graph_objects as go\ngo.Figure(go.Bar(x=['q1'], y=[3])).show()"
    entry = only(chat.python(code))
    assert entry["name"] == "plot_1.html"
    check_page(chat, entry, ["q1", "Plotly.newPlot"])


def test_plotly_express(chat):
    code = "import plotly.express as px\nfig = px.line(x=[1, 2], y=[3, 4], title='tt')\nfig.show()"
    check_page(chat, only(chat.python(code)), ["tt"])


def test_plotly_saved(chat):
    code = "import plotly.express as px\nf = px.line(x=[1], y=[2])\nf.write_html('mine.html')\nf.show()"
    assert only(chat.python(code))["name"] == "mine.html"


def test_bokeh(full):
    code = (
        "from bokeh.plotting import figure, show\np = figure(title='tt')\n"
        "p.line([1, 2], [3, 4])\nshow(p)"
    )
    check_page(full, only(full.python(code)), ["tt"])


R_PLOTS = {
    "plot": "plot(1:10)",
    "hist": "hist(c(1, 2, 2, 3))",
    "boxplot": "boxplot(c(1, 5, 9))",
    "barplot": "barplot(c(a = 1, b = 2))",
    "plot and lines": "plot(1:3)\nlines(3:1, col = 'red')\nlegend('top', 'l')",
    "ggplot printed": "library(ggplot2)\nprint(ggplot(mtcars, aes(wt, mpg)) + geom_point())",
    "ggplot at top level": "library(ggplot2)\nggplot(mtcars, aes(wt, mpg)) + geom_point()",
    "lattice": "library(lattice)\nprint(xyplot(mpg ~ wt, mtcars))",
    "grid": "library(grid)\ngrid.newpage()\ngrid.circle(gp = gpar(fill = 'red'))\ngrid.text('t')",
}


@pytest.mark.parametrize("name", R_PLOTS)
def test_r(full, name):
    run = full.exec("r", R_PLOTS[name]).ok()
    (entry,) = run.files
    assert entry["name"] == "plot_1.png" and "Rplots" not in run.stdout
    check_picture(full, entry)
    assert "null device" not in run.stdout


def test_r_plots_of_one_program(full):
    run = full.exec("r", "plot(1:3)\nhist(c(1, 2, 2))\ncat('done\\n')").ok()
    assert run.names == ["plot_1.png", "plot_2.png"] and run.stdout == "done\n"
    assert len({full.fetch(entry) for entry in run.files}) == 2


@pytest.mark.parametrize(
    "code",
    [
        "png('mine.png')\nplot(1:3)\ninvisible(dev.off())",
        "library(Cairo)\nCairoPNG('mine.png', 640, 480)\nplot(1:3)\ninvisible(dev.off())",
        "library(ggplot2)\np <- ggplot(mtcars, aes(wt, mpg)) + geom_point()\n"
        "ggsave('mine.png', p, width = 4, height = 3)",
    ],
    ids=["png", "cairo", "ggsave"],
)
def test_r_saved(full, code):
    run = full.exec("r", code).ok()
    assert run.names == ["mine.png"], vars(run)
    check_picture(full, run.files[0])


def test_r_without_plots(full):
    assert full.exec("r", "x <- 1:10\ncat(mean(x), '\\n')").ok().files == []


def test_pictures_of_the_program_have_their_size(chat):
    code = (
        "from PIL import Image\nImage.new('RGB', (321, 123), 'red').save('a.png', dpi=(72, 72))\n"
        "Image.new('RGB', (32, 12), 'red').save('b.jpg')\nImage.new('P', (7, 5)).save('c.gif')"
    )
    run = chat.python(code).ok()
    sizes = {e["name"]: (e.get("width"), e.get("height")) for e in run.files}
    assert sizes == {"a.png": (321, 123), "b.jpg": (32, 12), "c.gif": (7, 5)}
    assert run.file("a.png")["dpi"] == 72
