//! The bulk work: whole slices times one coefficient.
//!
//! Done by `reed-solomon-erasure`, except on processors that its kernels do not run on. Slices are not empty, and
//! those of one call equally long. Which coefficients there are is decided in `matrix`.

use reed_solomon_erasure::galois_8;

/// Makes `out` the product of `c` and `input`.
pub(super) fn mul_slice(c: u8, input: &[u8], out: &mut [u8]) {
    if kernels_run_here() {
        galois_8::mul_slice(c, input, out);
    } else {
        portable(c, input, out, |_, product| product);
    }
}

/// Adds the product of `c` and `input` to `out`.
pub(super) fn mul_slice_xor(c: u8, input: &[u8], out: &mut [u8]) {
    if kernels_run_here() {
        galois_8::mul_slice_xor(c, input, out);
    } else {
        portable(c, input, out, |old, product| old ^ product);
    }
}

fn portable(c: u8, input: &[u8], out: &mut [u8], combine: impl Fn(u8, u8) -> u8) {
    for (out, input) in out.iter_mut().zip(input) {
        *out = combine(*out, galois_8::mul(c, *input));
    }
}

/// On x86-64 the C kernels are compiled for Haswell (2013), whatever machine they are compiled on, and an older
/// or emulated processor would die of their first instruction.
#[cfg(target_arch = "x86_64")]
fn kernels_run_here() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("movbe")
}

/// Elsewhere they use nothing that not every processor has.
#[cfg(not(target_arch = "x86_64"))]
fn kernels_run_here() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_portable_way_gives_the_same_bytes(c: u8, pairs in prop::collection::vec(any::<(u8, u8)>(), 1..200)) {
            let (input, old): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
            let (mut fast, mut portable_out) = (old.clone(), old.clone());
            mul_slice(c, &input, &mut fast);
            portable(c, &input, &mut portable_out, |_, product| product);
            prop_assert_eq!(&fast, &portable_out);
            let (mut fast, mut portable_out) = (old.clone(), old);
            mul_slice_xor(c, &input, &mut fast);
            portable(c, &input, &mut portable_out, |old, product| old ^ product);
            prop_assert_eq!(&fast, &portable_out);
        }
    }
}
