//! The session: phases, dispatch, time.

use std::collections::VecDeque;
use std::sync::Arc;

use dtc::frame::Frame;
use dtc::wire::{Heartbeat, Logoff, Message};

use super::ServerOptions;
use super::market::Subscription;
use crate::encode::{push, put};
use crate::market::SymbolSpec;
use crate::state::MarketState;
use crate::venue::{ClientKey, Desk, ReportMessage};

/// The longest message accepted from a client. The longest a client has is about 450 bytes.
pub const REQUEST_BYTES_MAX: usize = 4096;

/// Time a client has to log on.
const LOGON_TIMEOUT_NS: u64 = 20 * NS_PER_S;
pub(super) const NS_PER_S: u64 = 1_000_000_000;
/// Notes kept for whoever runs the session; more are dropped.
const NOTES_MAX: usize = 256;

/// What happened in a session, for whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Logged on. The identity (user name and client name) tells a client that comes back.
    LoggedOn {
        /// `username/client name`.
        identity: String,
    },
    /// The logon was refused.
    LogonRefused,
    /// A subscription of market data or depth was accepted or renewed.
    Subscribed,
    /// A request was refused, with this text.
    Refused(&'static str),
    /// The client said goodbye.
    LoggedOff,
    /// The client broke the protocol; the session is over.
    ProtocolError(&'static str),
    /// Nothing was heard for too long; the session is over.
    Silent,
    /// A message of a type that is not served was passed over.
    NotServed(u16),
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting,
    LoggedOn,
    /// Send what is left, then close.
    Closing,
}

/// One client's session.
#[derive(Debug)]
pub struct ServerSession {
    pub(super) key: ClientKey,
    pub(super) options: Arc<ServerOptions>,
    pub(super) specs: Arc<[SymbolSpec]>,
    pub(super) state: MarketState,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) out: Vec<u8>,
    pub(super) phase: Phase,
    pub(super) heartbeat_ns: u64,
    pub(super) next_beat: u64,
    sent: usize,
    heard: u64,
    is_cut: bool,
    notes: VecDeque<Note>,
}

impl ServerSession {
    /// A session for a client that just connected. `state` is the market it joins.
    #[must_use]
    pub fn new(
        key: ClientKey,
        options: Arc<ServerOptions>,
        specs: Arc<[SymbolSpec]>,
        state: MarketState,
        now: u64,
    ) -> Self {
        Self {
            key,
            options,
            specs,
            state,
            subscriptions: Vec::new(),
            out: Vec::new(),
            phase: Phase::Waiting,
            heartbeat_ns: 0,
            next_beat: u64::MAX,
            sent: 0,
            heard: now,
            is_cut: false,
            notes: VecDeque::new(),
        }
    }

    /// Takes in one message. Orders go to `desk`; drain its reports afterwards.
    pub fn handle_frame(&mut self, frame: &Frame<'_>, desk: &mut Desk, now: u64) {
        self.heard = now;
        if frame.len() > REQUEST_BYTES_MAX {
            return self.protocol_error("a message longer than any request");
        }
        match (self.phase, frame.kind) {
            (Phase::Closing, _) => {}
            (_, 3) => {}
            (_, 5) => {
                self.note(Note::LoggedOff);
                self.phase = Phase::Closing;
            }
            (_, 6) => self.encoding_request(),
            (Phase::Waiting, 1) => self.logon(frame.bytes, now),
            (Phase::Waiting, _) => self.protocol_error("a request before the logon"),
            (Phase::LoggedOn, 1) => self.protocol_error("a second logon"),
            (Phase::LoggedOn, 101) => self.market_data_request(frame.bytes),
            (Phase::LoggedOn, 102) => self.depth_request(frame.bytes),
            (Phase::LoggedOn, 506) => self.definition_request(frame.bytes),
            (Phase::LoggedOn, kind) => self.trading_request(kind, frame.bytes, desk),
        }
    }

