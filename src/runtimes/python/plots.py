"""Saves what a program shows, plots and pictures, as files of the workspace: plot_1.png, plot_2.html.

`install()` sets hooks behind the import of each library that can show something; a program's text is
not touched. It is called in a process that will run one program, whatever is imported already.

A figure is saved once for each state in which it is shown, and once at the end of the program where it
was left open. What the program has saved itself into the workspace under a name of its own is not saved
again; what it saves after it was shown replaces the file made here. A fork of the program saves what it
shows, never what it was left with.
"""

import atexit
import functools
import hashlib
import io
import os
import sys
import weakref

DIRECTORIES = ("/mnt/data", "/workspace", "/sandbox")  # One directory, the names of the workspace.
ENDINGS = ("png", "html")
FILES_MAX = 200  # Of one process; a loop that shows without end stops making files here.
NUMBER_MAX = 100_000
DPI = 100

IN_MEMORY, IN_WORKSPACE = 1, 2  # Where a program has saved a figure to.
WITHOUT_WINDOW = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")


class Folder:
    """Makes the files. The directory stays the same when the program changes its own."""

    def __init__(self, directory):
        self.directory = directory
        self.number = 1
        self.count = 0

    def write(self, content, ending):
        """The new file as a pair of path and identity; None where there are too many."""
        while self.count < FILES_MAX and self.number < NUMBER_MAX:
            stem = os.path.join(self.directory, f"plot_{self.number}")
            self.number += 1
            if any(os.path.lexists(f"{stem}.{other}") for other in ENDINGS):
                continue
            try:
                with open(f"{stem}.{ending}", "xb") as file:
                    file.write(content)
            except FileExistsError:
                continue
            self.count += 1
            return f"{stem}.{ending}", identity(f"{stem}.{ending}")
        return None

    def remove(self, made):
        """Takes a file back, unless the program has changed it."""
        if made is not None and identity(made[0]) == made[1]:
            os.unlink(made[0])

    def holds(self, target):
        """Whether something saved to `target`, a path or an open file, stays in the workspace."""
        if not isinstance(target, (str, bytes, os.PathLike)):
            target = getattr(target, "name", None)
        if not isinstance(target, (str, bytes, os.PathLike)):
            return False
        path = os.path.realpath(os.fsdecode(target))
        return path.startswith(tuple(f"{name}/" for name in (self.directory, *DIRECTORIES)))


