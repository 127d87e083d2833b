//! A loopback connection seen from the venue's end: a socket that is asked without a pause, and the
//! two clock readings around a question and the first byte of its answer.

use std::hint::spin_loop;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use anyhow::{Result, bail};

use crate::runtime::clock::Clock;

/// Nothing that is waited for here takes so long, in ns.
pub(super) const PATIENCE_NS: u64 = 20_000_000_000;
/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;

/// See the module text.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    clock: Clock,
    /// What came and was not taken yet.
    pub(super) inbox: Vec<u8>,
    buffer: Vec<u8>,
}

impl Line {
    /// Takes the one connection that somebody makes to `listener`.
    ///
    /// # Errors
    /// Where nobody does.
    pub(super) fn accept(listener: &TcpListener, clock: &Clock) -> Result<Line> {
        listener.set_nonblocking(true)?;
        let start = clock.elapsed_ns();
        let stream = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            if clock.elapsed_ns() - start > PATIENCE_NS {
                bail!("nobody connected to the venue");
            }
            std::thread::yield_now();
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let (inbox, buffer) = (Vec::with_capacity(READ_BYTES), vec![0; READ_BYTES]);
        Ok(Line { stream, clock: clock.clone(), inbox, buffer })
    }

    /// One read into the inbox: how many bytes came.
    ///
    /// # Errors
    /// The connection has ended.
    pub(super) fn read(&mut self) -> Result<usize> {
        match self.stream.read(&mut self.buffer) {
            Ok(0) => bail!("the connection was closed"),
            Ok(count) => {
                self.inbox.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
                Ok(count)
            }
            Err(error) if waits(error.kind()) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// The connection has ended, or takes nothing any more.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let (mut rest, start) = (bytes, self.clock.elapsed_ns());
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if waits(error.kind()) => std::thread::yield_now(),
                Err(error) => return Err(error.into()),
            }
            if self.clock.elapsed_ns() - start > PATIENCE_NS {
                bail!("the other end does not read");
            }
        }
        Ok(())
    }

    /// Nanoseconds from just before `question` is written to just after the read that holds what
    /// `answered` looks for in the inbox; `None` where that does not come.
    ///
    /// # Errors
    /// The connection has ended, or the question did not go out in one piece.
    pub(super) fn ask(
        &mut self,
        question: &[u8],
        answered: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<u64>> {
        let begin = self.clock.elapsed_ns();
        if self.stream.write(question)? != question.len() {
            bail!("the bytes of a tick went out in pieces");
        }
        loop {
            let came = self.read()?;
            let now = self.clock.elapsed_ns();
            if came > 0 && answered(&self.inbox) {
                return Ok(Some(now - begin));
            }
            if now - begin > PATIENCE_NS {
                return Ok(None);
            }
            spin_loop();
        }
    }
}

fn waits(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
