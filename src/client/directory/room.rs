//! A sink in memory that takes no more than so many bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use super::error::ListError;

pub(super) struct Room {
    pub(super) bytes: Vec<u8>,
    pub(super) bytes_max: u64,
    is_full: bool,
}

impl Room {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { bytes: Vec::new(), bytes_max, is_full: false }
    }

    /// What was read into it, or why it was not.
    pub(super) fn checked<T, E: Into<ListError>>(&self, read: Result<T, E>) -> Result<T, ListError> {
        read.map_err(|error| match self.is_full {
            true => ListError::TooLong { max: self.bytes_max },
            false => error.into(),
        })
    }
}

impl AsyncWrite for Room {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if (self.bytes.len() + bytes.len()) as u64 > self.bytes_max {
            self.is_full = true;
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
