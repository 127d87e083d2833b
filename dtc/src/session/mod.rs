//! Layer 3: the client's side of a connection, without the connection.
//!
//! A [`Session`] knows no socket and no clock. Its owner tells it what happened (`handle_*`, with
//! the time as a number of nanoseconds from any fixed start) and asks what to do (`poll_*`):
//!
//! ```text
//!   connection made  ─► handle_connected ─┐          ┌─► poll_transmit ─► bytes for the socket
//!   bytes arrived    ─► handle_bytes_seen │          │     (then handle_transmitted)
//!   one frame of it  ─► handle_frame ─────┤ Session ─┼─► poll_event    ─► SessionEvent
//!   connection lost  ─► handle_disconnected          │
//!   time has come    ─► handle_timeout ───┘          └─► poll_timeout  ─► when to call again
//! ```
//!
//! After each `handle_*` poll events until `None`, transmit until `None`, and the timeout once.
//!
//! The life of a session:
//!
//! ```text
//!   Waiting ─► Connecting ─► Negotiating ─► LoggingOn ─► Online ─► LoggingOff ─► Closing ─┐
//!      ▲                         (each of them ─► Closing on trouble)                     │
//!      └──────────────── back-off ───────────────── or Stopped for good ◄─────────────────┘
//! ```
//!
//! Market data passes through [`Session::handle_frame`] like every frame and costs one comparison
//! there: what it means is for the feed to say.

mod backoff;
mod config;
mod event;
mod frames;
mod fuzz;
mod leave;
mod outbound;

pub use config::{
    Backoff, CONNECT_TIMEOUT_S, ConfigError, EVENTS_MAX, EncodingChoice, FLAGS_NEWEST,
    HEARTBEAT_S_MAX, HEARTBEAT_S_MIN, LINGER_S, OUTBOUND_BYTES_MAX, STABLE_S, SUBSCRIPTIONS_MAX,
    SessionConfig, Subscription,
};
pub use event::{
    Capabilities, CloseReason, Feature, NoticeKind, RejectKind, SessionEvent, Text, Text96,
};
#[doc(hidden)]
pub use fuzz::fuzz_session;
pub use outbound::SendError;

use crate::frame::{Frame, FrameError};
use crate::wire::{EncodingRequest, Heartbeat, Logoff, LogonRequest, Message, value};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use backoff::Waits;
use outbound::Outbound;
use zerocopy::IntoBytes;
use zerocopy::little_endian::U16;

const NS_PER_S: u64 = 1_000_000_000;

/// Event slots that only the end of a connection may fill, so that it is never lost.
const EVENTS_RESERVED: usize = 4;

/// The client's side of one DTC connection and of those that follow it.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    state: State,
    capabilities: Option<Capabilities>,
    outbound: Outbound,
    events: VecDeque<SessionEvent>,
    waits: Waits,
    /// Since when the present state holds, ns.
    since: u64,
    /// When the present connection logged on, ns.
    logged_on: Option<u64>,
    /// When a byte was heard last, ns.
    heard: u64,
    /// When the next heartbeat is to leave, ns.
    beat: u64,
    paused: bool,
    /// What the server's drop counter said last.
    dropped: u32,
    feed_lost: bool,
    /// Where the server sent us, for the next attempt.
    redirect: Option<Text96>,
    /// Set when there shall be no further attempt, with the reason.
    stop: Option<Text96>,
    next_request_id: i32,
    /// RequestID of the security definition request of each subscription.
    definition_ids: Vec<i32>,
    unknown: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not connected; the next attempt is due at this time.
    Waiting {
        at: u64,
    },
    /// The owner tries to connect.
    Connecting,
    /// The encoding request is out.
    Negotiating,
    /// The logon request is out.
    LoggingOn,
    Online,
    /// Our logoff is on its way out.
    LoggingOff,
    /// `CloseNow` was said.
    Closing,
    /// Not connected and not to be.
    Stopped,
}

