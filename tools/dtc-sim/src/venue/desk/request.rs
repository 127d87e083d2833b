//! What clients ask for.

use dtc::wire::{
    CancelOrder, CancelReplaceOrder, CurrentPositionsRequest, HistoricalOrderFillResponse,
    HistoricalOrderFillsRequest, Message, OpenOrdersRequest, OrderUpdate, PositionUpdate,
    SubmitFlattenPositionOrder, SubmitNewOCOOrder, SubmitNewSingleOrder, codes, value,
};

use super::order::{Order, Ticket, check_quantity, id_key, life, server_id};
use super::{ClientKey, Desk};
use crate::venue::{Change, Kind, Life, NewOrder, NewPair};

const UNKNOWN: &str = "The order is not known";
const DONE: &str = "The order is done";

impl Desk {
    /// A new order. Every outcome is a report.
    pub fn submit(&mut self, from: ClientKey, message: &SubmitNewSingleOrder) {
        let number = self.receive();
        if self.is_cut_before(from, &[number]) {
            return;
        }
        let ticket = Ticket::single(message);
        match self.check(number, &ticket) {
            Ok(order) => {
                let new = order.new;
                if let Some(text) = self.planned_rejection(number) {
                    self.refuse(order, &text);
                } else {
                    self.admit(order);
                    self.venue.submit(&new, &self.market);
                    self.settle();
                }
            }
            Err(text) => self.reject_ticket(from, &ticket, text),
        }
        self.cut_after(from, &[number]);
    }

    /// A pair of orders that cancel each other, perhaps with a parent to wait for.
    pub fn submit_pair(&mut self, from: ClientKey, message: &SubmitNewOCOOrder) {
        let numbers = [self.receive(), self.receive()];
        if self.is_cut_before(from, &numbers) {
            return;
        }
        let (first, second) = Ticket::pair(message);
        match self.check_pair(numbers, message, (&first, &second)) {
            Ok((one, two)) => {
                let pair = NewPair { parent: one.parent, first: one.new, second: two.new };
                // Either both are in or none is.
                let [first, second] = numbers.map(|number| self.planned_rejection(number));
                if let Some(text) = first.or(second) {
                    self.refuse(one, &text);
                    self.refuse(two, &text);
                } else {
                    self.admit(one);
                    self.admit(two);
                    self.venue.submit_pair(&pair, &self.market);
                    self.settle();
                }
            }
            Err(text) => {
                self.reject_ticket(from, &first, text);
                self.reject_ticket(from, &second, text);
            }
        }
        self.cut_after(from, &numbers);
    }

    /// Closes the position of a symbol with a market order.
    pub fn flatten(&mut self, from: ClientKey, message: &SubmitFlattenPositionOrder) {
        let number = self.receive();
        if self.is_cut_before(from, &[number]) {
            return;
        }
        let held = self.symbol_index(&message.symbol).map_or(0, |symbol| self.position(symbol));
        let ticket = Ticket {
            symbol: message.symbol,
            trade_account: message.trade_account,
            client_order_id: message.client_order_id,
            order_type: codes::ORDER_TYPE_MARKET,
            buy_sell: if held > 0 { codes::SELL } else { codes::BUY },
            price1: 0.0,
            price2: 0.0,
            quantity: 0.0,
            time_in_force: codes::TIF_DAY,
            is_parent: false,
            free_form_text: message.free_form_text,
            open_or_close: codes::TRADE_CLOSE,
        };
        match self.check_head(&ticket) {
            Ok(symbol) => {
                let new = NewOrder {
                    number,
                    symbol,
                    buy: held <= 0,
                    kind: Kind::Market,
                    quantity: u32::try_from(held.unsigned_abs()).unwrap_or(u32::MAX),
                    life: Life::Day,
                    is_parent: false,
                };
                let order = self.order(&ticket, new);
                if let Some(text) = self.planned_rejection(number) {
                    self.refuse(order, &text);
                } else {
                    self.admit(order);
                    self.venue.flatten(number, symbol, &self.market);
                    self.settle();
                }
            }
            Err(text) => self.reject_ticket(from, &ticket, text),
        }
        self.cut_after(from, &[number]);
    }

    /// Cancels an order.
    pub fn cancel(&mut self, from: ClientKey, message: &CancelOrder) {
        let ids = (&message.server_order_id, &message.client_order_id);
        let Some(number) = self.find(ids.0, ids.1) else {
            let what = (&[][..], &ids.1[..], &ids.0[..]);
            return self.report_rejection(from, codes::ORDER_CANCEL_REJECTED, what, UNKNOWN);
        };
        if !self.hold_cancel(from, number) {
            self.pass_cancel(from, number);
        }
    }

