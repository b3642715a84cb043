//! Answers that are recorded when they have gone out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use lafs::net::serve::ResponseBody;

use crate::net::HostId;
use crate::record::Recorder;
use crate::trace::ServerEvent;

/// Records `event` of `host` when the last byte of the answer has been handed to the connection.
pub(crate) fn tell(
    response: http::Response<ResponseBody>,
    event: ServerEvent,
    host: HostId,
    recorder: &Recorder,
) -> http::Response<ResponseBody> {
    if response.body().size_hint().exact() == Some(0) {
        recorder.note_server(host, event);
        return response;
    }
    let note = Some((event, host, recorder.clone()));
    response.map(|body| ResponseBody::boxed(Told { body, note }))
}

/// A body that tells when its last byte has been handed to the connection.
struct Told {
    body: ResponseBody,
    note: Option<(ServerEvent, HostId, Recorder)>,
}

impl Body for Told {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        let over = matches!(frame, Poll::Ready(None)) || self.body.is_end_stream();
        if over && let Some((event, host, recorder)) = self.note.take() {
            recorder.note_server(host, event);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
