//! One connection: its socket, its session, its place on the tape and its faults.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use dtc::frame::next_frame;

use super::tape::Tape;
use crate::fault::{End, FaultPlan, Splitter, Strike, Throttle};
use crate::server::{REQUEST_BYTES_MAX, ServerSession, SubscriptionSet};
use crate::state::MarketState;
use crate::venue::{ClientKey, Desk};

const NS_PER_MS: u64 = 1_000_000;
/// Bytes waiting for a client beyond which it gets no further record.
const OUTBOUND_MAX: usize = 1 << 20;
/// Bytes waiting beyond which it is not listened to. Records alone never come this far, so that
/// the heartbeats of a client that reads slowly are still heard.
const ANSWERS_MAX: usize = 2 << 20;
/// Records a client takes, and writes it gets, in one turn.
const TURN_MAX: usize = 4096;
/// After the last word the other side has this long to close.
const DRAIN_NS: u64 = 2_000 * NS_PER_MS;
/// After fatal garbage likewise.
const POISON_NS: u64 = 5_000 * NS_PER_MS;
/// Subscriptions are taken as complete when none came for this long.
const QUIET_NS: u64 = 500 * NS_PER_MS;
/// A client that came back has this long to subscribe what it had.
const REJOIN_NS: u64 = 10_000 * NS_PER_MS;

/// What a client that was cut off is owed when it comes back.
pub(super) struct Parked {
    pub(super) identity: String,
    pub(super) cursor: u64,
    pub(super) state: MarketState,
    pub(super) subscribed: SubscriptionSet,
    pub(super) since: u64,
}

pub(super) struct Client {
    pub(super) key: ClientKey,
    pub(super) session: ServerSession,
    /// Number of the record it gets next.
    pub(super) cursor: u64,
    /// It is waited for no longer: all it was to have is there, or it is gone.
    pub(super) is_ready: bool,
    pub(super) identity: String,
    pub(super) last_subscription: Option<u64>,
    pub(super) written: u64,
    /// Why the connection is over; then it is removed.
    pub(super) closed: Option<String>,
    stream: TcpStream,
    inbox: Vec<u8>,
    splitter: Splitter,
    throttle: Throttle,
    /// Its place after what the socket has taken as a whole; kept only for replays.
    confirmed: Option<(u64, MarketState)>,
    marks: VecDeque<(u64, u64)>,
    needs: Option<SubscriptionSet>,
    joined: u64,
    next_strike: Option<u64>,
    struck: Option<Strike>,
    stalled_until: u64,
    poisoned_until: Option<u64>,
    draining_until: Option<u64>,
    progress: u64,
    market_ended: bool,
}

