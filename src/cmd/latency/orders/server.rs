//! The scripted venue: a DTC server for one client on the calling thread.

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::{Result, bail};
use dtc::frame::next_frame;
use dtc::wire::{Message, SubmitNewOCOOrder, SubmitNewSingleOrder, codes, value};
use dtc_sim::encode::Generation;
use dtc_sim::fault::OrderFaults;
use dtc_sim::market::{Aggressor, MarketBody, MarketRecord, Side, SymbolSpec};
use dtc_sim::server::{ServerOptions, ServerSession, SubscriptionSet};
use dtc_sim::state::MarketState;
use dtc_sim::synthetic::{DEPTH, es};
use dtc_sim::venue::{ClientKey, Desk, DeskOptions};

use super::cancels::Cancels;
use super::line::Line;
use crate::order::BuySell;
use crate::runtime::clock::Clock;

/// Outbound bytes from which the market waits until they are gone.
const OUTBOUND_MAX: usize = 256 * 1024;
/// Message number of a new order, and of the request that ends a logon: past fills.
const NEW_ORDER: u16 = SubmitNewSingleOrder::TYPE;
const FILLS: u16 = 303;
/// Best bid of the standing book, in ticks: 5001.75, between the VWAP and the busiest price of the
/// market before it, so that an entry of either side has a target ahead of it.
const BID: i64 = 20_007;
/// Cash of the account, USD.
const CASH: f64 = 1e6;

/// See the module text.
pub(super) struct Server {
    line: Line,
    session: ServerSession,
    desk: Desk,
    clock: Clock,
    spec: SymbolSpec,
    /// How often fills were asked for: the last thing of a logon.
    pub(super) listed: u32,
    entries: Vec<SubmitNewSingleOrder>,
    brackets: Vec<SubmitNewOCOOrder>,
    /// Clock reading of the last byte that came.
    pub(super) heard_ns: u64,
    closed: bool,
}

impl Server {
    /// Waits for the client.
    ///
    /// # Errors
    /// Where it does not come.
    pub(super) fn accept(listener: &TcpListener, clock: &Clock) -> Result<Server> {
        let spec = es();
        let specs = vec![spec.clone()];
        let options = ServerOptions {
            generation: Generation::V2,
            description: "SYNTHETIC".to_owned(),
            expect_heartbeats: false,
            ..ServerOptions::default()
        };
        let (state, now) = (MarketState::new(&specs), clock.now_ns());
        let list: Arc<[SymbolSpec]> = specs.clone().into();
        let session = ServerSession::new(ClientKey(1), Arc::new(options), list, state, now);
        let desk = DeskOptions { cash: CASH, ..DeskOptions::default() };
        let faults = OrderFaults::default();
        Ok(Server {
            line: Line::accept(listener, clock)?,
            session,
            desk: Desk::new(specs, Box::<Cancels>::default(), desk, faults),
            clock: clock.clone(),
            spec,
            listed: 0,
            entries: Vec::new(),
            brackets: Vec::new(),
            heard_ns: 0,
            closed: false,
        })
    }

    /// Answers what came, and does what is due.
    ///
    /// # Errors
    /// The connection has ended before the client said goodbye.
    pub(super) fn serve(&mut self) -> Result<()> {
        if self.closed {
            return Ok(());
        }
        if self.line.read()? > 0 {
            self.hear()?;
        }
        self.session.handle_timeout(self.clock.now_ns());
        self.flush()?;
        self.closed = self.session.is_closing();
        Ok(())
    }

    fn hear(&mut self) -> Result<()> {
        self.heard_ns = self.clock.elapsed_ns();
        let (now, mut at) = (self.clock.now_ns(), 0);
        while let Some(frame) = next_frame(self.line.inbox.get(at..).unwrap_or_default())? {
            at += frame.len();
            match frame.kind {
                NEW_ORDER => self.entries.push(whole(frame.bytes)?),
                SubmitNewOCOOrder::TYPE => self.brackets.push(whole(frame.bytes)?),
                FILLS => self.listed += 1,
                _ => {}
            }
            self.session.handle_frame(&frame, &mut self.desk, now);
            while let Some(report) = self.desk.poll_report() {
                self.session.handle_report(&report.message);
            }
        }
        self.line.inbox.drain(..at);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let out = self.session.outbound();
        if !out.is_empty() {
            self.line.send(out)?;
            let count = out.len();
            self.session.consume(count);
        }
        Ok(())
    }

    /// Whether the client has logged on, subscribed the market and been told of its account.
    pub(super) fn is_ready(&self) -> bool {
        self.listed > 0 && self.session.subscribed().covers(&SubscriptionSet::all(1))
    }

