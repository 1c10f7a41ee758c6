//! How a view becomes one with a write in it.
//!
//! What changes is a movie, and with it the credits of its people. Both are ended where they stand and
//! put into the last layer, which is small. A layer that grows too large is poured into the one before
//! it; never into the first, which is built as a whole.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{movie::MovieId, suggest::Kind};

use super::{
    build::Building,
    item::Item,
    score,
    view::{LAYERS, Layer, View},
};

/// Movies and people of each layer, at most; the first has no bound of this kind, and neither has the
/// second.
const LAYER_MAX: [usize; LAYERS] = [usize::MAX, usize::MAX, 2048, 64];

/// What was written while a build was made: the last of each movie.
pub(super) type Pending = HashMap<MovieId, Option<Item>>;

impl View {
    /// Movies and people that stand outside of the first layer, and those that ended in it.
    pub(super) fn changed(&self) -> usize {
        let later = self.layers[1..].iter().map(|layer| layer.movies() + layer.people());
        let ended = self.layers[0].ended();
        later.sum::<usize>().max(ended)
    }

    /// Makes a movie be this, or not be.
    pub(super) fn write(&mut self, id: MovieId, item: Option<&Item>) {
        let before = self.movie(id).map(|(layer, n)| {
            let before = self.layers[layer].item(n);
            self.layers[layer].end(Kind::Movie, n);
            before
        });
        let mut changes: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for (name, role) in before.iter().flat_map(|before| &before.people) {
            let score = before.as_ref().map_or(0, |before| before.score);
            changes.entry(name).or_default().0 = score::credit(score, *role);
        }
        for (name, role) in item.iter().flat_map(|item| &item.people) {
            let score = item.map_or(0, |item| item.score);
            changes.entry(name).or_default().1 = score::credit(score, *role);
        }
        let mut credits: Vec<(&str, u32)> = Vec::with_capacity(changes.len());
        for (name, (less, more)) in changes {
            if less == more {
                continue;
            }
            let mut credit = 0;
            if let Some((layer, n)) = self.person(name) {
                credit = self.layers[layer].segment.credits[n as usize];
                self.layers[layer].end(Kind::Person, n);
            }
            credit = credit.saturating_sub(less).saturating_add(more);
            if credit > 0 {
                credits.push((name, credit));
            }
        }
        if item.is_some() || !credits.is_empty() {
            self.pour(LAYERS - 1, item, &credits);
        }
    }

    /// Puts what is new into a layer, with all that the layers after it have; or into the one before
    /// it, if that is too much.
    fn pour(&mut self, into: usize, item: Option<&Item>, credits: &[(&str, u32)]) {
        let size = |layer: &Layer| layer.movies() + layer.people();
        let standing: usize = self.layers[into..].iter().map(size).sum();
        if standing + 1 + credits.len() > LAYER_MAX[into] {
            return self.pour(into - 1, item, credits);
        }
        let mut building = Building::part();
        for layer in &mut self.layers[into..] {
            let layer = std::mem::take(layer);
            layer.items().for_each(|item| building.movie(&item));
            layer.credits().for_each(|(name, credit)| building.person(&name, credit));
        }
        if let Some(item) = item {
            building.movie(item);
        }
        for (name, credit) in credits {
            building.person(name, *credit);
        }
        self.layers[into] = Layer::new(building.finish().0);
    }
}
