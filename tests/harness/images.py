"""The images that suites need beside the default one."""

from harness.server import find_binary, find_images


def require(name):
    """Fails with the way to build it when the image store has no image of that name."""
    store = find_images()
    if store is None or not (store / "refs" / name).is_file():
        raise AssertionError(
            f"the image store {store} has no image '{name}'; build it with "
            f"'{find_binary()} image build {name}', as ./test does"
        )
    return name
