//! Kinds of requests, and where answers came from.

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    List,
    Item,
    /// One of these with `If-None-Match`.
    Conditional,
    Genres,
    Search,
    Suggest,
    Write,
}

impl Class {
    pub(super) const ALL: [Self; 7] = [
        Self::List,
        Self::Item,
        Self::Conditional,
        Self::Genres,
        Self::Search,
        Self::Suggest,
        Self::Write,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Item => "item",
            Self::Conditional => "conditional",
            Self::Genres => "genres",
            Self::Search => "search",
            Self::Suggest => "suggest",
            Self::Write => "write",
        }
    }

    /// Whether it is answered from the index, which has a revision of its own.
    pub(super) const fn is_of_the_index(self) -> bool {
        matches!(self, Self::Search | Self::Suggest)
    }
}

/// Where the answer to a read came from, by its `Cache-Status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    L1,
    L2,
    /// Somebody else's load.
    Collapsed,
    Loaded,
}

impl Outcome {
    pub(super) const ALL: [Self; 4] = [Self::L1, Self::L2, Self::Collapsed, Self::Loaded];

    pub(super) fn of(cache_status: &[u8]) -> Self {
        if cache_status.starts_with(b"marquee-l1; hit") {
            Self::L1
        } else if cache_status.starts_with(b"marquee-l2; hit") {
            Self::L2
        } else if memchr::memmem::find(cache_status, b"collapsed").is_some() {
            Self::Collapsed
        } else {
            Self::Loaded
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::Collapsed => "collapsed",
            Self::Loaded => "loaded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_where_it_came_from() {
        for (text, outcome) in [
            ("marquee-l1; hit; ttl=376", Outcome::L1),
            ("marquee-l2; hit, marquee-l1; fwd=uri-miss; stored; ttl=3", Outcome::L2),
            ("marquee-l1; fwd=stale; collapsed; ttl=3", Outcome::Collapsed),
            ("marquee-l2; fwd=uri-miss; stored, marquee-l1; fwd=uri-miss; stored", Outcome::Loaded),
        ] {
            assert_eq!(Outcome::of(text.as_bytes()), outcome, "{text}");
        }
    }
}
