//! What the market did, by symbol: the sums that a replay prints and two runs are compared by.
//!
//! Sums run over every counted trade and know no session anchors. The book here is the decision's
//! own, fed by the same events as the one in the features.

use crate::book::{Book, BookState};
use crate::calendar::Label;
use crate::event::{Body, Event};
use crate::features::vwap::Vwap;
use crate::profile::Profile;
use crate::units::{Aggressor, Px, Ts};

/// Which trades count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionFilter {
    /// All of them.
    #[default]
    All,
    /// Those of the cash session (label US).
    Rth,
    /// Those of the other open labels.
    Eth,
}

impl SessionFilter {
    const fn counts(self, label: Label) -> bool {
        match self {
            SessionFilter::All => true,
            SessionFilter::Rth => matches!(label, Label::Us),
            SessionFilter::Eth => label.is_open() && !matches!(label, Label::Us),
        }
    }
}

/// First and last counted trade, high and low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Exchange time of the first counted trade.
    pub first_ts: Ts,
    /// Exchange time of the last.
    pub last_ts: Ts,
    /// Price of the first.
    pub first: Px,
    /// Price of the last.
    pub last: Px,
    /// Highest price.
    pub high: Px,
    /// Lowest price.
    pub low: Px,
}

/// Counts and sums of one symbol.
#[derive(Clone, Debug)]
pub struct Tally {
    filter: SessionFilter,
    /// Sequenced market events.
    pub events: u64,
    /// Timers.
    pub timers: u64,
    /// Counted trades.
    pub trades: u64,
    /// Contracts by aggressor: none, buyer, seller.
    pub volume: [u64; 3],
    /// Depth updates.
    pub depth_updates: u64,
    /// Batch ends with the best bid above the best ask.
    pub crossed: u64,
    /// Gaps that the source or the connection reported.
    pub gaps: u64,
    /// Requests that were refused.
    pub rejects: u64,
    /// Prices and times of the counted trades.
    pub range: Option<Range>,
    /// Price of the last trade of an open market, counted or not.
    pub last: Option<Px>,
    vwap: Vwap,
    profile: Profile,
    book: Book,
}

impl Tally {
    /// Nothing counted; `rows` is the window of the profile in ticks. Allocates here only.
    #[must_use]
    pub fn new(filter: SessionFilter, rows: usize) -> Tally {
        Tally {
            filter,
            events: 0,
            timers: 0,
            trades: 0,
            volume: [0; 3],
            depth_updates: 0,
            crossed: 0,
            gaps: 0,
            rejects: 0,
            range: None,
            last: None,
            vwap: Vwap::default(),
            profile: Profile::new(rows),
            book: Book::new(),
        }
    }

    /// Counts an event whose market time has session label `label`.
    pub fn on_event(&mut self, event: &Event, label: Label) {
        self.events += u64::from(event.is_market());
        match event.body {
            Body::Timer => self.timers += 1,
            Body::Trade { px, qty, aggressor, .. } => {
                if label.is_open() {
                    self.last = Some(px);
                }
                if self.filter.counts(label) {
                    self.trade(event, px, qty, aggressor);
                }
            }
            Body::Gap(_) => {
                self.gaps += 1;
                self.book.apply(event);
            }
            Body::Reject { .. } => self.rejects += 1,
            _ => {
                self.depth_updates += u64::from(matches!(event.body, Body::Depth { .. }));
                if self.book.apply(event) && self.book.state() == BookState::Crossed {
                    self.crossed += 1;
                }
            }
        }
    }

    fn trade(&mut self, event: &Event, px: Px, qty: u32, aggressor: Aggressor) {
        self.trades += 1;
        if let Some(sum) = self.volume.get_mut(aggressor as usize) {
            *sum += u64::from(qty);
        }
        self.vwap.add(px, qty);
        self.profile.add(px, qty, aggressor);
        let at = event.ts_exch.or(event.ts);
        let range = self.range.get_or_insert(Range {
            first_ts: at,
            last_ts: at,
            first: px,
            last: px,
            high: px,
            low: px,
        });
        (range.last_ts, range.last) = (at, px);
        (range.high, range.low) = (range.high.max(px), range.low.min(px));
    }

    /// Buy minus sell contracts of the counted trades.
    #[must_use]
    pub fn cvd(&self) -> i64 {
        let [_, buy, sell] = self.volume;
        i64::try_from(i128::from(buy) - i128::from(sell)).unwrap_or(i64::MAX)
    }

    /// All contracts of the counted trades.
    #[must_use]
    pub fn total_volume(&self) -> u64 {
        self.volume.iter().sum()
    }

    /// Volume-weighted prices of the counted trades.
    #[must_use]
    pub const fn vwap(&self) -> &Vwap {
        &self.vwap
    }

    /// Volume by price of the counted trades.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The book now.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }
}
