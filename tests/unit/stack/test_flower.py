"""Flower's password: configured, or made once and kept private."""

from __future__ import annotations

import stat
from collections.abc import Callable

from flower.options import options

from pipeline.settings.load import Settings
from pipeline.stack import flower

Configured = Callable[[str], Settings]


def test_a_password_is_made_once_and_only_its_owner_can_read_it(configured: Configured) -> None:
    settings = configured("watch: []")
    made = flower.password(settings)
    file = flower.password_file(settings)
    assert len(made) >= 24
    assert flower.password(settings) == made == file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_configured_password_is_taken_and_nothing_is_written(configured: Configured) -> None:
    settings = configured("flower: {user: ada, password: 'a secret: with colon'}")
    assert flower.environment(settings) == {"FLOWER_BASIC_AUTH": "ada:a secret: with colon"}
    assert not flower.password_file(settings).exists()


def test_the_password_is_not_among_the_arguments(configured: Configured) -> None:
    settings = configured("flower: {password: hidden, listen: '127.0.0.1:5599'}")
    arguments = flower.arguments(settings)
    assert "--address=127.0.0.1" in arguments
    assert "--port=5599" in arguments
    assert not any("hidden" in argument for argument in arguments)


def test_flower_remembers_as_many_tasks_as_it_is_told(configured: Configured) -> None:
    before = options.max_tasks
    try:
        # Flower reads its own of them as Tornado does.
        options.parse_command_line(flower.arguments(configured("watch: []")))
        assert options.max_tasks == flower.MOST_TASKS
    finally:
        options.max_tasks = before
