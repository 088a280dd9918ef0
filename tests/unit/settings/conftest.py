"""A configuration folder in a temporary place, with as little in it as is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.settings.errors import ConfigurationError
from pipeline.settings.load import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

PIPELINE = """\
watch:
  - path: ./media/inbox
"""
PROFILES = """\
web:
  video: {ladder: [720, 360]}
"""


class Configuration:
    """A folder `config` below `root`; the environment is empty unless a test gives one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "config"
        self.folder.mkdir()
        self.write("pipeline.yml", PIPELINE)
        self.write("profiles.yml", PROFILES)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def load(self, **environ: str) -> Settings:
        return load_settings(self.folder, environ)

    def mistakes(self, **environ: str) -> list[ConfigurationError]:
        with pytest.raises(ConfigurationError) as caught:
            self.load(**environ)
        return [caught.value, *caught.value.others]

    def mistake(self, **environ: str) -> ConfigurationError:
        """The only mistake there is."""
        found = self.mistakes(**environ)
        assert len(found) == 1, [str(mistake) for mistake in found]
        return found[0]


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return Configuration(tmp_path)
