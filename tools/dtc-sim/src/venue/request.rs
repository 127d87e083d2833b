//! What clients ask of the exchange.

use dtc::wire::{
    CancelOrder, CancelReplaceOrder, CurrentPositionsRequest, HistoricalOrderFillResponse,
    HistoricalOrderFillsRequest, Message, OpenOrdersRequest, OrderUpdate, PositionUpdate,
    SubmitFlattenPositionOrder, SubmitNewOCOOrder, SubmitNewSingleOrder, codes, value,
};

use super::order::{Kind, Order, Ticket, account_is_ours, check_quantity, id_key};
use super::report::server_id;
use super::{ClientKey, Venue};

impl Venue {
    /// A new order. Every outcome is a report.
    pub fn submit(&mut self, from: ClientKey, message: &SubmitNewSingleOrder) {
        self.submit_ticket(from, &Ticket::single(message));
    }

    /// A pair of orders that cancel each other, perhaps with a parent to wait for.
    pub fn submit_pair(&mut self, from: ClientKey, message: &SubmitNewOCOOrder) {
        let (first, second) = pair_tickets(message);
        match self.check_pair(message, &first, &second) {
            Ok((mut one, mut two)) => {
                one.id = self.admit(&one);
                two.id = self.admit(&two);
                one.sibling = Some(two.id);
                two.sibling = Some(one.id);
                self.report_order(&one, codes::NEW_ORDER_ACCEPTED, None, "");
                self.report_order(&two, codes::NEW_ORDER_ACCEPTED, None, "");
                let (first, second) = (one.id, two.id);
                let live = one.is_live();
                // Both in the list before the first acts, so that a fill finds its sibling.
                self.orders.push(one);
                self.orders.push(two);
                for id in [first, second].into_iter().filter(|_| live) {
                    if let Some(order) = self.take_order(id) {
                        self.place(order);
                    }
                }
            }
            Err(text) => {
                self.reject_ticket(from, &first, text);
                self.reject_ticket(from, &second, text);
            }
        }
    }

    /// Closes the position of a symbol with a market order.
    pub fn flatten(&mut self, from: ClientKey, message: &SubmitFlattenPositionOrder) {
        let held = self.symbol_index(&message.symbol).map_or(0.0, |symbol| self.position(symbol));
        let ticket = Ticket {
            symbol: message.symbol,
            trade_account: message.trade_account,
            client_order_id: message.client_order_id,
            order_type: codes::ORDER_TYPE_MARKET,
            buy_sell: if held > 0.0 { codes::SELL } else { codes::BUY },
            price1: 0.0,
            price2: 0.0,
            quantity: held.abs(),
            time_in_force: codes::TIF_DAY,
            is_parent: false,
            free_form_text: message.free_form_text,
            open_or_close: codes::TRADE_CLOSE,
        };
        if held == 0.0 && self.symbol_index(&message.symbol).is_some() {
            return self.reject_ticket(from, &ticket, "There is no position to close");
        }
        self.submit_ticket(from, &ticket);
    }

    /// Cancels an order.
    pub fn cancel(&mut self, from: ClientKey, message: &CancelOrder) {
        let ids = (&message.server_order_id, &message.client_order_id);
        match self.find(ids.0, ids.1).and_then(|id| self.take_order(id)) {
            Some(order) => self.cancel_order(order, ""),
            None => {
                let what = (&[][..], &ids.1[..], &ids.0[..]);
                let text = "The order is not known or is done";
                self.report_rejection(from, codes::ORDER_CANCEL_REJECTED, what, text);
            }
        }
    }

    /// Changes the prices or the quantity of an order.
    pub fn replace(&mut self, from: ClientKey, message: &CancelReplaceOrder) {
        let ids = (&message.server_order_id, &message.client_order_id);
        let reason = codes::ORDER_CANCEL_REPLACE_REJECTED;
        let Some(order) = self.find(ids.0, ids.1).and_then(|id| self.take_order(id)) else {
            let what = (&[][..], &ids.1[..], &ids.0[..]);
            return self.report_rejection(from, reason, what, "The order is not known or is done");
        };
        match self.replaced(&order, message) {
            Ok(changed) => {
                self.report_order(&changed, codes::ORDER_CANCEL_REPLACE_COMPLETE, None, "");
                if changed.is_live() { self.place(changed) } else { self.orders.push(changed) }
            }
            Err(text) => {
                self.report_refusal(from, &order, reason, text);
                self.orders.push(order);
            }
        }
    }

