//! `opwatch completions` and `opwatch man`: made from the commands' own definitions, so they are always complete.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use super::refused;
use crate::terminal;

/// Arguments of `opwatch completions`.
#[derive(Args, Clone, Debug)]
pub struct CompletionsArgs {
    /// The shell to write the script for
    pub shell: Shell,
}

/// Arguments of `opwatch man`.
#[derive(Args, Clone, Debug)]
pub struct ManArgs {
    /// The command to describe [default: opwatch itself]
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}

/// Prints the completion script of `command` for a shell.
pub fn completions(args: &CompletionsArgs, mut command: Command) -> ExitCode {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    terminal::part(String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}

/// Prints a man page in roff: that of `command`, or of one of its subcommands. 64 when there is no such subcommand.
pub fn man(args: &ManArgs, mut command: Command) -> ExitCode {
    // So that a subcommand's page has its full name.
    command.build();
    if let Some(name) = &args.command {
        let Some(found) = command.find_subcommand(name) else {
            let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let known = known.join(", ");
            return refused(format_args!(
                "unknown command {name:?}: use one of {known}, or none for opwatch itself"
            ));
        };
        command = found.clone();
    }
    let mut page = Vec::new();
    if let Err(error) = clap_mangen::Man::new(command).render(&mut page) {
        terminal::error(format_args!("opwatch: the page could not be generated: {error}"));
        return ExitCode::FAILURE;
    }
    terminal::part(String::from_utf8_lossy(&page));
    ExitCode::SUCCESS
}
