"""What a benchmark tells: a table for people, and last one line of JSON for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Report:
    """Figures by name, and for some the most they may be; `notes` say what was measured how."""

    name: str
    figures: dict[str, float]
    goals: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether no figure with a goal is above it."""
        return all(self.figures[name] <= most for name, most in self.goals.items())

    def show(self) -> bool:
        """Print the report; returns whether its goals are met."""
        print(f"\n{self.name}")
        for note in self.notes:
            print(f"  {note}")
        for name, value in self.figures.items():
            goal = f"   (goal: at most {self.goals[name]:g})" if name in self.goals else ""
            print(f"  {name:44} {value:10.3f}{goal}")
        said = {
            "name": self.name,
            "figures": {name: round(value, 4) for name, value in self.figures.items()},
            "goals": self.goals,
            "met": self.met,
        }
        print(json.dumps(said), flush=True)
        return self.met
