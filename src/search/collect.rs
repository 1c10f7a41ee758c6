//! The rows of a page, gathered while movies are found.

use std::{cmp::Reverse, collections::BinaryHeap};

use tantivy::DocId;

use crate::domain::{
    cursor::{Position, Side},
    list::{Sort, SortKey},
    search::SearchSort,
};

use super::{columns::Columns, error::SearchError, index::Snapshot, order, score};

/// A movie that is in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    /// Larger is nearer to where the page begins.
    key: u128,
    pub(super) part: usize,
    pub(super) document: DocId,
}

impl Row {
    /// Its key in the order of the list.
    pub(super) const fn key(&self, backwards: bool) -> u128 {
        if backwards { !self.key } else { self.key }
    }
}

/// The first so many rows beside a position.
pub(super) struct Page {
    most: usize,
    skip: usize,
    sort: SearchSort,
    position: Option<Position>,
    backwards: bool,
    /// Keys of this part must be below.
    bound: u128,
    part: usize,
    /// Keys must be above, and ranks not below: those of the last row, once there are enough.
    floor: u128,
    lowest: i64,
    heap: BinaryHeap<Reverse<Row>>,
    /// The rows of the parts that are done, where keys mean something within a part alone.
    titled: Vec<(Vec<u8>, u64, Row)>,
}

impl Page {
    /// A page of so many rows, after so many that are skipped.
    pub(super) fn new(
        most: usize,
        skip: usize,
        sort: SearchSort,
        position: Option<Position>,
    ) -> Self {
        let backwards = position.as_ref().is_some_and(|position| position.side == Side::Before);
        Self {
            most: most + skip,
            skip,
            sort,
            position,
            backwards,
            bound: u128::MAX,
            part: 0,
            floor: 0,
            lowest: i64::MIN,
            heap: BinaryHeap::new(),
            titled: Vec::new(),
        }
    }

    /// Goes on with another part.
    pub(super) fn begin(&mut self, part: usize, columns: &Columns) -> Result<(), SearchError> {
        self.part = part;
        self.bound = match &self.position {
            Some(position) => self.turned(order::of_position(columns, self.sort, position)?),
            None => u128::MAX,
        };
        Ok(())
    }

    const fn turned(&self, key: u128) -> u128 {
        if self.backwards { !key } else { key }
    }

    /// Whether a movie whose rank is at most this may be in the page, which is one by relevance.
    #[inline]
    pub(super) const fn may_take(&self, highest: i64) -> bool {
        highest >= self.lowest
    }

    /// Takes a movie if it is in the page as far as is known.
    #[inline]
    pub(super) fn take(&mut self, key: u128, document: DocId) {
        let key = self.turned(key);
        if key > self.floor && key < self.bound {
            self.put(Row { key, part: self.part, document });
        }
    }

    fn put(&mut self, row: Row) {
        if self.heap.len() < self.most {
            self.heap.push(Reverse(row));
        } else if let Some(mut last) = self.heap.peek_mut() {
            *last = Reverse(row);
        }
        if self.heap.len() == self.most
            && let Some(Reverse(last)) = self.heap.peek()
        {
            self.floor = last.key;
            if !self.backwards {
                self.lowest = score::rank_of_key(last.key);
            }
        }
    }

    /// Is done with a part.
    pub(super) fn end(&mut self, columns: &Columns) -> Result<(), SearchError> {
        let SearchSort::By(Sort { key: SortKey::Title, descending }) = self.sort else {
            return Ok(());
        };
        self.floor = 0;
        for Reverse(row) in self.heap.drain() {
            let id = columns.id.get(row.document);
            self.titled.push((columns.title_key(row.document)?, id, row));
        }
        self.titled.sort_by(|(a, a_id, _), (b, b_id, _)| (a, a_id).cmp(&(b, b_id)));
        if descending != self.backwards {
            self.titled.reverse();
        }
        self.titled.truncate(self.most);
        if descending != self.backwards {
            self.titled.reverse();
        }
        Ok(())
    }

    /// The rows, from where the page begins.
    pub(super) fn rows(self) -> Vec<Row> {
        let rows: Vec<Row> = match self.sort {
            SearchSort::By(Sort { key: SortKey::Title, descending }) => {
                let rows = self.titled.into_iter().map(|(_, _, row)| row);
                if descending == self.backwards { rows.collect() } else { rows.rev().collect() }
            }
            _ => self.heap.into_sorted_vec().into_iter().map(|Reverse(row)| row).collect(),
        };
        rows.into_iter().skip(self.skip).collect()
    }
}

/// What is at a row's place.
pub(super) fn stored(
    snapshot: &Snapshot,
    row: Row,
) -> Result<tantivy::TantivyDocument, SearchError> {
    Ok(snapshot.parts[row.part].base.stored.get(row.document)?)
}
