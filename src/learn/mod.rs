//! Learning: what users did, and what to show them next.
//!
//! [`interactions`] are histories in order of time; [`train`] makes a [`model`] from them; the model answers
//! "what next" and "what is like it" from memory; [`evaluate`] judges it beside simpler methods. The method and
//! its figures are in `docs/LEARNING.md`.
//!
//! **Invariant:** no HTTP, no SQL and no clock in here. Files are touched by [`mod@file`] only.
//! **Invariant:** training is repeatable bit for bit: every sum of floats has one order, which the number of
//! threads does not change, and nothing is drawn at random.
//! **Invariant:** a user is a position in a list while training, and is in no model.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "items and users are counted in u32, shares are not negative, and scores that are equal are ties"
)]

pub mod content;
pub mod diverse;
pub mod error;
pub mod evaluate;
pub mod file;
pub mod gather;
pub mod interactions;
pub mod likeness;
pub mod loaded;
pub mod model;
pub mod parameters;
pub mod read;
pub mod recommend;
pub mod train;

mod dense;
mod ease;
mod follow;
mod neighbours;
mod parallel;
mod prior;
mod prune;
mod score;
mod split;
mod tune;
