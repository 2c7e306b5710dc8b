"""Rendering of template fields: text, lists, dictionaries and small objects, to any depth.

    from tradewind.template import render
    render("{{ ds }}.csv", {"ds": "2025-11-21"})                 # '2025-11-21.csv'

Nothing that is handed in is changed: what contains a template comes back as a new object, what does not comes back
as it is. Jinja is imported only when some text really has a template in it or names a template file.
"""

from __future__ import annotations

from tradewind.template.render import Literal, Renderer, Resolvable, literal, render, render_fields

__all__ = ["Literal", "Renderer", "Resolvable", "literal", "render", "render_fields"]