    /// Sends one of the desk's reports on, once logged on and if trading is announced.
    pub fn handle_report(&mut self, report: &ReportMessage) {
        if self.phase != Phase::LoggedOn || !self.options.capabilities.trading {
            return;
        }
        match report {
            ReportMessage::Order(message) => push(&mut self.out, message.as_ref()),
            ReportMessage::Position(message) => push(&mut self.out, message.as_ref()),
            ReportMessage::Balance(message) => push(&mut self.out, message.as_ref()),
        }
    }

    /// Does what is due: heartbeats, and closing on silence. Call at [`Self::poll_timeout`].
    pub fn handle_timeout(&mut self, now: u64) {
        match self.phase {
            Phase::Waiting => {
                if now.saturating_sub(self.heard) >= LOGON_TIMEOUT_NS {
                    self.note(Note::Silent);
                    self.phase = Phase::Closing;
                }
            }
            Phase::LoggedOn => {
                if now >= self.next_beat {
                    self.next_beat = now.saturating_add(self.heartbeat_ns);
                    self.beat();
                }
                let patience = self.heartbeat_ns.saturating_mul(2);
                let silent = now.saturating_sub(self.heard) > patience;
                if silent && self.options.expect_heartbeats {
                    self.note(Note::Silent);
                    self.logoff("Nothing was heard for two heartbeat intervals", false);
                }
            }
            Phase::Closing => {}
        }
    }

    /// When [`Self::handle_timeout`] wants to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        match self.phase {
            Phase::Waiting => Some(self.heard.saturating_add(LOGON_TIMEOUT_NS)),
            Phase::LoggedOn => {
                let patience = self.heartbeat_ns.saturating_mul(2).saturating_add(1);
                Some(self.next_beat.min(self.heard.saturating_add(patience)))
            }
            Phase::Closing => None,
        }
    }

    /// Says goodbye; the session closes when the goodbye is sent.
    pub fn logoff(&mut self, reason: &str, do_not_reconnect: bool) {
        if self.phase == Phase::LoggedOn {
            let mut message =
                Logoff { do_not_reconnect: do_not_reconnect.into(), ..Message::DEFAULT };
            put(&mut message.reason, reason);
            push(&mut self.out, &message);
        }
        self.phase = Phase::Closing;
    }

    /// Bytes to send, in order. Report what was sent to [`Self::consume`].
    #[must_use]
    pub fn outbound(&self) -> &[u8] {
        self.out.get(self.sent..).unwrap_or_default()
    }

    /// The first `count` bytes of [`Self::outbound`] are on their way.
    pub fn consume(&mut self, count: usize) {
        self.sent = self.sent.saturating_add(count).min(self.out.len());
        // Moving the rest to the front costs less the rarer it is done.
        if self.sent == self.out.len() || self.sent > 1 << 20 {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Appends bytes as they are: a fault on purpose.
    pub fn inject(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Logged on and not closing.
    #[must_use]
    pub fn is_logged_on(&self) -> bool {
        self.phase == Phase::LoggedOn
    }

    /// Nothing more will be said: send what is left and close.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.phase == Phase::Closing
    }

    /// The connection is to break here: nothing more is said, not even what was waiting.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The next thing worth knowing.
    #[must_use]
    pub fn poll_note(&mut self) -> Option<Note> {
        self.notes.pop_front()
    }

    /// The market as this client has been told it.
    #[must_use]
    pub fn state(&self) -> &MarketState {
        &self.state
    }

    /// Puts the session at another point of the market: a client that comes back to where it was.
    pub fn set_state(&mut self, state: MarketState) {
        self.state = state;
    }

    pub(super) fn note(&mut self, note: Note) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push_back(note);
        }
    }

    pub(super) fn protocol_error(&mut self, what: &'static str) {
        self.note(Note::ProtocolError(what));
        self.phase = Phase::Closing;
    }

    /// Ends the session in mid-sentence: a fault on purpose.
    pub(super) fn cut(&mut self) {
        self.is_cut = true;
        self.phase = Phase::Closing;
        self.out.clear();
        self.sent = 0;
    }

    fn beat(&mut self) {
        if self.options.send_heartbeats {
            let seconds = self.state.last_ts_ns().div_euclid(1_000_000_000);
            let message = Heartbeat { current_date_time: seconds.into(), ..Message::DEFAULT };
            push(&mut self.out, &message);
        }
    }
}
