//! The net thread's sources: a DTC connection, or a Sierra file that grows.
//!
//! **A lost order connection.** One that goes away without our asking, whoever closed it, stops
//! entries: `Halt{HALT_ENTRIES, Link}` is sequenced with the loss. It reconnects by itself, and the
//! orders are reconciled by themselves; that alone does not begin entries again. `mia resume` does,
//! and is refused until orders and positions are reconciled. There is no time for which a loss is
//! overlooked: nobody knows in it what the venue does. Brackets go on working at the venue. A
//! server that ends the connection for good ends the run, with an error.

use dtc::client::Client;
use dtc::session::{CloseReason, SessionEvent};
use mio::Registry;

use super::clock::Clock;
use super::followed::Followed;
use super::out::{EventSink, Out};
use super::trading::{Sent, Trading};
use crate::event::{Body, Event, GapCause, HaltCause};
use crate::feed::Counters;
use crate::feed::dtc::DtcFeed;
use crate::order::KillState;
use crate::units::{SymbolId, Ts};

/// Reads of one socket in one turn, so that no source starves another.
const READS: usize = 8;
/// Shortest frame that can become an event, in bytes: room is asked for by this.
pub(super) const FRAME_MIN: usize = 16;
/// Bytes of one read.
pub const READ_BYTES: usize = dtc::client::BUFFER_BYTES_MIN;

/// What a turn came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn {
    /// Things done.
    pub done: usize,
    /// A source had something to read and no room to put it.
    pub held_back: bool,
    /// The server cannot trade for us: the run should not go on.
    pub refused: bool,
    /// The server has ended the order connection for good: nor should it then.
    pub cut: bool,
}

/// One source.
#[derive(Debug)]
pub enum NetSource {
    /// A DTC connection.
    Dtc(Box<DtcConnection>),
    /// A followed file.
    Follow(Box<Followed>),
}

impl NetSource {
    /// See [`Client::handle_readiness`].
    pub fn handle_readiness(&mut self, event: &mio::event::Event) {
        if let NetSource::Dtc(dtc) = self {
            dtc.client.handle_readiness(event);
        }
    }

    /// Asks for an orderly end.
    pub fn stop(&mut self, clock: &Clock) {
        match self {
            NetSource::Dtc(dtc) => {
                dtc.stopping = true;
                dtc.client.session().logoff("mia stops", clock.now_ns());
                dtc.ended |= !dtc.client.is_connected();
            }
            NetSource::Follow(followed) => followed.stop(),
        }
    }

    /// Whether it still reads trades of before the start.
    #[must_use]
    pub fn catches_up(&self) -> bool {
        matches!(self, NetSource::Follow(followed) if followed.catches_up())
    }

    /// Whether it has to wait while another source catches up.
    #[must_use]
    pub fn waits(&self) -> bool {
        matches!(self, NetSource::Follow(followed) if followed.identity().2)
    }

    /// Whether it will never bring anything again.
    #[must_use]
    pub fn ended(&self) -> bool {
        match self {
            NetSource::Dtc(dtc) => dtc.ended,
            NetSource::Follow(followed) => followed.ended(),
        }
    }

    /// One bounded turn.
    pub fn work<S: EventSink>(
        &mut self,
        registry: &Registry,
        clock: &Clock,
        out: &mut Out<S>,
        turn: &mut Turn,
    ) {
        match self {
            NetSource::Dtc(dtc) if !dtc.ended => dtc.work(registry, clock, out, turn),
            NetSource::Follow(followed) if !followed.ended() => followed.work(clock, out, turn),
            _ => {}
        }
    }

    /// Sends the commands that wait, where orders go over this source.
    #[inline]
    pub fn trade<S: EventSink>(
        &mut self,
        registry: &Registry,
        clock: &Clock,
        out: &mut Out<S>,
        turn: &mut Turn,
    ) {
        if let NetSource::Dtc(dtc) = self
            && dtc.trading.is_some()
        {
            dtc.trade(registry, clock, out, turn);
        }
    }

    /// What was sent, where orders go over this source.
    #[must_use]
    pub fn sent(&self) -> Option<&Sent> {
        match self {
            NetSource::Dtc(dtc) => dtc.trading.as_deref().map(Trading::sent),
            NetSource::Follow(_) => None,
        }
    }

    /// Frames so far, and those whose bytes make no sense; 0 for files.
    #[must_use]
    pub fn frames(&self) -> [u64; 2] {
        match self {
            NetSource::Dtc(dtc) => {
                let counters = dtc.feed.counters();
                [dtc.frames, dtc.broken + counters.invalid + counters.off_grid]
            }
            NetSource::Follow(_) => [0; 2],
        }
    }

    /// Bytes read of a connection; 0 for files.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        match self {
            NetSource::Dtc(dtc) => dtc.bytes,
            NetSource::Follow(_) => 0,
        }
    }

    /// What its decoder skipped or refused.
    #[must_use]
    pub fn counters(&self) -> Counters {
        match self {
            NetSource::Dtc(dtc) => dtc.feed.counters(),
            NetSource::Follow(followed) => followed.counters(),
        }
    }
}