impl Client {
    pub(super) fn new(
        stream: TcpStream,
        session: ServerSession,
        key: ClientKey,
        plan: &FaultPlan,
        now: u64,
    ) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            key,
            session,
            cursor: 0,
            is_ready: false,
            identity: String::new(),
            last_subscription: None,
            written: 0,
            closed: None,
            stream,
            inbox: Vec::new(),
            splitter: Splitter::new(plan.split),
            throttle: Throttle::new(plan.bytes_per_s_max, now),
            confirmed: None,
            marks: VecDeque::new(),
            needs: None,
            joined: now,
            next_strike: None,
            struck: None,
            stalled_until: 0,
            poisoned_until: None,
            draining_until: None,
            progress: now,
            market_ended: false,
        })
    }

    /// Puts a client that has just logged on at its place in the market.
    pub(super) fn join(&mut self, cursor: u64, state: MarketState, replay: bool, plan: &FaultPlan) {
        self.cursor = cursor;
        self.confirmed = replay.then(|| (cursor, state.clone()));
        self.session.set_state(state);
        self.next_strike = plan.next_after(cursor);
    }

    /// As [`Self::join`], for one that comes back; it waits until it has subscribed what it had.
    pub(super) fn rejoin(&mut self, parked: Parked, plan: &FaultPlan, now: u64) {
        self.join(parked.cursor, parked.state, true, plan);
        self.joined = now;
        self.needs = Some(parked.subscribed);
    }

    /// Gone, or on its way out.
    pub(super) fn is_over(&self) -> bool {
        self.closed.is_some()
            || self.draining_until.is_some()
            || self.poisoned_until.is_some()
            || self.session.is_closing()
    }

    /// It is about to find that its stream is broken, and may come back for the rest.
    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned_until.is_some()
    }

    /// Owed nothing: it has every record up to `head`, and no fault is on its way.
    pub(super) fn is_served(&self, head: u64) -> bool {
        self.cursor == head
            && self.session.outbound().is_empty()
            && self.struck.is_none()
            && self.next_strike != Some(head)
    }

    /// The record before which a fault is still to strike or to end the connection. The head does
    /// not pass it, so that what such a client misses is what the market makes afterwards.
    pub(super) fn barrier(&self) -> Option<u64> {
        if self.is_over() || !self.session.is_logged_on() {
            return None;
        }
        let ends = self.struck.as_ref().is_some_and(|strike| strike.end.is_some());
        if ends { Some(self.cursor) } else { self.next_strike }
    }

    /// Oldest record that is still needed for it.
    pub(super) fn oldest(&self) -> u64 {
        self.confirmed.as_ref().map_or(self.cursor, |(cursor, _)| *cursor)
    }

    /// Sees whether its subscriptions are complete.
    pub(super) fn check_ready(&mut self, all: &SubscriptionSet, now: u64) {
        if self.is_ready || !self.session.is_logged_on() {
            return;
        }
        if now.saturating_sub(self.joined) >= REJOIN_NS {
            self.needs = None;
        }
        let subscribed = self.session.subscribed();
        let quiet = self.last_subscription.is_some_and(|at| now.saturating_sub(at) >= QUIET_NS);
        let complete = subscribed.covers(self.needs.as_ref().unwrap_or(all));
        self.is_ready = !subscribed.is_empty() && (complete || quiet);
    }

    /// Reads what is there and hands whole messages to the session.
    pub(super) fn read(&mut self, desk: &mut Desk, now: u64) -> bool {
        let mut chunk = [0u8; 16 * 1024];
        if self.session.outbound().len() > ANSWERS_MAX {
            return false;
        }
        match self.stream.read(&mut chunk) {
            Ok(0) => {
                self.close("closed by the client");
                false
            }
            Ok(count) => {
                if self.draining_until.is_none() && self.poisoned_until.is_none() {
                    self.inbox.extend_from_slice(chunk.get(..count).unwrap_or_default());
                    self.cut(desk, now);
                }
                true
            }
            Err(error) => {
                if !is_temporary(&error) {
                    self.close(&format!("read: {error}"));
                }
                false
            }
        }
    }

    /// Takes records from the tape up to its head, unless a fault strikes.
    pub(super) fn pump(&mut self, tape: &Tape, plan: &FaultPlan) -> bool {
        let waits = self.needs.is_some() && !self.is_ready;
        if waits || self.is_over() || !self.session.is_logged_on() {
            return false;
        }
        let from = self.cursor;
        for _ in 0..TURN_MAX {
            if self.struck.is_some() || self.session.outbound().len() > OUTBOUND_MAX {
                break;
            }
            if self.next_strike == Some(self.cursor) {
                self.next_strike = plan.next_after(self.cursor);
                self.struck = plan.strike(self.cursor);
                if let Some((bytes, _)) = self.struck.as_ref().and_then(|s| s.garbage.as_ref()) {
                    self.session.inject(bytes);
                }
                break;
            }
            let Some(record) = tape.get(self.cursor) else { break };
            self.session.handle_record(record);
            self.cursor = self.cursor.saturating_add(1);
            self.mark();
        }
        self.cursor != from
    }

    /// Writes what the socket and the fault plan let through. Returns the bytes written.
    pub(super) fn flush(&mut self, tape: &Tape, now: u64) -> u64 {
        if now < self.stalled_until || self.closed.is_some() || self.draining_until.is_some() {
            return 0;
        }
        if self.poisoned_until.is_some() {
            return 0;
        }
        let before = self.written;
        for _ in 0..TURN_MAX {
            let available = self.session.outbound().len().min(self.throttle.allowed(now));
            let len = self.splitter.next_len(available);
            let Some(bytes) = self.session.outbound().get(..len).filter(|b| !b.is_empty()) else {
                break;
            };
            match self.stream.write(bytes) {
                Ok(count) => {
                    self.session.consume(count);
                    self.throttle.spend(count);
                    self.written = self.written.saturating_add(count as u64);
                }
                Err(error) if is_temporary(&error) => break,
                Err(error) => {
                    self.close(&format!("write: {error}"));
                    break;
                }
            }
        }
        if self.written != before || self.session.outbound().is_empty() {
            self.progress = now;
        }
        self.confirm(tape);
        self.written - before
    }

    /// Once all is written: carries out the fault that struck, or ends a session that is over.
    /// Returns the forced end that has just begun, if one has.
    pub(super) fn settle(&mut self, write_timeout_ns: u64, now: u64) -> Option<End> {
        if self.draining_until.or(self.poisoned_until).is_some_and(|until| now >= until) {
            self.close("the client did not close");
        }
        if now < self.stalled_until || self.closed.is_some() || self.draining_until.is_some() {
            return None;
        }
        if !self.session.outbound().is_empty() {
            if self.poisoned_until.is_none() && now.saturating_sub(self.progress) > write_timeout_ns
            {
                self.close("the client takes no bytes");
            }
            return None;
        }
        if let Some(strike) = self.struck.as_mut() {
            if let Some(stall_ms) = strike.stall_ms.take() {
                self.stalled_until = now.saturating_add(stall_ms.saturating_mul(NS_PER_MS));
                self.progress = self.stalled_until;
                return None;
            }
            let fatal = strike.garbage.take().is_some_and(|(_, fatal)| fatal);
            let end = strike.end;
            self.struck = None;
            if fatal {
                self.poisoned_until = Some(now.saturating_add(POISON_NS));
            }
            if let Some(end) = end {
                self.force_end(end, now);
                return Some(end);
            }
        }
        if self.session.is_closing() {
            self.finish(now);
        }
        None
    }

    /// Tells the session that no more records come; says goodbye if that is wanted.
    pub(super) fn end_of_market(&mut self, goodbye: bool) {
        if !self.market_ended {
            self.market_ended = true;
            self.session.handle_market_end();
        } else if goodbye && self.session.outbound().is_empty() {
            self.session.logoff("The market has ended", true);
        }
    }

    /// What it is owed when it comes back; `None` if nothing.
    pub(super) fn park(&mut self, now: u64) -> Option<Parked> {
        let subscribed = self.session.subscribed();
        if subscribed.is_empty() {
            return None;
        }
        let (cursor, state) = self.confirmed.take()?;
        Some(Parked { identity: self.identity.clone(), cursor, state, subscribed, since: now })
    }

    /// Why the connection ended, if it did.
    pub(super) fn close(&mut self, why: &str) {
        if self.closed.is_none() {
            self.closed = Some(why.to_owned());
        }
    }

    fn cut(&mut self, desk: &mut Desk, now: u64) {
        let mut done = 0;
        loop {
            let rest = self.inbox.get(done..).unwrap_or_default();
            match next_frame(rest) {
                Ok(Some(frame)) => {
                    done += frame.len();
                    self.session.handle_frame(&frame, desk, now);
                    if self.session.is_cut() {
                        self.close("cut at an order by the fault plan");
                        break;
                    }
                }
                Ok(None) => {
                    // What cannot become a request is not waited for.
                    let stated = match rest {
                        [low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
                        _ => 0,
                    };
                    if stated > REQUEST_BYTES_MAX {
                        self.close("protocol error: a message longer than any request");
                    }
                    break;
                }
                Err(error) => {
                    self.close(&format!("protocol error: {error}"));
                    break;
                }
            }
        }
        self.inbox.drain(..done.min(self.inbox.len()));
    }

    fn force_end(&mut self, end: End, now: u64) {
        match end {
            End::Close => self.finish(now),
            End::Reset => {
                let socket = socket2::SockRef::from(&self.stream);
                // Closing with a linger time of zero is what sends the reset.
                match socket.set_linger(Some(Duration::ZERO)) {
                    Ok(()) => self.close("reset by the fault plan"),
                    Err(error) => self.close(&format!("could not be reset: {error}")),
                }
            }
        }
    }

    /// Ends the stream behind the last byte and waits for the other side: closing at once could
    /// reset the connection under bytes that are still on their way.
    fn finish(&mut self, now: u64) {
        match self.stream.shutdown(Shutdown::Write) {
            Ok(()) => self.draining_until = Some(now.saturating_add(DRAIN_NS)),
            Err(error) => self.close(&format!("shutdown: {error}")),
        }
    }

    fn mark(&mut self) {
        if self.confirmed.is_none() {
            return;
        }
        let end = self.written.saturating_add(self.session.outbound().len() as u64);
        match self.marks.back_mut() {
            Some(mark) if mark.0 == end => mark.1 = self.cursor,
            _ => self.marks.push_back((end, self.cursor)),
        }
    }

    fn confirm(&mut self, tape: &Tape) {
        let Some((cursor, state)) = self.confirmed.as_mut() else { return };
        while let Some(&(_, upto)) = self.marks.front().filter(|mark| mark.0 <= self.written) {
            while *cursor < upto {
                if let Some(record) = tape.get(*cursor) {
                    state.apply(record);
                }
                *cursor += 1;
            }
            self.marks.pop_front();
        }
    }
}

fn is_temporary(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
