//! Rows cut into statements, none of which is more than a server takes.

/// Most values of one statement: `SQLite` takes 32,766, `MySQL` 65,535.
pub(crate) const VALUES_MAX: usize = 30_000;

/// Most bytes of one statement's values, unless a single row has more. A server cuts off who sends
/// more than its `max_allowed_packet`: 16 MiB with `MariaDB`, and 4 MiB where it is smallest.
pub(crate) const BYTES_MAX: usize = 2 * 1024 * 1024;

/// Cuts rows of `values` values, and of as many bytes as `bytes` says, into runs for one statement each.
pub(crate) fn runs<T>(
    rows: &[T],
    values: usize,
    bytes: impl Fn(&T) -> usize,
) -> impl Iterator<Item = &[T]> {
    let most = VALUES_MAX / values;
    let mut left = rows;
    std::iter::from_fn(move || {
        let mut sum = 0;
        let fits = |row: &&T| {
            sum += bytes(row);
            sum <= BYTES_MAX
        };
        let length = left.iter().take(most).take_while(fits).count().max(1);
        let (run, rest) = left.split_at_checked(length)?;
        left = rest;
        Some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(rows: &[usize], values: usize) -> Vec<usize> {
        runs(rows, values, |bytes| *bytes).map(<[usize]>::len).collect()
    }

    #[test]
    fn a_run_ends_before_it_has_too_many_values() {
        assert_eq!(lengths(&[1; 10], VALUES_MAX / 4), [4, 4, 2]);
        assert_eq!(lengths(&[1; 3], 1), [3]);
        assert!(lengths(&[], 1).is_empty());
    }

    #[test]
    fn a_run_ends_before_it_has_too_many_bytes_but_has_a_row() {
        let half = BYTES_MAX / 2;
        assert_eq!(lengths(&[half, half, 1, BYTES_MAX + 1, 1], 1), [2, 1, 1, 1]);
    }
}
