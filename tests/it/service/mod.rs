//! The service over HTTP. A module for each subject.

mod connections;
mod faults;
mod movies;
