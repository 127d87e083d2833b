//! The account as messages.

use dtc::wire::{
    AccountBalanceUpdate, HistoricalOrderFillResponse, Message, OrderUpdate, PositionUpdate,
    TradeAccountResponse, codes, value,
};
use zerocopy::little_endian::F64;

use super::order::{Order, server_id};
use super::{ClientKey, Desk, Fill, Report, ReportMessage};
use crate::encode::{put, seconds_f64};

impl Desk {
    /// Sends word of an order to everybody.
    pub(super) fn report_order(
        &mut self,
        order: &Order,
        reason: i32,
        fill: Option<&Fill>,
        text: &str,
    ) {
        let update = self.order_update(order, reason, fill, text);
        let report = Report { to: None, message: ReportMessage::Order(Box::new(update)) };
        self.queue_order(order, reason, report);
    }

    /// Tells one client that its cancel or change of an order was refused. The order is as it was.
    pub(super) fn report_refusal(&mut self, to: ClientKey, order: &Order, reason: i32, text: &str) {
        let update = self.order_update(order, reason, None, text);
        let report = Report { to: Some(to), message: ReportMessage::Order(Box::new(update)) };
        self.queue(order.new.symbol, report);
    }

    /// Tells one client that a request came to nothing, where no order stands behind it.
    pub(super) fn report_rejection(
        &mut self,
        to: ClientKey,
        reason: i32,
        (symbol, client_order_id, server_order_id): (&[u8], &[u8], &[u8]),
        text: &str,
    ) {
        let mut update = OrderUpdate {
            total_num_messages: 1.into(),
            message_number: 1.into(),
            order_status: codes::ORDER_STATUS_REJECTED.into(),
            order_update_reason: reason.into(),
            ..Message::DEFAULT
        };
        put(&mut update.symbol, &value::text_lossy(symbol));
        put(&mut update.client_order_id, &value::text_lossy(client_order_id));
        put(&mut update.server_order_id, &value::text_lossy(server_order_id));
        put(&mut update.trade_account, &self.options.account);
        put(&mut update.info_text, text);
        let message = ReportMessage::Order(Box::new(update));
        self.reports.push_back(Report { to: Some(to), message });
    }

    /// Sends the position of a symbol to everybody, unasked.
    pub(super) fn report_position(&mut self, symbol: u16) {
        let mut update = self.position_update(symbol);
        update.unsolicited = 1;
        let message = ReportMessage::Position(Box::new(update));
        self.queue(symbol, Report { to: None, message });
    }

    /// Sends the account's balance to everybody, unasked, after a fill of a symbol.
    pub(super) fn report_balance(&mut self, symbol: u16) {
        let mut update = self.balance(0);
        update.unsolicited = 1;
        let message = ReportMessage::Balance(Box::new(update));
        self.queue(symbol, Report { to: None, message });
    }

    pub(super) fn order_update(
        &self,
        order: &Order,
        reason: i32,
        fill: Option<&Fill>,
        text: &str,
    ) -> OrderUpdate {
        let new = &order.new;
        let (price1, price2) = order.prices();
        let mut update = OrderUpdate {
            total_num_messages: 1.into(),
            message_number: 1.into(),
            client_order_id: order.client_order_id,
            order_status: order.status.into(),
            order_update_reason: reason.into(),
            order_type: order.order_type.into(),
            buy_sell: if new.buy { codes::BUY } else { codes::SELL }.into(),
            price1: self.wire_ticks(new.symbol, price1),
            price2: self.wire_ticks(new.symbol, price2),
            time_in_force: order.time_in_force.into(),
            order_quantity: f64::from(new.quantity).into(),
            filled_quantity: f64::from(order.filled).into(),
            remaining_quantity: f64::from(order.remaining()).into(),
            open_or_close: order.open_or_close.into(),
            free_form_text: order.free_form_text,
            order_received_date_time: order.received_ns.div_euclid(1_000_000_000).into(),
            latest_transaction_date_time: seconds_f64(self.market.last_ts_ns()).into(),
            ..Message::DEFAULT
        };
        self.put_symbol(new.symbol, &mut update.symbol, &mut update.exchange);
        put(&mut update.server_order_id, &order.server_id());
        put(&mut update.exchange_order_id, &order.server_id());
        if reason == codes::ORDER_CANCEL_REPLACE_COMPLETE && order.revision > 0 {
            let before = server_id(new.number, order.revision - 1);
            put(&mut update.previous_server_order_id, &before);
        }
        put(&mut update.trade_account, &self.options.account);
        put(&mut update.info_text, text);
        if let Some(parent) = order.parent {
            put(&mut update.parent_server_order_id, &self.server_id_of(parent));
        }
        if let Some(sibling) = order.sibling {
            put(&mut update.oco_linked_order_server_order_id, &self.server_id_of(sibling));
        }
        if order.filled > 0 {
            let average = order.fill_value / f64::from(order.filled);
            update.average_fill_price = self.wire_price(new.symbol, average);
        }
        if let Some(fill) = fill {
            update.last_fill_price = self.wire_price(new.symbol, fill.price);
            update.last_fill_quantity = f64::from(fill.quantity).into();
            update.last_fill_date_time = fill.ts_ns.div_euclid(1_000_000).into();
            put(&mut update.last_fill_execution_id, &execution_id(fill.execution));
        }
        update
    }

