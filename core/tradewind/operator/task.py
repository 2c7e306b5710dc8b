"""`BaseOperator`: what every task is. Subclasses add their own keywords and an `execute`.

An operator belongs to the DAG whose `with` block is open when it is made, or to none at all: then it is an ordinary
object, and `BashOperator(task_id="x", bash_command="date").execute({})` works in any script.
"""

from __future__ import annotations

import copy
import datetime
import functools
import logging
import sys
import warnings
from abc import ABCMeta
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self, Unpack, cast

from tradewind import settings, template
from tradewind.errors import DagError, sentence
from tradewind.operator import arguments, nesting, setups, values
from tradewind.operator.arguments import OLD_NAMES, READERS, WITHOUT_EFFECT, Callback, OperatorArguments
from tradewind.operator.relations import Node
from tradewind.operator.scope import DagLike, GroupLike, effective_scope
from tradewind.operator.xcom_arg import XComArg
from tradewind.params import ParamsDict
from tradewind.schedule import default_zone
from tradewind.states import TriggerRule, WeightRule

#: Handled before the reader table is gone through.
_SCOPE_WORDS = frozenset({"task_id", "dag", "task_group", "default_args"})

#: Never taken out of `default_args`, where they would be given to every task.
_NOT_BY_DEFAULT = _SCOPE_WORDS | OLD_NAMES.keys()


