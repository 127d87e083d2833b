//! What a DTC server says of the orders, fills, positions and balance of one account → events.
//!
//! Order ids, execution ids and symbols become numbers here. Orders that are not ours are numbered
//! in the order in which they are met, and an id that a message leaves out is found by the server's
//! own id of the order: all of it comes from the frames alone, so recorded bytes replay to the same
//! events. Messages of another account are counted and nothing else. What a message does not say
//! stays unsaid: no quantity is taken for 0, no price for the last one.

mod known;
mod refusal;

use dtc::frame::Frame;
use dtc::wire::{self, Message, codes, value};
use xxhash_rust::xxh3::xxh3_64;

use self::known::{Known, Table, padded};
pub use self::known::{KnownOrder, Named, ServerExecution, ServerId};
pub use self::refusal::Refused;
use super::super::{Counters, contracts};
use super::grid;
use crate::event::{Body, Event, flag};
use crate::order::{
    BuySell, ExecutionId, Fill, Listing, OrderId, OrderKind, OrderUpdate, QTY_UNKNOWN, RejectClass,
    Status, UpdateReason,
};
use crate::units::{Grid, Instrument, Px, Qty, SYMBOLS_MAX, SymbolId, Ts};

/// A symbol of the run.
#[derive(Clone, Debug)]
struct Traded {
    name: String,
    tick: f64,
    /// `None` once a definition contradicted the tick.
    grid: Option<Grid>,
}

/// Decoder of the orders of one account.
#[derive(Clone, Debug)]
pub struct OrderFeed {
    account: String,
    symbols: Vec<Traded>,
    known: Table,
    foreign: u32,
    learned: Option<(OrderId, ServerId)>,
    executed: Option<(ExecutionId, ServerExecution)>,
    refused: Option<Refused>,
    defined: Option<(SymbolId, Option<f64>)>,
    /// Lists with a message that could not be read, as bits of their codes.
    unclear: u8,
    /// The balance in USD has come in the present answer.
    balanced: bool,
}

/// A message's place in the answer to a request.
#[derive(Clone, Copy)]
struct Place {
    asked: bool,
    last: bool,
}

fn place(request: i32, total: i32, number: i32) -> Place {
    let asked = request != 0;
    // Without a total nobody can say that the answer is whole: then it never is.
    Place { asked, last: asked && total > 0 && number >= total }
}

impl OrderFeed {
    /// A decoder for `account` and the symbols of the run, in the order of their ids.
    #[must_use]
    pub fn new(account: &str, instruments: &[Instrument]) -> OrderFeed {
        let traded = |instrument: &Instrument| Traded {
            name: instrument.symbol.clone(),
            tick: instrument.tick,
            grid: Grid::new(instrument.tick, 1.0),
        };
        OrderFeed {
            account: account.to_owned(),
            symbols: instruments.iter().take(SYMBOLS_MAX).map(traded).collect(),
            known: Table::new(),
            foreign: 0,
            learned: None,
            executed: None,
            refused: None,
            defined: None,
            unclear: 0,
            balanced: false,
        }
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// What wire prices of a symbol are multiplied with to become points, where the last frame
    /// defined one; without a number its increment contradicts the tick.
    pub fn poll_defined(&mut self) -> Option<(SymbolId, Option<f64>)> {
        self.defined.take()
    }

    /// A server id of an order of ours that the last frame brought: the newest one counts.
    pub fn poll_learned(&mut self) -> Option<(OrderId, ServerId)> {
        self.learned.take()
    }

    /// What the server calls the execution that the last frame brought.
    pub fn poll_executed(&mut self) -> Option<(ExecutionId, ServerExecution)> {
        self.executed.take()
    }

    /// The refusal that the last frame brought.
    pub fn poll_refused(&mut self) -> Option<Refused> {
        self.refused.take()
    }

    /// Tells it an order of an earlier run, so that fills without a client id find it.
    pub fn remember(&mut self, known: KnownOrder) {
        self.known.remember(known);
    }

    /// Orders of ours with their server ids, oldest first.
    pub fn known(&self) -> impl Iterator<Item = KnownOrder> + '_ {
        self.known.ours()
    }