impl Session {
    /// A session that waits for its first connection, which is due at once. Allocates its buffers
    /// here and never again. See [`SessionConfig::check`] for what is done to odd values.
    #[must_use]
    pub fn new(mut config: SessionConfig) -> Self {
        config.heartbeat_s = config.heartbeat_s.clamp(HEARTBEAT_S_MIN, HEARTBEAT_S_MAX);
        config.encoding_timeout_s = config.encoding_timeout_s.max(1);
        config.logon_timeout_s = config.logon_timeout_s.max(1);
        config.subscriptions.truncate(SUBSCRIPTIONS_MAX);
        Session {
            state: State::Waiting { at: 0 },
            capabilities: None,
            outbound: Outbound::new(OUTBOUND_BYTES_MAX),
            events: VecDeque::with_capacity(EVENTS_MAX),
            waits: Waits::new(config.backoff, config.seed),
            since: 0,
            logged_on: None,
            heard: 0,
            beat: 0,
            paused: false,
            dropped: 0,
            feed_lost: false,
            redirect: None,
            stop: None,
            next_request_id: 1,
            definition_ids: Vec::with_capacity(config.subscriptions.len()),
            unknown: 0,
            config,
        }
    }

    // ── in ──────────────────────────────────────────────────────────────────────────────────────

    /// A connection attempt begins; it is given up after [`CONNECT_TIMEOUT_S`].
    pub fn handle_connecting(&mut self, now: u64) {
        if matches!(self.state, State::Waiting { .. }) {
            self.redirect = None;
            self.enter(State::Connecting, now);
        }
    }

    /// The connection stands: the first request is queued.
    pub fn handle_connected(&mut self, now: u64) {
        if !matches!(self.state, State::Waiting { .. } | State::Connecting) {
            return;
        }
        self.outbound.clear();
        self.dropped = 0;
        self.feed_lost = false;
        self.redirect = None;
        self.next_request_id = 1;
        self.definition_ids.clear();
        self.heard = now;
        match self.config.encoding {
            EncodingChoice::Negotiate => {
                self.enter(State::Negotiating, now);
                self.push(&EncodingRequest::DEFAULT);
            }
            EncodingChoice::Preset => self.log_on(now),
        }
    }

    /// Bytes arrived, whatever they are: the server lives.
    pub fn handle_bytes_seen(&mut self, now: u64) {
        self.heard = now;
    }

    /// One frame of the stream, in order; every frame, market data too.
    #[inline]
    pub fn handle_frame(&mut self, frame: &Frame<'_>, now: u64) {
        if !frames::is_hot(frame.kind) {
            self.handle_cold_frame(frame, now);
        }
    }

    /// The stream cannot be cut any further.
    pub fn handle_frame_error(&mut self, error: FrameError) {
        self.close(CloseReason::Broken(error));
    }

    /// The first `count` bytes of what [`Session::poll_transmit`] gave have left.
    pub fn handle_transmitted(&mut self, count: usize) {
        self.outbound.advance(count);
        if self.state == State::LoggingOff && self.outbound.pending().is_empty() {
            self.close(CloseReason::LoggedOff);
        }
    }

    /// The connection is gone, or an attempt failed: says when to try again.
    pub fn handle_disconnected(&mut self, now: u64) {
        if matches!(self.state, State::Waiting { .. } | State::Stopped) {
            return;
        }
        let stable_ns = u64::from(STABLE_S) * NS_PER_S;
        if self.logged_on.take().is_some_and(|since| now.saturating_sub(since) >= stable_ns) {
            self.waits.reset();
        }
        self.outbound.clear();
        self.capabilities = None;
        self.paused = false;
        if let Some(text) = self.stop.take() {
            self.enter(State::Stopped, now);
            self.redirect = None;
            self.tell_end(SessionEvent::DoNotReconnect { text });
            return;
        }
        let at = now.saturating_add(self.waits.next_ns());
        self.enter(State::Waiting { at }, now);
        let address = self.redirect;
        self.tell_end(SessionEvent::Reconnect { at, address });
    }

