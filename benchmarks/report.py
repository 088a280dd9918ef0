"""What a benchmark tells: a table for people, and last one line of JSON for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Report:
    """Figures by name, and for some the most or least they may be; `notes` say how they were found.

    `goals` are the most, `at_least` the least.
    """

    name: str
    figures: dict[str, float]
    goals: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    at_least: dict[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether no figure with a goal is above it, or below what it is to be at least."""
        return all(self.figures[name] <= most for name, most in self.goals.items()) and all(
            self.figures[name] >= least for name, least in self.at_least.items()
        )

    def show(self) -> bool:
        """Print the report; returns whether its goals are met."""
        print(f"\n{self.name}")
        for note in self.notes:
            print(f"  {note}")
        for name, value in self.figures.items():
            print(f"  {name:44} {value:10.3f}{self._goal(name)}")
        said = {
            "name": self.name,
            "figures": {name: round(value, 4) for name, value in self.figures.items()},
            "goals": self.goals | self.at_least,
            "at_least": list(self.at_least),
            "met": self.met,
        }
        print(json.dumps(said), flush=True)
        return self.met

    def _goal(self, name: str) -> str:
        if name in self.goals:
            return f"   (goal: at most {self.goals[name]:g})"
        return f"   (goal: at least {self.at_least[name]:g})" if name in self.at_least else ""