    /// Shows a record of the market, now or with what follows.
    ///
    /// # Errors
    /// As [`Line::send`].
    pub(super) fn show(&mut self, record: &MarketRecord) -> Result<()> {
        self.desk.handle_record(record);
        self.session.handle_record(record);
        if self.session.outbound().len() > OUTBOUND_MAX { self.flush() } else { Ok(()) }
    }

    /// Shows the book, which stands at [`BID`], with these contracts a level of bids and of asks.
    ///
    /// # Errors
    /// As [`Line::send`].
    pub(super) fn book(&mut self, bids: u32, asks: u32) -> Result<()> {
        let ts_ns = self.clock.now().0;
        for level in 0..DEPTH {
            for (side, quantity) in [(Side::Bid, bids), (Side::Ask, asks)] {
                let body = MarketBody::Depth {
                    side,
                    delete: false,
                    price: self.price(side, level),
                    quantity,
                    orders: 1,
                    level: level as u16 + 1,
                    final_in_batch: level + 1 == DEPTH && side == Side::Ask,
                };
                self.show(&MarketRecord { ts_ns, symbol: 0, body })?;
            }
        }
        self.flush()
    }

    fn price(&self, side: Side, level: usize) -> f64 {
        let ticks = match side {
            Side::Bid => BID - level as i64,
            Side::Ask => BID + 1 + level as i64,
        };
        ticks as f64 * self.spec.increment
    }

    /// Shows a trade, a second of market time after the book, and times the order that follows:
    /// the bytes of the trade and how long it took, `None` where no order came.
    ///
    /// # Errors
    /// The connection has ended.
    pub(super) fn decide(&mut self, way: BuySell) -> Result<(Vec<u8>, Option<u64>)> {
        let (side, aggressor) = match way {
            BuySell::Buy => (Side::Ask, Aggressor::Buy),
            BuySell::Sell => (Side::Bid, Aggressor::Sell),
        };
        let price = self.price(side, 0);
        let body = MarketBody::Trade { price, volume: 1, aggressor, unbundled: 0 };
        let ts_ns = self.clock.now().0 + crate::units::SECOND;
        self.flush()?;
        self.show(&MarketRecord { ts_ns, symbol: 0, body })?;
        let tick = self.session.outbound().to_vec();
        let took = self.line.ask(&tick, begins_an_order)?;
        self.session.consume(tick.len());
        self.hear()?;
        self.flush()?;
        Ok((tick, took))
    }

    /// Takes the order and its bracket that have come, once both have, and their bytes on the wire.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn order(&mut self, way: BuySell) -> Result<Option<usize>> {
        let ([entry], [bracket]) = (self.entries.as_slice(), self.brackets.as_slice()) else {
            if self.entries.len() > 1 || self.brackets.len() > self.entries.len() {
                bail!("more than one order came of one tick");
            }
            return Ok(None);
        };
        let text = |field: &[u8]| value::text_lossy(field).into_owned();
        let (account, symbol) = (text(&entry.trade_account), text(&entry.symbol));
        let id = text(&entry.client_order_id);
        let parent = text(&bracket.parent_trigger_client_order_id);
        let sides = (entry.buy_sell.get(), bracket.buy_sell_1.get(), bracket.buy_sell_2.get());
        let back = way.opposite() as i32;
        let well = (account.as_str(), symbol.as_str()) == ("SIM", self.spec.symbol.as_str())
            && sides == (way as i32, back, back)
            && (id.starts_with("mia-") && parent == id)
            && (entry.order_type.get(), entry.is_parent_order) == (codes::ORDER_TYPE_MARKET, 1)
            && entry.time_in_force.get() == codes::TIF_DAY
            && entry.quantity.get() >= 1.0
            && bracket.quantity_1.get() == entry.quantity.get();
        if !well {
            bail!("an order is not what was decided ({way:?}): {entry:?} {bracket:?}");
        }
        self.entries.clear();
        self.brackets.clear();
        // Neither was cut nor padded.
        Ok(Some(SubmitNewSingleOrder::SIZE + SubmitNewOCOOrder::SIZE))
    }

    /// Orders that are not over.
    pub(super) fn working(&self) -> usize {
        self.desk.orders_working()
    }
}

/// Whether a new order begins among the frames of `inbox`.
fn begins_an_order(inbox: &[u8]) -> bool {
    let mut rest = inbox;
    while let Some(&[a, b, c, d]) = rest.first_chunk() {
        if u16::from_le_bytes([c, d]) == NEW_ORDER {
            return true;
        }
        let length = usize::from(u16::from_le_bytes([a, b])).max(4);
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

/// A message that is neither cut nor padded.
fn whole<M: Message>(bytes: &[u8]) -> Result<M> {
    let message = M::parse(bytes);
    if message.as_bytes() == bytes { Ok(message) } else { bail!("a message of a wrong length") }
}
