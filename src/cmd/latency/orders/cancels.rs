//! A venue that accepts every order and cancels it as soon as its bracket is there: no position
//! arises, so the next order may follow.

use std::borrow::Cow;
use std::collections::VecDeque;

use dtc_sim::market::MarketRecord;
use dtc_sim::state::MarketState;
use dtc_sim::venue::{Change, NewOrder, NewPair, OrderEvent, Update, Venue};

/// See the module text.
#[derive(Debug, Default)]
pub(super) struct Cancels {
    updates: VecDeque<Update>,
}

impl Cancels {
    fn say(&mut self, number: u64, event: OrderEvent) {
        self.updates.push_back(Update { number, event });
    }

    fn end(&mut self, number: u64) {
        self.say(number, OrderEvent::Canceled(Cow::Borrowed("This venue fills nothing")));
    }
}

impl Venue for Cancels {
    fn submit(&mut self, order: &NewOrder, _: &MarketState) {
        self.say(order.number, OrderEvent::Accepted { waits: false });
        if !order.is_parent {
            self.end(order.number);
        }
    }

    fn submit_pair(&mut self, pair: &NewPair, _: &MarketState) {
        for order in [&pair.first, &pair.second] {
            self.say(order.number, OrderEvent::Accepted { waits: pair.parent.is_some() });
        }
        let all = [pair.parent, Some(pair.first.number), Some(pair.second.number)];
        all.into_iter().flatten().for_each(|number| self.end(number));
    }

    fn cancel(&mut self, number: u64, _: &MarketState) {
        self.end(number);
    }

    fn replace(&mut self, change: &Change, _: &MarketState) {
        let Change { number, quantity, kind, .. } = *change;
        self.say(number, OrderEvent::Replaced { quantity, kind });
    }

    fn flatten(&mut self, number: u64, _: u16, _: &MarketState) {
        self.say(number, OrderEvent::Rejected(Cow::Borrowed("Nothing is open")));
    }

    fn on_record(&mut self, _: &MarketRecord, _: &MarketState) {}

    fn on_end(&mut self, _: &MarketState) {}

    fn poll(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }
}
