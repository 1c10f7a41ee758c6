//! From dense weights to the few links that a model keeps.

use super::{
    ease::Weights,
    interactions::Interactions,
    model::Link,
    neighbours::{Neighbours, keep_highest},
    parallel,
    parameters::{Options, Parameters},
};

/// Catalogues up to this size keep all links: they cost little, and each item is a large part of it.
const SMALL: usize = 512;

/// How many times as many links are kept where events do not decay.
const UNDECAYED: usize = 8;

/// The links of all items: those of the dense matrices for the items in `head`, and co-occurrence, brought to
/// the same scale, wherever an item is in none.
pub(super) fn links(
    data: &Interactions,
    parameters: &Parameters,
    head: &[u32],
    together: &Weights,
    next: Option<&Weights>,
    options: &Options,
) -> Vec<Vec<Link>> {
    let (keep, threads) = (options.neighbours, options.threads);
    let by = (parameters.together.weight, parameters.next.map_or(0.0, |next| next.weight));
    let items = data.items.len();
    // Where no event is forgotten, many weak links add up.
    let keep =
        if parameters.together.recency < 1.0 { keep } else { keep.saturating_mul(UNDECAYED) };
    let keep = if items <= SMALL { items } else { keep };
    let keep = keep.min(options.links_max / items.max(1)).max(1);
    let mut rows: Vec<Vec<Link>> = vec![Vec::new(); items];
    let dense = parallel::map(head.len(), threads, |row| {
        let links = head.iter().enumerate().map(|(column, to)| {
            let next = next.map_or(0.0, |next| next.row(row)[column] * by.1);
            (*to, Link { to: *to, together: together.row(row)[column] * by.0, next })
        });
        let mut links: Vec<(u32, Link)> = links.filter(|(_, link)| weight(link) > 0.0).collect();
        keep_highest(&mut links, keep, |(_, link)| weight(link));
        links.into_iter().map(|(_, link)| link).collect::<Vec<_>>()
    });
    for (item, links) in head.iter().zip(dense) {
        rows[*item as usize] = links;
    }
    if head.len() < items {
        add_sparse(data, head, together, by.0, keep, threads, &mut rows);
    }
    rows
}

/// Takes the weakest links away where there are more than `most` in all, each row as many of its own as any
/// other.
pub(super) fn trim(rows: &mut [Vec<Link>], most: usize) {
    if rows.iter().map(Vec::len).sum::<usize>() <= most {
        return;
    }
    let keep = (most / rows.len().max(1)).max(1);
    for row in rows.iter_mut().filter(|row| row.len() > keep) {
        let mut all: Vec<(u32, Link)> = row.drain(..).map(|link| (link.to, link)).collect();
        keep_highest(&mut all, keep, |(_, link)| weight(link));
        row.extend(all.into_iter().map(|(_, link)| link));
    }
}

/// What decides whether a link is kept.
fn weight(link: &Link) -> f32 {
    link.together.abs() + link.next.abs()
}

fn add_sparse(
    data: &Interactions,
    head: &[u32],
    together: &Weights,
    by: f32,
    keep: usize,
    threads: usize,
    rows: &mut [Vec<Link>],
) {
    let mut is_dense = vec![false; data.items.len()];
    for item in head {
        is_dense[*item as usize] = true;
    }
    let neighbours = Neighbours::new(&data.histories, data.items.len(), keep, threads);
    let factor = neighbours.factor_to(together, head) * if by > 0.0 { by } else { 1.0 };
    for (item, near) in neighbours.0.iter().enumerate() {
        let sparse = |to: u32| !is_dense[item] || !is_dense[to as usize];
        let near = near.iter().filter(|(to, _)| sparse(*to));
        let links = near.map(|(to, weight)| Link { to: *to, together: weight * factor, next: 0.0 });
        rows[item].extend(links);
    }
    for row in rows {
        let mut all: Vec<(u32, Link)> = row.drain(..).map(|link| (link.to, link)).collect();
        keep_highest(&mut all, keep, |(_, link)| weight(link));
        row.extend(all.into_iter().map(|(_, link)| link));
    }
}
