//! One integration binary: the real store on real databases.

mod backend;
mod fault_proxy;
mod store;
