//! The server over TCP: one thread, sockets that never block it, any number of clients.
//!
//! ```no_run
//! use dtc_sim::run::{Pace, ServeConfig, serve};
//! use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket};
//!
//! let market = SyntheticMarket::new(&SyntheticConfig::default());
//! let config = ServeConfig { pace: Pace::Times(10.0), ..ServeConfig::default() };
//! let server = serve(config, Box::new(market))?;
//! println!("listening on {}", server.addr());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! **Head and cursors.** The market has moved up to the *head*. Each client has a cursor that
//! follows it; a client whose socket is full lags, and a head too far ahead of a cursor waits, so
//! nothing is shed. A new client joins at the head and is told the state there.
//!
//! **Coming back.** By default the market goes on, and what it did meanwhile is lost for a client
//! that was away. With [`ServeConfig::wait_for_clients`] the market stands still while nobody is
//! subscribed. With [`ServeConfig::replay_missed`] it does so too, and a client that comes back
//! (same user name and client name, the same subscriptions) goes on at the first record that had
//! not been handed to its socket as a whole. After a forced close that is exact, since everything
//! before it is delivered; after a reset, or when the client broke off, bytes on the way may be
//! lost as well.
//!
//! This module is the only one that reads a clock, and it reads the monotonic one.

mod client;
mod hub;
mod pace;
mod tape;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::fault::FaultPlan;
use crate::market::Market;
use crate::server::ServerOptions;
use crate::venue::{DeskOptions, SimpleVenue, Venue};
pub use pace::Pace;

/// Events kept until they are polled; more are dropped.
const EVENTS_MAX: usize = 4096;

/// When the market begins to move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// When the first client has subscribed data and depth of all symbols, or has subscribed
    /// something and then made no subscription for half a second. It sees everything.
    #[default]
    OnFirstDepthSubscription,
    /// At once.
    Immediately,
}

/// What happens to the clients at the end of the market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// They stay connected, with heartbeats, until the server is stopped.
    #[default]
    KeepOpen,
    /// They get a LOGOFF that asks them not to come back, and the connection closes.
    Logoff,
}

/// How to serve a market.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Address to listen on; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Behaviour towards clients.
    pub options: ServerOptions,
    /// Speed of the market.
    pub pace: Pace,
    /// The market moves no further than to this record, however late it is: whoever gave the
    /// number raises it. `None` = nobody holds it back.
    pub released: Option<Arc<AtomicU64>>,
    /// When it begins.
    pub start: Start,
    /// What happens at its end.
    pub at_end: AtEnd,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// The account that orders trade in.
    pub desk: DeskOptions,
    /// The market stands still while too few clients are subscribed.
    pub wait_for_clients: bool,
    /// A client that comes back gets the records it missed.
    pub replay_missed: bool,
    /// A client that was replayed to is waited for this long, in milliseconds; then the market
    /// goes on without it.
    pub replay_wait_ms: u64,
    /// The market counts as watched when this many clients are subscribed: it starts then, and
    /// with `wait_for_clients` or `replay_missed` it stands still while there are fewer.
    pub clients_wanted: usize,
    /// More clients than this are turned away.
    pub clients_max: usize,
    /// A client that takes no byte for this long is closed.
    pub write_timeout_ms: u64,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            options: ServerOptions::default(),
            pace: Pace::Recorded,
            released: None,
            start: Start::default(),
            at_end: AtEnd::default(),
            faults: FaultPlan::default(),
            desk: DeskOptions::default(),
            wait_for_clients: false,
            replay_missed: false,
            replay_wait_ms: 60_000,
            clients_wanted: 1,
            clients_max: 64,
            write_timeout_ms: 30_000,
        }
    }
}

/// Counters of a running server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections accepted.
    pub clients_accepted: u64,
    /// Connections open now.
    pub clients_open: u64,
    /// Records the market has made.
    pub records: u64,
    /// Bytes handed to sockets.
    pub bytes_written: u64,
    /// Connections closed or reset by the fault plan.
    pub disconnects_forced: u64,
    /// Records nobody was told of, by [`FaultPlan::lost_after_disconnect`].
    pub records_lost: u64,
    /// Orders accepted.
    pub orders: u64,
    /// Clients closed because they broke the protocol.
    pub protocol_errors: u64,
    /// Events dropped because nobody polled them.
    pub events_dropped: u64,
}

