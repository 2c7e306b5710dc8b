"""`BaseNotifier`: a callback that tells somebody, with template fields, and without ever failing what it tells of."""

from __future__ import annotations

import copy
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from tradewind.context import Context
from tradewind.template.render import Renderer, render_fields


class BaseNotifier(ABC):
    """Base of notifiers. A subclass gives `notify`, and names its template fields.

        class Printed(BaseNotifier):
            template_fields = ("text",)

            def __init__(self, text):
                self.text = text

            def notify(self, context):
                print(self.text)

        BashOperator(task_id="load", bash_command="false", on_failure_callback=Printed("{{ ti.task_id }} failed"))

    It may be any callback of tasks and DAGs, several of them at once, in a list with others. Each call works on a copy
    with the templates rendered, so that one notifier serves any number of tasks.
    """

    template_fields: ClassVar[Sequence[str]] = ()

    @abstractmethod
    def notify(self, context: Context) -> None:
        """Tell. What this raises is logged, and changes nothing else."""

    def __call__(self, context: Context) -> None:
        """What the callback does. Errors are logged, and not raised."""
        try:
            self.tell(context)
        except Exception:
            self.log.exception("%s could not tell of %s.", type(self).__name__, subject(context))

    def tell(self, context: Context) -> None:
        """`notify`, with the template fields rendered. Raises what that raises, and TemplateError."""
        self.rendered(context).notify(context)

    def rendered(self, context: Context) -> Self:
        """A copy with the template fields rendered. Raises TemplateError."""
        rendered = copy.copy(self)
        renderer = Renderer(context, dag=context.get("dag"))
        renderer.native = False  # a text stays a text, whatever the DAG wants for its tasks
        render_fields(rendered, context, renderer=renderer)
        return rendered

    @property
    def log(self) -> logging.Logger:
        return logging.getLogger(f"{type(self).__module__}.{type(self).__qualname__}")


def subject(context: Context) -> str:
    """What a callback is about, in words."""
    ti: Any = context.get("ti")
    run = context["dag_run"]
    return str(ti.key) if ti is not None else f"{run.run_id} of {run.dag_id}"
