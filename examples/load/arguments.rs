//! The command line: a command, an address, and options of the form `--name value`.

use std::{net::SocketAddr, str::FromStr};

use anyhow::{Context as _, bail};

/// What was given and is not read yet.
#[derive(Debug)]
pub(crate) struct Arguments {
    command: String,
    address: SocketAddr,
    options: Vec<(String, String)>,
}

impl Arguments {
    pub(crate) fn of_process() -> anyhow::Result<Self> {
        Self::read(std::env::args().skip(1))
    }

    fn read(mut given: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let command = given.next().context("which command? repeat or mix")?;
        let address = given.next().context("the address of a server, like 127.0.0.1:8080")?;
        let address = address.parse().with_context(|| format!("{address:?} is no address"))?;
        let mut options = Vec::new();
        while let Some(name) = given.next() {
            if !name.starts_with("--") {
                bail!("what is {name:?}?");
            }
            let value = given.next().with_context(|| format!("{name} needs a value"))?;
            options.push((name, value));
        }
        Ok(Self { command, address, options })
    }

    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every value of an option.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        let (named, others) =
            std::mem::take(&mut self.options).into_iter().partition(|(given, _)| given == name);
        self.options = others;
        let named: Vec<(String, String)> = named;
        named.into_iter().map(|(_, value)| value).collect()
    }

    /// The value of an option that is given once, if it is.
    pub(crate) fn one<T>(&mut self, name: &str) -> anyhow::Result<Option<T>>
    where
        T: FromStr,
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let mut given = self.all(name);
        if given.len() > 1 {
            bail!("{name} is given more than once");
        }
        let read = |text: String| text.parse().with_context(|| format!("{name} {text:?}"));
        given.pop().map(read).transpose()
    }

    /// # Errors
    /// Where something is left that nobody has read.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self.options.first() {
            Some((name, _)) => bail!("{} has no option {name}", self.command),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Arguments> {
        Arguments::read(text.split(' ').map(str::to_owned))
    }

    #[test]
    fn options_are_read_by_name_and_what_is_left_is_an_error() {
        let mut given = read("mix 127.0.0.1:80 --a 1 --b x --a 2").unwrap();
        assert_eq!(given.all("--a"), ["1", "2"]);
        assert_eq!(given.one::<u32>("--c").unwrap(), None);
        assert!(given.one::<u32>("--b").is_err());
        given.finish().unwrap();
        assert!(read("mix 127.0.0.1:80 --left 1").unwrap().finish().is_err());
        assert!(read("mix 127.0.0.1:80 stray").is_err());
        assert!(read("mix nowhere").is_err());
    }
}
