//! The order connection on the net thread: commands out as bytes, and what must be true before any
//! may leave.
//!
//! After each logon the server must say that it trades, cancels one order by another and takes
//! brackets, that the account is its own, and how the traded symbols' prices are written; only then
//! the link is up: the core is told so, and
//! open orders, positions, balance and fills are asked for. Commands are drained always. One that
//! finds no link is dropped, counted, and never sent later: the core learns from the link and from
//! the lists what has become of its orders. As the bytes of an order have been handed to the socket
//! the core is told so, behind them: what follows is measured from there.

mod progress;
mod sent;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dtc::frame::Frame;
use dtc::session::{Capabilities, SendError, Session};
use dtc::wire::{self, Message, value};
use rtrb::{Consumer, Producer};

pub use self::progress::Progress;
pub use self::sent::Sent;
use super::clock::Clock;
use crate::event::{Body, Event};
use crate::execution::wire::Wire;
use crate::feed::dtc::orders::{KnownOrder, Named, OrderFeed};
use crate::order::{Action, Command, Listing, OrderId};
use crate::units::{SECOND, SymbolId, Ts};

/// Commands between decision and net: more than twice the orders that may be open. Who fills it
/// must never wait for room: in the fused layout both ends are one thread.
pub const COMMANDS_RING: usize = 1024;
/// Orders that wait for the journal.
const HELD_MAX: usize = 64;

/// How long an order waits for the journal, and how old the decision behind an entry may become
/// meanwhile. The core gives one up for lost a second later: what left after that would be an order
/// that nobody knows of.
const HELD_NS: i64 = SECOND;

/// How long the server may take to name its accounts and to define the symbols.
const ACCOUNT_NS: i64 = 10 * SECOND;
/// A server that has served us and then refuses is asked again after so long: it may not be
/// connected to its own trade service yet.
const AGAIN_NS: i64 = 5 * SECOND;

/// Where the link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No logon.
    Down,
    /// Logged on; the account is being asked for.
    Asked,
    /// Commands leave.
    Up,
    /// The server cannot or may not trade for us.
    Refused,
}

/// A message in the buffer of the socket.
#[derive(Clone, Copy, Debug)]
struct Queued {
    command: Command,
    /// When it came from the decision.
    taken: Ts,
}

/// A new order that waits for the journal.
#[derive(Clone, Copy, Debug)]
struct Held {
    command: Command,
    since: Ts,
}

/// See the module text.
#[derive(Debug)]
pub struct Trading {
    commands: Consumer<Command>,
    wire: Wire,
    account: String,
    /// Names and exchanges of symbols whose definitions nobody else asks for here.
    define: Vec<(String, String)>,
    /// Traded symbols of which no definition has come that fits.
    undefined: Vec<(SymbolId, String)>,
    /// Where new orders wait for the journal.
    progress: Option<Progress>,
    journal_failed: Arc<AtomicBool>,
    /// Where records hear how the server calls our orders and their executions.
    servers: Option<Producer<Named>>,
    phase: Phase,
    /// The link has been up once.
    served: bool,
    accounts: Accounts,
    /// Since when the account is being asked for.
    asked: Ts,
    /// When it is asked for again after a refusal.
    again: Ts,
    held: VecDeque<Held>,
    /// The last order that found no room among them.
    unheld: Option<OrderId>,
    sent: Sent,
    /// What has been queued since the buffer was empty.
    queued: Vec<Queued>,
}

/// What the server has said of its accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Accounts {
    #[default]
    Unknown,
    Ours,
    Disabled,
    Others,
}

/// What a [`Trading`] is made from.
#[derive(Debug)]
pub struct TradingParts {
    /// Commands of the decision.
    pub commands: Consumer<Command>,
    /// Commands to bytes.
    pub wire: Wire,
    /// The trade account.
    pub account: String,
    /// Symbols, with their exchanges, that this connection does not subscribe.
    pub define: Vec<(String, String)>,
    /// The symbols that are traded: the link waits for their definitions.
    pub traded: Vec<(SymbolId, String)>,
    /// Given where new orders wait for the journal.
    pub progress: Option<Progress>,
    /// Raised when the journal cannot be written.
    pub journal_failed: Arc<AtomicBool>,
}

