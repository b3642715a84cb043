//! Answers that HTTP libraries refuse to write: the bytes of a server's connection, changed on their way out, or cut off.
//!
//! It follows the framing of the answers that pass (heads, and bodies by their length) and changes only those whose
//! head bears a mark, which it takes out. Requests pass as they are.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use lafs::net::Listen;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Abort;
use crate::schedule::{FaultKind, Spoil};

/// Bytes that are no part of any answer.
pub(super) const GARBAGE: &[u8] = b"garbage, not asked for\r\n";

const MARK: HeaderName = HeaderName::from_static("x-squall-tamper");
const BODILESS: HeaderName = HeaderName::from_static("x-squall-bodiless");
const HEAD_END: &[u8] = b"\r\n\r\n";

/// What is done to the bytes of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tamper {
    /// The connection ends after half of the body.
    Cut,
    /// Bytes that belong to no answer follow.
    Garbage,
    /// The head announces this length.
    Length(u64),
    /// The connection is reset before the head.
    Reset,
}

/// Whether a fault can only be carried out here.
pub(crate) fn is_needed_for(kind: &FaultKind) -> bool {
    let how = if let FaultKind::Answer(answer) = kind { Some(answer.how) } else { None };
    matches!(how, Some(Spoil::Truncated | Spoil::Garbage | Spoil::WrongLength | Spoil::Reset { .. }))
}

/// Tells the connection that no body follows this head, whatever length it announces.
pub(crate) fn mark_bodiless(headers: &mut HeaderMap) {
    headers.insert(BODILESS, HeaderValue::from_static("yes"));
}

impl Tamper {
    /// Marks an answer, for the connection it will go out on.
    pub(super) fn mark(self, headers: &mut HeaderMap) {
        let value = match self {
            Self::Cut => HeaderValue::from_static("cut"),
            Self::Garbage => HeaderValue::from_static("garbage"),
            Self::Length(length) => HeaderValue::from(length),
            Self::Reset => HeaderValue::from_static("reset"),
        };
        headers.insert(MARK, value);
    }

    fn parse(value: &str) -> Option<Self> {
        match value {
            "cut" => Some(Self::Cut),
            "garbage" => Some(Self::Garbage),
            "reset" => Some(Self::Reset),
            number => number.parse().ok().map(Self::Length),
        }
    }
}

/// A listener whose connections do what marked answers say.
pub struct Tampering<L>(pub L);

impl<L: Listen<Conn: Abort>> Listen for Tampering<L> {
    type Conn = Tampered<L::Conn>;

    async fn accept(&mut self) -> io::Result<Self::Conn> {
        let inner = self.0.accept().await?;
        Ok(Tampered { inner, out: BytesMut::new(), stage: Stage::Head(Vec::new()) })
    }
}

/// One connection of a server.
pub struct Tampered<C> {
    inner: C,
    /// Changed bytes that the connection has not taken yet.
    out: BytesMut,
    stage: Stage,
}

/// What the next byte that the server writes belongs to.
enum Stage {
    /// The head of an answer, of which this has come.
    Head(Vec<u8>),
    /// A body of which so much is to come, and then this.
    Body(u64, Then),
    /// Nothing: the connection is over.
    Cut(io::ErrorKind),
    /// Something that is not understood, and left alone.
    Unknown,
}

#[derive(Clone, Copy)]
enum Then {
    Head,
    Garbage,
    Cut,
    Reset,
}

impl<C: Abort + AsyncWrite + Unpin> Tampered<C> {
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let taken = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.out))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(taken);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes bytes of a head; answers how many belonged to it.
    fn take_head(&mut self, bytes: &[u8]) -> usize {
        let Stage::Head(head) = &mut self.stage else { return 0 };
        let before = head.len();
        head.extend_from_slice(bytes);
        let from = before.saturating_sub(HEAD_END.len());
        let end = head[from..].windows(HEAD_END.len()).position(|four| four == HEAD_END);
        let Some(end) = end.map(|at| from + at + HEAD_END.len()) else { return bytes.len() };
        head.truncate(end);
        let (changed, length, then) = read_head(head);
        if let Then::Reset = then {
            self.stage = Stage::Cut(io::ErrorKind::ConnectionReset);
            self.inner.abort();
            return end - before;
        }
        self.out.extend_from_slice(&changed);
        self.stage = length.map_or(Stage::Unknown, |length| Stage::Body(length, then));
        self.pass(0);
        end - before
    }

    /// So many bytes of the body have passed.
    fn pass(&mut self, bytes: u64) {
        let Stage::Body(left, then) = &mut self.stage else { return };
        *left -= bytes;
        if *left > 0 {
            return;
        }
        self.stage = match then {
            Then::Head => Stage::Head(Vec::new()),
            Then::Garbage => {
                self.out.extend_from_slice(GARBAGE);
                Stage::Head(Vec::new())
            }
            Then::Cut | Then::Reset => Stage::Cut(io::ErrorKind::BrokenPipe),
        };
    }
}

/// The head as it goes out, the length of the body that follows (none if it is not known), and what comes then.
fn read_head(head: &[u8]) -> (Vec<u8>, Option<u64>, Then) {
    let field = |line: &[u8], name: &str| {
        let line = std::str::from_utf8(line).ok()?;
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    let lines = || head.split_inclusive(|byte| *byte == b'\n');
    let find = |name: &str| lines().find_map(|line| field(line, name));
    let status = head.get(9..12).unwrap_or_default();
    let bodiless = status.starts_with(b"1") || status == b"204" || status == b"304";
    let length = match find("content-length") {
        _ if bodiless || find(BODILESS.as_str()).is_some() => Some(0),
        _ if find("transfer-encoding").is_some() => None,
        said => said.and_then(|said| said.parse().ok()),
    };
    let tamper = find(MARK.as_str()).and_then(|mark| Tamper::parse(&mark));
    let mut changed = Vec::with_capacity(head.len());
    let marks = [MARK, BODILESS];
    for line in lines().filter(|line| marks.iter().all(|mark| field(line, mark.as_str()).is_none())) {
        match tamper {
            Some(Tamper::Length(length)) if field(line, "content-length").is_some() => {
                changed.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
            }
            Some(_) | None => changed.extend_from_slice(line),
        }
    }
    match tamper {
        Some(Tamper::Cut) => (changed, length.map(|length| length / 2), Then::Cut),
        Some(Tamper::Garbage) => (changed, length, Then::Garbage),
        Some(Tamper::Reset) => (Vec::new(), length, Then::Reset),
        Some(Tamper::Length(_)) | None => (changed, length, Then::Head),
    }
}

impl<C: Abort + AsyncWrite + Unpin> AsyncWrite for Tampered<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_out(cx))?;
        match &self.stage {
            Stage::Head(_) => {
                let taken = self.take_head(bytes);
                if let Stage::Cut(kind @ io::ErrorKind::ConnectionReset) = self.stage {
                    return Poll::Ready(Err(kind.into()));
                }
                if let Poll::Ready(Err(error)) = self.poll_out(cx) {
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(Ok(taken))
            }
            Stage::Body(left, _) => {
                let room = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                let taken = ready!(Pin::new(&mut self.inner).poll_write(cx, &bytes[..room]))?;
                self.pass(taken as u64);
                Poll::Ready(Ok(taken))
            }
            Stage::Cut(kind) => Poll::Ready(Err((*kind).into())),
            Stage::Unknown => Pin::new(&mut self.inner).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Tampered<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}