class OperatorMeta(ABCMeta):
    """Makes operators: finds DAG, group and default arguments first, puts the makers of arguments upstream last."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if args:
            raise arguments.positional_arguments(cls, args)
        task: Any = cls.__new__(cls)  # type: ignore[call-arg, arg-type]  # mypy reads it as ABCMeta's own
        dag, group, defaults = effective_scope(kwargs)
        task.default_args = defaults
        task._dag, task._group = None, None
        task._upstream, task._downstream = {}, {}
        task._scope = (dag, group)
        try:
            task.__init__(**kwargs)
            if "task_id" not in task.__dict__:
                raise DagError(f"{cls.__name__}.__init__ does not call super().__init__(**kwargs).")
            task.link_arguments()
        except BaseException:
            if task._dag is not None:
                task._dag.forget_task(task)
            raise
        setups.enter_scope(task)
        return task


class BaseOperator(Node, metaclass=OperatorMeta):
    """One task. The keywords are listed in `OperatorArguments`; each is an attribute of the same name."""

    template_fields: Sequence[str] = ()
    template_ext: Sequence[str] = ()
    template_fields_renderers: ClassVar[dict[str, str]] = {}
    ui_color: str = "#fff"
    ui_fgcolor: str = "#000"
    operator_extra_links: Collection[Any] = ()
    #: True for a class whose `execute` does nothing, so that no process need be started for it.
    is_empty: ClassVar[bool] = False
    #: Field that a function under `@task.<name>` returns the value of; None: the class takes `python_callable`.
    function_field: ClassVar[str | None] = None

    task_id: str
    default_args: dict[str, Any]
    owner: str = "airflow"
    task_display_name: str | None = None
    doc: str | None = None
    doc_md: str | None = None
    doc_json: str | None = None
    doc_yaml: str | None = None
    doc_rst: str | None = None
    retries: int = 0
    retry_delay: datetime.timedelta = datetime.timedelta(minutes=5)
    retry_exponential_backoff: float = 0.0
    max_retry_delay: datetime.timedelta | None = None
    retry_policy: Any = None
    start_date: datetime.datetime | None = None
    end_date: datetime.datetime | None = None
    execution_timeout: datetime.timedelta | None = None
    depends_on_past: bool = False
    ignore_first_depends_on_past: bool = True
    wait_for_downstream: bool = False
    wait_for_past_depends_before_skipping: bool = False
    priority_weight: int = 1
    weight_rule: WeightRule | Callable[[Any], int] = WeightRule.DOWNSTREAM
    trigger_rule: TriggerRule = TriggerRule.ALL_SUCCESS
    pool: str = "default_pool"
    pool_slots: int = 1
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    queue: str = "default"
    executor: str | None = None
    executor_config: Mapping[str, Any] = {}
    resources: Mapping[str, Any] | None = None
    run_as_user: str | None = None
    on_execute_callback: Sequence[Callback] = ()
    on_success_callback: Sequence[Callback] = ()
    on_failure_callback: Sequence[Callback] = ()
    on_retry_callback: Sequence[Callback] = ()
    on_skipped_callback: Sequence[Callback] = ()
    email: Sequence[str] = ()
    email_on_retry: bool = True
    email_on_failure: bool = True
    do_xcom_push: bool = True
    multiple_outputs: bool = False
    inlets: Sequence[Any] = ()
    outlets: Sequence[Any] = ()
    map_index_template: str | None = None
    render_template_as_native_obj: bool | None = None  #: None: as the DAG says
    logger_name: str | None = None
    allow_nested_operators: bool = True
    start_from_trigger: bool = False
    start_trigger_args: Any = None
    is_setup: bool = False
    is_teardown: bool = False
    on_failure_fail_dagrun: bool = False  #: of a teardown: its failure fails the run

    _dag: DagLike | None
    _group: GroupLike | None
    _upstream: dict[str, None]  #: task ids, in the order in which they were related
    _downstream: dict[str, None]
    _scope: tuple[DagLike | None, GroupLike | None]  #: DAG and group that it will join
    _params: ParamsDict | None = None
    _pre_execute: Callback | None = None
    _post_execute: Callback | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            cls.__init__ = _with_defaults(cls.__dict__["__init__"])  # type: ignore[method-assign]
        if "execute" in cls.__dict__:
            cls.execute = nesting.guarded(cls.__dict__["execute"])  # type: ignore[method-assign]

    def __init__(self, **kwargs: Unpack[OperatorArguments]) -> None:
        given = cast(dict[str, Any], kwargs)
        unknown = [name for name in given if name not in READERS]
        if unknown:
            raise arguments.unknown_argument(type(self), given.get("task_id"), unknown)
        if "task_id" not in given:
            raise arguments.missing_argument(type(self), given, ["task_id"])
        for name, value in self.default_args.items():
            if name in READERS and name not in given and name not in _NOT_BY_DEFAULT:
                given[name] = value
        dag, group = self._scope
        label = values.check_id("task", given["task_id"])
        self.task_id = values.check_id("task", group.child_id(label)) if group is not None else label
        for name, value in given.items():
            if name not in _SCOPE_WORDS:
                self._set(name, value, dag)
        if self.wait_for_downstream:
            self.depends_on_past = True
        if dag is not None:
            self._join(dag, group)

    def _set(self, name: str, value: Any, dag: DagLike | None) -> None:
        """Read one keyword and keep it. None means the default, as if it had not been given."""
        if name in OLD_NAMES:
            new_name, told = OLD_NAMES[name]
            if value is not None:
                warnings.warn(f"The argument {name!r}: {told}.", DeprecationWarning, stacklevel=_caller_depth())
            if new_name is None or value is None:
                return
            name = new_name
        if value is None:
            return
        try:
            if name in ("start_date", "end_date"):
                value = values.moment(value, functools.partial(_default_zone, dag))
            else:
                value = READERS[name](value)
        except (ValueError, TypeError) as error:
            raise DagError(
                f"{type(self).__name__} {self.task_id!r}: the argument {name!r}: {sentence(error)}"
            ) from error
        if name in WITHOUT_EFFECT and value:
            self._warn(name, WITHOUT_EFFECT[name], dag)
        setattr(self, {"pre_execute": "_pre_execute", "post_execute": "_post_execute"}.get(name, name), value)

    def _warn(self, name: str, instead: str, dag: DagLike | None) -> None:
        """Say that a keyword has no effect: once for each DAG, for it may come to every task by default_args."""
        warned_of = dag.warned_of if dag is not None else set()
        if name not in warned_of:
            warned_of.add(name)
            told = f"The argument {name!r} of task {self.task_id!r} has no effect yet: {instead}."
            warnings.warn(told, UserWarning, stacklevel=_caller_depth())

    def _join(self, dag: DagLike, group: GroupLike | None) -> None:
        """Become a task of `dag`, in `group` (default: at its top)."""
        usual = dag.settings
        if usual.default_task_retries and "retries" not in self.__dict__:
            self.retries = usual.default_task_retries
        if "retry_delay" not in self.__dict__ and usual.default_task_retry_delay != 300.0:
            self.retry_delay = datetime.timedelta(seconds=usual.default_task_retry_delay)
        if self.executor is not None and self.executor != usual.executor:
            self._warn("executor", f"every task runs on the executor {usual.executor!r}, which the settings name", dag)
        dag.register_task(self)
        self._dag = dag
        self._group = group if group is not None else dag.task_group
        self._group.add(self)

    def link_arguments(self) -> None:
        """Put the tasks whose results stand in template fields upstream of this one."""
        if isinstance(self.template_fields, str):
            raise DagError(
                f"{self.task_type}.template_fields is the text {self.template_fields!r}; it must be a tuple: "
                f"({self.template_fields!r},)."
            )
        for field in self.template_fields:
            value = self.__dict__.get(field)
            if value is None or isinstance(value, str):
                continue
            for argument in XComArg.iter_xcom_args(value):
                self.set_upstream(argument)

    # -- what it belongs to --------------------------------------------------------------------------------------------

    @property
    def dag(self) -> Any:
        """Its DAG. Raises DagError if it has none; ask `has_dag()`."""
        if self._dag is None:
            raise DagError(f"Task {self.task_id!r} belongs to no DAG; make it inside `with DAG(...):` or pass dag=.")
        return self._dag

    @dag.setter
    def dag(self, dag: DagLike) -> None:
        if self._dag is dag:
            return
        if self._dag is not None:
            raise DagError(f"Task {self.task_id!r} belongs to the DAG {self._dag.dag_id!r} already.")
        self._join(dag, None)

    def has_dag(self) -> bool:
        return self._dag is not None

    @property
    def dag_id(self) -> str:
        return "adhoc_" + self.owner if self._dag is None else self._dag.dag_id

    @property
    def task_group(self) -> Any:
        return self._group

    @property
    def params(self) -> Any:
        """Params of the DAG, and the task's own, which win."""
        own = self._params or ParamsDict()
        return own if self._dag is None else self._dag.params.merged(own)

    @params.setter
    def params(self, params: Mapping[str, Any]) -> None:
        self._params = ParamsDict(params)

    @property
    def task_type(self) -> str:
        return type(self).__name__

    @property
    def label(self) -> str:
        """The task id without the id of its group."""
        prefix = f"{self._group.group_id}." if self._group is not None and self._group.group_id else ""
        return self.task_id.removeprefix(prefix)

    @property
    def node_id(self) -> str:
        return self.task_id

    @property
    def output(self) -> XComArg:
        """Its result, to be used as an argument of other tasks."""
        return XComArg(self)

    @functools.cached_property
    def log(self) -> logging.Logger:
        return logging.getLogger(self.logger_name or f"tradewind.task.{type(self).__name__}")

    def __repr__(self) -> str:
        return f"<Task({self.task_type}): {self.task_id}>"

    # -- order ---------------------------------------------------------------------------------------------------------

    @property
    def roots(self) -> Sequence[BaseOperator]:
        return [self]

    @property
    def leaves(self) -> Sequence[BaseOperator]:
        return [self]

    @property
    def upstream_task_ids(self) -> set[str]:
        return set(self._upstream)

    @property
    def downstream_task_ids(self) -> set[str]:
        return set(self._downstream)

    @property
    def upstream_list(self) -> list[BaseOperator]:
        return [self.dag.task_dict[task_id] for task_id in self._upstream]

    @property
    def downstream_list(self) -> list[BaseOperator]:
        return [self.dag.task_dict[task_id] for task_id in self._downstream]

    def get_direct_relative_ids(self, upstream: bool = False) -> set[str]:
        return self.upstream_task_ids if upstream else self.downstream_task_ids

    def get_direct_relatives(self, upstream: bool = False) -> list[BaseOperator]:
        return self.upstream_list if upstream else self.downstream_list

    def get_flat_relative_ids(self, upstream: bool = False) -> set[str]:
        """Ids of every task before (or after) this one, however far."""
        return {task.task_id for task in self.get_flat_relatives(upstream)}

    def get_flat_relatives(self, upstream: bool = False) -> list[BaseOperator]:
        """Every task before (or after) this one, however far, nearest first."""
        return list(self._reach(upstream)) if self._dag is not None else []

    def _reach(self, upstream: bool) -> Iterator[BaseOperator]:
        seen: set[str] = set()
        pending = [self]
        for task in pending:
            for relative in task.get_direct_relatives(upstream):
                if relative.task_id not in seen:
                    seen.add(relative.task_id)
                    pending.append(relative)
                    yield relative

    def join(self, after: BaseOperator, label: str | None = None) -> None:
        """Put `after` directly downstream of this task. One that has no DAG yet joins the other's."""
        dag = self._dag or after._dag
        if dag is None:
            raise DagError(
                f"Tasks {self.task_id!r} and {after.task_id!r} belong to no DAG, so they cannot be put in order; "
                "make them inside `with DAG(...):` or pass dag=."
            )
        for task in (self, after):
            if task._dag is None:
                task.dag = dag
            elif task._dag is not dag:
                raise DagError(
                    f"Tasks {self.task_id!r} of DAG {self.dag_id!r} and {after.task_id!r} of DAG {after.dag_id!r} "
                    "cannot be put in order: they belong to different DAGs."
                )
        self._downstream[after.task_id] = None
        after._upstream[self.task_id] = None
        if label is not None:
            dag.edge_labels[self.task_id, after.task_id] = label

    # -- setup and teardown --------------------------------------------------------------------------------------------

    def as_setup(self) -> Self:
        """Make this task the setup of those after it."""
        setups.make_setup(self)
        return self

    def as_teardown(self, *, setups: Any = None, on_failure_fail_dagrun: bool = False) -> Self:
        """Make this task clean up after `setups` and all that is between, even if that failed."""
        _make_teardown(self, setups, on_failure_fail_dagrun)
        return self

    def __enter__(self) -> Self:
        setups.open_scope(self)
        return self

    def __exit__(self, *error: object) -> None:
        setups.close_scope(self)

    # -- what it does --------------------------------------------------------------------------------------------------

    def execute(self, context: Any) -> Any:
        """Do the work; what it returns is pushed as an XCom. Every operator defines it."""
        raise NotImplementedError(
            f"{type(self).__name__} defines no execute(context), so task {self.task_id!r} can do nothing"
        )

    def pre_execute(self, context: Any) -> None:
        """Called right before `execute`."""
        if self._pre_execute is not None:
            self._pre_execute(context)

    def post_execute(self, context: Any, result: Any = None) -> None:
        """Called right after `execute`, with what it returned."""
        if self._post_execute is not None:
            self._post_execute(context, result)

    def on_kill(self) -> None:
        """Called when the task is stopped: end whatever it started outside its own process."""

    def prepare_template(self) -> None:
        """Called before the template fields are rendered; may change them."""

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Render the template fields, in place: do it on a copy (`prepare_for_execution`)."""
        self.prepare_template()
        template.render_fields(self, context)

    def render_template(self, content: Any, context: Any, jinja_env: Any = None) -> Any:
        """`content` with every template in it rendered."""
        return template.Renderer(context, task=self).render(content)

    def prepare_for_execution(self) -> Self:
        """A copy that may be rendered and run while this one stays as it was written."""
        return copy.copy(self)

    def dry_run(self) -> None:
        """Log the template fields as they are."""
        self.log.info("Dry run of %s", self.task_id)
        for field in self.template_fields:
            self.log.info("%s: %s", field, getattr(self, field, None))


def _make_teardown(task: BaseOperator, setup_tasks: Any, fails_run: bool) -> None:
    setups.make_teardown(task, setup_tasks, fails_run)


def _with_defaults(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap an operator's `__init__`: keywords that it names and was not given come from the default arguments."""
    names, required, takes_any = arguments.own_parameters(init)
    allowed = frozenset(names)

    @functools.wraps(init)
    def wrapper(self: BaseOperator, *args: Any, **kwargs: Any) -> None:
        defaults = self.__dict__.get("default_args")
        if defaults:
            for name in names[len(args) :]:
                if name in defaults and name not in kwargs and name not in _NOT_BY_DEFAULT:
                    kwargs[name] = defaults[name]
        if not takes_any and not allowed.issuperset(kwargs):
            unknown = [name for name in kwargs if name not in allowed]
            raise arguments.unknown_argument(type(self), kwargs.get("task_id"), unknown)
        if not required.issubset(kwargs):
            missing = [name for name in names[len(args) :] if name in required and name not in kwargs]
            if missing:
                raise arguments.missing_argument(type(self), kwargs, missing)
        init(self, *args, **kwargs)

    return wrapper


def _default_zone(dag: DagLike | None) -> datetime.tzinfo:
    return dag.timezone if dag is not None else default_zone(settings.read().default_timezone)


def _caller_depth() -> int:
    """How many frames up the user's own line is, for warnings."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("tradewind."):
        depth, frame = depth + 1, frame.f_back
    return depth
