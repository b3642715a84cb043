//! The ciphertext of a file as something to read from: it is downloaded while it is read, by one download from
//! where the reading begins to the end.
//!
//! In memory are one segment and what the pipe between the two holds. The download does not run by itself: whoever
//! reads is run by [`Remote::beside`], which runs both.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, SeekFrom};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncRead, AsyncSeek, DuplexStream, ReadBuf};

use crate::client::Client;
use crate::client::download::DownloadError;
use crate::format::cap::{Cap, VerifyCap};
use crate::net::Dial;

/// Bytes that are downloaded before they are read.
const PIPE_BYTES: usize = 256 * 1024;

#[derive(Default)]
struct Source<'a> {
    download: Option<LocalBoxFuture<'a, Result<(), DownloadError>>>,
    error: Option<DownloadError>,
}

/// The download behind a [`Reading`].
pub(super) struct Remote<'a>(Rc<RefCell<Source<'a>>>);

/// The ciphertext of a file, from some place on.
pub(super) struct Reading<'a, D: Dial> {
    client: &'a Client<D>,
    cap: VerifyCap,
    source: Rc<RefCell<Source<'a>>>,
    pipe: Option<DuplexStream>,
    at: u64,
}

impl<'a> Remote<'a> {
    /// Nothing is downloaded before it is read.
    pub(super) fn new<D: Dial>(client: &'a Client<D>, cap: &VerifyCap) -> (Self, Reading<'a, D>) {
        let source = Rc::<RefCell<Source<'a>>>::default();
        let reading = Reading { client, cap: cap.clone(), source: Rc::clone(&source), pipe: None, at: 0 };
        (Self(source), reading)
    }

    /// Runs `work`, which reads, together with the download. If that failed, the error is here, and reading has
    /// failed with another one.
    pub(super) async fn beside<T>(self, work: impl Future<Output = T>) -> (T, Option<DownloadError>) {
        let mut work = pin!(work);
        let done = poll_fn(|context| {
            let done = work.as_mut().poll(context);
            if done.is_pending() {
                self.0.borrow_mut().run(context);
            }
            done
        });
        let done = done.await;
        (done, self.0.borrow_mut().error.take())
    }
}

impl Source<'_> {
    fn run(&mut self, context: &mut Context<'_>) {
        let Some(download) = &mut self.download else { return };
        if let Poll::Ready(outcome) = download.as_mut().poll(context) {
            self.error = outcome.err();
            // Its end of the pipe goes with it, and whoever reads is woken.
            self.download = None;
        }
    }
}

impl<D: Dial + Clone> Reading<'_, D> {
    fn open(&mut self) -> DuplexStream {
        let (ours, mut theirs) = tokio::io::duplex(PIPE_BYTES);
        let (client, cap, range) = (self.client, Cap::Verify(self.cap.clone()), self.at..self.cap.size);
        let download = async move { client.download(&cap, Some(range), &mut theirs).await.map(drop) };
        self.source.borrow_mut().download = Some(Box::pin(download));
        ours
    }
}

impl<D: Dial + Clone> AsyncRead for Reading<'_, D> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut pipe = match this.pipe.take() {
            Some(pipe) => pipe,
            None => this.open(),
        };
        let before = buf.filled().len();
        let read = Pin::new(&mut pipe).poll_read(context, buf);
        this.pipe = Some(pipe);
        ready!(read)?;
        let len = buf.filled().len() - before;
        this.at += len as u64;
        if len == 0 && this.source.borrow().error.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<D: Dial + Clone> AsyncSeek for Reading<'_, D> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let this = self.get_mut();
        let at = match position {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => this.cap.size.checked_add_signed(by),
            SeekFrom::Current(by) => this.at.checked_add_signed(by),
        };
        this.at = at.ok_or(io::ErrorKind::InvalidInput)?.min(this.cap.size);
        this.pipe = None;
        this.source.borrow_mut().download = None;
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.at))
    }
}