    /// Time has come to look at the timers; harmless at any time.
    pub fn handle_timeout(&mut self, now: u64) {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return;
        }
        if let Some((at, reason)) = self.deadline()
            && at <= now
        {
            self.close(reason);
        }
        if self.state == State::Online && self.beat <= now {
            // On the beat, unless that was missed by a whole interval.
            let next = self.beat.saturating_add(self.heartbeat_ns());
            self.beat = if next > now { next } else { now.saturating_add(self.heartbeat_ns()) };
            self.push(&Heartbeat::DEFAULT);
        }
    }

    /// Reading stops (`true`) or goes on (`false`) because the owner has no room. While paused,
    /// silence is our doing and no reason to close; afterwards the full time runs anew.
    pub fn handle_paused(&mut self, paused: bool, now: u64) {
        if self.paused && !paused {
            self.heard = now;
            if matches!(self.state, State::Negotiating | State::LoggingOn) {
                self.since = now;
            }
        }
        self.paused = paused;
    }

    /// Queues any message, its size and number set by its type.
    ///
    /// # Errors
    /// Not logged on, or the buffer is full; then the message is not sent, now or later.
    pub fn send(&mut self, message: &impl Message) -> Result<(), SendError> {
        if self.state != State::Online {
            return Err(SendError::NotLoggedOn);
        }
        if self.push(message) { Ok(()) } else { Err(SendError::OutboundFull) }
    }

    /// As [`Session::send`], for the bytes of whole messages, which leave as they are.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub fn send_bytes(&mut self, messages: &[u8]) -> Result<(), SendError> {
        if self.state != State::Online {
            return Err(SendError::NotLoggedOn);
        }
        if self.push_bytes(messages) { Ok(()) } else { Err(SendError::OutboundFull) }
    }

    /// Someone decided to connect again after `DoNotReconnect`; due at once.
    pub fn reconnect(&mut self, now: u64) {
        if self.state == State::Stopped {
            self.enter(State::Waiting { at: now }, now);
            self.tell_end(SessionEvent::Reconnect { at: now, address: None });
        }
    }

    // ── out ─────────────────────────────────────────────────────────────────────────────────────

    /// The bytes to send next, all that there are; the same ones until
    /// [`Session::handle_transmitted`] says how many have left.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<&[u8]> {
        let pending = self.outbound.pending();
        (!pending.is_empty()).then_some(pending)
    }

    /// The next event, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// When to call [`Session::handle_timeout`], or while waiting when to connect, ns.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let beat = (self.state == State::Online).then_some(self.beat);
        let wait = match self.state {
            State::Waiting { at } => Some(at),
            _ => None,
        };
        let deadline = self.deadline().map(|(at, _)| at);
        [beat, wait, deadline].into_iter().flatten().min()
    }

    // ── state ───────────────────────────────────────────────────────────────────────────────────

    /// Whether a connection attempt is due.
    #[must_use]
    pub fn is_connect_due(&self, now: u64) -> bool {
        matches!(self.state, State::Waiting { at } if at <= now)
    }

    /// The address the server named for the next attempt, `host:port` or `host`; `None` when it
    /// named none or it was taken already. The same that `Reconnect` tells.
    #[must_use]
    pub fn take_redirect(&mut self) -> Option<Text96> {
        self.redirect.take()
    }

    /// Whether `CloseNow` was said and the connection is still there.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.state == State::Closing
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_logged_on(&self) -> bool {
        self.state == State::Online
    }

    /// What the server can do, while logged on.
    #[must_use]
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.capabilities.as_ref()
    }

    /// Frames of a type that no table here knows, since the start; they were skipped.
    #[must_use]
    pub fn unknown_frames(&self) -> u64 {
        self.unknown
    }

    /// The subscription whose security definition was asked for with this RequestID.
    #[must_use]
    pub fn definition_symbol_id(&self, request_id: i32) -> Option<u32> {
        let at = self.definition_ids.iter().position(|&id| id == request_id)?;
        self.config.subscriptions.get(at).map(|one| one.symbol_id)
    }

    /// A RequestID not used yet on this connection, for the owner's own requests.
    pub fn take_request_id(&mut self) -> i32 {
        let id = self.next_request_id;
        // One of Sierra's ids for what nobody asked is 110,000,000; the other is 0.
        self.next_request_id = if id >= 100_000_000 { 1 } else { id + 1 };
        id
    }

    // ── inside ──────────────────────────────────────────────────────────────────────────────────

    fn enter(&mut self, state: State, now: u64) {
        self.state = state;
        self.since = now;
    }

    fn log_on(&mut self, now: u64) {
        self.enter(State::LoggingOn, now);
        let mut request = LogonRequest::DEFAULT;
        let cut = [
            value::put_text(&mut request.username, &self.config.username),
            value::put_text(&mut request.password, &self.config.password),
            value::put_text(&mut request.client_name, &self.config.client_name),
        ];
        // `check` has told about texts that are cut; the server will tell again.
        let _ = cut;
        request.integer_1 = self.config.integer_1.into();
        request.heartbeat_interval_in_seconds = i32::from(self.config.heartbeat_s).into();
        self.push(&request);
    }

    /// The receive timer of the present state and what its end means.
    fn deadline(&self) -> Option<(u64, CloseReason)> {
        let after = |start: u64, seconds: u16| {
            start.saturating_add(u64::from(seconds).saturating_mul(NS_PER_S))
        };
        let silence_s = self.config.heartbeat_s.saturating_mul(2);
        Some(match self.state {
            State::Connecting => (
                after(self.since, CONNECT_TIMEOUT_S),
                CloseReason::ConnectTimeout { seconds: CONNECT_TIMEOUT_S },
            ),
            State::Negotiating if !self.paused => {
                let seconds = self.config.encoding_timeout_s;
                (after(self.since, seconds), CloseReason::EncodingTimeout { seconds })
            }
            State::LoggingOn if !self.paused => {
                let seconds = self.config.logon_timeout_s;
                (after(self.since, seconds), CloseReason::LogonTimeout { seconds })
            }
            State::Online if !self.paused => {
                (after(self.heard, silence_s), CloseReason::Silence { seconds: silence_s })
            }
            State::LoggingOff => (after(self.since, LINGER_S), CloseReason::LoggedOff),
            _ => return None,
        })
    }

    fn heartbeat_ns(&self) -> u64 {
        u64::from(self.config.heartbeat_s) * NS_PER_S
    }

    /// Queues a message; false when it had no room and the connection is being closed.
    fn push<M: Message>(&mut self, message: &M) -> bool {
        // Whatever the caller left in the first two fields.
        let (size, kind) = (U16::new(M::SIZE as u16), U16::new(M::TYPE));
        let mut message = *message;
        for (to, from) in message.as_mut_bytes().iter_mut().zip([size, kind].as_bytes()) {
            *to = *from;
        }
        self.push_bytes(message.as_bytes())
    }

    fn push_bytes(&mut self, bytes: &[u8]) -> bool {
        if self.outbound.push(bytes).is_ok() {
            return true;
        }
        if self.state != State::Closing {
            self.tell_end(SessionEvent::OutboundFull);
            self.close(CloseReason::OutboundFull);
        }
        false
    }

    /// Asks the owner to close, once. A goodbye goes first where a server may still listen.
    fn close(&mut self, reason: CloseReason) {
        if matches!(self.state, State::Closing | State::Waiting { .. } | State::Stopped) {
            return;
        }
        if self.state == State::Online
            && matches!(reason, CloseReason::Silence { .. } | CloseReason::EventsFull)
        {
            let mut message = Logoff::DEFAULT;
            let _cut = value::put_text(&mut message.reason, "connection lost");
            let _full = self.outbound.push(message.as_bytes());
        }
        self.state = State::Closing;
        self.tell_end(SessionEvent::CloseNow { reason });
    }

    /// Queues an event. When nobody polls, the connection ends instead.
    fn tell(&mut self, event: SessionEvent) {
        if self.events.len() + EVENTS_RESERVED < EVENTS_MAX {
            self.events.push_back(event);
        } else {
            self.close(CloseReason::EventsFull);
        }
    }

    /// Queues one of the events that end a connection. There is room for those of one connection;
    /// of several that nobody polled, the oldest give way.
    fn tell_end(&mut self, event: SessionEvent) {
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
