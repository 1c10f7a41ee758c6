//! `marquee keys`: API keys, made, listed, rotated and ended.
//!
//! A secret is printed once, alone on standard output, so that it can be piped to where it is kept; what
//! there is to say of it goes to standard error. Exits with 66 where there is no such key, and with 65
//! for one that has expired or was revoked and cannot be rotated.

mod list;

use std::{str::FromStr, time::Duration};

use anyhow::Context as _;
use jiff::SignedDuration;

use super::{exit::Exit, output};
use crate::{
    app,
    config::{StoreSettings, log::LogSettings, value::Rule},
    domain::{
        api_key::{self, ApiKey, KeyId, RATE_LIMIT_MAX, Role, Secret},
        clock::{Clock, Moment},
        rate::KeyRates,
    },
    store::{KeyChange, Store},
};

/// The longest life of a key, and the longest overlap.
const LIFE_MAX: Duration = Duration::from_hours(24 * 3660);

/// Arguments of `marquee keys`.
#[derive(Debug, clap::Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a key and print its secret, which is shown this once.
    Create(Box<CreateArgs>),
    /// List the keys: ids, names, roles and states, no secrets.
    List(Box<ListArgs>),
    /// End a key. Every replica refuses it within the staleness bound.
    Revoke(Box<OneArgs>),
    /// Give a key another secret and print it; the one before is good for a while more.
    Rotate(Box<RotateArgs>),
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// What people call it: who or what has the key.
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: String,
    /// What it may do: `reader` reads, `editor` writes too, `admin` does all there is.
    #[arg(long, value_name = "ROLE", value_parser = role)]
    role: Role,
    /// How long it is good, like `90d` or `12h`. Default: until it is revoked.
    #[arg(long, value_name = "DURATION", value_parser = life)]
    expires: Option<Duration>,
    /// Limits of its own instead of those for keys, in the words of `--rate-limit` of `serve`:
    /// `read=2000/1s`.
    #[arg(long, value_name = "LIMITS", value_parser = limits)]
    rate_limit: Option<String>,
    /// Where the keys are kept.
    #[command(flatten)]
    settings: StoreSettings,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// How to print: `table` for people, `json` for machines.
    #[arg(long, value_name = "FORMAT", default_value = "table", hide_possible_values = true)]
    format: super::config::Format,
    /// Where the keys are kept.
    #[command(flatten)]
    settings: StoreSettings,
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// The key's id, as `list` shows it.
    #[arg(value_name = "ID", value_parser = id)]
    id: KeyId,
    /// Where the keys are kept.
    #[command(flatten)]
    settings: StoreSettings,
}

#[derive(Debug, clap::Args)]
struct RotateArgs {
    /// The key's id, as `list` shows it.
    #[arg(value_name = "ID", value_parser = id)]
    id: KeyId,
    /// How long the secret before is good for, like `24h`; `0s` ends it at once. The one before that
    /// ends in any case.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = overlap)]
    overlap: Duration,
    /// Where the keys are kept.
    #[command(flatten)]
    settings: StoreSettings,
}

impl KeysArgs {
    const fn settings(&self) -> &StoreSettings {
        match &self.action {
            Action::Create(arguments) => &arguments.settings,
            Action::List(arguments) => &arguments.settings,
            Action::Revoke(arguments) => &arguments.settings,
            Action::Rotate(arguments) => &arguments.settings,
        }
    }

    pub(super) const fn log(&self) -> &LogSettings {
        &self.settings().log
    }
}

pub(super) async fn run(arguments: &KeysArgs) -> anyhow::Result<Exit> {
    let clock = Clock::system();
    let store = app::open_store(&arguments.settings().database, clock.clone()).await?;
    let done = act(&arguments.action, &store, clock.now()).await;
    store.close().await;
    done
}

async fn act(action: &Action, store: &Store, now: Moment) -> anyhow::Result<Exit> {
    match action {
        Action::Create(arguments) => create(arguments, store, now).await,
        Action::List(arguments) => {
            let keys = store.keys().await.context("cannot read the keys")?;
            for error in &keys.bad {
                output::complain(error);
            }
            output::print(match arguments.format {
                super::config::Format::Table => list::table(&keys.keys, now),
                super::config::Format::Json => list::json(&keys.keys, now)?,
            })?;
            Ok(if keys.bad.is_empty() { Exit::Ok } else { Exit::Data })
        }
        Action::Revoke(arguments) => {
            let change = store.revoke_key(arguments.id).await.context("cannot revoke the key")?;
            let tell = |key: &ApiKey| {
                output::tell(format_args!("key {} ({}) is revoked", key.id, key.name));
                Ok(Exit::Ok)
            };
            changed(change, arguments.id, tell)
        }
        Action::Rotate(arguments) => {
            let secret = Secret::random(arguments.id, &mut getrandom::fill)
                .context("cannot get random numbers")?;
            let change = store.rotate_key(arguments.id, secret.hash(), arguments.overlap).await;
            changed(change.context("cannot rotate the key")?, arguments.id, |key| {
                let until = key.previous.map_or(now, |previous| previous.until);
                let (id, name) = (key.id, &key.name);
                output::tell(format_args!(
                    "key {id} ({name}) has a new secret; the one before is good until {until}"
                ));
                output::print(format_args!("{}\n", secret.expose()))?;
                Ok(Exit::Ok)
            })
        }
    }
}

