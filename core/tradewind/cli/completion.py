"""`tradewind completion`: the script that teaches a shell to complete this command line."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from tradewind.cli.app import Command, root

#: Where each shell wants the line that loads it.
HOW = {
    "bash": 'eval "$(tradewind completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(tradewind completion zsh)" in ~/.zshrc',
    "fish": "tradewind completion fish > ~/.config/fish/completions/tradewind.fish",
}


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(tuple(HOW)))
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    kind = get_completion_class(shell)
    assert kind is not None  # click has all three
    template = kind(root, {}, "tradewind", "_TRADEWIND_COMPLETE")
    click.echo(f"# {HOW[shell]}")
    click.echo(template.source_template % template.source_vars())
