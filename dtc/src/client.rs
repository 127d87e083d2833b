//! Layer 4: a mio socket around the [`Session`].
//!
//! Several clients share one `mio::Poll`, each under its own token. mio reports a change of
//! readiness once, so a client keeps the flags itself and reading goes on until the socket would
//! block. The owner decides when to read, one system call at a time, so that it can stop while it
//! has no room downstream:
//!
//! ```text
//!   loop {
//!       poll.poll(events)          for each event: client.handle_readiness(event)
//!       client.service(registry, now)             connects, sends, closes; cheap when idle
//!       while room && client.readable() {
//!           if client.read_once(now) > 0 {        client.last_read() are the bytes as they came
//!               while let Some(frame) = client.next_frame(now) { … }
//!           }
//!       }
//!       while let Some(event) = client.poll_event() { … }
//!   }
//! ```
//!
//! Every error is already dealt with when it is returned: the socket is closed and the session
//! says by an event when the next attempt is due, which [`Client::service`] then makes. Errors
//! are for the record.

use crate::frame::{self, FRAME_BYTES_MAX, Frame, FrameError};
use crate::session::{Session, SessionConfig, SessionEvent, Text96};
use bytes::BytesMut;
use core::fmt;
use core::ops::Range;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};

mod resolve;

use resolve::{Outcome, Resolver};

/// A receive buffer is never smaller: two frames of the largest size, bytes.
pub const BUFFER_BYTES_MIN: usize = 2 * (FRAME_BYTES_MAX + 1);

/// How often a running name look-up is asked for its result, ns.
const RESOLVE_POLL_NS: u64 = 10_000_000;

/// What a client cannot go on with; see the module's words on errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// The attempt to connect failed.
    Connect {
        /// With whom.
        address: SocketAddr,
        /// Why.
        kind: ErrorKind,
    },
    /// The server closed the connection.
    Closed {
        /// Which one.
        address: SocketAddr,
    },
    /// Reading or writing failed.
    Io {
        /// With whom.
        address: SocketAddr,
        /// Why.
        kind: ErrorKind,
    },
    /// The stream is broken.
    Frame {
        /// Whose.
        address: SocketAddr,
        /// How.
        error: FrameError,
    },
    /// The server sent us to an address that cannot be found; the configured one is tried next.
    Redirect {
        /// What the server named.
        to: Text96,
    },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Connect { address, kind } => {
                write!(f, "cannot connect to {address}: {kind}")
            }
            ClientError::Closed { address } => write!(f, "{address} closed the connection"),
            ClientError::Io { address, kind } => {
                write!(f, "the connection to {address} failed: {kind}")
            }
            ClientError::Frame { address, error } => write!(f, "{address}: {error}"),
            ClientError::Redirect { to } => {
                write!(f, "the server sends us to \"{to}\", which cannot be found")
            }
        }
    }
}

impl core::error::Error for ClientError {}

/// One connection to a DTC server, made again as often as needed.
#[derive(Debug)]
pub struct Client {
    token: Token,
    /// Where the configuration points.
    home: SocketAddr,
    /// Where the present or last connection goes.
    address: SocketAddr,
    session: Session,
    stream: Option<TcpStream>,
    connected: bool,
    readable: bool,
    writable: bool,
    /// Received bytes; as long from start to end, used from `head` to `tail`.
    buffer: BytesMut,
    head: usize,
    tail: usize,
    last_read: Range<usize>,
    generation: u32,
    resolving: Option<Resolving>,
}

/// A look-up of the name that the server sent us to.
#[derive(Debug)]
struct Resolving {
    resolver: Resolver,
    /// When to ask for its result next, ns.
    poll_at: u64,
}

impl Client {
    /// A client that connects at its first [`Client::service`]. `buffer_bytes` is raised to
    /// [`BUFFER_BYTES_MIN`]; the buffer keeps that size.
    #[must_use]
    pub fn new(
        token: Token,
        address: SocketAddr,
        session: SessionConfig,
        buffer_bytes: usize,
    ) -> Self {
        Client {
            token,
            home: address,
            address,
            session: Session::new(session),
            stream: None,
            connected: false,
            readable: false,
            writable: false,
            buffer: BytesMut::zeroed(buffer_bytes.max(BUFFER_BYTES_MIN)),
            head: 0,
            tail: 0,
            last_read: 0..0,
            generation: 0,
            resolving: None,
        }
    }

