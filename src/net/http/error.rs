//! Why a request got no usable answer, and how hyper's and the system's errors map to that.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::net::message::{MessageError, Trouble};

/// Why a request got no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No connection: refused, unreachable, or `TimedOut` after `TransportPolicy::connect_max`.
    #[error("cannot connect: {0}")]
    Connect(io::ErrorKind),
    /// The connection ended or broke before the answer was complete.
    #[error("connection lost: {0}")]
    Lost(String),
    /// Nothing moved for too long.
    #[error("no answer for {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// The server was reached, and what is behind it failed.
    #[error("the server's storage failed: {0}")]
    Trouble(Box<Trouble>),
    /// The server said no.
    #[error("the server answered {0}")]
    Status(u16),
    /// The answer does not follow the protocol.
    #[error("malformed answer: {0}")]
    Malformed(String),
}

impl RequestError {
    pub(in crate::net) fn malformed(what: &str) -> Self {
        Self::Malformed(what.to_owned())
    }

    pub(in crate::net) fn lost(what: &str) -> Self {
        Self::Lost(what.to_owned())
    }
}

impl From<MessageError> for RequestError {
    fn from(error: MessageError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<hyper::Error> for RequestError {
    fn from(error: hyper::Error) -> Self {
        let kind = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
        match kind {
            // Broken chunked framing comes as these two.
            Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
                Self::Malformed(error.to_string())
            }
            Some(io::ErrorKind::UnexpectedEof) => Self::lost("closed within an answer"),
            Some(kind) => Self::Lost(kind.to_string()),
            None if error.is_parse() => Self::Malformed(error.to_string()),
            None if error.is_incomplete_message() => Self::lost("closed before the answer"),
            None => Self::Lost(error.to_string()),
        }
    }
}
