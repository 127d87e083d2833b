//! Subscriptions, and the records they let through.

use dtc::wire::{
    MarketDataReject, MarketDataRequest, MarketDepthReject, MarketDepthRequest, Message,
    SecurityDefinitionForSymbolRequest, SecurityDefinitionReject, codes, value,
};

use super::session::{Note, ServerSession};
use crate::encode::{Encoder, push, put};
use crate::market::{MarketBody, MarketRecord};

/// What a client has subscribed of one symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subscription {
    symbol: u16,
    data: Option<u32>,
    depth: Option<Depth>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Depth {
    id: u32,
    levels: usize,
    /// The snapshot waits for the end of an open batch: half a batch is no book.
    waiting: bool,
}

/// Which symbols a client has subscribed, and what of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionSet(Vec<(u16, bool, bool)>);

impl SubscriptionSet {
    /// Data and depth of the first `symbols` symbols.
    #[must_use]
    pub fn all(symbols: usize) -> Self {
        let count = u16::try_from(symbols).unwrap_or(u16::MAX);
        Self((0..count).map(|symbol| (symbol, true, true)).collect())
    }

    /// Whether everything in `other` is in here too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(symbol, data, depth)| {
            self.0.iter().any(|own| own.0 == *symbol && own.1 >= *data && own.2 >= *depth)
        })
    }

    /// Nothing is subscribed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ServerSession {
    /// Takes in the next record of the market and writes what the client has subscribed of it.
    pub fn handle_record(&mut self, record: &MarketRecord) {
        let found = self.subscriptions.iter().position(|sub| sub.symbol == record.symbol);
        if let Some(sub) = found.and_then(|at| self.subscriptions.get(at)).copied() {
            self.write_record(record, &sub);
        }
        self.state.apply(record);
        let whole = self.state.symbol(record.symbol).is_some_and(|state| !state.batch_open);
        if whole && found.is_some() {
            self.send_waiting_snapshots(Some(record.symbol));
        }
    }

    /// No more records will come: a snapshot that waits for the end of a batch goes out as it is.
    pub fn handle_market_end(&mut self) {
        self.send_waiting_snapshots(None);
    }

    /// What is subscribed now.
    #[must_use]
    pub fn subscribed(&self) -> SubscriptionSet {
        let rows = self.subscriptions.iter();
        SubscriptionSet(
            rows.map(|sub| (sub.symbol, sub.data.is_some(), sub.depth.is_some())).collect(),
        )
    }

    pub(super) fn market_data_request(&mut self, bytes: &[u8]) {
        let request = MarketDataRequest::parse(bytes);
        let id = request.symbol_id.get();
        let action = request.request_action.get();
        if action == codes::UNSUBSCRIBE {
            for sub in &mut self.subscriptions {
                sub.data = sub.data.filter(|own| *own != id);
            }
            return self.forget_unused();
        }
        match self.check_request(action, id, &request.symbol, false) {
            Ok(symbol) => {
                if action == codes::SUBSCRIBE {
                    self.with_subscription(symbol, |sub| sub.data = Some(id));
                    self.note(Note::Subscribed);
                }
                self.with_encoder(symbol, id, |encoder, session, out| {
                    if let Some(state) = session.state.symbol(symbol) {
                        encoder.data_snapshot(state, out);
                    }
                });
            }
            Err(text) => {
                let mut reject = MarketDataReject { symbol_id: id.into(), ..Message::DEFAULT };
                put(&mut reject.reject_text, self.reject_text(text));
                push(&mut self.out, &reject);
                self.note(Note::Refused(text));
            }
        }
    }

    pub(super) fn depth_request(&mut self, bytes: &[u8]) {
        let request = MarketDepthRequest::parse(bytes);
        let id = request.symbol_id.get();
        let action = request.request_action.get();
        if action == codes::UNSUBSCRIBE {
            for sub in &mut self.subscriptions {
                sub.depth = sub.depth.filter(|own| own.id != id);
            }
            return self.forget_unused();
        }
        let levels = usize::try_from(request.num_levels.get()).unwrap_or(0);
        match self.check_request(action, id, &request.symbol, true) {
            Ok(symbol) if action == codes::SUBSCRIBE => {
                let depth = Depth { id, levels, waiting: true };
                self.with_subscription(symbol, |sub| sub.depth = Some(depth));
                self.note(Note::Subscribed);
                if self.state.symbol(symbol).is_some_and(|state| !state.batch_open) {
                    self.send_waiting_snapshots(Some(symbol));
                }
            }
            Ok(symbol) => self.send_snapshot(symbol, id, levels),
            Err(text) => {
                let mut reject = MarketDepthReject { symbol_id: id.into(), ..Message::DEFAULT };
                put(&mut reject.reject_text, self.reject_text(text));
                push(&mut self.out, &reject);
                self.note(Note::Refused(text));
            }
        }
    }

    pub(super) fn definition_request(&mut self, bytes: &[u8]) {
        let request = SecurityDefinitionForSymbolRequest::parse(bytes);
        let id = request.request_id.get();
        let refused = match self.symbol_index(&request.symbol) {
            _ if !self.options.capabilities.security_definitions => {
                "Security definitions are not supported"
            }
            None => "Symbol is not known",
            Some(symbol) => {
                return self.with_encoder(symbol, 0, |encoder, session, out| {
                    encoder.security_definition(id, &session.options.description, out);
                });
            }
        };
        let mut reject = SecurityDefinitionReject { request_id: id.into(), ..Message::DEFAULT };
        put(&mut reject.reject_text, refused);
        push(&mut self.out, &reject);
        self.note(Note::Refused(refused));
    }

    fn write_record(&mut self, record: &MarketRecord, sub: &Subscription) {
        let quotes = !self.options.capabilities.depth_updates_best_bid_and_ask;
        if let Some(id) = sub.data
            && (quotes || !matches!(record.body, MarketBody::Quote { .. }))
        {
            self.with_encoder(sub.symbol, id, |encoder, _, out| encoder.market_data(record, out));
        }
        if let Some(depth) = sub.depth.filter(|depth| !depth.waiting) {
            self.with_encoder(sub.symbol, depth.id, |encoder, session, out| {
                if let Some(before) = session.state.symbol(record.symbol) {
                    encoder.depth(record, before, out);
                }
            });
        }
    }

    /// Why a request cannot be served, or the symbol it is about.
    fn check_request(
        &self,
        action: i32,
        id: u32,
        symbol: &[u8],
        depth: bool,
    ) -> Result<u16, &'static str> {
        let can = self.options.capabilities;
        if depth && !can.market_depth {
            return Err("Market depth is not supported");
        }
        if !depth && !can.market_data {
            return Err("Market data is not supported");
        }
        if self.options.refuse_market_data.is_some() {
            return Err("Market data is not available");
        }
        if action != codes::SUBSCRIBE && action != codes::SNAPSHOT {
            return Err("RequestAction is not supported; use subscribe, unsubscribe or snapshot");
        }
        let symbol = self.symbol_index(symbol).ok_or("Symbol is not known")?;
        for sub in &self.subscriptions {
            let own = if depth { sub.depth.map(|depth| depth.id) } else { sub.data };
            match own {
                Some(own) if sub.symbol == symbol && own != id => {
                    return Err("The symbol is subscribed under another SymbolID");
                }
                Some(own) if sub.symbol != symbol && own == id => {
                    return Err("The SymbolID is used for another symbol");
                }
                _ => {}
            }
        }
        Ok(symbol)
    }

    /// The text to send for a refusal: the one the options ask for comes first.
    fn reject_text(&self, text: &'static str) -> &str {
        self.options.refuse_market_data.as_deref().unwrap_or(text)
    }

    fn send_waiting_snapshots(&mut self, only: Option<u16>) {
        for at in 0..self.subscriptions.len() {
            let Some(sub) = self.subscriptions.get_mut(at) else { return };
            let wanted = only.is_none_or(|symbol| symbol == sub.symbol);
            let Some(depth) = sub.depth.as_mut().filter(|depth| wanted && depth.waiting) else {
                continue;
            };
            depth.waiting = false;
            let (symbol, id, levels) = (sub.symbol, depth.id, depth.levels);
            self.send_snapshot(symbol, id, levels);
        }
    }

    fn send_snapshot(&mut self, symbol: u16, id: u32, levels: usize) {
        self.with_encoder(symbol, id, |encoder, session, out| {
            if let Some(state) = session.state.symbol(symbol) {
                encoder.depth_snapshot(state, levels, out);
            }
        });
    }

    /// Writes to the outbound buffer with an encoder for the symbol, reading the session.
    fn with_encoder(
        &mut self,
        symbol: u16,
        symbol_id: u32,
        write: impl FnOnce(&Encoder<'_>, &Self, &mut Vec<u8>),
    ) {
        let mut out = std::mem::take(&mut self.out);
        if let Some(spec) = self.specs.get(usize::from(symbol)) {
            let encoder = Encoder { generation: self.options.generation, spec, symbol_id };
            write(&encoder, self, &mut out);
        }
        self.out = out;
    }

    fn with_subscription(&mut self, symbol: u16, change: impl FnOnce(&mut Subscription)) {
        match self.subscriptions.iter_mut().find(|sub| sub.symbol == symbol) {
            Some(sub) => change(sub),
            None => {
                let mut sub = Subscription { symbol, data: None, depth: None };
                change(&mut sub);
                self.subscriptions.push(sub);
            }
        }
    }

    fn forget_unused(&mut self) {
        self.subscriptions.retain(|sub| sub.data.is_some() || sub.depth.is_some());
    }

    fn symbol_index(&self, symbol: &[u8]) -> Option<u16> {
        let wanted = value::text(symbol);
        let at = self.specs.iter().position(|spec| spec.symbol.as_bytes() == wanted)?;
        u16::try_from(at).ok()
    }
}