    /// The token of this client's socket.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token
    }

    /// Where the present or last connection goes.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The session, to send with and to ask.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Whether there is a connection; the logon may still be under way.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Connections made so far; a new one starts a new stream.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The session's next event.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.session.poll_event()
    }

    /// When to call [`Client::service`] at the latest, ns.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let due = self.session.poll_timeout()?;
        Some(self.resolving.as_ref().map_or(due, |running| running.poll_at))
    }

    /// Notes what mio reported; events of other tokens are ignored.
    pub fn handle_readiness(&mut self, event: &Event) {
        if event.token() != self.token {
            return;
        }
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Does what is due: timers, connecting, sending, closing.
    ///
    /// # Errors
    /// The attempt or the connection failed. Call again; the session paces the attempts.
    pub fn service(&mut self, registry: &Registry, now: u64) -> Result<(), ClientError> {
        self.session.handle_timeout(now);
        if self.stream.is_none() {
            if !self.session.is_connect_due(now) {
                return Ok(());
            }
            let Some(address) = self.target(now)? else { return Ok(()) };
            return self.connect(address, registry, now);
        }
        if !self.connected && self.writable && !self.session.is_closing() {
            self.finish_connecting(registry, now)?;
        }
        if self.connected && self.writable {
            self.flush(registry, now)?;
        }
        if self.session.is_closing() {
            self.close(registry, now);
        }
        Ok(())
    }

    /// Whether there may be something to read.
    #[must_use]
    pub fn readable(&self) -> bool {
        self.readable && self.connected && !self.session.is_closing()
    }

    /// One read from the socket. Returns how many bytes came; 0 when there are none at present,
    /// or when frames not yet cut fill the buffer. Then cut all frames before reading again.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn read_once(&mut self, now: u64) -> Result<usize, ClientError> {
        self.make_room();
        self.last_read = self.tail..self.tail;
        if !self.readable() {
            return Ok(0);
        }
        let (Some(stream), Some(room)) = (&mut self.stream, self.buffer.get_mut(self.tail..))
        else {
            return Ok(0);
        };
        if room.is_empty() {
            return Ok(0);
        }
        match stream.read(room) {
            Ok(0) => {
                self.drop_connection(now);
                Err(ClientError::Closed { address: self.address })
            }
            Ok(count) => {
                self.tail += count;
                self.last_read.end = self.tail;
                self.session.handle_bytes_seen(now);
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(0)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(0),
            Err(error) => {
                self.drop_connection(now);
                Err(ClientError::Io { address: self.address, kind: error.kind() })
            }
        }
    }

    /// The bytes of the last [`Client::read_once`], as they came.
    #[must_use]
    pub fn last_read(&self) -> &[u8] {
        self.buffer.get(self.last_read.clone()).unwrap_or_default()
    }

    /// Cuts the next frame off what was read, lets the session see it and returns it. `None` when
    /// no whole frame is left. Frames behind the one at which the session wants to close are still
    /// returned, unseen by it: what a read brought does not depend on where in it a logoff stood,
    /// so whoever decodes the recorded bytes again finds the same.
    ///
    /// # Errors
    /// The stream is broken; the next [`Client::service`] closes the connection.
    pub fn next_frame(&mut self, now: u64) -> Result<Option<Frame<'_>>, ClientError> {
        let unread = self.buffer.get(self.head..self.tail).unwrap_or_default();
        match frame::next_frame(unread) {
            Ok(Some(frame)) => {
                self.head += frame.len();
                if !self.session.is_closing() {
                    self.session.handle_frame(&frame, now);
                }
                Ok(Some(frame))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                // Nothing behind it can be cut.
                self.head = self.tail;
                self.session.handle_frame_error(error);
                Err(ClientError::Frame { address: self.address, error })
            }
        }
    }

    // ── inside ──────────────────────────────────────────────────────────────────────────────────

    /// Where to connect; `None` while that is being found out.
    fn target(&mut self, now: u64) -> Result<Option<SocketAddr>, ClientError> {
        if let Some(name) = self.session.take_redirect() {
            if let Some(address) = resolve::literal(name.as_str(), self.home.port()) {
                return Ok(Some(address));
            }
            let resolver = Resolver::start(name, self.home);
            self.resolving = Some(Resolving { resolver, poll_at: now });
        }
        let Some(running) = &mut self.resolving else { return Ok(Some(self.home)) };
        let outcome = running.resolver.poll();
        if matches!(outcome, Outcome::Running) {
            running.poll_at = now.saturating_add(RESOLVE_POLL_NS);
            return Ok(None);
        }
        let to = running.resolver.name();
        self.resolving = None;
        match outcome {
            Outcome::Found(address) => Ok(Some(address)),
            _ => Err(ClientError::Redirect { to }),
        }
    }

    fn connect(
        &mut self,
        address: SocketAddr,
        registry: &Registry,
        now: u64,
    ) -> Result<(), ClientError> {
        self.address = address;
        self.session.handle_connecting(now);
        (self.readable, self.writable) = (false, false);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let attempt = TcpStream::connect(address).and_then(|mut stream| {
            registry.register(&mut stream, self.token, interest)?;
            Ok(stream)
        });
        match attempt {
            Ok(stream) => {
                self.stream = Some(stream);
                Ok(())
            }
            Err(error) => {
                self.drop_connection(now);
                Err(ClientError::Connect { address, kind: error.kind() })
            }
        }
    }

    /// The socket became writable or failed: which of the two?
    fn finish_connecting(&mut self, registry: &Registry, now: u64) -> Result<(), ClientError> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let outcome = match stream.take_error() {
            Ok(None) => stream.peer_addr().map(|_| ()),
            Ok(Some(error)) | Err(error) => Err(error),
        };
        match outcome.and_then(|()| stream.set_nodelay(true)) {
            Ok(()) => {
                self.connected = true;
                self.generation = self.generation.saturating_add(1);
                (self.head, self.tail, self.last_read) = (0, 0, 0..0);
                self.session.handle_connected(now);
                Ok(())
            }
            // An event of the socket before this one; the connection is still being made.
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                self.writable = false;
                Ok(())
            }
            Err(error) => {
                let _ = registry.deregister(stream);
                self.drop_connection(now);
                Err(ClientError::Connect { address: self.address, kind: error.kind() })
            }
        }
    }

    /// Sends until nothing is left or the socket takes no more.
    fn flush(&mut self, registry: &Registry, now: u64) -> Result<(), ClientError> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while let Some(bytes) = self.session.poll_transmit() {
            match stream.write(bytes) {
                Ok(count) if count > 0 => self.session.handle_transmitted(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.writable = false;
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => {
                    let kind = outcome.map_or_else(|e| e.kind(), |_| ErrorKind::WriteZero);
                    let _ = registry.deregister(stream);
                    self.drop_connection(now);
                    return Err(ClientError::Io { address: self.address, kind });
                }
            }
        }
        Ok(())
    }

    /// Closes in order: what was sent arrives, and what still comes is taken off the socket so
    /// that the system does not answer it with a reset, which could overtake our goodbye.
    fn close(&mut self, registry: &Registry, now: u64) {
        if let Some(stream) = &mut self.stream {
            let _ = stream.shutdown(Shutdown::Write);
            for _ in 0..16 {
                match stream.read(&mut self.buffer) {
                    Ok(count) if count > 0 => {}
                    _ => break,
                }
            }
            let _ = registry.deregister(stream);
        }
        self.drop_connection(now);
    }

    /// Dropping a socket also takes it off the poll.
    fn drop_connection(&mut self, now: u64) {
        self.stream = None;
        self.connected = false;
        (self.readable, self.writable) = (false, false);
        (self.head, self.tail, self.last_read) = (0, 0, 0..0);
        self.session.handle_disconnected(now);
    }

    /// Moves what is left of the last read to the front when the rest of the buffer is too short
    /// for a frame. What is left is less than a frame if all frames were cut.
    fn make_room(&mut self) {
        if self.head == self.tail {
            (self.head, self.tail) = (0, 0);
        } else if self.head > 0 && self.buffer.len() - self.tail <= FRAME_BYTES_MAX {
            self.buffer.copy_within(self.head..self.tail, 0);
            (self.head, self.tail) = (0, self.tail - self.head);
        }
    }
}