async fn create(arguments: &CreateArgs, store: &Store, now: Moment) -> anyhow::Result<Exit> {
    let fill = &mut getrandom::fill;
    let id = KeyId::random(fill).context("cannot get random numbers")?;
    let secret = Secret::random(id, fill).context("cannot get random numbers")?;
    let end = |life: Duration| {
        let life = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
        Moment::from_unix_ms(now.unix_ms().saturating_add(life))
    };
    let key = ApiKey {
        id,
        name: arguments.name.clone(),
        role: arguments.role,
        secret: secret.hash(),
        previous: None,
        rate_limit: arguments.rate_limit.clone(),
        created_at: now,
        expires_at: arguments.expires.map(end),
        revoked_at: None,
        last_used_at: None,
    };
    store.create_key(&key).await.context("cannot store the key")?;
    let expires = key.expires_at.map_or("never".to_owned(), |end| end.to_string());
    let (name, role) = (&key.name, key.role);
    output::tell(format_args!("key {id} ({name}): role {role}, expires {expires}"));
    output::tell("its secret is shown this once; callers send it as Authorization: Bearer SECRET");
    output::print(format_args!("{}\n", secret.expose()))?;
    Ok(Exit::Ok)
}

fn changed(
    change: KeyChange,
    id: KeyId,
    done: impl FnOnce(&ApiKey) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    match change {
        KeyChange::Done(key) => done(&key),
        KeyChange::NotFound => {
            output::complain(format_args!("there is no key {id}; `marquee keys list` has them"));
            Ok(Exit::NoInput)
        }
        KeyChange::Over(state) => {
            let state = state.as_str();
            output::complain(format_args!("key {id} is {state} for good: create another one"));
            Ok(Exit::Data)
        }
    }
}

fn name(text: &str) -> Result<String, Rule> {
    api_key::name(text).map(str::to_owned).map_err(Rule::new)
}

fn role(text: &str) -> Result<Role, Rule> {
    text.parse().map_err(|()| Rule::new("must be one of reader, editor, admin"))
}

fn id(text: &str) -> Result<KeyId, Rule> {
    text.parse().map_err(|()| Rule::new("must be a key's id: 8 letters and digits"))
}

fn limits(text: &str) -> Result<String, Rule> {
    let good = (1..=RATE_LIMIT_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if !good {
        return Err(Rule::new("must be limits, like read=2000/1s"));
    }
    let read = text.parse::<KeyRates>();
    read.map(|_| text.to_owned()).map_err(|bad| Rule::new(format!("must be limits: {bad}")))
}

/// A duration in which days and weeks may be given, too.
fn days(text: &str) -> Option<Duration> {
    let last = text.chars().next_back()?;
    let day = Duration::from_hours(24);
    let unit = match last {
        'd' => day,
        'w' => 7 * day,
        _ => return SignedDuration::from_str(text).ok()?.try_into().ok(),
    };
    unit.checked_mul(text[..text.len() - 1].trim_end().parse().ok()?)
}

fn life(text: &str) -> Result<Duration, Rule> {
    days(text)
        .filter(|life| !life.is_zero() && *life <= LIFE_MAX)
        .ok_or_else(|| Rule::new("must be a number with a unit (s, m, h, d, w) and at most 3660d"))
}

fn overlap(text: &str) -> Result<Duration, Rule> {
    days(text).filter(|overlap| *overlap <= LIFE_MAX).ok_or_else(|| {
        Rule::new("must be a number with a unit (s, m, h, d, w) and at most 3660d; 0s for none")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_read_in_days_too() {
        let hours = |hours| Ok(Duration::from_hours(hours));
        for (text, duration) in [
            ("90d", hours(2160)),
            ("2w", hours(336)),
            ("12h", hours(12)),
            ("1h 30m", Ok(Duration::from_mins(90))),
        ] {
            assert_eq!(life(text), duration, "{text}");
        }
        assert_eq!(overlap("0s"), Ok(Duration::ZERO));
        for bad in ["", "d", "-1d", "0s", "5", "4000d", "1.5d", "soon", "99999999999d", "1é"] {
            assert!(life(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_are_rules_in_short_visible_text() {
        assert!(limits("read=2000/1s; write=5/1s").is_ok());
        for bad in ["", "a\nb", "é", &"x".repeat(256), "fast", "read=5/1s burst", "key.read=5/1s"]
        {
            assert!(limits(bad).is_err(), "{bad}");
        }
    }
}
