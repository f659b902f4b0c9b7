//! Bodies: how they come in, and how they go out.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::connection::Busy;
use crate::metrics::Counted;

/// Reads a body of `length` bytes; none where the client broke off. One that came in one piece is not copied.
pub(crate) async fn receive(mut body: Incoming, length: usize) -> Option<Bytes> {
    let mut whole: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        if data.len() == length {
            return Some(data);
        }
        if whole.capacity() == 0 {
            whole.reserve_exact(length);
        }
        if whole.len() + data.len() > length {
            return None;
        }
        whole.extend_from_slice(&data);
    }
    (whole.len() == length).then(|| whole.into())
}

/// What is held until a body is sent: its place among the bytes in flight, and its connection's business.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) _bytes: Option<OwnedSemaphorePermit>,
    pub(crate) _counted: Option<Counted>,
    pub(crate) busy: Option<Busy>,
}

/// A body that is sent in pieces which are there already.
pub(crate) struct Pieces {
    pieces: std::vec::IntoIter<Bytes>,
    left: u64,
    pub(crate) held: Held,
}

impl Pieces {
    pub(crate) fn new(pieces: Vec<Bytes>) -> Self {
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces: pieces.into_iter(), left, held: Held::default() }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.next();
        self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
