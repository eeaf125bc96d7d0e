//! `opwatch schema`: the JSON Schemas of what opwatch reads and posts. A test makes them from the structs in the code.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::terminal;

/// Arguments of `opwatch schema`.
#[derive(Args, Clone, Debug)]
pub struct SchemaArgs {
    /// What to describe
    #[arg(value_enum, default_value = "message")]
    pub of: Described,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Described {
    /// A message on the topic: what starts a watch, and what opwatch passes on to itself
    Message,
    /// An event that is posted when a watch ends
    Event,
}

/// Prints a schema.
pub fn run(args: &SchemaArgs) -> ExitCode {
    terminal::part(match args.of {
        Described::Message => include_str!("../../schema/message.v1.json"),
        Described::Event => include_str!("../../schema/event.v1.json"),
    });
    ExitCode::SUCCESS
}
