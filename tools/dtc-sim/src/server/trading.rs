//! Requests about orders, positions and the account: checked here, answered by the desk.

use dtc::wire::{
    AccountBalanceReject, AccountBalanceRequest, CancelOrder, CancelReplaceOrder,
    CurrentPositionsReject, CurrentPositionsRequest, HistoricalOrderFillsReject,
    HistoricalOrderFillsRequest, Message, OpenOrdersReject, OpenOrdersRequest, OrderUpdate,
    SubmitFlattenPositionOrder, SubmitNewOCOOrder, SubmitNewSingleOrder, TradeAccountsRequest,
    codes,
};

use super::session::{Note, ServerSession};
use crate::encode::{push, put};
use crate::venue::Desk;

const NO_TRADING: &str = "Trading is not supported";

impl ServerSession {
    pub(super) fn trading_request(&mut self, kind: u16, bytes: &[u8], desk: &mut Desk) {
        match kind {
            201 | 203 | 204 | 208 | 209 => {
                self.order_request(kind, bytes, desk);
                if desk.take_cut(self.key) {
                    self.cut();
                }
            }
            300 | 303 | 305 | 400 | 601 => self.account_request(kind, bytes, desk),
            _ => self.note(Note::NotServed(kind)),
        }
    }

    fn order_request(&mut self, kind: u16, bytes: &[u8], desk: &mut Desk) {
        let can = self.options.capabilities;
        let served = can.trading
            && match kind {
                201 => can.oco_orders,
                204 => can.cancel_replace,
                _ => true,
            };
        if !served {
            return self.refuse_order(kind, bytes);
        }
        match kind {
            201 => desk.submit_pair(self.key, &SubmitNewOCOOrder::parse(bytes)),
            203 => desk.cancel(self.key, &CancelOrder::parse(bytes)),
            204 => desk.replace(self.key, &CancelReplaceOrder::parse(bytes)),
            208 => desk.submit(self.key, &SubmitNewSingleOrder::parse(bytes)),
            _ => desk.flatten(self.key, &SubmitFlattenPositionOrder::parse(bytes)),
        }
    }

    fn account_request(&mut self, kind: u16, bytes: &[u8], desk: &Desk) {
        if !self.options.capabilities.trading {
            return self.refuse_account_request(kind, bytes, NO_TRADING);
        }
        match kind {
            300 => {
                for answer in desk.open_orders(&OpenOrdersRequest::parse(bytes)) {
                    push(&mut self.out, &answer);
                }
            }
            303 => match desk.order_fills(&HistoricalOrderFillsRequest::parse(bytes)) {
                Ok(answers) => {
                    for answer in answers {
                        push(&mut self.out, &answer);
                    }
                }
                Err(text) => self.refuse_account_request(kind, bytes, text),
            },
            305 => {
                for answer in desk.current_positions(&CurrentPositionsRequest::parse(bytes)) {
                    push(&mut self.out, &answer);
                }
            }
            400 => {
                let id = TradeAccountsRequest::parse(bytes).request_id.get();
                push(&mut self.out, &desk.accounts(id));
            }
            _ => {
                let id = AccountBalanceRequest::parse(bytes).request_id.get();
                push(&mut self.out, &desk.balance(id));
            }
        }
    }

    fn refuse_order(&mut self, kind: u16, bytes: &[u8]) {
        let (reason, id) = match kind {
            201 => (codes::NEW_ORDER_REJECTED, SubmitNewOCOOrder::parse(bytes).client_order_id_1),
            203 => (codes::ORDER_CANCEL_REJECTED, CancelOrder::parse(bytes).client_order_id),
            204 => {
                let id = CancelReplaceOrder::parse(bytes).client_order_id;
                (codes::ORDER_CANCEL_REPLACE_REJECTED, id)
            }
            208 => (codes::NEW_ORDER_REJECTED, SubmitNewSingleOrder::parse(bytes).client_order_id),
            _ => {
                let id = SubmitFlattenPositionOrder::parse(bytes).client_order_id;
                (codes::NEW_ORDER_REJECTED, id)
            }
        };
        let text = match kind {
            201 if self.options.capabilities.trading => "OCO orders are not supported",
            204 if self.options.capabilities.trading => "Changing orders is not supported",
            _ => NO_TRADING,
        };
        let mut update = OrderUpdate {
            total_num_messages: 1.into(),
            message_number: 1.into(),
            client_order_id: id,
            order_status: codes::ORDER_STATUS_REJECTED.into(),
            order_update_reason: reason.into(),
            ..Message::DEFAULT
        };
        put(&mut update.info_text, text);
        push(&mut self.out, &update);
        self.note(Note::Refused(text));
    }

    fn refuse_account_request(&mut self, kind: u16, bytes: &[u8], text: &'static str) {
        // All these requests have their RequestID at the same place.
        let request_id = TradeAccountsRequest::parse(bytes).request_id;
        match kind {
            300 => {
                let mut reject = OpenOrdersReject { request_id, ..Message::DEFAULT };
                put(&mut reject.reject_text, text);
                push(&mut self.out, &reject);
            }
            303 => {
                let mut reject = HistoricalOrderFillsReject { request_id, ..Message::DEFAULT };
                put(&mut reject.reject_text, text);
                push(&mut self.out, &reject);
            }
            305 => {
                let mut reject = CurrentPositionsReject { request_id, ..Message::DEFAULT };
                put(&mut reject.reject_text, text);
                push(&mut self.out, &reject);
            }
            601 => {
                let mut reject = AccountBalanceReject { request_id, ..Message::DEFAULT };
                put(&mut reject.reject_text, text);
                push(&mut self.out, &reject);
            }
            _ => {}
        }
        self.note(Note::Refused(text));
    }
}