    /// The account and the known orders as text: a decoder made from it says the same.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.known.ours().fold(format!("{}\n", self.account), |text, k| text + &k.to_text() + "\n")
    }

    /// The decoder of [`OrderFeed::to_text`]; `None` for any other text.
    #[must_use]
    pub fn from_text(text: &str, instruments: &[Instrument]) -> Option<OrderFeed> {
        let mut lines = text.lines();
        let mut feed = OrderFeed::new(lines.next()?, instruments);
        for line in lines {
            feed.remember(KnownOrder::parse(line)?);
        }
        Some(feed)
    }

    /// The connection was made anew: what was half listed is listed again.
    pub fn reconnected(&mut self) {
        (self.unclear, self.balanced) = (0, false);
    }

    /// A definition, see `DtcFeed`: whether it fits, `None` for a symbol that is not the run's.
    pub(crate) fn define(&mut self, name: &[u8], increment: f64, multiplier: f64) -> Option<bool> {
        let id = self.symbol(name)?;
        let symbol = self.symbols.get_mut(usize::from(id.0))?;
        symbol.grid = grid(symbol.tick, increment, multiplier);
        let fits = symbol.grid.is_some();
        self.defined = Some((id, fits.then_some(multiplier)));
        Some(fits)
    }

    /// Decodes one frame, received at `ts`; `false` where it is none about orders.
    pub fn on_frame(
        &mut self,
        frame: &Frame<'_>,
        ts: Ts,
        counters: &mut Counters,
        emit: &mut impl FnMut(Event),
    ) -> bool {
        let listed = frame.kind == wire::HistoricalOrderFillResponse::TYPE;
        let mut emit = |symbol: SymbolId, body: Body| {
            let flags = if listed && matches!(body, Body::Fill(_)) { flag::LISTED } else { 0 };
            emit(Event { seq: 0, ts, ts_exch: Ts::NONE, symbol, flags, body });
        };
        let bytes = frame.bytes;
        match frame.kind {
            wire::OrderUpdate::TYPE => {
                self.order(&wire::OrderUpdate::parse(bytes), counters, &mut emit);
            }
            wire::HistoricalOrderFillResponse::TYPE => {
                let m = wire::HistoricalOrderFillResponse::parse(bytes);
                self.past_fill(&m, counters, &mut emit);
            }
            wire::PositionUpdate::TYPE => {
                self.position(&wire::PositionUpdate::parse(bytes), counters, &mut emit);
            }
            wire::AccountBalanceUpdate::TYPE => {
                self.balance(&wire::AccountBalanceUpdate::parse(bytes), counters, &mut emit);
            }
            wire::OpenOrdersReject::TYPE
            | wire::CurrentPositionsReject::TYPE
            | wire::HistoricalOrderFillsReject::TYPE
            | wire::AccountBalanceReject::TYPE => {
                emit(ACCOUNT, Body::Reject { message_type: frame.kind });
            }
            // Who has which accounts is asked before anything is sent; the connection reads it.
            wire::TradeAccountResponse::TYPE => {}
            _ => return false,
        }
        true
    }

    /// Whether a message is about the account; one that names none can be about no other.
    fn mine(&self, account: &[u8], counters: &mut Counters) -> bool {
        let name = value::text(account);
        let mine = name.is_empty() || name == self.account.as_bytes();
        counters.other_account += u64::from(!mine);
        mine
    }

    fn order(
        &mut self,
        m: &wire::OrderUpdate,
        counters: &mut Counters,
        emit: &mut impl FnMut(SymbolId, Body),
    ) {
        let place = place(m.request_id.get(), m.total_num_messages.get(), m.message_number.get());
        if m.no_orders == 0 && self.mine(&m.trade_account, counters) {
            self.order_update(m, place.asked, counters, emit);
        }
        if place.last || m.no_orders != 0 {
            self.listed(Listing::Orders, wire::OrderUpdate::TYPE, emit);
        }
    }

    fn order_update(
        &mut self,
        m: &wire::OrderUpdate,
        asked: bool,
        counters: &mut Counters,
        emit: &mut impl FnMut(SymbolId, Body),
    ) {
        let Some((known, symbol)) = self.identify(m, counters) else {
            return;
        };
        let (id, way) = (known.id, buy_sell(m.buy_sell.get()).or(known.way));
        if asked && m.order_quantity.get() == f64::MAX {
            self.unclear |= 1 << Listing::Orders as u8;
        }
        let status = Status::of(m.order_status.get());
        let reason = UpdateReason::of(m.order_update_reason.get());
        counters.invalid += u64::from(status.is_none()) + u64::from(reason.is_none());
        let reason = match reason.unwrap_or(UpdateReason::Unset) {
            UpdateReason::Unset if asked => UpdateReason::OpenOrders,
            reason => reason,
        };
        if matches!(reason, UpdateReason::Filled | UpdateReason::FilledPartially)
            && let Some(fill) = self.last_fill(m, id, symbol, way, counters)
        {
            emit(symbol, Body::Fill(fill));
        }
        let kind = order_kind(m.order_type.get());
        let priced = kind.is_none_or(|kind| kind != OrderKind::Market);
        let px = value::f64_set(m.price1.get()).filter(|_| priced);
        let mut quantity = |wire: f64| -> Qty {
            let Some(set) = value::f64_set(wire) else { return QTY_UNKNOWN };
            contracts(set).unwrap_or_else(|| {
                counters.invalid += 1;
                QTY_UNKNOWN
            })
        };
        let (qty, filled) = (quantity(m.order_quantity.get()), quantity(m.filled_quantity.get()));
        let px = px.and_then(|price| self.px(symbol, price, counters));
        let status = status.unwrap_or(Status::Unspecified);
        let refused = Refused::of(m, id, status, reason);
        let class = refused.map_or(RejectClass::Unknown, |refused| refused.class);
        self.refused = refused.or(self.refused);
        let update = OrderUpdate { id, status, reason, way, kind, qty, filled, px, class };
        emit(symbol, Body::Order(update));
    }

    /// Which order of which symbol a message is about. What it leaves out is looked up by the
    /// server's id; an order that nobody knows gets a number.
    fn identify(
        &mut self,
        m: &wire::OrderUpdate,
        counters: &mut Counters,
    ) -> Option<(Known, SymbolId)> {
        let client = OrderId::parse(value::text(&m.client_order_id));
        let held = self
            .known
            .by_server(&m.server_order_id)
            .or_else(|| self.known.by_server(&m.previous_server_order_id))
            .or_else(|| self.known.by_id(client?));
        let name = value::text(&m.symbol);
        let symbol = if name.is_empty() { held.map(|k| k.symbol) } else { self.symbol(name) };
        let Some(symbol) = symbol else {
            counters.unknown_symbol += 1;
            return None;
        };
        let named = !value::text(&m.server_order_id).is_empty();
        let id = match client.or(held.map(|k| k.id)) {
            Some(id) => id,
            None if named => {
                self.foreign += 1;
                OrderId::foreign(self.foreign)
            }
            None => {
                // Nothing says which order it is.
                counters.unknown_orders += 1;
                return None;
            }
        };
        let way = buy_sell(m.buy_sell.get()).or(held.filter(|k| k.id == id).and_then(|k| k.way));
        let known = Known { server: padded(&m.server_order_id), id, symbol, way };
        if named && held.is_none_or(|k| k.server != known.server || k.id != id) {
            self.known.insert(known);
            if id.is_ours() {
                self.learned = Some((id, known.server));
            }
        }
        Some((known, symbol))
    }

    /// The fill that an update brings: only where it says so is it the newest one.
    fn last_fill(
        &mut self,
        m: &wire::OrderUpdate,
        id: OrderId,
        symbol: SymbolId,
        way: Option<BuySell>,
        counters: &mut Counters,
    ) -> Option<Fill> {
        let execution = self.execution(&m.last_fill_execution_id);
        let (price, qty) = (m.last_fill_price.get(), m.last_fill_quantity.get());
        self.fill(id, symbol, way, execution, price, qty, counters)
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of two messages")]
    fn fill(
        &self,
        id: OrderId,
        symbol: SymbolId,
        way: Option<BuySell>,
        execution: ExecutionId,
        price: f64,
        qty: f64,
        counters: &mut Counters,
    ) -> Option<Fill> {
        let qty = contracts(qty).filter(|&qty| qty > 0);
        let (Some(way), Some(qty), Some(price)) = (way, qty, value::f64_set(price)) else {
            counters.invalid += 1;
            return None;
        };
        let px = self.px(symbol, price, counters)?;
        Some(Fill { id, execution, px, qty, way })
    }

    fn past_fill(
        &mut self,
        m: &wire::HistoricalOrderFillResponse,
        counters: &mut Counters,
        emit: &mut impl FnMut(SymbolId, Body),
    ) {
        let place =
            place(m.request_id.get(), m.total_number_messages.get(), m.message_number.get());
        if m.no_order_fills == 0 && self.mine(&m.trade_account, counters) {
            let known = self.known.by_server(&m.server_order_id);
            let name = value::text(&m.symbol);
            let symbol = if name.is_empty() { known.map(|k| k.symbol) } else { self.symbol(name) };
            if let Some(symbol) = symbol {
                let way = buy_sell(m.buy_sell.get());
                let id = known.map_or(OrderId::NONE, |k| k.id);
                let execution = self.execution(&m.unique_execution_id);
                let (price, qty) = (m.price.get(), m.quantity.get());
                match self.fill(id, symbol, way, execution, price, qty, counters) {
                    Some(fill) => emit(symbol, Body::Fill(fill)),
                    None => self.unclear |= 1 << Listing::Fills as u8,
                }
            } else {
                counters.unknown_symbol += 1;
            }
        }
        if place.last || m.no_order_fills != 0 {
            self.listed(Listing::Fills, wire::HistoricalOrderFillResponse::TYPE, emit);
        }
    }

    fn position(
        &mut self,
        m: &wire::PositionUpdate,
        counters: &mut Counters,
        emit: &mut impl FnMut(SymbolId, Body),
    ) {
        let (total, number) = (m.total_number_messages.get(), m.message_number.get());
        let place = place(m.request_id.get(), total, number);
        let answer = place.asked && m.unsolicited == 0;
        if m.no_positions == 0 && self.mine(&m.trade_account, counters) {
            match self.symbol(value::text(&m.symbol)) {
                Some(symbol) => match signed(m.quantity.get()) {
                    Some(qty) => emit(symbol, Body::Position(qty)),
                    None => {
                        counters.invalid += 1;
                        self.unclear |= u8::from(answer) << Listing::Positions as u8;
                    }
                },
                None => counters.unknown_symbol += 1,
            }
        }
        if (answer && place.last) || m.no_positions != 0 {
            self.listed(Listing::Positions, wire::PositionUpdate::TYPE, emit);
        }
    }

    fn balance(
        &mut self,
        m: &wire::AccountBalanceUpdate,
        counters: &mut Counters,
        emit: &mut impl FnMut(SymbolId, Body),
    ) {
        let (total, number) = (m.total_number_messages.get(), m.message_number.get());
        let place = place(m.request_id.get(), total, number);
        if m.no_account_balances == 0 && self.mine(&m.trade_account, counters) {
            // Limits are in USD: a balance in another currency is none.
            let currency = value::text(&m.account_currency);
            let dollars = currency.is_empty() || currency.eq_ignore_ascii_case(b"USD");
            let cash = value::f64_set(m.cash_balance.get());
            let open = value::f64_set(m.open_positions_profit_loss.get());
            match cash.zip(open).map(|(cash, open)| cash + open).filter(|usd| usd.is_finite()) {
                // An account may hold other currencies beside: they do not count.
                _ if !dollars => self.unclear |= u8::from(!self.balanced) << Listing::Balance as u8,
                Some(usd) => {
                    self.balanced = true;
                    self.unclear &= !(1 << Listing::Balance as u8);
                    emit(ACCOUNT, Body::Balance(usd));
                }
                None => {
                    counters.invalid += 1;
                    self.unclear |= 1 << Listing::Balance as u8;
                }
            }
        }
        // One account has one balance: an answer that does not count itself is whole.
        let last = place.last || place.asked && total == 0;
        if (last && m.unsolicited == 0) || m.no_account_balances != 0 {
            self.balanced = false;
            self.listed(Listing::Balance, wire::AccountBalanceUpdate::TYPE, emit);
        }
    }

    /// The end of an answer. One with a part that could not be read is no answer.
    fn listed(&mut self, listing: Listing, kind: u16, emit: &mut impl FnMut(SymbolId, Body)) {
        let bit = 1 << listing as u8;
        let unclear = self.unclear & bit != 0;
        self.unclear &= !bit;
        let refused = Body::Reject { message_type: kind };
        emit(ACCOUNT, if unclear { refused } else { Body::Listed(listing) });
    }

    /// The number of an execution id's text, which is kept for whoever asks; none without a text.
    fn execution(&mut self, field: &ServerExecution) -> ExecutionId {
        let execution = match value::text(field) {
            [] => return ExecutionId::NONE,
            text => ExecutionId::new(xxh3_64(text).max(1)),
        };
        self.executed = Some((execution, padded(field)));
        execution
    }

    fn symbol(&self, name: &[u8]) -> Option<SymbolId> {
        let at = self.symbols.iter().position(|s| s.name.as_bytes() == name)?;
        u16::try_from(at).ok().map(SymbolId)
    }

    fn px(&self, symbol: SymbolId, price: f64, counters: &mut Counters) -> Option<Px> {
        let grid = self.symbols.get(usize::from(symbol.0)).and_then(|s| s.grid);
        let px = grid.and_then(|grid| grid.ticks(price).ok());
        counters.off_grid += u64::from(px.is_none());
        px
    }
}

/// Most contracts of a position: what is beyond makes no sense.
const POSITION_MAX: Qty = 1_000_000;

/// Symbol of what is about the whole account.
const ACCOUNT: SymbolId = SymbolId(0);

fn buy_sell(code: i32) -> Option<BuySell> {
    match code {
        codes::BUY => Some(BuySell::Buy),
        codes::SELL => Some(BuySell::Sell),
        _ => None,
    }
}

fn order_kind(code: i32) -> Option<OrderKind> {
    Some(match code {
        1 => OrderKind::Market,
        2 => OrderKind::Limit,
        3 => OrderKind::Stop,
        4 => OrderKind::StopLimit,
        _ => return None,
    })
}

/// A signed number of contracts.
fn signed(quantity: f64) -> Option<i32> {
    let magnitude = contracts(quantity.abs()).filter(|&q| q <= POSITION_MAX)?;
    let magnitude = i32::try_from(magnitude).ok()?;
    Some(if quantity < 0.0 { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests;
