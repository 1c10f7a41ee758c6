//! Classes of routes: what all answers of a kind have in common.

use hyper::header::HeaderValue;

/// A class of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Answers made from many movies.
    List,
    /// One movie.
    Item,
    /// The change feed, which its readers poll.
    Feed,
    /// The whole catalogue.
    Export,
    /// What changes with a release only: the API's description.
    Static,
    /// Whatever changes the catalogue.
    Write,
}

/// Answers that no cache may keep: writes and errors.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

impl Class {
    /// The `Cache-Control` of its answers.
    #[must_use]
    pub(super) const fn cache_control(self) -> HeaderValue {
        match self {
            Self::List => HeaderValue::from_static(
                "public, max-age=10, stale-while-revalidate=30, stale-if-error=86400",
            ),
            Self::Item => HeaderValue::from_static(
                "public, max-age=60, stale-while-revalidate=30, stale-if-error=86400",
            ),
            // A reader that polls wants to know now; its ETag spares it the body.
            Self::Feed => HeaderValue::from_static("no-cache"),
            Self::Static => HeaderValue::from_static("public, max-age=300"),
            Self::Export | Self::Write => NO_STORE,
        }
    }
}
