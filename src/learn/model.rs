//! A model: for each item, which others it speaks for.

use std::collections::HashMap;

use super::{interactions::Interactions, parameters::Parameters, prior};

/// What one item says of another, by both regressions; weights of the blend are in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Of which item it speaks.
    pub to: u32,
    /// What is watched together with it.
    pub together: f32,
    /// What is watched after it.
    pub next: f32,
}

/// What was learnt. It does not change; another one takes its place as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What validation chose.
    pub parameters: Parameters,
    /// The items' keys, in order.
    pub items: Vec<String>,
    /// How many users each item had.
    pub popularity: Vec<u32>,
    /// Decayed counts as of the last event.
    pub trend: Vec<f32>,
    /// Where each item's links begin, and the end.
    pub(super) starts: Vec<u32>,
    /// Links, in the order of `to` within an item.
    pub(super) links: Vec<Link>,
    /// The numbers of keys.
    pub(super) numbers: HashMap<String, u32>,
}

/// Everything but what can be computed from it.
pub(super) struct Parts {
    pub(super) parameters: Parameters,
    pub(super) items: Vec<String>,
    pub(super) popularity: Vec<u32>,
    pub(super) trend: Vec<f32>,
    pub(super) rows: Vec<Vec<Link>>,
}

impl Model {
    pub(super) fn new(parts: Parts) -> Self {
        let mut starts = Vec::with_capacity(parts.rows.len() + 1);
        starts.push(0);
        let mut links = Vec::with_capacity(parts.rows.iter().map(Vec::len).sum());
        for mut row in parts.rows {
            row.sort_unstable_by_key(|link| link.to);
            links.extend(row);
            starts.push(links.len() as u32);
        }
        Self::from_links(
            parts.parameters,
            parts.items,
            parts.popularity,
            parts.trend,
            starts,
            links,
        )
    }

    pub(super) fn from_links(
        parameters: Parameters,
        items: Vec<String>,
        popularity: Vec<u32>,
        trend: Vec<f32>,
        starts: Vec<u32>,
        links: Vec<Link>,
    ) -> Self {
        let numbers = (0..).zip(&items).map(|(number, key)| (key.clone(), number)).collect();
        Self { parameters, items, popularity, trend, starts, links, numbers }
    }

    /// The number of an item in this model; `None` for one that it does not know.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<u32> {
        self.numbers.get(key).copied()
    }

    /// What an item says of others, in the order of their numbers.
    #[must_use]
    pub fn links(&self, item: u32) -> &[Link] {
        let item = item as usize;
        match (self.starts.get(item), self.starts.get(item + 1)) {
            (Some(from), Some(to)) => &self.links[*from as usize..*to as usize],
            _ => &[],
        }
    }

    /// Bytes that the model takes in memory, near enough.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let keys: usize = self.items.iter().map(|key| 2 * key.len() + 80).sum();
        self.links.len() * size_of::<Link>() + keys + self.items.len() * 16
    }
}

/// Decayed counts as of the last event, for the half-life that was chosen; a quarter of the span if none was.
pub(super) fn trend_at_end(data: &Interactions, parameters: &Parameters) -> Vec<f32> {
    let items = data.items.len();
    let Some((first, last)) = data.span().filter(|(first, last)| first < last) else {
        return data.popularity().iter().map(|users| *users as f32).collect();
    };
    let quarter = (last - first) as f64 / 4.0;
    let half_life = parameters.trend.map_or(quarter, |trend| trend.half_life);
    let mut counts = prior::Decaying::new(items, half_life);
    for event in prior::in_order(&data.histories) {
        counts.add(event);
    }
    (0..items).map(|item| counts.count(item, last) as f32).collect()
}
