"""PythonOperator, and those that branch or stop on what a function says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tradewind.errors import DagError
from tradewind.operator import BaseOperator
from tradewind.operator.call import call, name_of
from tradewind.operators.branch import BranchMixin, SkipMixin
from tradewind.secrets import redact

#: Longer return values are shown up to here in logs.
_SHOWN = 2_000  # characters


class PythonOperator(BaseOperator):
    """Calls a function. What it returns is the task's XCom.

        def load(table, ds, ti): ...
        PythonOperator(task_id="load", python_callable=load, op_args=["sales"])

    - `python_callable`: the function. Parameters that are called like something in the context (`ds`, `ti`, `params`,
      `logical_date`...) get it; with `**kwargs` it gets the whole context. An `async` function is run to its end.
    - `op_args`, `op_kwargs`: its own arguments, templated; they win over the context.
    - `templates_dict`: more templated values, which reach the function as `templates_dict`.
    - `templates_exts`: file name endings (such as `.sql`) by which texts in `templates_dict`, `op_args` and `op_kwargs`
      are taken for template files.
    - `show_return_value_in_logs`: False keeps a large or secret result out of the log.
    """

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers = {"templates_dict": "json", "op_args": "py", "op_kwargs": "py"}  # noqa: RUF012
    ui_color = "#ffefeb"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Sequence[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
        templates_exts: Sequence[str] | None = None,
        show_return_value_in_logs: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(python_callable):
            raise DagError(f"Task {self.task_id!r}: python_callable must be a function, not {python_callable!r}.")
        self.python_callable = python_callable
        self.op_args = () if op_args is None else op_args
        self.op_kwargs = {} if op_kwargs is None else op_kwargs
        self.templates_dict = templates_dict
        if templates_exts:
            self.template_ext = tuple(templates_exts)
        self.show_return_value_in_logs = show_return_value_in_logs

    def execute(self, context: Any) -> Any:
        if self.templates_dict is not None:
            context["templates_dict"] = self.templates_dict
        result = self.execute_callable(context)
        if self.show_return_value_in_logs:
            shown = repr(redact(result))
            self.log.info("%s returned %s", name_of(self.python_callable), shown[:_SHOWN])
        else:
            self.log.info("%s returned a value that is not shown", name_of(self.python_callable))
        return result

    def execute_callable(self, context: Mapping[str, Any]) -> Any:
        """Call the function with its arguments."""
        return call(self.python_callable, self.op_args, self.op_kwargs, context)


class BranchPythonOperator(BranchMixin, PythonOperator):
    """Calls a function that says which of the tasks directly downstream run; the others are skipped.

        BranchPythonOperator(task_id="which", python_callable=lambda ds: "monthly" if ds.endswith("-01") else "daily")

    The function returns a task id, a task group's id, a list of them, or None for "none at all". An id that is not
    downstream fails the task. Tasks that also follow a chosen one are not skipped.
    """

    inherits_from_skipmixin = True

    def execute(self, context: Any) -> Any:
        return self.do_branch(context, super().execute(context))


class ShortCircuitOperator(SkipMixin, PythonOperator):
    """Calls a function; if it returns something false, what comes downstream is skipped.

        ShortCircuitOperator(task_id="any_new", python_callable=lambda: count_new_rows() > 0)

    `ignore_downstream_trigger_rules` (default True): every task downstream, however far, is skipped. False: only those
    directly downstream are, and the trigger rules of the ones after them decide.
    """

    inherits_from_skipmixin = True

    def __init__(self, *, ignore_downstream_trigger_rules: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules

    def execute(self, context: Any) -> Any:
        result = super().execute(context)
        if result:
            self.log.info("The result is true: what comes downstream runs")
            return result
        relatives = self.get_flat_relatives() if self.ignore_downstream_trigger_rules else self.downstream_list
        self.skip(context["ti"], relatives)
        return result
