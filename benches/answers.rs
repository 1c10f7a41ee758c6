//! What each step of a hit and of a miss takes: `cargo bench --bench answers`, or `make bench`.
//!
//! How many instructions that is, which no busy machine changes, is counted by `make bench-check`.

use criterion::{Criterion, criterion_group, criterion_main};
use tikv_jemallocator::Jemalloc;

mod steps;

/// The service's.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn answers(criterion: &mut Criterion) {
    for step in steps::steady().into_iter().chain(steps::threaded()) {
        let mut run = (step.make)();
        criterion.bench_function(step.name, |bencher| bencher.iter(&mut run));
    }
}

criterion_group!(benches, answers);
criterion_main!(benches);