/// Something worth a line in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerEvent {
    /// Nanoseconds since the server started.
    pub at_ns: u64,
    /// The connection, counted from 1; 0 for the server itself.
    pub client: u64,
    /// What happened, for people.
    pub text: String,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    finished: AtomicBool,
    clients_accepted: AtomicU64,
    clients_open: AtomicU64,
    records: AtomicU64,
    bytes_written: AtomicU64,
    disconnects_forced: AtomicU64,
    records_lost: AtomicU64,
    orders: AtomicU64,
    protocol_errors: AtomicU64,
    events_dropped: AtomicU64,
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct ServerHandle {
    addr: SocketAddr,
    shared: Arc<Shared>,
    events: Receiver<ServerEvent>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a server on its own thread.
///
/// # Errors
/// What the system says when the address cannot be bound or the thread not be started.
pub fn serve(config: ServeConfig, market: Box<dyn Market + Send>) -> io::Result<ServerHandle> {
    let venue = Box::new(SimpleVenue::new(market.symbols()));
    serve_with(config, market, venue)
}

/// As [`serve`], with another venue than the built-in one.
///
/// # Errors
/// As [`serve`].
pub fn serve_with(
    config: ServeConfig,
    market: Box<dyn Market + Send>,
    venue: Box<dyn Venue>,
) -> io::Result<ServerHandle> {
    let listener = TcpListener::bind(config.bind)?;
    listener.set_nonblocking(true)?;
    let addr = listener.local_addr()?;
    let shared = Arc::new(Shared::default());
    let (sender, events) = sync_channel(EVENTS_MAX);
    let log = Log { shared: Arc::clone(&shared), sender };
    let thread = std::thread::Builder::new().name("dtc-sim".to_owned()).spawn(move || {
        hub::Hub::new(listener, config, market, venue, log).run();
    })?;
    Ok(ServerHandle { addr, shared, events, thread: Some(thread) })
}

impl ServerHandle {
    /// The address it listens on, with the actual port.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The counters as of now. The bytes of [`Stats::records`] are in [`Stats::bytes_written`] by
    /// then, unless a socket was full.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let shared = &self.shared;
        let records = shared.records.load(Ordering::Acquire);
        Stats {
            records,
            clients_accepted: get(&shared.clients_accepted),
            clients_open: get(&shared.clients_open),
            bytes_written: get(&shared.bytes_written),
            disconnects_forced: get(&shared.disconnects_forced),
            records_lost: get(&shared.records_lost),
            orders: get(&shared.orders),
            protocol_errors: get(&shared.protocol_errors),
            events_dropped: get(&shared.events_dropped),
        }
    }

    /// The market has ended and everything is handed to the sockets of the clients that are there;
    /// nobody who may come back is owed a record.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.shared.finished.load(Ordering::Acquire)
    }

    /// The next event, if there is one.
    #[must_use]
    pub fn poll_event(&self) -> Option<ServerEvent> {
        self.events.try_recv().ok()
    }

    /// Asks the server to say goodbye and end. It ends within about a second.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
    }

    /// Waits for the end after [`Self::stop`]; the last counters.
    pub fn join(mut self) -> Stats {
        self.end();
        self.stats()
    }

    fn end(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // The thread gives nothing back; had it failed, the counters say how far it came.
            let _ended = thread.join();
        }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where the server's thread leaves its counters and events.
#[derive(Debug)]
struct Log {
    shared: Arc<Shared>,
    sender: SyncSender<ServerEvent>,
}

impl Log {
    fn event(&self, at_ns: u64, client: u64, text: String) {
        if self.sender.try_send(ServerEvent { at_ns, client, text }).is_err() {
            add(&self.shared.events_dropped, 1);
        }
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
