//! The service over HTTP. A module for each subject.

mod agreement;
mod connections;
mod faults;
mod movies;
