//! Bytes waiting to be sent, in one buffer that is allocated once.

use alloc::vec::Vec;
use core::fmt;

/// Why a message was not taken by [`Session::send`](super::Session::send).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// There is no logon at present.
    NotLoggedOn,
    /// The outbound buffer is full; the connection is about to be closed.
    OutboundFull,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::NotLoggedOn => "not logged on: the message was not sent",
            SendError::OutboundFull => "the outbound buffer is full: the message was not sent",
        })
    }
}

impl core::error::Error for SendError {}

/// The buffer did not have room for the whole message; nothing was added.
#[derive(Debug)]
pub(super) struct Full;

#[derive(Debug)]
pub(super) struct Outbound {
    bytes: Vec<u8>,
    sent: usize,
    bytes_max: usize,
}

impl Outbound {
    pub(super) fn new(bytes_max: usize) -> Self {
        Outbound { bytes: Vec::with_capacity(bytes_max), sent: 0, bytes_max }
    }

    /// What is to be sent next; empty when nothing is.
    pub(super) fn pending(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    pub(super) fn push(&mut self, message: &[u8]) -> Result<(), Full> {
        if self.pending().len() + message.len() > self.bytes_max {
            return Err(Full);
        }
        if self.bytes.len() + message.len() > self.bytes_max {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        self.bytes.extend_from_slice(message);
        Ok(())
    }

    /// The first `count` pending bytes have left.
    pub(super) fn advance(&mut self, count: usize) {
        self.sent = (self.sent + count.min(self.bytes.len())).min(self.bytes.len());
        if self.sent == self.bytes.len() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_never_grows() {
        let mut out = Outbound::new(10);
        let capacity = out.bytes.capacity();
        let (mut next_in, mut next_out) = (0u8, 0u8);
        for step in 0..200usize {
            let message: Vec<u8> =
                (0..1 + step % 4).map(|n| next_in.wrapping_add(n as u8)).collect();
            if out.push(&message).is_ok() {
                next_in = next_in.wrapping_add(message.len() as u8);
            } else {
                assert!(out.pending().len() + message.len() > 10);
            }
            for &byte in out.pending().iter().take(step % 3) {
                assert_eq!(byte, next_out);
                next_out = next_out.wrapping_add(1);
            }
            out.advance((step % 3).min(out.pending().len()));
        }
        assert_eq!(out.bytes.capacity(), capacity);
        assert_eq!(next_in.wrapping_sub(next_out) as usize, out.pending().len());
    }

    #[test]
    fn more_sent_than_pending_is_taken_as_all() {
        let mut out = Outbound::new(4);
        out.push(&[1, 2, 3]).unwrap();
        out.advance(usize::MAX);
        assert!(out.pending().is_empty());
    }
}