def identity(path):
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class ByContent:
    """Pictures that have no state of their own to look at: known by a digest of their content."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {}  # By digest: the file made here, or None where the program has saved it.

    def saved(self, digest, target):
        if self.folder.holds(target):
            self.folder.remove(self.files.get(digest))
            self.files[digest] = None

    def show(self, digest, make_content, ending):
        if digest not in self.files:
            self.files[digest] = self.folder.write(make_content(), ending)


class FigureState:
    """What is known of a matplotlib figure since it was last changed."""

    def __init__(self):
        self.forget()

    def forget(self):
        self.saved = 0
        self.file = None


class Matplotlib:
    """Figures. Their `stale` says whether they were changed since it was last set back."""

    def __init__(self, folder):
        self.folder = folder
        self.states = weakref.WeakKeyDictionary()
        self.saving = False
        self.pausing = False
        self.owner = os.getpid()

    def state(self, figure):
        state = self.states.setdefault(figure, FigureState())
        if figure.stale:
            state.forget()
        return state

    def save(self, figure):
        state = self.state(figure)
        if state.saved == IN_WORKSPACE or state.file is not None or not has_content(figure):
            return
        buffer = io.BytesIO()
        self.saving = True
        try:
            figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
        finally:
            self.saving = False
        figure.stale = False
        state.file = self.folder.write(buffer.getvalue(), "png")

    def open_figures(self):
        helpers = sys.modules["matplotlib._pylab_helpers"]
        managers = sorted(helpers.Gcf.get_all_fig_managers(), key=lambda manager: manager.num)
        return [manager.canvas.figure for manager in managers]

    def show_all(self, block):
        if self.pausing:
            return
        for figure in self.open_figures():
            self.save(figure)
        if block is None:
            block = not sys.modules["matplotlib"].is_interactive()
        if block:
            # As where a window was closed: what is drawn next is another figure.
            sys.modules["matplotlib._pylab_helpers"].Gcf.destroy_all()

    def save_at_end(self):
        if os.getpid() != self.owner or is_spawned():
            return
        for figure in self.open_figures():
            if self.state(figure).saved:
                continue
            try:
                self.save(figure)
            except Exception as error:
                print(f"A figure that was left open is not saved: {error!r}", file=sys.stderr)

    def recording(self, original):
        """Wraps a method of a canvas that writes its figure to its first argument."""

        @functools.wraps(original)
        def write(canvas, target, *args, **kwargs):
            if self.saving:
                return original(canvas, target, *args, **kwargs)
            figure = canvas.figure
            state = self.state(figure)
            self.saving = True
            try:
                result = original(canvas, target, *args, **kwargs)
            finally:
                self.saving = False
            figure.stale = False
            if type(target).__name__ == "PdfPages" or self.folder.holds(target):
                state.saved = IN_WORKSPACE
                self.folder.remove(state.file)
                state.file = None
            else:
                state.saved = max(state.saved, IN_MEMORY)
            return result

        return write

    def hook_package(self, module):
        original = module.use

        @functools.wraps(original)
        def use(backend, **kwargs):
            return original(without_window(backend), **kwargs)

        module.use = use

    def hook_figure(self, module):
        draw = module.Figure.draw

        @functools.wraps(draw)
        def noticing_draw(figure, *args, **kwargs):
            # Drawing sets `stale` back.
            if figure.stale and not self.saving and figure in self.states:
                self.states[figure].forget()
            return draw(figure, *args, **kwargs)

        module.Figure.draw = noticing_draw
        module.Figure.show = lambda figure, warn=True: self.save(figure)

    def hook_canvas(self, module):
        canvas = module.FigureCanvasBase
        canvas.print_figure = self.recording(canvas.print_figure)

    def hook_agg(self, module):
        canvas = module.FigureCanvasAgg
        canvas.print_png = self.recording(canvas.print_png)

    def hook_helpers(self, module):
        # Handlers run last come, first served: this one before that which closes all figures.
        atexit.register(self.save_at_end)

    def hook_pyplot(self, module):
        pause, switch = module.pause, module.switch_backend

        @functools.wraps(pause)
        def quiet_pause(interval):
            self.pausing = True
            try:
                pause(interval)
            finally:
                self.pausing = False

        @functools.wraps(switch)
        def switch_backend(newbackend):
            switch(without_window(newbackend))

        def show(*args, block=None, **kwargs):
            """Saves all open figures; they are closed unless `block` is false."""
            self.show_all(args[0] if args else block)

        module.pause, module.switch_backend, module.show = quiet_pause, switch_backend, show


def without_window(backend):
    if isinstance(backend, str) and backend.lower() not in WITHOUT_WINDOW:
        return "agg"
    return backend


def has_content(figure):
    titles = {getattr(figure, name, None) for name in ("_suptitle", "_supxlabel", "_supylabel")}
    if figure.lines or figure.patches or figure.images or set(figure.texts) - titles:
        return True
    axes = list(figure.axes)
    while axes:
        one = axes.pop()
        if any((one.lines, one.patches, one.collections, one.images, one.texts, one.tables)):
            return True
        axes.extend(one.child_axes)
    return False


def is_spawned():
    """Whether this is a worker of multiprocessing, which has the parent's main module as its own."""
    processes = sys.modules.get("multiprocessing.process")
    return processes is not None and processes.parent_process() is not None


class Plotly:
    """Figures become pages that need no network."""

    def __init__(self, folder):
        self.pages = ByContent(folder)

    @staticmethod
    def digest(figure):
        text = sys.modules["plotly.io"].to_json(figure, validate=False)
        return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()

    def hook_show(self, module):
        def show(fig, renderer=None, validate=True, **kwargs):
            """Saves the figure as a page."""
            to_html = sys.modules["plotly.io"].to_html
            options = {name: kwargs[name] for name in ("config", "auto_play") if name in kwargs}
            self.pages.show(
                self.digest(fig),
                lambda: to_html(fig, include_plotlyjs=True, validate=validate, **options).encode(),
                "html",
            )

        module.show = show

    def recording(self, original):
        @functools.wraps(original)
        def write(fig, file, *args, **kwargs):
            result = original(fig, file, *args, **kwargs)
            self.pages.saved(self.digest(fig), file)
            return result

        return write

    def hook_html(self, module):
        module.write_html = self.recording(module.write_html)

    def hook_image(self, module):
        module.write_image = self.recording(module.write_image)


