//! Dense symmetric systems, solved column block by column block.
//!
//! A factor of `n` rows takes 8n² bytes, and what is solved as much again; nothing else of that size is made.

use faer::{
    Conj, MatMut, MatRef, Par, Spec,
    dyn_stack::{MemBuffer, MemStack},
    linalg::{
        cholesky::llt::factor::{LltRegularization, cholesky_in_place, cholesky_in_place_scratch},
        triangular_solve::{
            solve_lower_triangular_in_place_with_conj, solve_upper_triangular_in_place_with_conj,
        },
    },
};

use super::{error::LearnError, parallel};

/// Columns that are solved together: the unit of work of a thread.
const BLOCK: usize = 128;

/// A square matrix, column by column.
#[derive(Debug, Clone)]
pub(super) struct Square {
    pub(super) rows: usize,
    pub(super) values: Vec<f64>,
}

impl Square {
    pub(super) fn zeros(rows: usize) -> Self {
        Self { rows, values: vec![0.0; rows * rows] }
    }

    /// One value, for changing it.
    pub(super) fn at(&mut self, row: usize, column: usize) -> &mut f64 {
        &mut self.values[column * self.rows + row]
    }

    /// Adds to the diagonal what `f` makes of its values.
    pub(super) fn add_to_diagonal(&mut self, f: impl Fn(f64) -> f64) {
        for index in 0..self.rows {
            let value = self.at(index, index);
            *value += f(*value);
        }
    }

    /// Factors a symmetric positive definite matrix, of which the lower triangle is read.
    pub(super) fn factor(mut self) -> Result<Factor, LearnError> {
        let rows = self.rows;
        let mut memory =
            MemBuffer::new(cholesky_in_place_scratch::<f64>(rows, Par::Seq, Spec::default()));
        let matrix = MatMut::from_column_major_slice_mut(&mut self.values, rows, rows);
        let stack = MemStack::new(&mut memory);
        cholesky_in_place(matrix, LltRegularization::default(), Par::Seq, stack, Spec::default())
            .map_err(|_| LearnError::Singular { items: rows })?;
        Ok(Factor(self))
    }
}

/// A Cholesky factor.
#[derive(Debug)]
pub(super) struct Factor(Square);

impl Factor {
    /// Solves for each column of `right`, in place.
    pub(super) fn solve(&self, right: &mut Square, threads: usize) {
        let n = self.0.rows;
        if n == 0 {
            return;
        }
        parallel::each_chunk(&mut right.values, BLOCK * n, threads, |_, block| {
            let columns = block.len() / n;
            self.solve_block(MatMut::from_column_major_slice_mut(block, n, columns), 0);
        });
    }

    /// The inverse.
    pub(super) fn inverse(&self, threads: usize) -> Square {
        let n = self.0.rows;
        let mut inverse = Square::zeros(n);
        if n == 0 {
            return inverse;
        }
        parallel::each_chunk(&mut inverse.values, BLOCK * n, threads, |number, block| {
            let (columns, first) = (block.len() / n, number * BLOCK);
            for column in 0..columns {
                block[column * n + first + column] = 1.0;
            }
            self.solve_block(MatMut::from_column_major_slice_mut(block, n, columns), first);
        });
        inverse
    }

    /// Solves for columns whose first `zeros` rows are zero, which saves the work on them.
    fn solve_block(&self, mut block: MatMut<'_, f64>, zeros: usize) {
        let n = self.0.rows;
        let lower = MatRef::from_column_major_slice(&self.0.values, n, n);
        let left = n - zeros;
        solve_lower_triangular_in_place_with_conj(
            lower.submatrix(zeros, zeros, left, left),
            Conj::No,
            block.as_mut().subrows_mut(zeros, left),
            Par::Seq,
        );
        let upper = lower.transpose();
        solve_upper_triangular_in_place_with_conj(upper, Conj::No, block, Par::Seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symmetric(n: usize) -> Square {
        let mut matrix = Square::zeros(n);
        for row in 0..n {
            for column in 0..n {
                *matrix.at(row, column) = 1.0 / (1.0 + row.abs_diff(column) as f64);
            }
        }
        matrix.add_to_diagonal(|value| value + 1.0);
        matrix
    }

    #[test]
    fn the_inverse_times_the_matrix_is_one() {
        for n in [0, 1, 2, 7, 300] {
            let mut matrix = symmetric(n);
            let mut inverse = matrix.clone().factor().unwrap().inverse(2);
            for (row, column) in
                (0..n).step_by(13).flat_map(|r| (0..n).step_by(7).map(move |c| (r, c)))
            {
                let product: f64 =
                    (0..n).map(|k| *inverse.at(row, k) * *matrix.at(k, column)).sum();
                let expected = f64::from(u8::from(row == column));
                assert!((product - expected).abs() < 1e-9, "{n} {row} {column} {product}");
            }
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let bits = |threads| {
            let inverse = symmetric(300).factor().unwrap().inverse(threads);
            let mut right = symmetric(300);
            symmetric(300).factor().unwrap().solve(&mut right, threads);
            [inverse.values, right.values].concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let one = bits(1);
        for threads in [2, 3, 5] {
            assert!(bits(threads) == one, "{threads}");
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_refused() {
        let mut matrix = Square::zeros(3);
        matrix.add_to_diagonal(|_| -1.0);
        assert!(matches!(matrix.factor(), Err(LearnError::Singular { items: 3 })));
    }
}
