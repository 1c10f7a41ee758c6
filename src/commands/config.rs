//! `marquee config`: which settings are in force, and where they came from.

use super::{exit::Exit, output};
use crate::config::{
    Settings,
    describe::{Described, table},
};

/// Arguments of `marquee config`.
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {
    /// The settings, given as they would be to `serve`.
    #[command(flatten)]
    pub settings: Settings,
    /// How to print: `table` for people, `json` for machines.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_possible_values = true,
        help_heading = "Options"
    )]
    pub format: Format,
}

/// How settings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Columns of text.
    Table,
    /// A JSON array of objects.
    Json,
}

pub(super) fn run(arguments: &ConfigArgs, described: &[Described]) -> anyhow::Result<Exit> {
    match arguments.format {
        Format::Table => output::print(table(described))?,
        Format::Json => output::print(serde_json::to_string_pretty(described)? + "\n")?,
    }
    Ok(Exit::Ok)
}
