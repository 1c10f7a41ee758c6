//! Tokens of an issuer whose public keys are in a file.
//!
//! **Invariant:** a token that was good is good again until it ends or the file changes; nothing else is
//! kept of tokens, and not the token itself.
//! **Invariant:** a file that cannot be read, or makes no sense, changes nothing while the service runs.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::domain::clock::Clock;

use super::{
    jwks::{self, BadJwks, PublicKeys},
    token::{self, Expected, TokenFault, Verified},
};

/// Tokens of which it is kept that they are good.
const KEPT_MAX: u64 = 10_000;
/// Bytes of the file.
const FILE_MAX: u64 = 1024 * 1024;
/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why the file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// It cannot be read.
    #[error("the JWKS file {path} cannot be read")]
    Unreadable {
        /// Where it should be.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// It makes no sense.
    #[error("the JWKS file {path} cannot be used")]
    Bad {
        /// Where it is.
        path: String,
        /// What is wrong.
        source: BadJwks,
    },
}

/// Checks tokens.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    expected: Expected,
    clock: Clock,
    issuer: ArcSwap<Issuer>,
}

/// What a file says.
#[derive(Debug)]
struct Issuer {
    /// Of the file.
    digest: [u8; 32],
    keys: PublicKeys,
    /// By the hashes of tokens.
    good: Cache<[u8; 32], Arc<Verified>>,
}

impl Tokens {
    /// Reads the public keys.
    ///
    /// # Errors
    /// [`JwksError`]
    pub fn open(path: &Path, expected: Expected, clock: Clock) -> Result<Self, JwksError> {
        let issuer = ArcSwap::from_pointee(read(path)?);
        Ok(Self { path: path.to_owned(), expected, clock, issuer })
    }

    /// Checks a token.
    pub(super) fn verify(&self, token: &[u8]) -> Result<Arc<Verified>, TokenFault> {
        if token.len() > token::LENGTH_MAX {
            return Err(TokenFault::TooLong); // before it is hashed
        }
        let issuer = self.issuer.load();
        let (hash, now) = (Sha256::digest(token).into(), self.clock.now());
        if let Some(good) = issuer.good.get(&hash) {
            if !good.is_over(now) {
                return Ok(good);
            }
            issuer.good.invalidate(&hash);
            return Err(TokenFault::Expired);
        }
        let good = Arc::new(token::verify(token, &issuer.keys, &self.expected, now)?);
        issuer.good.insert(hash, Arc::clone(&good));
        Ok(good)
    }

    /// Reads the file again; whether it was another one than before.
    ///
    /// # Errors
    /// [`JwksError`]; then the keys stay as they are.
    pub fn reload(&self) -> Result<bool, JwksError> {
        let issuer = read(&self.path)?;
        if issuer.digest == self.issuer.load().digest {
            return Ok(false);
        }
        let keys = issuer.keys.len();
        self.issuer.store(Arc::new(issuer));
        tracing::info!(path = %self.path.display(), keys, "the JWKS file was read again");
        Ok(true)
    }

    /// Reads the file again whenever it changes, until told to stop.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut times = interval(LOOK_EVERY);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            tokio::select! {
                _ = times.tick() => {}
                () = stop.cancelled() => return,
            }
            let tokens = Arc::clone(&self);
            let Ok(reloaded) = spawn_blocking(move || tokens.reload()).await else { continue };
            let fault = reloaded.err().map(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                format!("{error}: {}", cause.unwrap_or_default())
            });
            if let Some(fault) = fault.as_ref().filter(|fault| told.as_ref() != Some(*fault)) {
                tracing::error!(error = fault, "tokens are checked with the keys from before");
            }
            told = fault;
        }
    }
}

fn read(path: &Path) -> Result<Issuer, JwksError> {
    let shown = || path.display().to_string();
    let bytes = bytes(path).map_err(|source| JwksError::Unreadable { path: shown(), source })?;
    let keys = jwks::read(&bytes).map_err(|source| JwksError::Bad { path: shown(), source })?;
    let good = Cache::new(KEPT_MAX);
    Ok(Issuer { digest: Sha256::digest(&bytes).into(), keys, good })
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(io::Error::other("it has more than 1 MiB"));
    }
    Ok(bytes)
}