class Bokeh:
    """Documents become pages that need no network, in the program's output_file() or in one of ours."""

    def __init__(self, folder):
        self.folder = folder
        self.known = weakref.WeakSet()  # What the program has saved, or was shown.

    def write_page(self, obj, title=None, template=None):
        from bokeh.embed import file_html
        from bokeh.resources import INLINE

        template = {} if template is None else {"template": template}
        page = file_html(obj, resources=INLINE, title=title or "Bokeh Plot", **template)
        made = self.folder.write(page.encode(), "html")
        return made and made[0]

    def hook_saving(self, module):
        original = module.save

        @functools.wraps(original)
        def save(obj, filename=None, resources=None, title=None, template=None, state=None, **rest):
            document = sys.modules["bokeh.io.state"]
            has_file = (state or document.curstate()).file is not None
            remember(self.known, obj)
            if filename is None and not has_file:
                return self.write_page(obj, title, template)
            if not has_file:
                from bokeh.resources import INLINE

                resources, title = resources or INLINE, title or "Bokeh Plot"
            template = {} if template is None else {"template": template}
            return original(obj, filename, resources, title, state=state, **template, **rest)

        module.save = save

    def hook_showing(self, module):
        def show(obj, *args, **kwargs):
            """Saves the document as a page."""
            if sys.modules["bokeh.io.state"].curstate().file is not None:
                from bokeh.io.saving import save

                save(obj)
            elif remember(self.known, obj):
                self.write_page(obj)

        module.show = show


def remember(known, obj):
    """Adds it; false where it was known, or is nothing that can be remembered."""
    try:
        new = obj not in known
        known.add(obj)
    except TypeError:
        return True
    return new


class Pillow:
    """Pictures that are shown; a viewer of Pillow's own list of viewers."""

    MODES = ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA")  # Those that PNG has.

    def __init__(self, folder):
        self.pictures = ByContent(folder)
        self.folder = folder

    @staticmethod
    def digest(image):
        digest = hashlib.sha1(f"{image.mode} {image.size}".encode(), usedforsecurity=False)
        digest.update(image.tobytes())
        return digest.digest()

    def encode(self, image):
        dpi = image.info.get("dpi", (DPI, DPI))
        if image.mode not in self.MODES:
            image = image.convert("RGBA" if image.mode in ("PA", "La", "RGBa") else "RGB")
        buffer = io.BytesIO()
        image.save(buffer, format="png", dpi=dpi)
        return buffer.getvalue()

    def hook_image(self, module):
        save = module.Image.save

        @functools.wraps(save)
        def recording_save(image, fp, *args, **kwargs):
            result = save(image, fp, *args, **kwargs)
            if self.folder.holds(fp):
                self.pictures.saved(self.digest(image), fp)
            return result

        module.Image.save = recording_save

    def hook_viewers(self, module):
        pillow = self

        class Workspace(module.Viewer):
            def show(self, image, **options):
                pillow.pictures.show(pillow.digest(image), lambda: pillow.encode(image), "png")
                return True

        module.register(Workspace, 0)


class Importer:
    """Finds modules as all others do, and calls a hook behind the first run of some."""

    def __init__(self, hooks):
        self.hooks = hooks

    def find_spec(self, name, path=None, target=None):
        hook = self.hooks.get(name)
        if hook is None:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find and finder is not self else None
            if spec is not None:
                self.extend(spec.loader, hook)
                return spec
        return None

    @staticmethod
    def extend(loader, hook):
        """The module keeps its own loader, which others ask for its source and its data."""
        run = getattr(loader, "exec_module", None)
        if run is None:
            return

        def run_with_hook(module):
            del loader.exec_module
            run(module)
            hook(module)

        loader.exec_module = run_with_hook


def guarded(hook):
    """A version of a library that is unlike those known here still works, without its plots."""

    @functools.wraps(hook)
    def call(module):
        try:
            hook(module)
        except (AttributeError, TypeError) as error:
            print(f"Plots of {module.__name__} are not saved: {error!r}", file=sys.stderr)

    return call


def install():
    folder = Folder(os.path.realpath(os.environ["CLOISTER_PLOTS"]))
    figures, plotly = Matplotlib(folder), Plotly(folder)
    bokeh, pillow = Bokeh(folder), Pillow(folder)
    hooks = {
        "matplotlib": figures.hook_package,
        "matplotlib.figure": figures.hook_figure,
        "matplotlib.backend_bases": figures.hook_canvas,
        "matplotlib.backends.backend_agg": figures.hook_agg,
        "matplotlib._pylab_helpers": figures.hook_helpers,
        "matplotlib.pyplot": figures.hook_pyplot,
        "plotly.io._renderers": plotly.hook_show,
        "plotly.io._html": plotly.hook_html,
        "plotly.io._kaleido": plotly.hook_image,
        "bokeh.io.saving": bokeh.hook_saving,
        "bokeh.io.showing": bokeh.hook_showing,
        "PIL.Image": pillow.hook_image,
        "PIL.ImageShow": pillow.hook_viewers,
    }
    hooks = {name: guarded(hook) for name, hook in hooks.items()}
    for name, hook in hooks.items():
        if name in sys.modules:
            hook(sys.modules[name])
    sys.meta_path.insert(0, Importer(hooks))