    pub(super) fn position_update(&self, symbol: u16) -> PositionUpdate {
        let position = self.positions.get(usize::from(symbol)).copied().unwrap_or_default();
        let signed = |order: &Order| {
            let remaining = i64::from(order.remaining());
            if order.new.buy { remaining } else { -remaining }
        };
        // Of a pair only one can fill: the second of each is left out.
        let working: i64 = self
            .orders
            .iter()
            .filter(|o| o.new.symbol == symbol && o.sibling.is_none_or(|s| s > o.new.number))
            .map(signed)
            .sum();
        let mut update = PositionUpdate {
            total_number_messages: 1.into(),
            message_number: 1.into(),
            quantity: (position.quantity as f64).into(),
            average_price: self.wire_price(symbol, position.average_price),
            entry_date_time: u32::try_from(position.entry_ns.div_euclid(1_000_000_000))
                .unwrap_or(0)
                .into(),
            open_profit_loss: self.open_gain(symbol).into(),
            high_price_during_position: self.wire_price(symbol, position.high),
            low_price_during_position: self.wire_price(symbol, position.low),
            max_potential_postion_quantity: ((position.quantity + working) as f64).into(),
            ..Message::DEFAULT
        };
        self.put_symbol(symbol, &mut update.symbol, &mut update.exchange);
        put(&mut update.trade_account, &self.options.account);
        update
    }

    pub(super) fn fill_response(&self, fill: &Fill) -> HistoricalOrderFillResponse {
        let (high, low) = (fill.position.high, fill.position.low);
        let mut response = HistoricalOrderFillResponse {
            buy_sell: if fill.buy { codes::BUY } else { codes::SELL }.into(),
            price: self.wire_price(fill.symbol, fill.price),
            date_time: fill.ts_ns.div_euclid(1_000_000_000).into(),
            quantity: f64::from(fill.quantity).into(),
            open_close: if fill.closes { codes::TRADE_CLOSE } else { codes::TRADE_OPEN }.into(),
            high_price_during_position: self.wire_price(fill.symbol, high),
            low_price_during_position: self.wire_price(fill.symbol, low),
            position_quantity: (fill.position.quantity as f64).into(),
            ..Message::DEFAULT
        };
        self.put_symbol(fill.symbol, &mut response.symbol, &mut response.exchange);
        put(&mut response.server_order_id, &server_id(fill.order, fill.revision));
        put(&mut response.exchange_order_id, &server_id(fill.order, fill.revision));
        put(&mut response.unique_execution_id, &execution_id(fill.execution));
        put(&mut response.trade_account, &self.options.account);
        response
    }

    /// The balance; what closing all positions at the last trade would bring is stated apart.
    #[must_use]
    pub fn balance(&self, request_id: i32) -> AccountBalanceUpdate {
        let count = u16::try_from(self.specs.len()).unwrap_or(u16::MAX);
        let open: f64 = (0..count).map(|symbol| self.open_gain(symbol)).sum();
        let micros = self.market.last_ts_ns().div_euclid(1_000);
        let mut update = AccountBalanceUpdate {
            request_id: request_id.into(),
            cash_balance: self.cash.into(),
            balance_available_for_new_positions: (self.cash + open).into(),
            open_positions_profit_loss: open.into(),
            daily_profit_loss: (self.cash + open - self.options.cash).into(),
            total_number_messages: 1.into(),
            message_number: 1.into(),
            transaction_identifier: self.last_execution.into(),
            transaction_date_time: micros.into(),
            last_order_activity_date_time: micros.into(),
            ..Message::DEFAULT
        };
        put(&mut update.account_currency, "USD");
        put(&mut update.trade_account, &self.options.account);
        put(&mut update.description, "Simulated account");
        update
    }

    /// The list of accounts: one.
    #[must_use]
    pub fn accounts(&self, request_id: i32) -> TradeAccountResponse {
        let mut response = TradeAccountResponse {
            request_id: request_id.into(),
            total_number_messages: 1.into(),
            message_number: 1.into(),
            ..Message::DEFAULT
        };
        put(&mut response.trade_account, &self.options.account);
        response
    }

    fn server_id_of(&self, number: u64) -> String {
        let found = self.orders.iter().chain(self.ended.iter().rev());
        let found = found.into_iter().find(|order| order.new.number == number);
        found.map_or_else(|| server_id(number, 0), Order::server_id)
    }

    fn put_symbol(&self, symbol: u16, name: &mut [u8], exchange: &mut [u8]) {
        if let Some(spec) = self.spec(symbol) {
            put(name, &spec.symbol);
            put(exchange, &spec.exchange);
        }
    }

    fn wire_price(&self, symbol: u16, price: f64) -> F64 {
        self.spec(symbol).map_or(price, |spec| spec.to_wire(price)).into()
    }

    fn wire_ticks(&self, symbol: u16, ticks: Option<i64>) -> F64 {
        let price = ticks.and_then(|ticks| Some(ticks as f64 * self.spec(symbol)?.increment));
        price.map_or(dtc::wire::DBL_MAX, |price| self.wire_price(symbol, price))
    }
}

fn execution_id(id: u64) -> String {
    format!("SIM-X{id}")
}
