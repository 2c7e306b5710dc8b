"""Colours as Google keeps them: in steps of 1/255, without zeros, and each as `...Color` and as `...ColorStyle`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PARTS = ("red", "green", "blue", "alpha")


def colour(told: dict[str, Any]) -> dict[str, float]:
    """`Color`."""
    steps = {name: int(min(max(told[name], 0), 1) * 255 + 1e-6) for name in _PARTS if told.get(name)}
    return {name: 1 if step == 255 else float(f"{step / 255:.8g}") for name, step in steps.items() if step}


def from_code(code: str) -> dict[str, float]:
    """`Color` of a code such as `4285f4`."""
    return colour({name: int(code[at : at + 2], 16) / 255 for name, at in (("red", 0), ("green", 2), ("blue", 4))})


def settled(told: Any) -> Any:
    """A format or properties with their colours as they are kept. A style comes before a colour that differs."""
    if isinstance(told, list):
        return [settled(one) for one in told]
    if not isinstance(told, dict):
        return told
    made: dict[str, Any] = {}
    for name, value in told.items():
        if name == "rgbColor" or (name.endswith("Color") and isinstance(value, dict)):
            made[name] = colour(value)
        elif name.endswith("ColorStyle"):
            if value:
                made[name] = settled(value)
        else:
            made[name] = settled(value)
    for name in list(made):
        if name.endswith("ColorStyle") and "rgbColor" in made[name]:
            made[name.removesuffix("Style")] = made[name]["rgbColor"]
        elif name.endswith("Color") and name != "rgbColor" and f"{name}Style" not in made:
            made[f"{name}Style"] = {"rgbColor": made[name]}
    return made


def drop_twins(target: dict[str, Any], mask: Mapping[str, Any]) -> None:
    """Forget the style of each colour that is about to be set, and the colour of each style."""
    for name, below in mask.items():
        if name.endswith("ColorStyle"):
            target.pop(name.removesuffix("Style"), None)
        elif name.endswith("Color"):
            target.pop(f"{name}Style", None)
        elif isinstance(target.get(name), dict):
            drop_twins(target[name], below)
