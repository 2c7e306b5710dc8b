"""The root of the command line. A command's module is imported when the command is used, and not before.

Providers add commands through `register_commands`; those are loaded when a name is not one of the core's, and for
`--help`.
"""

from __future__ import annotations

import warnings
from typing import Any

import click

from tradewind.cli.exit_codes import WRONG
from tradewind.errors import nearest

#: name -> (dotted path of the command, its one-line help; a test compares it with the command's own)
COMMANDS = {
    "standalone": (
        "tradewind.cli.scheduling:standalone",
        "Make the metadata database if there is none, and run the scheduler.",
    ),
    "scheduler": ("tradewind.cli.scheduling:scheduler", "Run the scheduler until it is told to stop."),
    "run": ("tradewind.cli.run:run", "Run a DAG file in this process, with live progress."),
    "dags": ("tradewind.cli.dags:dags", "List, trigger, pause and test DAGs."),
    "tasks": ("tradewind.cli.tasks:tasks", "Look into tasks, test, clear and explain them."),
    "runs": ("tradewind.cli.runs:runs", "List runs, and mark or delete them."),
    "connections": ("tradewind.cli.connections:connections", "Show, test, store and convert connections."),
    "variables": ("tradewind.cli.variables:variables", "Show and store variables."),
    "sandbox": ("tradewind.cli.sandbox:sandbox", "Start throw-away servers to try things on."),
    "pools": ("tradewind.cli.pools:pools", "Show and change pools."),
    "providers": ("tradewind.cli.providers:providers", "Show installed providers, check them, and begin new ones."),
    "db": ("tradewind.cli.db:db", "Create, check, clean and reset the metadata database."),
    "config": ("tradewind.cli.config:config", "Show settings and where they come from."),
    "info": ("tradewind.cli.info:info", "Show versions, paths and state of this installation."),
    "version": ("tradewind.cli.info:version", "Print the version."),
    "completion": ("tradewind.cli.completion:completion", "Print the completion script of a shell."),
}

#: Airflow's names, those of Airflow 1 among them, since tutorials go on teaching them -> dotted path of ours.
AIRFLOWS = {
    "initdb": "tradewind.cli.db:upgrade",
    "list_dags": "tradewind.cli.dags:list_",
    "list_tasks": "tradewind.cli.tasks:list_",
    "test": "tradewind.cli.tasks:test",
    "render": "tradewind.cli.tasks:render",
    "trigger_dag": "tradewind.cli.dags:trigger",
    "clear": "tradewind.cli.tasks:clear",
    "plugins": "tradewind.cli.providers:list_",
    "rotate-fernet-key": "tradewind.cli.db:rotate_keys",
}

#: Commands of Airflow that have no counterpart -> what does its work.
INSTEAD = {
    "backfill": "`tradewind dags trigger DAG_ID --logical-date DATE` makes one run, catchup=True all of them.",
    "webserver": "`tradewind standalone` runs everything; `tradewind runs list` and `tasks logs` show it.",
    "users": "nobody logs in: whoever reaches the metadata database may do everything.",
}


class Command(click.Command):
    """A command that takes `--debug` after its name as well; `main` looks for it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(click.Option(["--debug"], is_flag=True, hidden=True, expose_value=False))


class Group(click.Group):
    """A group of commands that understands Airflow's names for them and offers the nearest one."""

    command_class = Command

    def __init__(
        self, *args: Any, aliases: dict[str, str] | None = None, instead: dict[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.aliases = aliases or {}  #: Airflow's name -> ours, or the dotted path of a command of another group
        self.instead = instead or {}  #: Airflow's name of what is not there -> what to do

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        name = self.aliases.get(cmd_name)
        if found is not None or name is None:
            return found
        return _loaded(name) if ":" in name else super().get_command(ctx, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of the file, which is the order of use

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(WRONG)
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The first sentence of each command's help, however long: click would cut it off."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, short_help(command)) for name, command in found if command and not command.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.UsageError(f"There is no command {name!r}; {self._hint(ctx, name)}", ctx)
        return super().resolve_command(ctx, args)

    def _hint(self, ctx: click.Context, name: str) -> str:
        if name in self.instead:
            return self.instead[name]
        known = self.list_commands(ctx)
        return nearest(name, [*known, *self.aliases], f"there are: {', '.join(known)}.")


class Root(Group):
    """The root: knows the core's commands by name and imports them on demand."""

    group_class = Group

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked_plugins = False

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            return _loaded(COMMANDS[cmd_name][0])
        self._ask_plugins()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._ask_plugins()
        return [*COMMANDS, *self.commands]

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        name = name or cmd.name or ""
        if name in COMMANDS or name in self.commands:
            raise ValueError(f"registers the command {name!r}, which is there already; choose another name")
        super().add_command(cmd, name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self._ask_plugins()
        rows = [(name, text) for name, (_, text) in COMMANDS.items()]
        rows += [(name, short_help(command)) for name, command in self.commands.items() if not command.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _ask_plugins(self) -> None:
        """Let every plugin add its commands; one that fails is named on stderr and does not stop the others."""
        if self.asked_plugins:
            return
        self.asked_plugins = True
        from tradewind import plugins

        for implementation in plugins.current().manager.hook.register_commands.get_hookimpls():
            try:
                implementation.function(cli=self)
            except Exception as error:
                warn(f"The commands of the plugin {implementation.plugin_name!r} are left out: {error}")


def _loaded(place: str) -> click.Command:
    from tradewind import plugins

    found: click.Command = plugins.load_object(place)
    return found


def short_help(command: click.Command) -> str:
    return command.get_short_help_str(limit=1000)


def warn(message: str) -> None:
    """One yellow line on stderr."""
    click.secho(" ".join(message.split()), fg="yellow", err=True)


def show_plugin_warnings() -> None:
    """From now on a plugin that was left out is one yellow line, and not Python's two lines with a path."""
    from tradewind.plugins import PluginWarning

    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, PluginWarning):
            warn(str(message))
        else:
            usual(message, category, *where, **more)

    warnings.simplefilter("always", PluginWarning)
    warnings.showwarning = show


@click.group(
    cls=Root,
    aliases=AIRFLOWS,
    instead=INSTEAD,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
@click.version_option(package_name="tradewind", message="%(version)s")
def root() -> None:
    """Write pipelines in Python; run them on time, on a laptop or on a cluster."""
