"""Print what a shell needs to complete the commands, options and files of nanompi.

    eval "$(nanompi completion bash)"                  in this shell; or in ~/.bashrc
    nanompi completion zsh > ~/.zfunc/_nanompi         where fpath has ~/.zfunc
    nanompi completion tcsh > ~/.nanompi.tcsh          and `source ~/.nanompi.tcsh` in ~/.tcshrc

It is made of the same words as the help of each command.
"""

SHELLS = ("bash", "zsh", "tcsh")


def arguments(parser):
    """Arguments of `nanompi completion`."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def main(args) -> int:
    """Exit code 0."""
    import shtab

    from nanompi.cli.parser import files, parsers, whole

    parser = whole()
    for one in parsers(parser).values():
        for action in files(one):
            action.complete = shtab.FILE
    print(shtab.complete(parser, args.shell))
    return 0