/// A DTC connection with its decoder.
#[derive(Debug)]
pub struct DtcConnection {
    /// Name in the configuration.
    name: String,
    id: u16,
    client: Client,
    feed: DtcFeed,
    /// Where orders go over it.
    trading: Option<Box<Trading>>,
    bytes: u64,
    frames: u64,
    /// Streams that could not be cut any further.
    broken: u64,
    generation: u32,
    /// Market data has come over the present connection, so its loss is a gap.
    live: bool,
    paused: bool,
    stopping: bool,
    /// The core had it closed for good.
    closed: bool,
    ended: bool,
}

impl DtcConnection {
    /// Source number `id` of the run.
    #[must_use]
    pub fn new(name: &str, id: u16, client: Client, feed: DtcFeed) -> DtcConnection {
        DtcConnection {
            name: name.to_owned(),
            id,
            client,
            feed,
            trading: None,
            bytes: 0,
            frames: 0,
            broken: 0,
            generation: 0,
            live: false,
            paused: false,
            stopping: false,
            closed: false,
            ended: false,
        }
    }

    /// Orders go over it.
    #[must_use]
    pub fn with_trading(mut self, trading: Trading) -> DtcConnection {
        self.trading = Some(Box::new(trading));
        self
    }

    /// Its number, and what decodes orders, where orders go over it.
    #[must_use]
    pub fn order_text(&self) -> (u16, Option<String>) {
        (self.id, self.feed.order_text())
    }

    /// Its number, and the symbols with their numbers on the wire.
    pub fn symbols(&self) -> (u16, impl Iterator<Item = (u32, SymbolId)> + '_) {
        (self.id, self.feed.symbols())
    }

    fn work<S: EventSink>(
        &mut self,
        registry: &Registry,
        clock: &Clock,
        out: &mut Out<S>,
        turn: &mut Turn,
    ) {
        if let Err(error) = self.client.service(registry, clock.now_ns()) {
            say!("mia: {}: {error}", self.name);
        }
        if self.client.generation() != self.generation {
            self.generation = self.client.generation();
            self.feed.reconnected();
            out.capture.connected(self.id, clock.now().0);
        }
        for _ in 0..READS {
            if !self.client.readable() {
                break;
            }
            let room =
                out.sink.room() >= READ_BYTES / FRAME_MIN && out.capture.has_room(READ_BYTES);
            self.pause(!room, clock);
            turn.held_back |= !room;
            if !room || !self.read(clock, out, turn) {
                break;
            }
        }
        self.session_events(clock, out, turn);
        self.link(clock, out, turn);
        if self.trading.is_some() {
            self.trade(registry, clock, out, turn);
        }
    }

    /// Sends what waits, at once, and then says that it has left.
    fn trade<S: EventSink>(
        &mut self,
        registry: &Registry,
        clock: &Clock,
        out: &mut Out<S>,
        turn: &mut Turn,
    ) {
        let Some(trading) = &mut self.trading else { return };
        let mut disconnect = false;
        let done = trading.work(self.client.session(), clock, &mut disconnect);
        if done > 0 {
            turn.done += done;
            if let Err(error) = self.client.service(registry, clock.now_ns()) {
                say!("mia: {}: {error}", self.name);
            }
        }
        // A connection that broke has an empty buffer too: nothing is known of what was in it.
        let whole = trading.is_queued() && self.client.is_connected();
        if whole && self.client.session().poll_transmit().is_none() {
            trading.flushed(clock.now(), &mut |event| out.event(event));
        }
        // Of a link that broke meanwhile nobody knows that nothing is open: it comes back.
        if disconnect && trading.is_up() {
            self.closed = true;
            self.client.session().logoff("trading has stopped", clock.now_ns());
        }
    }

    /// Brings the link up once the server has said whose accounts it has. Never within a read: what
    /// is sequenced here follows the events of whole records.
    fn link<S: EventSink>(&mut self, clock: &Clock, out: &mut Out<S>, turn: &mut Turn) {
        let Some(trading) = &mut self.trading else { return };
        let now = clock.now();
        match trading.decided(self.client.session(), now) {
            Some(Ok(())) => {
                say!("mia: {}: orders may be sent", self.name);
                out.event(account_event(now, Body::Link(true)));
                turn.done += 1;
            }
            Some(Err(text)) => self.refuse(&text, turn),
            None => {}
        }
    }

    /// A server that refuses from the start ends the run. One that has served us before is asked
    /// again and again: positions may be open that nobody else closes.
    fn refuse(&self, text: &str, turn: &mut Turn) {
        let served = self.trading.as_ref().is_some_and(|t| t.served());
        let more =
            if served { "; NOTHING CAN BE CLOSED until it does, it is asked again" } else { "" };
        say!("mia: {}: {text}{more}", self.name);
        turn.refused |= self.trading.is_some() && !served;
    }

    fn pause(&mut self, paused: bool, clock: &Clock) {
        if paused != self.paused {
            self.paused = paused;
            self.client.session().handle_paused(paused, clock.now_ns());
        }
    }