    /// Passes a cancel on, unless the order is over.
    pub(super) fn pass_cancel(&mut self, from: ClientKey, number: u64) {
        if self.orders.iter().any(|order| order.new.number == number) {
            self.venue.cancel(number, &self.market);
            return self.settle();
        }
        if let Some(order) = self.over(number) {
            self.report_refusal(from, &order, codes::ORDER_CANCEL_REJECTED, DONE);
        }
    }

    /// Changes the prices or the quantity of an order.
    pub fn replace(&mut self, from: ClientKey, message: &CancelReplaceOrder) {
        let ids = (&message.server_order_id, &message.client_order_id);
        let reason = codes::ORDER_CANCEL_REPLACE_REJECTED;
        let Some(number) = self.find(ids.0, ids.1) else {
            let what = (&[][..], &ids.1[..], &ids.0[..]);
            return self.report_rejection(from, reason, what, UNKNOWN);
        };
        if let Some(order) = self.over(number) {
            return self.report_refusal(from, &order, reason, DONE);
        }
        let Some(at) = self.orders.iter().position(|order| order.new.number == number) else {
            return;
        };
        let Some(order) = self.orders.get(at).cloned() else { return };
        match self.change_of(&order, message) {
            Ok(change) => {
                if let Some(order) = self.orders.get_mut(at)
                    && message.time_in_force.get() != codes::TIF_UNSET
                {
                    order.time_in_force = message.time_in_force.get();
                }
                self.venue.replace(&change, &self.market);
                self.settle();
            }
            Err(text) => self.report_refusal(from, &order, reason, text),
        }
    }

    /// The orders that are not over, as one batch; one message with `NoOrders` if there are none.
    #[must_use]
    pub fn open_orders(&self, request: &OpenOrdersRequest) -> Vec<OrderUpdate> {
        let one = value::text(&request.server_order_id);
        let all = request.request_all_orders.get() != 0 || one.is_empty();
        let ours = self.is_ours(&request.trade_account);
        let wanted = |order: &&Order| ours && (all || order.server_id().as_bytes() == one);
        let mut answers: Vec<OrderUpdate> = self
            .orders
            .iter()
            .filter(wanted)
            .map(|order| self.order_update(order, codes::OPEN_ORDERS_REQUEST_RESPONSE, None, ""))
            .collect();
        if answers.is_empty() {
            answers.push(OrderUpdate {
                order_update_reason: codes::OPEN_ORDERS_REQUEST_RESPONSE.into(),
                no_orders: 1,
                ..Message::DEFAULT
            });
        }
        let total = count(answers.len());
        for (number, answer) in (1i32..).zip(&mut answers) {
            answer.request_id = request.request_id;
            answer.total_num_messages = total.into();
            answer.message_number = number.into();
        }
        answers
    }

    /// The positions that are not flat, as one batch; one message with `NoPositions` if none.
    #[must_use]
    pub fn current_positions(&self, request: &CurrentPositionsRequest) -> Vec<PositionUpdate> {
        let ours = self.is_ours(&request.trade_account);
        let mut answers: Vec<PositionUpdate> = (0u16..)
            .zip(&self.positions)
            .filter(|(_, position)| ours && position.quantity != 0)
            .map(|(symbol, _)| self.position_update(symbol))
            .collect();
        if answers.is_empty() {
            answers.push(PositionUpdate { no_positions: 1, ..Message::DEFAULT });
        }
        let total = count(answers.len());
        for (number, answer) in (1i32..).zip(&mut answers) {
            answer.request_id = request.request_id;
            answer.total_number_messages = total.into();
            answer.message_number = number.into();
        }
        answers
    }

