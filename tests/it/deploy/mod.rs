//! What is shipped beside the program: configuration of load balancers, of Prometheus and Grafana, and the
//! documentation of operations. Each is run as it is shipped, but for ports and folders, or compared with
//! the code.
//!
//! `make check-deploy` has the checks that need more programs than `make test` installs.

mod balanced;
mod balancers;
mod dashboards;
mod documented;
mod expressions;
mod fleet;
mod image;
mod load;
mod prometheus;
mod rolling;
mod rules;
mod shipped;
mod watched;
