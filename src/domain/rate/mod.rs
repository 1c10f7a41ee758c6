//! How many requests a client may make: rates, in windows, for each class of requests.
//!
//! **Invariant:** a [`Rate`] is within bounds in which its arithmetic in nanoseconds cannot overflow.
//! **Invariant:** windows of a class are in order, the shortest first, and no two are as long.

mod grammar;

use std::fmt;

pub use self::grammar::BadRates;

/// Most requests of one window, and most of a burst.
const COUNT_MAX: u32 = 1_000_000;
/// Seconds of the longest window: a day.
const WINDOW_MAX: u32 = 86_400;
/// How many windows' worth of requests may come at once.
const BURST_WINDOWS_MAX: u32 = 100;
/// Most windows of a class.
const WINDOWS_MAX: usize = 4;
/// How much more than others a client with a key may do where nothing else is said.
const KEY_FACTOR: u32 = 10;

/// A class of requests, by what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitClass {
    /// Reads that a cache answers.
    Read,
    /// Reads that cost more: searches, and exports.
    Search,
    /// Writes.
    Write,
}

impl LimitClass {
    /// Every class, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Read, Self::Search, Self::Write];

    /// Its name: in settings, in headers and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Search => "search",
            Self::Write => "write",
        }
    }
}

/// So many requests in so many seconds, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    window_s: u32,
    burst: u32,
}

impl Rate {
    /// `None` for what is out of bounds: a count from 1 to a million, a window from a second to a
    /// day, a burst from 1 to a million and to a hundred windows' worth.
    #[must_use]
    pub const fn new(count: u32, window_s: u32, burst: u32) -> Option<Self> {
        let good = 1 <= count
            && count <= COUNT_MAX
            && 1 <= window_s
            && window_s <= WINDOW_MAX
            && 1 <= burst
            && burst <= COUNT_MAX
            && burst <= count.saturating_mul(BURST_WINDOWS_MAX);
        if good { Some(Self { count, window_s, burst }) } else { None }
    }

    /// Requests in a window.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Seconds of the window.
    #[must_use]
    pub const fn window_s(self) -> u32 {
        self.window_s
    }

    /// Requests that may come at once after a while without any.
    #[must_use]
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// Nanoseconds after which there is one more, rounded up.
    #[must_use]
    pub const fn interval_ns(self) -> u64 {
        (self.window_s as u64 * 1_000_000_000).div_ceil(self.count as u64)
    }

    const fn times(self, factor: u32) -> Self {
        let count = capped(self.count.saturating_mul(factor));
        Self { count, burst: capped(self.burst.saturating_mul(factor)), ..self }
    }
}

const fn capped(count: u32) -> u32 {
    if count < COUNT_MAX { count } else { COUNT_MAX }
}

/// What a class may do: a rate for each window. Without any it is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Windows(Vec<Rate>);

impl Windows {
    /// No limit.
    pub const OFF: Self = Self(Vec::new());

    /// The rates, shortest window first.
    #[must_use]
    pub fn rates(&self) -> &[Rate] {
        &self.0
    }

    /// One window.
    #[must_use]
    pub fn one(rate: Rate) -> Self {
        Self(vec![rate])
    }

    fn times(&self, factor: u32) -> Self {
        Self(self.0.iter().map(|rate| rate.times(factor)).collect())
    }
}

/// What one kind of clients may do, by class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByClass([Windows; LimitClass::ALL.len()]);

impl ByClass {
    /// The windows of a class.
    #[must_use]
    pub const fn of(&self, class: LimitClass) -> &Windows {
        &self.0[class as usize]
    }
}

/// What every client may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// Clients without a key, each by its address.
    pub anonymous: ByClass,
    /// Clients with a key, each by that.
    pub key: ByClass,
    /// Whether a client on this machine, without a proxy between, is let off.
    pub spares_local: bool,
}

impl RateLimits {
    /// Nobody is limited.
    #[must_use]
    pub const fn off() -> Self {
        Self { anonymous: OFF, key: OFF, spares_local: false }
    }
}

const OFF: ByClass = ByClass([Windows::OFF, Windows::OFF, Windows::OFF]);

impl Default for RateLimits {
    /// 200 reads, 50 searches and 20 writes a second, twice that at once, and ten times that with a
    /// key. Who reaches the loopback interface directly is the operator, or measures.
    fn default() -> Self {
        let a_second = |count| Windows(vec![Rate { count, window_s: 1, burst: 2 * count }]);
        let anonymous = ByClass([a_second(200), a_second(50), a_second(20)]);
        let key = ByClass(anonymous.0.each_ref().map(|windows| windows.times(KEY_FACTOR)));
        Self { anonymous, key, spares_local: true }
    }
}

/// What one key may do otherwise than other keys. Classes that are not named are as for every key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRates([Option<Windows>; LimitClass::ALL.len()]);

impl KeyRates {
    /// The windows of a class, if they are this key's own.
    #[must_use]
    pub const fn of(&self, class: LimitClass) -> Option<&Windows> {
        self.0[class as usize].as_ref()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, Length(self.window_s))?;
        if self.burst == self.count { Ok(()) } else { write!(f, " burst {}", self.burst) }
    }
}

/// A window's length as it is written: in the largest unit that fits.
#[derive(Debug, Clone, Copy)]
pub struct Length(pub u32);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(seconds) = *self;
        match () {
            () if seconds % 86_400 == 0 => write!(f, "{}d", seconds / 86_400),
            () if seconds % 3600 == 0 => write!(f, "{}h", seconds / 3600),
            () if seconds % 60 == 0 => write!(f, "{}m", seconds / 60),
            () => write!(f, "{seconds}s"),
        }
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("off");
        }
        for (n, rate) in self.0.iter().enumerate() {
            write!(f, "{}{rate}", if n == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Display for RateLimits {
    /// As it may be typed: `default`, or a rule for every class.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return f.write_str("default");
        }
        for (kind, by_class) in [("", &self.anonymous), ("key.", &self.key)] {
            for class in LimitClass::ALL {
                let end = if kind.is_empty() || class != LimitClass::Write { "; " } else { "" };
                write!(f, "{kind}{}={}{end}", class.name(), by_class.of(class))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for KeyRates {
    /// As it may be typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = LimitClass::ALL.into_iter().filter_map(|class| Some((class, self.of(class)?)));
        for (n, (class, windows)) in named.enumerate() {
            write!(f, "{}{}={windows}", if n == 0 { "" } else { "; " }, class.name())?;
        }
        Ok(())
    }
}
