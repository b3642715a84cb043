//! Erasure coding: k blocks become N, any k of which give the first k back. Compatible with zfec.
//!
//! The bulk of the work is done by the kernels of `reed-solomon-erasure` with a matrix of our own. Blocks are
//! in memory and of equal length; how a file is cut into them is in [`segment`]. Nothing here hashes.

use thiserror::Error;

use crate::format::{Encoding, ShareNum};
use kernel::{mul_slice, mul_slice_xor};
use matrix::Interpolation;

mod kernel;
mod matrix;
pub mod segment;

pub use segment::{Segmentation, SegmentationError};

/// Bytes of each block worked on at a time, so that the inputs stay in the processor's nearest cache while
/// all outputs are made of them.
pub const CHUNK_BYTES: usize = 8 * 1024;

/// Blocks do not fit the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodingError {
    /// Not the number of blocks the code takes.
    #[error("expected {expected} blocks, found {found}")]
    BlockCount {
        /// How many it takes.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// Blocks of one segment have equal length.
    #[error("expected a block of {expected} bytes, found {found}")]
    BlockLength {
        /// The length of the first block.
        expected: usize,
        /// The length of another.
        found: usize,
    },
    /// The output is not as long as what is written to it.
    #[error("expected room for {expected} bytes, found {found}")]
    OutputLength {
        /// The bytes to be written.
        expected: usize,
        /// The room given.
        found: usize,
    },
    /// The code has fewer shares.
    #[error("share {share} of a {encoding} code")]
    NoSuchShare {
        /// The share named.
        share: ShareNum,
        /// The code.
        encoding: Encoding,
    },
    /// A share was given twice.
    #[error("share {0} given twice")]
    DuplicateShare(ShareNum),
}

/// Codes and decodes the blocks of one encoding.
#[derive(Debug, Clone)]
pub struct Codec {
    encoding: Encoding,
    /// The rows of shares k to N-1.
    secondary: Vec<Vec<u8>>,
}

impl Codec {
    /// The code for k-of-N.
    pub fn new(encoding: Encoding) -> Self {
        let code = Interpolation::new(encoding.shares().take(encoding.needed()));
        let secondary = encoding.shares().skip(encoding.needed()).map(|share| code.row(share)).collect();
        Self { encoding, secondary }
    }

    /// k and N.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Row `share` of the matrix: what each primary block is multiplied with to make the block of `share`.
    pub fn row(&self, share: ShareNum) -> Result<Vec<u8>, CodingError> {
        self.check_share(share)?;
        let number = usize::from(share.0);
        Ok(match number.checked_sub(self.encoding.needed()).and_then(|at| self.secondary.get(at)) {
            Some(row) => row.clone(),
            None => (0..self.encoding.needed()).map(|column| u8::from(column == number)).collect(),
        })
    }

    /// Writes the block of `share` to `out`, given the k `primary` blocks.
    pub fn encode_share(
        &self,
        share: ShareNum,
        primary: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), CodingError> {
        self.check_share(share)?;
        let len = check_blocks(self.encoding.needed(), primary.iter().copied())?;
        check_room(len, out)?;
        let number = usize::from(share.0);
        match number.checked_sub(self.encoding.needed()).and_then(|at| self.secondary.get(at)) {
            Some(row) => combine(&[row], primary, &mut [out]),
            None => out.copy_from_slice(primary[number]),
        }
        Ok(())
    }

    /// Writes the blocks of shares k to N-1 to `secondary`, in this order, given the k `primary` blocks.
    pub fn encode(&self, primary: &[&[u8]], secondary: &mut [&mut [u8]]) -> Result<(), CodingError> {
        let len = check_blocks(self.encoding.needed(), primary.iter().copied())?;
        if secondary.len() != self.secondary.len() {
            return Err(CodingError::BlockCount { expected: self.secondary.len(), found: secondary.len() });
        }
        secondary.iter().try_for_each(|out| check_room(len, out))?;
        combine(&self.secondary, primary, secondary);
        Ok(())
    }

    /// Writes the k primary blocks one after the other to `out`, given the `blocks` of k different shares.
    /// For the last segment that includes its padding.
    pub fn decode(&self, blocks: &[(ShareNum, &[u8])], out: &mut [u8]) -> Result<(), CodingError> {
        let needed = self.encoding.needed();
        let len = check_blocks(needed, blocks.iter().map(|(_, block)| *block))?;
        check_room(len * needed, out)?;
        let mut seen = [false; Encoding::TOTAL_MAX as usize];
        for (share, _) in blocks {
            self.check_share(*share)?;
            if std::mem::replace(&mut seen[usize::from(share.0)], true) {
                return Err(CodingError::DuplicateShare(*share));
            }
        }
        if len == 0 {
            return Ok(());
        }

        let mut missing = Vec::new();
        for (share, out) in self.encoding.shares().zip(out.chunks_exact_mut(len)) {
            match blocks.iter().find(|(given, _)| *given == share) {
                Some((_, block)) => out.copy_from_slice(block),
                None => missing.push((share, out)),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let code = Interpolation::new(blocks.iter().map(|(share, _)| *share));
        let rows: Vec<_> = missing.iter().map(|(share, _)| code.row(*share)).collect();
        let inputs: Vec<_> = blocks.iter().map(|(_, block)| *block).collect();
        let mut outputs: Vec<_> = missing.into_iter().map(|(_, out)| out).collect();
        combine(&rows, &inputs, &mut outputs);
        Ok(())
    }

    fn check_share(&self, share: ShareNum) -> Result<(), CodingError> {
        if usize::from(share.0) < self.encoding.total() {
            Ok(())
        } else {
            Err(CodingError::NoSuchShare { share, encoding: self.encoding })
        }
    }
}

/// The common length of `expected` blocks.
fn check_blocks<'a>(
    expected: usize,
    blocks: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
) -> Result<usize, CodingError> {
    if blocks.len() != expected {
        return Err(CodingError::BlockCount { expected, found: blocks.len() });
    }
    let len = blocks.clone().next().map_or(0, <[u8]>::len);
    for block in blocks {
        if block.len() != len {
            return Err(CodingError::BlockLength { expected: len, found: block.len() });
        }
    }
    Ok(len)
}

fn check_room(expected: usize, out: &[u8]) -> Result<(), CodingError> {
    if out.len() == expected { Ok(()) } else { Err(CodingError::OutputLength { expected, found: out.len() }) }
}

/// Makes each output the sum of the inputs, multiplied with the coefficients of its row. All blocks are
/// equally long, rows as long as there are inputs, and there is at least one input.
fn combine(rows: &[impl AsRef<[u8]>], inputs: &[&[u8]], outputs: &mut [&mut [u8]]) {
    let len = inputs[0].len();
    // The kernels do not take empty slices; this range has none for empty blocks.
    for start in (0..len).step_by(CHUNK_BYTES) {
        let chunk = start..(start + CHUNK_BYTES).min(len);
        for (row, out) in rows.iter().zip(outputs.iter_mut()) {
            let out = &mut out[chunk.clone()];
            let mut terms = row.as_ref().iter().zip(inputs).map(|(c, input)| (*c, &input[chunk.clone()]));
            if let Some((c, input)) = terms.next() {
                mul_slice(c, input, out);
            }
            terms.for_each(|(c, input)| mul_slice_xor(c, input, out));
        }
    }
}

#[cfg(test)]
mod tests;
