//! The loop: accept, listen, move the market, write, and sleep when there is nothing to do.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::client::{Client, Parked};
use super::pace::Pacer;
use super::tape::Tape;
use super::{AtEnd, Log, ServeConfig, Start, add};
use crate::fault::End;
use crate::market::{Market, SymbolSpec};
use crate::server::{Note, ServerOptions, ServerSession, SubscriptionSet};
use crate::venue::{ClientKey, Desk, Venue};

/// Records the head moves in one turn.
const TURN_MAX: usize = 512;
/// The head waits for a cursor this far behind: flat out, and at a pace.
const LAG_FLAT_OUT_MAX: u64 = 8_192;
const LAG_PACED_MAX: u64 = 1 << 18;
/// Connections accepted in one turn.
const ACCEPTS_MAX: usize = 16;
/// How long the last words may take once the server was stopped.
const STOP_NS: u64 = 1_000_000_000;
/// Sleep of an idle turn, with clients and without.
const IDLE_NS: u64 = 100_000;
const IDLE_ALONE_NS: u64 = 2_000_000;

pub(super) struct Hub {
    listener: TcpListener,
    config: ServeConfig,
    options: Arc<ServerOptions>,
    specs: Arc<[SymbolSpec]>,
    all: SubscriptionSet,
    log: Log,
    epoch: Instant,
    tape: Tape,
    desk: Desk,
    pacer: Pacer,
    clients: Vec<Client>,
    parked: Vec<Parked>,
    last_key: u64,
    running: bool,
    ended: bool,
    stop_at: Option<u64>,
    next_due_ns: u64,
    lost_at: Vec<u64>,
}