impl Trading {
    /// A link that is down.
    ///
    /// # Errors
    /// A text where there is no histogram.
    pub fn new(parts: TradingParts) -> Result<Trading, String> {
        Ok(Trading {
            commands: parts.commands,
            wire: parts.wire,
            account: parts.account,
            define: parts.define,
            undefined: parts.traded,
            progress: parts.progress,
            journal_failed: parts.journal_failed,
            servers: None,
            phase: Phase::Down,
            served: false,
            accounts: Accounts::Unknown,
            asked: Ts::NONE,
            again: Ts::NONE,
            held: VecDeque::with_capacity(HELD_MAX),
            unheld: None,
            sent: Sent::new().map_err(|e| e.to_string())?,
            queued: Vec::with_capacity(COMMANDS_RING),
        })
    }

    /// Tells `servers` how the server calls our orders and their executions.
    #[must_use]
    pub fn with_servers(mut self, servers: Producer<Named>) -> Trading {
        self.servers = Some(servers);
        self
    }

    /// The trade account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether commands leave.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    /// Whether commands have ever left: a server that refuses before that ends the run.
    #[must_use]
    pub fn served(&self) -> bool {
        self.served
    }

    /// What was sent.
    #[must_use]
    pub const fn sent(&self) -> &Sent {
        &self.sent
    }

    /// The server let us in: asks for its accounts, unless it cannot trade as we must.
    ///
    /// # Errors
    /// What it lacks; the link stays down.
    pub fn logged_on(&mut self, can: &Capabilities, session: &mut Session) -> Result<(), String> {
        let lacks = [
            (can.trading, "trading"),
            (can.oco_orders, "OCO orders"),
            (can.bracket_orders, "bracket orders"),
            (can.order_cancel_replace, "changes of orders"),
        ];
        if let Some((_, what)) = lacks.iter().find(|(has, _)| !has) {
            (self.phase, self.again) = (Phase::Refused, Ts::NONE);
            return Err(format!("the server does not offer {what}: no orders are sent"));
        }
        self.ask(can, session);
        Ok(())
    }

    /// Asks for the accounts, and for definitions that nobody else asks for.
    fn ask(&mut self, can: &Capabilities, session: &mut Session) {
        self.phase = Phase::Asked;
        (self.accounts, self.asked, self.again) = (Accounts::Unknown, Ts::NONE, Ts::NONE);
        let mut accounts = wire::TradeAccountsRequest::DEFAULT;
        accounts.request_id = session.take_request_id().into();
        // A buffer that is full ends the connection by itself.
        let _ = session.send(&accounts);
        if can.security_definitions {
            for (symbol, exchange) in &self.define {
                let mut request = wire::SecurityDefinitionForSymbolRequest::DEFAULT;
                request.request_id = session.take_request_id().into();
                let _cut = value::put_text(&mut request.symbol, symbol);
                let _cut = value::put_text(&mut request.exchange, exchange);
                let _ = session.send(&request);
            }
        }
    }

    /// Reads what a frame says of the accounts.
    pub fn on_frame(&mut self, frame: &Frame<'_>) {
        if frame.kind != wire::TradeAccountResponse::TYPE {
            return;
        }
        let m = wire::TradeAccountResponse::parse(frame.bytes);
        if value::text(&m.trade_account) == self.account.as_bytes() {
            let disabled = m.trading_is_disabled.get() != 0;
            self.accounts = if disabled { Accounts::Disabled } else { Accounts::Ours };
        } else if self.accounts == Accounts::Unknown
            && m.message_number.get() >= m.total_number_messages.get()
        {
            self.accounts = Accounts::Others;
        }
    }

