//! A connection whose bytes pass [`Wire`] before hyper gets them, and whose answers do not wait for ever.

use super::limits::Limits;
use super::wire::{Flaw, Wire};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// A stream under guard.
#[derive(Debug)]
pub(super) struct Guarded<IO> {
    stream: IO,
    wire: Wire,
    flaw: Option<Flaw>,
    stall_time: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<IO> Guarded<IO> {
    pub(super) fn new(stream: IO, limits: &Limits) -> Self {
        let (wire, stall_time) = (Wire::new(limits), limits.stall_time());
        Self { stream, wire, flaw: None, stall_time, stalled: None }
    }

    /// The flaw for which reading was ended.
    pub(super) const fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    /// The stream itself.
    pub(super) fn into_stream(self) -> IO {
        self.stream
    }

    /// Ends a wait for the client that takes too long.
    fn held<T>(&mut self, ctx: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.stalled = None;
            return progress;
        }
        let stall_time = self.stall_time;
        let wait = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall_time)));
        wait.as_mut().poll(ctx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Guarded<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(ctx, buffer);
        let came = buffer.filled().get(before..).unwrap_or_default();
        match this.wire.feed(came) {
            Ok(()) => read,
            Err(flaw) => {
                buffer.set_filled(before);
                this.flaw = Some(flaw);
                Poll::Ready(Err(io::ErrorKind::InvalidData.into()))
            }
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Guarded<IO> {
    fn poll_write(self: Pin<&mut Self>, ctx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.stream).poll_write(ctx, bytes);
        this.held(ctx, progress)
    }

    fn poll_flush(self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.stream).poll_flush(ctx);
        this.held(ctx, progress)
    }

    fn poll_shutdown(self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(ctx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.stream).poll_write_vectored(ctx, parts);
        this.held(ctx, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
