//! The code as numbers: which multiples of which blocks make a block.
//!
//! Arithmetic is in the field of 256 elements modulo x^8+x^4+x^3+x^2+1, where addition is exclusive or.
//! The block of share i is, for every byte, the value at point x(i) of the polynomial of degree below k that
//! runs through the k primary blocks, with x(0) = 0 and x(i) = 2^(i-1). Common libraries put share i at
//! point i instead; the two agree for N <= 3 only.

use reed_solomon_erasure::galois_8::{div, exp, mul};

use crate::format::ShareNum;

/// The point a share is evaluated at. Points of different shares differ.
fn point(share: ShareNum) -> u8 {
    match share.0 {
        0 => 0,
        i => exp(2, usize::from(i) - 1),
    }
}

/// The polynomial through the blocks of some shares, ready to be evaluated at others.
pub(super) struct Interpolation {
    points: Vec<u8>,
    /// For each point, the inverse of the product of its distances to the others.
    weights: Vec<u8>,
}

impl Interpolation {
    /// Through the blocks of `sources`, which must differ.
    pub(super) fn new(sources: impl IntoIterator<Item = ShareNum>) -> Self {
        let points: Vec<u8> = sources.into_iter().map(point).collect();
        let weight = |x: &u8| points.iter().filter(|other| *other != x).fold(1, |w, other| div(w, x ^ other));
        let weights = points.iter().map(weight).collect();
        Self { points, weights }
    }

    /// What the block of each source is multiplied with, in their order, so that the sum is the block of
    /// `target`. If `target` is a source, that is one 1 and zeros.
    pub(super) fn row(&self, target: ShareNum) -> Vec<u8> {
        let x = point(target);
        if let Some(same) = self.points.iter().position(|source| *source == x) {
            return (0..self.points.len()).map(|column| u8::from(column == same)).collect();
        }
        let product = self.points.iter().fold(1, |product, source| mul(product, x ^ source));
        let coefficient = |(source, weight): (&u8, &u8)| div(mul(product, *weight), x ^ source);
        self.points.iter().zip(&self.weights).map(coefficient).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(count: u8) -> impl Iterator<Item = ShareNum> + Clone {
        (0..count).map(ShareNum)
    }

    #[test]
    fn the_points_are_powers_of_two_and_distinct() {
        let mut points: Vec<u8> = (0..=255).map(ShareNum).map(point).collect();
        assert_eq!(points[..12], [0, 1, 2, 4, 8, 16, 32, 64, 128, 29, 58, 116]);
        assert_eq!(points[255], 142);
        points.sort_unstable();
        points.dedup();
        assert_eq!(points.len(), 256);
    }

    #[test]
    fn the_rows_of_three_of_ten() {
        let code = Interpolation::new(shares(3));
        let rows: Vec<_> = (3..10).map(|i| code.row(ShareNum(i))).collect();
        let expected = [
            [15, 8, 6],
            [45, 48, 28],
            [153, 224, 120],
            [11, 231, 237],
            [137, 59, 179],
            [70, 241, 182],
            [186, 217, 98],
        ];
        assert_eq!(rows, expected);
        assert_eq!(code.row(ShareNum(1)), [0, 1, 0]);
    }

    #[test]
    fn with_one_source_all_shares_are_equal() {
        let code = Interpolation::new(shares(1));
        assert!((0..=255).all(|share| code.row(ShareNum(share)) == [1]));
    }

    proptest! {
        #[test]
        fn recovering_undoes_encoding(
            primary in prop::collection::vec(any::<u8>(), 1..40),
            order in Just((0..=255).collect::<Vec<u8>>()).prop_shuffle(),
        ) {
            let k = primary.len();
            let sum = |row: Vec<u8>, bytes: &[u8]| row.iter().zip(bytes).fold(0, |sum, (c, b)| sum ^ mul(*c, *b));
            let code = Interpolation::new(shares(u8::try_from(k).unwrap()));
            let chosen: Vec<ShareNum> = order[..k].iter().copied().map(ShareNum).collect();
            let coded: Vec<u8> = chosen.iter().map(|share| sum(code.row(*share), &primary)).collect();
            let back = Interpolation::new(chosen);
            for (share, byte) in shares(255).zip(&primary) {
                prop_assert_eq!(sum(back.row(share), &coded), *byte);
            }
        }
    }
}
