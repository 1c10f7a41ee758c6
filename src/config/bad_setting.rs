//! A setting that breaks a rule, in one line that names it.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{database_url::redact, value::Rule};

/// A bad value: the setting, the rule that it breaks, and the value without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is {value:?}, but {rule}")]
pub struct BadSetting {
    setting: String,
    rule: String,
    value: String,
}

impl BadSetting {
    /// A value that breaks a rule between settings.
    pub fn new(flag: &str, environment: &str, rule: impl Into<String>, value: &str) -> Self {
        Self { setting: format!("{flag} ({environment})"), rule: rule.into(), value: redact(value) }
    }

    /// The bad value that made clap give up, if that was the reason. `command` is the command line's
    /// definition.
    #[must_use]
    pub fn from_clap(error: &clap::Error, command: &clap::Command) -> Option<Self> {
        let rule = match error.kind() {
            ErrorKind::ValueValidation => match error.source()?.downcast_ref::<Rule>() {
                Some(rule) => rule.to_string(),
                None => format!("must be right: {}", error.source()?),
            },
            ErrorKind::InvalidValue => match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(values)) if !values.is_empty() => {
                    format!("must be one of {}", values.join(", "))
                }
                _ => return None,
            },
            _ => return None,
        };
        let argument = string(error, ContextKind::InvalidArg)?;
        let value = redact(string(error, ContextKind::InvalidValue)?);
        let setting = match find(command, argument) {
            Some((flag, Some(environment))) => format!("{flag} ({environment})"),
            Some((flag, None)) => flag,
            None => argument.to_owned(),
        };
        Some(Self { setting, rule, value })
    }
}

fn string(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    }
}

/// The flag and environment variable of the argument that clap shows as `--flag <VALUE>`.
fn find(command: &clap::Command, shown: &str) -> Option<(String, Option<String>)> {
    let flag = shown.split(' ').next()?.strip_prefix("--")?;
    let own = command.get_arguments().find(|argument| argument.get_long() == Some(flag));
    own.map(|argument| {
        let environment = argument.get_env().map(|name| name.to_string_lossy().into_owned());
        (format!("--{flag}"), environment)
    })
    .or_else(|| command.get_subcommands().find_map(|below| find(below, shown)))
}
