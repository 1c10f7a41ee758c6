//! What people do: whom it is told of, what it says of a movie, and what is counted of it.
//!
//! **Invariant:** no address and no key is in any of these types; a person is a [`UserId`] that the
//! caller chose, or that says nothing beyond one day.

mod calendar;
mod searches;
mod sent;
mod signal;
mod sketch;
mod trending;
mod user;

pub use {
    calendar::{Day, Hour},
    searches::{SearchStudied, SearchesAsk, Studied},
    sent::{AHEAD_MAX, BATCH_MAX, EVENT_ID_MAX, EventId, Limits, Sent, read},
    signal::{Interaction, Signal},
    sketch::{Sketch, WORDS},
    trending::{LIMIT_DEFAULT, LIMIT_MAX, Trend, TrendingAsk, Window},
    user::{USER_ID_MAX, UserId},
};
