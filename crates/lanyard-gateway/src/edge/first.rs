//! Looks at the first bytes of a connection on the Unix socket, and gives them back to whoever
//! reads it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    /// HTTP.
    Http,
    /// JSON-RPC, one message per line.
    Lines,
}

impl Speech {
    /// What these first bytes begin. `None` while they are all white space.
    fn of(bytes: &[u8]) -> Option<Self> {
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
        Some(if matches!(first, b'{' | b'[') { Self::Lines } else { Self::Http })
    }
}

/// Reads until it is clear what a connection speaks, and gives what was read for that. White
/// space without end is left to the reader of HTTP, which refuses it. `None` when the peer says
/// nothing and goes.
pub(super) async fn look<S>(stream: &mut S, bytes_max: usize) -> io::Result<Option<(Speech, Bytes)>>
where
    S: AsyncRead + Unpin,
{
    let mut read = BytesMut::new();
    while stream.read_buf(&mut read).await? > 0 {
        if let Some(speech) = Speech::of(&read) {
            return Ok(Some((speech, read.freeze())));
        }
        if read.len() > bytes_max {
            return Ok(Some((Speech::Http, read.freeze())));
        }
    }
    Ok(None)
}

/// A stream whose first bytes were read before.
#[derive(Debug)]
pub(super) struct Replayed<S> {
    first: Bytes,
    stream: S,
}

impl<S> Replayed<S> {
    pub(super) fn new(first: Bytes, stream: S) -> Self {
        Self { first, stream }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replayed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.first.len().min(buffer.remaining());
        buffer.put_slice(self.first.get(..count).unwrap_or_default());
        self.first.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replayed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::{Replayed, Speech, look};

    async fn check(input: &str, expected: Option<Speech>) {
        // One byte at a time, as a slow peer would send it.
        let mut rest = byte_by_byte(input);
        let looked = look(&mut rest, 8).await.unwrap();
        assert_eq!(looked.as_ref().map(|(speech, _)| *speech), expected, "{input:?}");
        if let Some((_, first)) = looked {
            let mut all = String::new();
            Replayed::new(first, rest).read_to_string(&mut all).await.unwrap();
            assert_eq!(all, input);
        }
    }

    fn byte_by_byte(text: &str) -> impl tokio::io::AsyncRead + Unpin {
        let chain = tokio::io::AsyncReadExt::chain;
        let mut reader: Box<dyn tokio::io::AsyncRead + Unpin> = Box::new(tokio::io::empty());
        for byte in text.bytes().rev() {
            reader = Box::new(chain(std::io::Cursor::new(vec![byte]), reader));
        }
        reader
    }

    #[tokio::test]
    async fn the_first_byte_that_is_no_white_space_decides() {
        check("GET / HTTP/1.1\r\n", Some(Speech::Http)).await;
        check("\r\nPOST / HTTP/1.1\r\n", Some(Speech::Http)).await;
        check("\0", Some(Speech::Http)).await;
        check("\"x\"", Some(Speech::Http)).await;
        check("{\"jsonrpc\"", Some(Speech::Lines)).await;
        check(" \t\r\n[1]", Some(Speech::Lines)).await;
        check("         {", Some(Speech::Http)).await;
        check("  ", None).await;
        check("", None).await;
    }
}