    /// What the accounts come to, once an answer: `Ok` brings the link up and asks for the lists.
    /// After an error they are asked for again where the link has been up before.
    pub fn decided(&mut self, session: &mut Session, now: Ts) -> Option<Result<(), String>> {
        let due = self.phase == Phase::Refused && self.again.is_some() && now >= self.again;
        if let Some(can) = session.capabilities().copied().filter(|_| due) {
            self.ask(&can, session);
        }
        if self.phase != Phase::Asked {
            return None;
        }
        self.asked = self.asked.or(now);
        let silent = now.since(self.asked) >= ACCOUNT_NS;
        let account = &self.account;
        let refused = match self.accounts {
            Accounts::Unknown if silent => Some("the server does not say its accounts".to_owned()),
            Accounts::Unknown => return None,
            Accounts::Disabled => Some(format!("account {account:?} may not trade")),
            Accounts::Others => Some(format!("the server has no account {account:?}")),
            Accounts::Ours => match self.undefined.first() {
                None => None,
                Some((_, name)) if silent => {
                    Some(format!("the server does not define {name}, so no price can be written"))
                }
                Some(_) => return None,
            },
        };
        if let Some(text) = refused {
            self.phase = Phase::Refused;
            let again = now.0.saturating_add(AGAIN_NS);
            self.again = if self.served { Ts(again) } else { Ts::NONE };
            return Some(Err(format!("{text}: no orders are sent")));
        }
        (self.phase, self.served) = (Phase::Up, true);
        for listing in [Listing::Orders, Listing::Positions, Listing::Balance, Listing::Fills] {
            let (symbol, action) = (SymbolId(0), Action::List(listing));
            self.send(&Command { seq: 0, ts: now, symbol, action }, now, session);
        }
        self.queued.clear();
        Some(Ok(()))
    }

    /// The connection is gone; whether the link was up. What waited is dropped.
    pub fn lost(&mut self) -> bool {
        self.sent.unsent += self.held.len() as u64;
        self.held.clear();
        self.queued.clear();
        self.sent.forget();
        std::mem::replace(&mut self.phase, Phase::Down) == Phase::Up
    }

    /// Tells it an order of an earlier run.
    pub fn remember(&mut self, known: &KnownOrder) {
        self.wire.learn(known.id, &known.server);
    }

    /// Hands on what the decoder has learned of our orders and symbols.
    pub fn learn(&mut self, feed: &mut OrderFeed) {
        let learned = feed.poll_learned();
        if let Some((id, server)) = learned {
            self.wire.learn(id, &server);
        }
        let executed = feed.poll_executed().map(|(id, text)| Named::Execution(id, text));
        if let Some(servers) = &mut self.servers {
            let order = learned.map(|(id, server)| Named::Order(id, server));
            // Where there is no room a record says that it does not know.
            order.into_iter().chain(executed).for_each(|named| _ = servers.push(named));
        }
        if let Some((symbol, multiplier)) = feed.poll_defined() {
            if multiplier.is_some() {
                self.undefined.retain(|(undefined, _)| *undefined != symbol);
            }
            // Without a grid there is no price that could be sent.
            self.wire.scale(symbol, multiplier.unwrap_or(f64::NAN));
        }
    }

    /// Queues what is to leave; how many commands that were. `disconnect`: the core wants the
    /// connection closed for good.
    pub fn work(&mut self, session: &mut Session, clock: &Clock, disconnect: &mut bool) -> usize {
        let mut done = 0;
        while let Ok(command) = self.commands.pop() {
            done += 1;
            let now = clock.now();
            match command.action {
                Action::Disconnect => *disconnect = true,
                Action::New { .. } | Action::Bracket { .. } if self.waits(&command) => {
                    self.hold(command, now);
                }
                _ => {
                    self.overtaken(&command);
                    self.send(&command, now, session);
                }
            }
        }
        done + self.release(session, clock)
    }

