//! File contents: derived from the seed and the file's name, and a sink that compares instead of keeping.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use rand_core::Rng;
use tokio::io::AsyncWrite;

use crate::schedule::File;
use crate::seed::Seed;

/// The content of `file` in the run of `seed`.
pub fn of(file: &File, seed: &Seed) -> Bytes {
    let mut bytes = vec![0; usize::try_from(file.size).unwrap_or(0)];
    seed.child(&format!("file {}", file.name)).rng().fill_bytes(&mut bytes);
    Bytes::from(bytes)
}

/// Takes what a download delivers and compares it with what it should be.
#[derive(Debug)]
pub struct Compare {
    expected: Bytes,
    received: usize,
    first_wrong: Option<usize>,
}

impl Compare {
    /// Expects exactly these bytes.
    pub fn new(expected: Bytes) -> Self {
        Self { expected, received: 0, first_wrong: None }
    }

    /// Bytes that came.
    pub fn received(&self) -> usize {
        self.received
    }

    /// The offset of the first byte that is not what it should be; bytes past the end count as wrong.
    pub fn first_wrong(&self) -> Option<usize> {
        self.first_wrong
    }

    /// Whether everything came, and nothing else.
    pub fn is_complete(&self) -> bool {
        self.first_wrong.is_none() && self.received == self.expected.len()
    }
}

impl AsyncWrite for Compare {
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let start = self.received.min(self.expected.len());
        let end = (self.received + data.len()).min(self.expected.len());
        let expected = &self.expected[start..end];
        if self.first_wrong.is_none() && expected != data {
            let same = expected.iter().zip(data).take_while(|(a, b)| a == b).count();
            self.first_wrong = Some(start + same);
        }
        self.received += data.len();
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    fn feed(expected: &'static [u8], pieces: &[&[u8]]) -> Compare {
        let mut sink = Compare::new(Bytes::from_static(expected));
        let mut cx = Context::from_waker(Waker::noop());
        for piece in pieces {
            assert!(Pin::new(&mut sink).poll_write(&mut cx, piece).is_ready());
        }
        sink
    }

    #[test]
    fn a_flipped_byte_a_missing_byte_and_a_surplus_byte_are_all_seen() {
        assert!(feed(b"abcdef", &[b"abc", b"def"]).is_complete());
        assert_eq!(feed(b"abcdef", &[b"abc", b"dxf"]).first_wrong(), Some(4));
        assert!(!feed(b"abcdef", &[b"abc", b"de"]).is_complete());
        assert_eq!(feed(b"abcdef", &[b"abc", b"defg"]).first_wrong(), Some(6));
    }
}
