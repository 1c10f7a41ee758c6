//! The consistency protocol as a model, explored in full within bounds.
//!
//! A server that keeps all rules breaks no promise, whatever happens in whatever order: `kept`. With
//! any one of its rules broken the checker finds how a promise breaks: `broken`. So no rule is there
//! for nothing, and the model is able to see what it is there for.
//!
//! What is modelled: the truth and its revisions of four scopes; replicas with what they know, polls,
//! leases, L1, loads that several requests share; L2, where any entry that ever was there may be gone
//! or back; messages that get lost, are late, come twice, or are lies; writes that end between commit
//! and answer; crashes; a database restored from a dump, which is found out before it is known what is
//! there instead. What a server does is in `protocol`, `loads` and `replica`, what can happen to it in
//! `state`, what it promises in `promises`.
//!
//! What is not: the cap beyond which answers are refused, deadlines, evictions (an entry that is not
//! there is loaded, which the model does from the start), and whether anything happens in the end.
//!
//! One model with all of this at once is too large, so there are several (`scenarios`), each with
//! what belongs together and all with more than one scope. They are small because time is kept as
//! ages up to the bound, replicas that are alike count once, and what makes no difference is left out
//! of a moment.

mod bounds;
mod broken;
mod catalogue;
mod faults;
mod kept;
mod loads;
mod occurrences;
mod promises;
mod protocol;
mod replica;
mod request;
mod rules;
mod scenarios;
mod state;