    /// The orders that work, as one batch; one message with `NoOrders` if there are none.
    #[must_use]
    pub fn open_orders(&self, request: &OpenOrdersRequest) -> Vec<OrderUpdate> {
        let one = value::text(&request.server_order_id);
        let all = request.request_all_orders.get() != 0 || one.is_empty();
        let ours = account_is_ours(&request.trade_account);
        let wanted = |order: &&Order| ours && (all || server_id(order.id).as_bytes() == one);
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
        let ours = account_is_ours(&request.trade_account);
        let mut answers: Vec<PositionUpdate> = (0u16..)
            .zip(&self.positions)
            .filter(|(_, position)| ours && position.quantity != 0.0)
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
        let ours = account_is_ours(&request.trade_account);
        let mut answers: Vec<HistoricalOrderFillResponse> = self
            .fills
            .iter()
            .filter(|fill| ours && fill.ts_ns >= since_ns)
            .filter(|fill| one.is_empty() || server_id(fill.order).as_bytes() == one)
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

    fn submit_ticket(&mut self, from: ClientKey, ticket: &Ticket) {
        match self.check(ticket) {
            Ok(mut order) => {
                order.id = self.admit(&order);
                self.report_order(&order, codes::NEW_ORDER_ACCEPTED, None, "");
                self.place(order);
            }
            Err(text) => self.reject_ticket(from, ticket, text),
        }
    }

    fn reject_ticket(&mut self, from: ClientKey, ticket: &Ticket, text: &str) {
        let what = (&ticket.symbol[..], &ticket.client_order_id[..], &[][..]);
        self.report_rejection(from, codes::NEW_ORDER_REJECTED, what, text);
    }

    fn admit(&mut self, order: &Order) -> u64 {
        self.order_ids.insert(order.client_order_id);
        self.last_order = self.last_order.saturating_add(1);
        self.last_order
    }

    fn check_pair(
        &self,
        message: &SubmitNewOCOOrder,
        first: &Ticket,
        second: &Ticket,
    ) -> Result<(Order, Order), &'static str> {
        if message.use_offsets != 0 {
            return Err("Offsets from the parent are not supported; give prices");
        }
        if id_key(&first.client_order_id) == id_key(&second.client_order_id) {
            return Err("The two orders of a pair need different ids");
        }
        let (mut one, mut two) = (self.check(first)?, self.check(second)?);
        let parent = id_key(&message.parent_trigger_client_order_id);
        if parent != [0; 32] && !self.filled_parents.contains(&parent) {
            let found = self
                .orders
                .iter()
                .find(|order| order.is_parent && order.client_order_id == parent)
                .ok_or("The parent order is not known")?;
            for order in [&mut one, &mut two] {
                order.parent = Some(found.id);
                order.status = codes::ORDER_STATUS_PENDING_CHILD;
            }
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
                server_id(order.id).as_bytes() == server
            }
        };
        self.orders.iter().find(matches).map(|order| order.id)
    }

    fn replaced(&self, order: &Order, message: &CancelReplaceOrder) -> Result<Order, &'static str> {
        let mut changed = order.clone();
        if message.quantity.get() != 0.0 {
            changed.quantity = check_quantity(message.quantity.get())?;
            if changed.quantity <= changed.filled {
                return Err("The new quantity is already filled");
            }
        }
        if message.price1_is_set != 0 && order.price1.is_some() {
            changed.price1 = Some(self.check_price(order.symbol, message.price1.get())?);
        }
        if message.price2_is_set != 0 && order.price2.is_some() {
            changed.price2 = Some(self.check_price(order.symbol, message.price2.get())?);
        }
        changed.kind = match (order.kind, changed.price1, changed.price2) {
            (Kind::Stop(_), Some(stop), _) => Kind::Stop(stop),
            (Kind::StopLimit(..), Some(stop), Some(limit)) => Kind::StopLimit(stop, limit),
            // A triggered stop-limit works at its second price.
            (Kind::Limit(_), _, Some(limit)) | (Kind::Limit(_), Some(limit), None) => {
                Kind::Limit(limit)
            }
            (kind, ..) => kind,
        };
        if message.time_in_force.get() != codes::TIF_UNSET {
            changed.time_in_force = message.time_in_force.get();
        }
        Ok(changed)
    }
}

fn pair_tickets(m: &SubmitNewOCOOrder) -> (Ticket, Ticket) {
    let first = Ticket {
        symbol: m.symbol,
        trade_account: m.trade_account,
        client_order_id: m.client_order_id_1,
        order_type: m.order_type_1.get(),
        buy_sell: m.buy_sell_1.get(),
        price1: m.price1_1.get(),
        price2: m.price2_1.get(),
        quantity: m.quantity_1.get(),
        time_in_force: m.time_in_force.get(),
        is_parent: false,
        free_form_text: m.free_form_text,
        open_or_close: m.open_or_close.get(),
    };
    let second = Ticket {
        client_order_id: m.client_order_id_2,
        order_type: m.order_type_2.get(),
        buy_sell: m.buy_sell_2.get(),
        price1: m.price1_2.get(),
        price2: m.price2_2.get(),
        quantity: m.quantity_2.get(),
        ..first.clone()
    };
    (first, second)
}

fn count(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}
