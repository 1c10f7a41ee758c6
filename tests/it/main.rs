//! One integration binary: the real store on real databases.

mod backend;
mod store;
