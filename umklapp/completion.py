"""Completion of the command in a shell, from its parser (`umklapp completion`)."""

from __future__ import annotations

import argparse

SCRIPT = """\
# {note}
[ -z "${{ZSH_VERSION-}}" ] || {{ autoload -U +X bashcompinit && bashcompinit; }}
_umklapp() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} options=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands} --help" -- "$word"))
        return
    fi
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
    case $word in
        -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
        *) COMPREPLY=($(compgen -W "${{options//--*/}}" -- "$word") $(compgen -f -- "$word")) ;;
    esac
}}
complete -o filenames -F _umklapp umklapp
"""

NOTE = 'Completion of `umklapp` for bash and zsh: put eval "$(umklapp completion)" into ~/.bashrc.'


def script(parser: argparse.ArgumentParser) -> str:
    """A shell script that completes subcommands, their choices and options, and files."""
    commands = _commands(parser)
    cases = "\n".join(
        f'        {name}) options="{" ".join(_words(command))}" ;;'
        for name, command in commands.items()
    )
    return SCRIPT.format(note=NOTE, commands=" ".join(commands), cases=cases)


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _words(command: argparse.ArgumentParser) -> list[str]:
    """Choices of the arguments, then options."""
    choices = [str(c) for action in command._actions for c in action.choices or ()]
    options = [text for a in command._actions for text in a.option_strings if text.startswith("--")]
    return [*choices, *options]
