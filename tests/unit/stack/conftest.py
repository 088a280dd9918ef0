"""A configuration in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.settings.load import Settings, load_settings


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str], Settings]:
    """Load a pipeline.yml with this text."""

    def load(text: str = "watch: [{path: ./inbox}]") -> Settings:
        config = tmp_path / "config"
        config.mkdir(exist_ok=True)
        (config / "pipeline.yml").write_text(text)
        (config / "profiles.yml").write_text("web: {}\n")
        return load_settings(config, environ={})

    return load