    /// One read with all its frames; `false` where nothing came.
    fn read<S: EventSink>(&mut self, clock: &Clock, out: &mut Out<S>, turn: &mut Turn) -> bool {
        let now = clock.now();
        let now_ns = u64::try_from(now.0).unwrap_or(0);
        match self.client.read_once(now_ns) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => {
                if !self.stopping {
                    say!("mia: {}: {error}", self.name);
                }
                return false;
            }
        }
        self.live = true;
        turn.done += 1;
        self.bytes += self.client.last_read().len() as u64;
        out.capture.bytes(self.id, out.sequencer.next_seq(), now.0, self.client.last_read());
        loop {
            match self.client.next_frame(now_ns) {
                Ok(Some(frame)) => {
                    self.frames += 1;
                    let trading = &mut self.trading;
                    self.feed.on_frame(&frame, now, &mut |event| {
                        if let Some(trading) = trading {
                            trading.heard(&event);
                        }
                        out.decoded(event);
                    });
                    if let (Some(trading), Some(orders)) = (&mut self.trading, self.feed.orders()) {
                        trading.on_frame(&frame);
                        trading.learn(orders);
                        if let Some(refused) = orders.poll_refused() {
                            say!("mia: {}: {refused}", self.name);
                        }
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.broken += 1;
                    say!("mia: {}: {error}", self.name);
                    break;
                }
            }
        }
        true
    }

    fn session_events<S: EventSink>(&mut self, clock: &Clock, out: &mut Out<S>, turn: &mut Turn) {
        while let Some(event) = self.client.poll_event() {
            turn.done += 1;
            self.trading_event(&event, clock.now(), out, turn);
            match &event {
                SessionEvent::Reconnect { .. } => {
                    if std::mem::take(&mut self.live) && !self.stopping {
                        let body = Body::Gap(GapCause::Disconnect);
                        self.feed.all(clock.now(), body, &mut |e| out.event(e));
                    }
                    self.ended |= self.stopping;
                }
                SessionEvent::DoNotReconnect { .. } => {
                    turn.cut |= self.trading.is_some() && !self.asked();
                    self.ended = true;
                }
                _ => {}
            }
            self.say(&event);
        }
    }

    /// What becomes of the link, and of entries with it.
    fn trading_event<S: EventSink>(
        &mut self,
        event: &SessionEvent,
        now: Ts,
        out: &mut Out<S>,
        turn: &mut Turn,
    ) {
        let asked = self.asked();
        let Some(trading) = &mut self.trading else { return };
        let mut halt = |cause| {
            let body = Body::Halt { state: KillState::HaltEntries, cause };
            out.event(account_event(now, body));
        };
        match event {
            SessionEvent::LoggedOn(can) => {
                let session = self.client.session();
                if let Err(text) = trading.logged_on(can, session) {
                    if trading.served() {
                        // What it offers it says at a logon only.
                        session.renew("trading is needed", u64::try_from(now.0).unwrap_or(0));
                    }
                    self.refuse(&text, turn);
                }
            }
            SessionEvent::OutboundFull => halt(HaltCause::Outbound),
            SessionEvent::CloseNow { reason: CloseReason::Silence { .. } } => {
                halt(HaltCause::Heartbeat);
            }
            SessionEvent::Reconnect { .. } | SessionEvent::DoNotReconnect { .. }
                if trading.lost() =>
            {
                say!("mia: {}: the order connection is gone", self.name);
                out.event(account_event(now, Body::Link(false)));
                if !asked {
                    let (state, cause) = (KillState::HaltEntries, HaltCause::Link);
                    out.event(account_event(now, Body::Halt { state, cause }));
                }
            }
            _ => {}
        }
    }

    /// Whether its end was asked for on this side.
    const fn asked(&self) -> bool {
        self.stopping || self.closed
    }

    fn say(&self, event: &SessionEvent) {
        let name = &self.name;
        match event {
            SessionEvent::LoggedOn(_) => say!("mia: {name}: logged on"),
            SessionEvent::NotSupported { what } => {
                say!("mia: {name}: the server does not offer {what:?}");
            }
            SessionEvent::Rejected { what, text, .. } => {
                say!("mia: {name}: REJECTED {what:?}: {text}");
            }
            SessionEvent::FeedLost => say!("mia: {name}: the server lost its feed"),
            SessionEvent::FeedRestored => say!("mia: {name}: the server's feed is back"),
            SessionEvent::ServerDropped { count } => {
                say!("mia: {name}: the server dropped {count} messages: we are too slow");
            }
            SessionEvent::Notice { text, .. } => say!("mia: {name}: {text}"),
            SessionEvent::CloseNow { reason } if !self.stopping => {
                say!("mia: {name}: closing: {reason}");
            }
            SessionEvent::DoNotReconnect { text } if !self.stopping => {
                say!("mia: {name}: ended: {text}");
            }
            _ => {}
        }
    }
}

/// An event about the whole account, which stands at the first symbol.
pub(super) const fn account_event(ts: Ts, body: Body) -> Event {
    Event { seq: 0, ts, ts_exch: Ts::NONE, symbol: SymbolId(0), flags: 0, body }
}