impl Hub {
    pub(super) fn new(
        listener: TcpListener,
        config: ServeConfig,
        market: Box<dyn Market + Send>,
        venue: Box<dyn Venue>,
        log: Log,
    ) -> Self {
        let mut options = config.options.clone();
        options.send_heartbeats &= !config.faults.drop_heartbeats;
        if options.description.is_empty() {
            market.label().clone_into(&mut options.description);
        }
        options.server_name = format!("{}: {}", options.server_name, market.label());
        let specs: Arc<[SymbolSpec]> = market.symbols().into();
        Self {
            listener,
            options: Arc::new(options),
            all: SubscriptionSet::all(specs.len()),
            desk: Desk::new(
                specs.to_vec(),
                venue,
                config.desk.clone(),
                config.faults.orders.clone(),
            ),
            specs,
            log,
            epoch: Instant::now(),
            tape: Tape::new(market),
            pacer: Pacer::new(config.pace),
            config,
            clients: Vec::new(),
            parked: Vec::new(),
            last_key: 0,
            running: false,
            ended: false,
            stop_at: None,
            next_due_ns: 0,
            lost_at: Vec::new(),
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let now = self.now();
            let mut worked = self.accept(now);
            worked |= self.listen(now);
            worked |= self.move_market(now);
            worked |= self.serve(now);
            self.reap(now);
            self.publish(now);
            if self.is_stopped(now) {
                return;
            }
            if !worked {
                let idle = if self.clients.is_empty() { IDLE_ALONE_NS } else { IDLE_NS };
                let due = if self.next_due_ns == 0 { idle } else { self.next_due_ns };
                std::thread::sleep(Duration::from_nanos(idle.min(due).max(1_000)));
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn accept(&mut self, now: u64) -> bool {
        let mut worked = false;
        for _ in 0..ACCEPTS_MAX {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return worked,
                Err(error) => {
                    self.log.event(now, 0, format!("accept: {error}"));
                    return worked;
                }
            };
            worked = true;
            if self.clients.len() >= self.config.clients_max || self.stop_at.is_some() {
                self.log.event(now, 0, "turned a client away".to_owned());
                continue;
            }
            self.last_key = self.last_key.saturating_add(1);
            let key = ClientKey(self.last_key);
            let session = ServerSession::new(
                key,
                Arc::clone(&self.options),
                Arc::clone(&self.specs),
                self.desk.market().clone(),
                now,
            );
            match Client::new(stream, session, key, &self.config.faults, now) {
                Ok(client) => {
                    add(&self.log.shared.clients_accepted, 1);
                    self.log.event(now, key.0, "connected".to_owned());
                    self.clients.push(client);
                }
                Err(error) => self.log.event(now, key.0, format!("socket: {error}")),
            }
        }
        worked
    }

    /// Reads from all clients, and deals with what they asked for.
    fn listen(&mut self, now: u64) -> bool {
        let mut worked = false;
        self.desk.handle_time(now);
        if self.tape.peek().is_none() {
            self.desk.handle_market_end();
        }
        self.pass_reports_on();
        for at in 0..self.clients.len() {
            let Some(client) = self.clients.get_mut(at) else { break };
            worked |= client.read(&mut self.desk, now);
            client.session.handle_timeout(now);
            let mut welcome = None;
            while let Some(note) = client.session.poll_note() {
                match note {
                    Note::LoggedOn { identity } => welcome = Some(identity),
                    Note::Subscribed => client.last_subscription = Some(now),
                    Note::ProtocolError(what) => client.close(&format!("protocol error: {what}")),
                    note => self.log.event(now, client.key.0, format!("{note:?}")),
                }
            }
            if let Some(identity) = welcome {
                self.seat(at, identity, now);
            }
            if let Some(client) = self.clients.get_mut(at) {
                client.check_ready(&self.all, now);
            }
            self.pass_reports_on();
        }
        worked
    }

    /// Gives a client that has logged on its place: where it was, or at the head.
    fn seat(&mut self, at: usize, identity: String, now: u64) {
        // Its former connection may be over without being gone yet.
        let former = self.clients.iter_mut().find(|c| c.identity == identity && c.is_over());
        let parked = former.and_then(|client| client.park(now));
        self.parked.extend(parked);
        let found = self.parked.iter().position(|parked| parked.identity == identity);
        let parked = found.map(|found| self.parked.remove(found));
        let Some(client) = self.clients.get_mut(at) else { return };
        self.log.event(now, client.key.0, format!("logged on as {identity}"));
        client.identity = identity;
        if let Some(parked) = parked {
            let text = format!("back, goes on at record {}", parked.cursor);
            self.log.event(now, client.key.0, text);
            client.rejoin(parked, &self.config.faults, now);
        } else {
            let state = self.desk.market().clone();
            client.join(self.tape.head(), state, self.config.replay_missed, &self.config.faults);
        }
    }

    fn pass_reports_on(&mut self) {
        while let Some(report) = self.desk.poll_report() {
            for client in &mut self.clients {
                if report.to.is_none_or(|key| key == client.key) && !client.is_over() {
                    client.session.handle_report(&report.message);
                }
            }
        }
    }

    /// Moves the head over the records that are due, unless the market is held.
    fn move_market(&mut self, now: u64) -> bool {
        let watching = self.clients.iter().filter(|c| c.is_ready && !c.is_over()).count();
        let watched = watching >= self.config.clients_wanted;
        if !self.running && (watched || self.config.start == Start::Immediately) {
            self.running = true;
            self.log.event(now, 0, "the market starts".to_owned());
        }
        let waits = self.config.wait_for_clients || self.config.replay_missed;
        let held = !self.running || (waits && !watched) || self.lags();
        self.pacer.advance(now, held);
        self.next_due_ns = 0;
        if held {
            return false;
        }
        let barrier = self.clients.iter().filter_map(Client::barrier).min().unwrap_or(u64::MAX);
        let released = self.config.released.as_ref().map(|r| r.load(Ordering::Acquire));
        let barrier = barrier.min(released.unwrap_or(u64::MAX));
        let mut worked = false;
        for _ in 0..TURN_MAX {
            let Some(record) = self.tape.peek().filter(|_| self.tape.head() < barrier) else {
                break;
            };
            self.next_due_ns = self.pacer.wait_ns(record.ts_ns);
            if self.next_due_ns > 0 {
                break;
            }
            self.step();
            worked = true;
        }
        worked
    }

    fn step(&mut self) {
        if let Some(record) = self.tape.advance() {
            self.desk.handle_record(&record);
            self.pass_reports_on();
        }
    }

    fn lags(&self) -> bool {
        let limit = if self.pacer.is_flat_out() { LAG_FLAT_OUT_MAX } else { LAG_PACED_MAX };
        self.tape.head().saturating_sub(self.oldest()) >= limit
    }

    /// The oldest record somebody needs, the head if nobody does.
    fn oldest(&self) -> u64 {
        let live = self.clients.iter().filter(|c| c.session.is_logged_on() && !c.is_over());
        let live = live.map(Client::oldest);
        let owed = self.parked.iter().map(|parked| parked.cursor);
        live.chain(owed).min().unwrap_or(u64::MAX).min(self.tape.head())
    }

    /// Gives every client what it can take.
    fn serve(&mut self, now: u64) -> bool {
        let write_timeout_ns = self.config.write_timeout_ms.saturating_mul(1_000_000);
        let exhausted = self.tape.peek().is_none();
        let mut worked = false;
        for at in 0..self.clients.len() {
            let Some(client) = self.clients.get_mut(at) else { break };
            worked |= client.pump(&self.tape, &self.config.faults);
            if exhausted && client.is_served(self.tape.head()) && !client.is_over() {
                client.end_of_market(self.config.at_end == AtEnd::Logoff && client.is_ready);
            }
            let written = client.flush(&self.tape, now);
            add(&self.log.shared.bytes_written, written);
            worked |= written > 0;
            let Some(end) = client.settle(write_timeout_ns, now) else { continue };
            let (key, cursor) = (client.key.0, client.cursor);
            add(&self.log.shared.disconnects_forced, 1);
            let what = if end == End::Close { "closed" } else { "reset" };
            self.log.event(now, key, format!("{what} by the fault plan before record {cursor}"));
            let parked = client.park(now);
            self.parked.extend(parked);
            self.lose_records(cursor);
        }
        self.tape.forget_before(self.oldest());
        worked
    }

    /// The market moves on unseen after a forced disconnect, once for each record it strikes at.
    fn lose_records(&mut self, struck: u64) {
        if self.config.replay_missed || self.lost_at.contains(&struck) {
            return;
        }
        self.lost_at.push(struck);
        for _ in 0..self.config.faults.lost_after_disconnect {
            if self.tape.peek().is_none() {
                break;
            }
            self.step();
            add(&self.log.shared.records_lost, 1);
        }
    }

    /// Removes clients that are gone and forgets those that did not come back.
    fn reap(&mut self, now: u64) {
        for at in (0..self.clients.len()).rev() {
            let Some(client) = self.clients.get_mut(at) else { continue };
            let Some(why) = client.closed.take() else { continue };
            let broke_protocol = why.starts_with("protocol error");
            if broke_protocol {
                add(&self.log.shared.protocol_errors, 1);
            }
            let is_cut = client.session.is_cut();
            if is_cut {
                add(&self.log.shared.disconnects_forced, 1);
            }
            // One that said goodbye wants nothing more; one that broke off may be back.
            if (is_cut || !client.session.is_closing()) && !broke_protocol {
                let parked = client.park(now);
                self.parked.extend(parked);
            }
            self.log.event(now, client.key.0, why);
            self.clients.remove(at);
        }
        let patience = self.config.replay_wait_ms.saturating_mul(1_000_000);
        let log = &self.log;
        self.parked.retain(|parked| {
            let keep = now.saturating_sub(parked.since) < patience;
            if !keep {
                let text = format!("{} did not come back, nothing is kept", parked.identity);
                log.event(now, 0, text);
            }
            keep
        });
    }

    fn publish(&mut self, now: u64) {
        let head = self.tape.head();
        let shared = &self.log.shared;
        shared.clients_open.store(self.clients.len() as u64, Ordering::Relaxed);
        shared.orders.store(self.desk.orders_accepted(), Ordering::Relaxed);
        // After the bytes: who sees the records sees theirs.
        shared.records.store(head, Ordering::Release);
        let exhausted = self.tape.peek().is_none();
        if exhausted && !self.ended {
            self.ended = true;
            self.log.event(now, 0, format!("the market has ended after {head} records"));
        }
        let served = self.clients.iter().all(|c| {
            !c.is_poisoned() && (c.is_over() || !c.session.is_logged_on() || c.is_served(head))
        });
        let finished = exhausted && served && self.parked.is_empty();
        self.log.shared.finished.store(finished, Ordering::Release);
    }

    fn is_stopped(&mut self, now: u64) -> bool {
        if self.stop_at.is_none() && self.log.shared.stop.load(Ordering::Acquire) {
            self.stop_at = Some(now.saturating_add(STOP_NS));
            for client in &mut self.clients {
                client.session.logoff("The server stops", false);
            }
        }
        self.stop_at.is_some_and(|at| now >= at || self.clients.is_empty())
    }
}
