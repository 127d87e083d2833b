//! What goes wrong with orders on purpose, and what is held back for it.

use std::collections::VecDeque;

use dtc::wire::codes;

use super::order::Order;
use super::{ClientKey, Desk, Report};

const NS_PER_MS: u64 = 1_000_000;

/// What waits for its time.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The server's time, nanoseconds.
    now: u64,
    /// Messages of a symbol behind a late one, with the time at which they go.
    late: VecDeque<(u64, u16, Report)>,
    /// Cancels that race a fill: the latest time, who, which order.
    cancels: Vec<(u64, ClientKey, u64)>,
}

impl Desk {
    /// Tells the time, in nanoseconds of the server, and does what is due.
    pub fn handle_time(&mut self, now: u64) {
        self.held.now = now;
        let (due, held) = std::mem::take(&mut self.held.cancels)
            .into_iter()
            .partition::<Vec<_>, _>(|(at, ..)| *at <= now);
        self.held.cancels = held;
        for (_, from, number) in due {
            self.pass_cancel(from, number);
        }
        if self.held.late.iter().any(|(at, ..)| *at <= now) {
            for (at, symbol, report) in std::mem::take(&mut self.held.late) {
                if at <= now {
                    self.reports.push_back(report);
                } else {
                    self.held.late.push_back((at, symbol, report));
                }
            }
        }
    }

    /// Whether this connection is to be cut now; true once.
    pub fn take_cut(&mut self, key: ClientKey) -> bool {
        let before = self.cut.len();
        self.cut.retain(|other| *other != key);
        self.cut.len() != before
    }

    /// Puts a message of a symbol in line: behind those of the symbol that are late.
    pub(super) fn queue(&mut self, symbol: u16, report: Report) {
        match self.held.late.iter().rev().find(|late| late.1 == symbol) {
            Some(&(at, ..)) => self.held.late.push_back((at, symbol, report)),
            None => self.reports.push_back(report),
        }
    }

    /// As [`Self::queue`], for word of an order, with what the plan has for it.
    pub(super) fn queue_order(&mut self, order: &Order, reason: i32, report: Report) {
        let number = order.new.number;
        let is_answer = matches!(reason, codes::NEW_ORDER_ACCEPTED | codes::NEW_ORDER_REJECTED);
        if self.faults.silent.contains(&number)
            || is_answer && self.faults.lost_acks.contains(&number)
        {
            return;
        }
        match self.faults.late_acks.iter().find(|late| is_answer && late.0 == number) {
            Some(&(_, ms)) => {
                let symbol = order.new.symbol;
                let ahead = self.held.late.iter().filter(|late| late.1 == symbol);
                let at = self.held.now.saturating_add(ms.saturating_mul(NS_PER_MS));
                let at = ahead.map(|late| late.0).fold(at, u64::max);
                self.held.late.push_back((at, symbol, report));
            }
            None => self.queue(order.new.symbol, report),
        }
    }

    /// Holds a cancel back if it is to race a fill. Each order's first cancel only.
    pub(super) fn hold_cancel(&mut self, from: ClientKey, number: u64) -> bool {
        let Some(at) = self.faults.cancel_races.iter().position(|race| race.0 == number) else {
            return false;
        };
        let (_, ms) = self.faults.cancel_races.remove(at);
        let until = self.held.now.saturating_add(ms.saturating_mul(NS_PER_MS));
        self.held.cancels.push((until, from, number));
        if let Some(mut order) = self.take(number) {
            order.status = codes::ORDER_STATUS_PENDING_CANCEL;
            self.report_order(&order, codes::GENERAL_ORDER_UPDATE, None, "");
            self.put_back(order);
        }
        true
    }

    /// The fill that a cancel was held for is there: it goes on.
    pub(super) fn end_race(&mut self, number: u64) {
        for cancel in self.held.cancels.iter_mut().filter(|cancel| cancel.2 == number) {
            cancel.0 = 0;
        }
    }

    /// Whether the plan cuts the sender of one of these orders before they are taken in.
    pub(super) fn is_cut_before(&mut self, from: ClientKey, numbers: &[u64]) -> bool {
        let struck = numbers.iter().any(|number| self.faults.cut_before.contains(number));
        if struck {
            self.cut.push(from);
        }
        struck
    }

    /// Cuts the sender of one of these orders, which are in, if the plan says so.
    pub(super) fn cut_after(&mut self, from: ClientKey, numbers: &[u64]) {
        if numbers.iter().any(|number| self.faults.cut_after.contains(number)) {
            self.cut.push(from);
        }
    }

    /// The text with which the plan refuses an order.
    pub(super) fn planned_rejection(&self, number: u64) -> Option<String> {
        let found = self.faults.rejects.iter().find(|reject| reject.0 == number)?;
        Some(found.1.clone())
    }
}
