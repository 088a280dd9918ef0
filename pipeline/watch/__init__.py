"""The watcher: hears of new files at once, waits until they are whole, makes jobs of them."""

from pipeline.watch.watcher import Watcher

__all__ = ["Watcher"]
