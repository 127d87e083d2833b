//! What a client is told about a symbol before the updates: its definition and the present state.

use dtc::wire::{
    MarketDataSnapshot, Message, SecurityDefinitionResponse, SecurityDefinitionResponseV2, codes,
    value,
};
use zerocopy::little_endian::F64;

use super::{Encoder, Generation, push, seconds_f64};
use crate::market::Side;
use crate::state::SymbolState;

impl Encoder<'_> {
    /// Appends the market data snapshot: what is known, the rest unset.
    pub fn data_snapshot(&self, state: &SymbolState, out: &mut Vec<u8>) {
        let mut message =
            MarketDataSnapshot { symbol_id: self.symbol_id.into(), ..Message::DEFAULT };
        if let Some(session) = state.session {
            message.session_open_price = self.wire(session.open);
            message.session_high_price = self.wire(session.high);
            message.session_low_price = self.wire(session.low);
            message.session_volume = (session.volume as f64).into();
            message.session_num_trades = session.trades.into();
            message.last_trade_price = self.wire(session.last);
            message.last_trade_volume = f64::from(session.last_volume).into();
            message.last_trade_date_time = seconds_f64(session.last_ts_ns).into();
        }
        let (bid, ask, ts_ns) = touch(state);
        if let Some((price, quantity)) = bid {
            message.bid_price = self.wire(price);
            message.bid_quantity = quantity.into();
        }
        if let Some((price, quantity)) = ask {
            message.ask_price = self.wire(price);
            message.ask_quantity = quantity.into();
        }
        message.bid_ask_date_time = seconds_f64(ts_ns).into();
        message.market_depth_update_date_time = seconds_f64(state.depth_ts_ns).into();
        message.trading_status = codes::TRADING_STATUS_OPEN;
        push(out, &message);
    }

    /// Appends the security definition. The increment is in displayed units.
    pub fn security_definition(&self, request_id: i32, description: &str, out: &mut Vec<u8>) {
        match self.generation {
            Generation::Compact | Generation::Float => {
                self.definition_v1(request_id, description, out);
            }
            Generation::V2 => self.definition_v2(request_id, description, out),
        }
    }

    fn definition_v1(&self, request_id: i32, description: &str, out: &mut Vec<u8>) {
        let spec = self.spec;
        let mut message = SecurityDefinitionResponse {
            request_id: request_id.into(),
            security_type: codes::SECURITY_TYPE_FUTURES.into(),
            min_price_increment: (spec.increment as f32).into(),
            price_display_format: display_format(spec.increment).into(),
            currency_value_per_increment: (spec.currency_per_increment as f32).into(),
            is_final_message: 1,
            display_price_multiplier: (spec.display_multiplier as f32).into(),
            ..Message::DEFAULT
        };
        put(&mut message.symbol, &spec.symbol);
        put(&mut message.exchange, &spec.exchange);
        put(&mut message.description, description);
        put(&mut message.exchange_symbol, &spec.symbol);
        put(&mut message.currency, "USD");
        push(out, &message);
    }

    fn definition_v2(&self, request_id: i32, description: &str, out: &mut Vec<u8>) {
        let spec = self.spec;
        let mut message = SecurityDefinitionResponseV2 {
            request_id: request_id.into(),
            security_type: codes::SECURITY_TYPE_FUTURES.into(),
            price_display_format: display_format(spec.increment).into(),
            min_price_increment: spec.increment.into(),
            currency_value_per_increment: spec.currency_per_increment.into(),
            is_final_message: 1,
            display_price_multiplier: spec.display_multiplier.into(),
            ..Message::DEFAULT
        };
        put(&mut message.symbol, &spec.symbol);
        put(&mut message.exchange, &spec.exchange);
        put(&mut message.description, description);
        put(&mut message.exchange_symbol, &spec.symbol);
        put(&mut message.currency, "USD");
        push(out, &message);
    }

    fn wire(&self, price: f64) -> F64 {
        self.spec.to_wire(price).into()
    }
}

/// Price and contracts of the best level of a side.
type Touch = Option<(f64, f64)>;

/// The touch as last quoted, else as it stands in the book.
fn touch(state: &SymbolState) -> (Touch, Touch, i64) {
    if let Some(quote) = state.quote {
        return (quote.bid, quote.ask, quote.ts_ns);
    }
    let best = |side| state.book.best(side).map(|level| (level.price, f64::from(level.quantity)));
    (best(Side::Bid), best(Side::Ask), state.depth_ts_ns)
}

/// Decimals needed to show one increment, 0 to 9.
fn display_format(increment: f64) -> i32 {
    let mut scaled = increment.abs();
    for decimals in 0..9 {
        if (scaled - scaled.round()).abs() < 1e-9 {
            return decimals;
        }
        scaled *= 10.0;
    }
    9
}

/// Text too long for its field is cut: the other end could not hold it anyway.
pub(crate) fn put(field: &mut [u8], text: &str) {
    let _cut = value::put_text(field, text);
}

#[cfg(test)]
mod tests {
    use super::display_format;

    #[test]
    fn decimals_of_an_increment() {
        assert_eq!(display_format(1.0), 0);
        assert_eq!(display_format(0.25), 2);
        assert_eq!(display_format(0.1), 1);
        assert_eq!(display_format(0.00001), 5);
        assert_eq!(display_format(f64::NAN), 9);
    }
}
