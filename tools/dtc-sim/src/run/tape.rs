//! The records between the slowest cursor and the head, by number.

use std::collections::VecDeque;

use crate::market::{Market, MarketRecord};

pub(super) struct Tape {
    market: Box<dyn Market + Send>,
    next: Option<MarketRecord>,
    base: u64,
    records: VecDeque<MarketRecord>,
}

impl Tape {
    pub(super) fn new(mut market: Box<dyn Market + Send>) -> Self {
        let next = market.next();
        Self { market, next, base: 0, records: VecDeque::new() }
    }

    /// Records made so far: the number of the next.
    pub(super) fn head(&self) -> u64 {
        self.base.saturating_add(self.records.len() as u64)
    }

    /// The record to come, `None` at the end of the market.
    pub(super) fn peek(&self) -> Option<&MarketRecord> {
        self.next.as_ref()
    }

    /// Moves the head over one record.
    pub(super) fn advance(&mut self) -> Option<MarketRecord> {
        let record = self.next.take()?;
        self.records.push_back(record);
        self.next = self.market.next();
        Some(record)
    }

    /// A record that is kept.
    pub(super) fn get(&self, number: u64) -> Option<&MarketRecord> {
        self.records.get(usize::try_from(number.checked_sub(self.base)?).ok()?)
    }

    /// Records before this number are not needed any more.
    pub(super) fn forget_before(&mut self, number: u64) {
        while self.base < number && self.records.pop_front().is_some() {
            self.base = self.base.saturating_add(1);
        }
    }
}