    /// Whether something was queued that has not been handed to the socket.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        !self.queued.is_empty()
    }

    /// What was queued has been handed to the socket; `emit` is given an event for each message
    /// that makes orders.
    pub fn flushed(&mut self, now: Ts, emit: &mut impl FnMut(Event)) {
        for Queued { command, taken } in self.queued.drain(..) {
            let symbol = command.symbol;
            let Some(id) = self.sent.flushed(&command, taken, now) else { continue };
            let body = Body::Sent(id);
            emit(Event { seq: 0, ts: now, ts_exch: Ts::NONE, symbol, flags: 0, body });
        }
    }

    /// Measures what the server says of an order that is waited for.
    pub fn heard(&mut self, event: &Event) {
        self.sent.heard(event);
    }

    fn waits(&self, command: &Command) -> bool {
        let Some(progress) = &self.progress else { return false };
        self.phase == Phase::Up && (!self.held.is_empty() || progress.journaled() < command.seq)
    }

    /// An entry and its bracket wait together or not at all.
    fn hold(&mut self, command: Command, now: Ts) {
        let room = HELD_MAX - self.held.len();
        let takes = match command.action {
            Action::New { parent: true, .. } => room >= 2,
            Action::Bracket { parent, .. } => room >= 1 && self.unheld != Some(parent),
            _ => room >= 1,
        };
        let Some(progress) = self.progress.as_ref().filter(|_| takes) else {
            if let Action::New { id, .. } = command.action {
                self.unheld = Some(id);
            }
            self.sent.unsent += 1;
            return;
        };
        progress.want(command.seq);
        self.held.push_back(Held { command, since: now });
    }

    /// A cancel or flatten never waits, and what it is about must not leave behind it.
    fn overtaken(&mut self, command: &Command) {
        let before = self.held.len();
        match command.action {
            Action::Cancel { id } => self.held.retain(|h| !is_about(&h.command, id)),
            Action::Flatten { .. } => {
                self.held.retain(|h| h.command.symbol != command.symbol);
            }
            _ => {}
        }
        self.sent.unsent += (before - self.held.len()) as u64;
    }

    /// Sends what the journal covers by now.
    fn release(&mut self, session: &mut Session, clock: &Clock) -> usize {
        if self.held.is_empty() {
            return 0;
        }
        if self.journal_failed.load(Ordering::Acquire) {
            // It will never cover them.
            self.sent.unsent += self.held.len() as u64;
            self.held.clear();
            return 0;
        }
        let journaled = self.progress.as_ref().map_or(u64::MAX, Progress::journaled);
        self.expire(clock.now());
        let mut done = 0;
        while let Some(first) = self.held.front().copied()
            && first.command.seq <= journaled
        {
            self.held.pop_front();
            let waited = clock.now().since(first.since);
            self.sent.held.record(u64::try_from(waited).unwrap_or(0));
            self.send(&first.command, first.since, session);
            done += 1;
        }
        done
    }

    /// Drops what has waited for too long, a bracket with its entry.
    fn expire(&mut self, now: Ts) {
        let before = self.held.len();
        self.held.retain(|h| {
            let since = match h.command.action {
                Action::New { parent: true, .. } | Action::Bracket { child: 1, .. } => h.command.ts,
                // Nobody would do without an exit, or the second try of a bracket, for its age.
                _ => h.since,
            };
            now.since(since) < HELD_NS
        });
        self.sent.unsent += (before - self.held.len()) as u64;
    }

    fn send(&mut self, command: &Command, taken: Ts, session: &mut Session) {
        let mut outcome = Err(SendError::NotLoggedOn);
        if self.phase == Phase::Up {
            let encoded = self.wire.encode(command, &mut |bytes| {
                outcome = session.send_bytes(bytes);
            });
            if let Err(error) = encoded {
                say!("mia: a command has no bytes ({error:?}): {:?}", command.action);
            }
        }
        if outcome.is_ok() {
            self.sent.sent += 1;
            self.queued.push(Queued { command: *command, taken });
        } else {
            self.sent.unsent += 1;
        }
    }
}

/// Whether a held command makes order `id` or is its bracket.
fn is_about(command: &Command, id: OrderId) -> bool {
    match command.action {
        Action::New { id: new, .. } => new == id,
        Action::Bracket { parent, child, .. } => {
            let stop = parent.plus(child);
            [parent, stop, stop.plus(1)].contains(&id)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