    /// The fills kept, oldest first, as one batch; one message with `NoOrderFills` if none.
    ///
    /// # Errors
    /// The text of a rejection, when the request does not say whose fills or since when.
    pub fn order_fills(
        &self,
        request: &HistoricalOrderFillsRequest,
    ) -> Result<Vec<HistoricalOrderFillResponse>, &'static str> {
        if value::text(&request.trade_account).is_empty() {
            return Err("TradeAccount is not set");
        }
        let (days, start) = (request.number_of_days.get(), request.start_date_time.get());
        if days <= 0 && start <= 0 {
            return Err("Neither StartDateTime nor NumberOfDays is set");
        }
        let since_s = if start > 0 {
            start
        } else {
            let now_s = self.market.last_ts_ns().div_euclid(1_000_000_000);
            now_s.saturating_sub(i64::from(days).saturating_mul(86_400))
        };
        let since_ns = since_s.saturating_mul(1_000_000_000);
        let one = value::text(&request.server_order_id);
        let ours = self.is_ours(&request.trade_account);
        let mut answers: Vec<HistoricalOrderFillResponse> = self
            .fills
            .iter()
            .filter(|fill| ours && fill.ts_ns >= since_ns)
            .filter(|fill| one.is_empty() || server_id(fill.order, fill.revision).as_bytes() == one)
            .map(|fill| self.fill_response(fill))
            .collect();
        if answers.is_empty() {
            answers.push(HistoricalOrderFillResponse { no_order_fills: 1, ..Message::DEFAULT });
        }
        let total = count(answers.len());
        for (number, answer) in (1i32..).zip(&mut answers) {
            answer.request_id = request.request_id;
            answer.total_number_messages = total.into();
            answer.message_number = number.into();
        }
        Ok(answers)
    }

    /// The number of the order that was just received.
    fn receive(&mut self) -> u64 {
        self.received = self.received.saturating_add(1);
        self.received
    }

    fn admit(&mut self, order: Order) {
        self.order_ids.insert(order.client_order_id);
        self.orders.push(order);
    }

    /// Refuses an order whose form is right, as the plan wants it.
    fn refuse(&mut self, mut order: Order, text: &str) {
        self.order_ids.insert(order.client_order_id);
        order.status = codes::ORDER_STATUS_REJECTED;
        self.report_order(&order, codes::NEW_ORDER_REJECTED, None, text);
        self.end(order);
    }

    fn reject_ticket(&mut self, from: ClientKey, ticket: &Ticket, text: &str) {
        let what = (&ticket.symbol[..], &ticket.client_order_id[..], &[][..]);
        self.report_rejection(from, codes::NEW_ORDER_REJECTED, what, text);
    }

    fn check_pair(
        &self,
        numbers: [u64; 2],
        message: &SubmitNewOCOOrder,
        (first, second): (&Ticket, &Ticket),
    ) -> Result<(Order, Order), &'static str> {
        if message.use_offsets != 0 {
            return Err("Offsets from the parent are not supported; give prices");
        }
        if id_key(&first.client_order_id) == id_key(&second.client_order_id) {
            return Err("The two orders of a pair need different ids");
        }
        let [one, two] = numbers;
        let (mut one, mut two) = (self.check(one, first)?, self.check(two, second)?);
        one.sibling = Some(two.new.number);
        two.sibling = Some(one.new.number);
        let parent = id_key(&message.parent_trigger_client_order_id);
        if parent != [0; 32] {
            let done = self.ended.iter().filter(|order| order.filled > 0);
            let found = self
                .orders
                .iter()
                .chain(done)
                .find(|order| order.new.is_parent && order.client_order_id == parent)
                .ok_or("The parent order is not known")?;
            one.parent = Some(found.new.number);
            two.parent = Some(found.new.number);
        }
        Ok((one, two))
    }

    /// By the server's id if it is given, else by the client's.
    fn find(&self, server: &[u8; 32], client: &[u8; 32]) -> Option<u64> {
        let server = value::text(server);
        let client = id_key(client);
        let matches = |order: &&Order| {
            if server.is_empty() {
                client != [0; 32] && order.client_order_id == client
            } else {
                order.server_id().as_bytes() == server
            }
        };
        let found = self.orders.iter().chain(self.ended.iter().rev()).find(matches);
        found.map(|order| order.new.number)
    }

    /// An order that is over.
    fn over(&self, number: u64) -> Option<Order> {
        self.ended.iter().rev().find(|order| order.new.number == number).cloned()
    }

    fn change_of(
        &self,
        order: &Order,
        message: &CancelReplaceOrder,
    ) -> Result<Change, &'static str> {
        let new = order.new;
        let mut quantity = new.quantity;
        if message.quantity.get() != 0.0 {
            quantity = check_quantity(message.quantity.get())?;
            if quantity <= order.filled {
                return Err("The new quantity is already filled");
            }
        }
        let price = |is_set: u8, wire: f64, now: i64| match is_set {
            0 => Ok(now),
            _ => self.check_price(new.symbol, wire),
        };
        let first = |now| price(message.price1_is_set, message.price1.get(), now);
        let second = |now| price(message.price2_is_set, message.price2.get(), now);
        let kind = match new.kind {
            Kind::Market => Kind::Market,
            Kind::Limit(now) => Kind::Limit(first(now)?),
            Kind::Stop(now) => Kind::Stop(first(now)?),
            Kind::StopLimit(stop, limit) => Kind::StopLimit(first(stop)?, second(limit)?),
        };
        let life = match message.time_in_force.get() {
            codes::TIF_UNSET => new.life,
            time_in_force => life(time_in_force),
        };
        Ok(Change { number: new.number, quantity, kind, life })
    }
}

fn count(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}
