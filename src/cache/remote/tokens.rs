//! Tokens of quotas that replicas share: counted in Redis, leased ahead of need.
//!
//! **Invariant:** Redis' own clock is the only one that counts here. Replicas' clocks may differ.

use std::time::Duration;

use super::{Digest, Missed, Remote, lease::tag};

/// A window of a shared quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenWindow {
    /// Its length in seconds, by which it is told from others of the same client.
    pub window_s: u32,
    /// Microseconds after which there is one more token, at least one.
    pub interval_us: u64,
    /// Tokens that there are at most.
    pub burst: u32,
}

/// What was had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// Tokens, at most as many as were wanted.
    pub tokens: u32,
    /// How long it takes until there is another one, where there was none.
    pub wait: Duration,
}

/// Takes the same number of tokens of each window: as many as each of them has, at most ARGV[1]. A key
/// is the instant, in microseconds, at which all of its window is there again; one in the past says no
/// more than none, so it goes by itself.
const TAKE: &str = "local time = redis.call('TIME') \
    local now = time[1] * 1000000 + time[2] \
    local want, wait = tonumber(ARGV[1]), 0 \
    local full = {} \
    for n = 1, #KEYS do \
        local interval, burst = tonumber(ARGV[2 * n]), tonumber(ARGV[2 * n + 1]) \
        full[n] = math.max(tonumber(redis.call('GET', KEYS[n]) or 0), now) \
        local has = math.floor((now + interval * burst - full[n]) / interval) \
        if has < 1 then \
            wait = math.max(wait, full[n] + interval - interval * burst - now) \
        end \
        want = math.max(0, math.min(want, has)) \
    end \
    if want > 0 then \
        for n = 1, #KEYS do \
            full[n] = full[n] + want * tonumber(ARGV[2 * n]) \
            redis.call('SET', KEYS[n], string.format('%.0f', full[n]), \
                'PX', math.ceil((full[n] - now) / 1000)) \
        end \
    end \
    return {want, math.max(0, math.ceil(wait))}";

impl Remote {
    /// Takes up to `want` tokens of each of a client's windows.
    ///
    /// It may be done and the answer get lost; the tokens are lost then, too, until they are there
    /// again by themselves.
    ///
    /// # Errors
    /// [`Missed`].
    pub async fn take_tokens(
        &self,
        digest: &Digest,
        windows: &[TokenWindow],
        want: u32,
    ) -> Result<Granted, Missed> {
        let tag = tag(digest);
        let mut command = redis::cmd("EVAL");
        command.arg(TAKE).arg(windows.len());
        for window in windows {
            command.arg(self.tokens_key(&tag, window.window_s));
        }
        command.arg(want);
        for window in windows {
            command.arg(window.interval_us).arg(window.burst);
        }
        let (tokens, wait_us): (u32, u64) = self.run(&tag, &command).await?;
        Ok(Granted { tokens: tokens.min(want), wait: Duration::from_micros(wait_us) })
    }

    /// All keys of a client are on one node of a cluster.
    fn tokens_key(&self, tag: &str, window_s: u32) -> String {
        format!("{}:{{{tag}}}:t{window_s}", self.0.prefix)
    }
}
