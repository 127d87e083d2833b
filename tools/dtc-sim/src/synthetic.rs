//! A made-up market from a seed. Everything about it says SYNTHETIC: it is for exercising
//! programs, and says nothing about any real market.
//!
//! Price and order flow are one thing here: aggressors eat the touch, an eaten touch moves the
//! book. A regime (up, ranging, down, ranging, …) leans on the choice of aggressor and on the
//! sizes that rest on each side; a pull towards a slowly moving anchor keeps the price near home.
//! The book has [`DEPTH`] levels a side at every batch end and never crosses, not even within a
//! batch.

use std::collections::VecDeque;

use fastrand::Rng;

use crate::market::{Aggressor, Market, MarketBody, MarketRecord, Side, SymbolSpec};

/// Levels a side.
pub const DEPTH: usize = 10;

/// 2026-01-05 14:30:00 UTC, a Monday: an hour at which New York's day session opens.
pub const START_NS: i64 = 1_767_623_400_000_000_000;

const NS_PER_S: f64 = 1e9;
const DEPTH_I64: i64 = DEPTH as i64;
const QUANTITY_MAX: u32 = 400;
const SPREAD_MAX_TICKS: i64 = 3;

/// How the market is made.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticConfig {
    /// Same seed, same records.
    pub seed: u64,
    /// Symbols with the price each starts at.
    pub symbols: Vec<(SymbolSpec, f64)>,
    /// Time of the first record, Unix ns.
    pub start_ns: i64,
    /// Mean steps a second of market time and symbol. A step is a batch of one to about ten
    /// records.
    pub steps_per_s: f64,
    /// Mean length of a regime in seconds of market time; each is between half and one and a half
    /// of it.
    pub regime_s: f64,
    /// The market ends after this much market time, in seconds.
    pub duration_s: f64,
}

impl Default for SyntheticConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            symbols: vec![(es(), 5000.0)],
            start_ns: START_NS,
            steps_per_s: 50.0,
            regime_s: 90.0,
            duration_s: 3600.0,
        }
    }
}

/// A made-up symbol with the tick and tick value of ES.
#[must_use]
pub fn es() -> SymbolSpec {
    SymbolSpec::new("SYNTHETIC-ES", "SYNTHETIC", 0.25, 12.5)
}

/// A made-up symbol with the tick and tick value of NQ.
#[must_use]
pub fn nq() -> SymbolSpec {
    SymbolSpec::new("SYNTHETIC-NQ", "SYNTHETIC", 0.25, 5.0)
}

/// Direction the order flow leans to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// Buyers press.
    Up,
    /// Neither side does; the pull to the anchor rules.
    Range,
    /// Sellers press.
    Down,
}

/// The market. Records of several symbols come merged in time order.
#[derive(Clone, Debug)]
pub struct SyntheticMarket {
    specs: Vec<SymbolSpec>,
    makers: Vec<Maker>,
    label: String,
    end_ns: i64,
    queue: VecDeque<MarketRecord>,
}

impl SyntheticMarket {
    /// Makes the market of `config`. Rates and durations out of sense are clamped.
    #[must_use]
    pub fn new(config: &SyntheticConfig) -> Self {
        let end_ns = config.start_ns.saturating_add(ns(config.duration_s.clamp(0.0, 1e7)));
        let makers = config
            .symbols
            .iter()
            .enumerate()
            .take(usize::from(u16::MAX))
            .map(|(index, (spec, price))| Maker::new(config, index as u16, spec, *price))
            .collect();
        Self {
            specs: config.symbols.iter().map(|(spec, _)| spec.clone()).collect(),
            makers,
            label: format!("SYNTHETIC market, seed {}", config.seed),
            end_ns,
            queue: VecDeque::new(),
        }
    }

    /// The regime a symbol is in, for tests and displays.
    #[must_use]
    pub fn regime(&self, symbol: u16) -> Option<Regime> {
        self.makers.get(usize::from(symbol)).map(Maker::regime)
    }
}

impl Market for SyntheticMarket {
    fn symbols(&self) -> &[SymbolSpec] {
        &self.specs
    }

    fn label(&self) -> &str {
        &self.label
    }

    fn next(&mut self) -> Option<MarketRecord> {
        if self.queue.is_empty() {
            let maker = self.makers.iter_mut().min_by_key(|maker| maker.next_ns)?;
            if maker.next_ns > self.end_ns {
                return None;
            }
            maker.step(&mut self.queue);
        }
        self.queue.pop_front()
    }
}

/// One symbol's book and mood.
#[derive(Clone, Debug)]
struct Maker {
    rng: Rng,
    symbol: u16,
    increment: f64,
    step_ns: f64,
    next_ns: i64,
    opened: bool,
    phase: usize,
    phase_ends_ns: i64,
    regime_ns: f64,
    anchor: f64,
    bid: i64,
    ask: i64,
    bids: [u32; DEPTH],
    asks: [u32; DEPTH],
}

const PHASES: [Regime; 4] = [Regime::Up, Regime::Range, Regime::Down, Regime::Range];

impl Maker {
    fn new(config: &SyntheticConfig, symbol: u16, spec: &SymbolSpec, price: f64) -> Self {
        let bid = spec.ticks(price).unwrap_or(20_000).max(1_000);
        let mut maker = Self {
            rng: Rng::with_seed(config.seed.wrapping_mul(0x9e37_79b9).wrapping_add(symbol.into())),
            symbol,
            increment: spec.increment,
            step_ns: NS_PER_S / config.steps_per_s.clamp(0.001, 1e6),
            next_ns: config.start_ns,
            opened: false,
            phase: usize::from(symbol) * 2 % PHASES.len(),
            phase_ends_ns: config.start_ns,
            regime_ns: config.regime_s.clamp(0.1, 1e6) * NS_PER_S,
            anchor: bid as f64,
            bid,
            ask: bid + 1,
            bids: [0; DEPTH],
            asks: [0; DEPTH],
        };
        maker.draw_phase_end();
        maker
    }

    fn regime(&self) -> Regime {
        PHASES.get(self.phase).copied().unwrap_or(Regime::Range)
    }

    /// Lean of the order flow, −1 to 1.
    fn lean(&self) -> f64 {
        let pull = (self.anchor - self.bid as f64) / 60.0;
        let push = match self.regime() {
            Regime::Up => 0.55,
            Regime::Range => 0.0,
            Regime::Down => -0.55,
        };
        (push + pull.clamp(-0.5, 0.5)).clamp(-0.8, 0.8)
    }

    /// One batch, and the time of the next.
    fn step(&mut self, out: &mut VecDeque<MarketRecord>) {
        let from = out.len();
        if self.opened {
            self.advance_regime();
            if self.rng.f64() < 0.4 { self.trade(out) } else { self.rearrange(out) }
        } else {
            self.open(out);
            self.opened = true;
        }
        self.finish(from, out);
        // Exponential arrivals: bursts and lulls, as in a market.
        let wait = -(1.0 - self.rng.f64()).ln() * self.step_ns;
        self.next_ns = self.next_ns.saturating_add((wait as i64).max(1_000));
    }

    fn advance_regime(&mut self) {
        if self.next_ns >= self.phase_ends_ns {
            self.phase = (self.phase + 1) % PHASES.len();
            self.draw_phase_end();
        }
        let per_step = 0.02;
        self.anchor += match self.regime() {
            Regime::Up => per_step,
            Regime::Range => 0.0,
            Regime::Down => -per_step,
        };
    }

    fn draw_phase_end(&mut self) {
        let length = self.regime_ns * (0.5 + self.rng.f64());
        self.phase_ends_ns = self.next_ns.saturating_add(length as i64);
    }

    fn open(&mut self, out: &mut VecDeque<MarketRecord>) {
        self.record(MarketBody::ClearBook, out);
        for index in 0..DEPTH {
            for side in [Side::Bid, Side::Ask] {
                let quantity = self.draw_quantity(side, index);
                self.set(side, index, quantity, out);
            }
        }
    }

    /// An aggressor takes from the touch; an eaten touch moves the book by a tick.
    fn trade(&mut self, out: &mut VecDeque<MarketRecord>) {
        let buy = self.rng.f64() < 0.5 + self.lean() / 2.0;
        let (side, aggressor) =
            if buy { (Side::Ask, Aggressor::Buy) } else { (Side::Bid, Aggressor::Sell) };
        let resting = self.quantity(side, 0);
        let volume = self.draw_volume().min(resting).max(1);
        let price = self.price(self.ticks(side, 0));
        let parts = if volume >= 2 && self.rng.f64() < 0.1 {
            let first = self.rng.u32(1..volume);
            [(first, 1), (volume - first, 2)]
        } else {
            [(volume, 0), (0, 0)]
        };
        for (volume, unbundled) in parts.into_iter().filter(|(volume, _)| *volume > 0) {
            self.record(MarketBody::Trade { price, volume, aggressor, unbundled }, out);
        }
        if volume < resting {
            self.set(side, 0, resting - volume, out);
        } else {
            self.eat_touch(side, out);
        }
    }

    /// The touch of `side` is gone: its book moves away, and mostly the other side follows.
    fn eat_touch(&mut self, side: Side, out: &mut VecDeque<MarketRecord>) {
        self.delete_touch(side, out);
        let quantity = self.draw_quantity(side, DEPTH - 1);
        self.set(side, DEPTH - 1, quantity, out);
        if self.ask - self.bid > SPREAD_MAX_TICKS || self.rng.f64() < 0.9 {
            self.improve(other(side), out);
        }
    }

    /// Orders come and go without trading.
    fn rearrange(&mut self, out: &mut VecDeque<MarketRecord>) {
        let spread = self.ask - self.bid;
        if spread > 1 && self.rng.f64() < 0.5 {
            let bid = self.rng.f64() < 0.5 + self.lean() / 2.0;
            self.improve(if bid { Side::Bid } else { Side::Ask }, out);
        }
        for _ in 0..self.rng.usize(1..=4) {
            let side = if self.rng.bool() { Side::Bid } else { Side::Ask };
            // Most activity is near the touch.
            let index = self.rng.usize(0..DEPTH).min(self.rng.usize(0..DEPTH));
            let quantity = self.draw_quantity(side, index);
            self.set(side, index, quantity, out);
        }
    }

    /// A new best level one tick better; the deepest goes, so that ten remain.
    fn improve(&mut self, side: Side, out: &mut VecDeque<MarketRecord>) {
        if self.ask - self.bid <= 1 {
            return;
        }
        let deepest = self.ticks(side, DEPTH_I64 - 1);
        self.delete(side, deepest, DEPTH as u16, out);
        match side {
            Side::Bid => self.bid += 1,
            Side::Ask => self.ask -= 1,
        }
        self.quantities(side).rotate_right(1);
        let quantity = self.draw_quantity(side, 0).div_ceil(2);
        self.set(side, 0, quantity, out);
    }

    fn delete_touch(&mut self, side: Side, out: &mut VecDeque<MarketRecord>) {
        let touch = self.ticks(side, 0);
        self.delete(side, touch, 1, out);
        match side {
            Side::Bid => self.bid -= 1,
            Side::Ask => self.ask += 1,
        }
        self.quantities(side).rotate_left(1);
    }

    /// Marks the batch's last depth record final and adds the quote if the touch was touched.
    fn finish(&mut self, from: usize, out: &mut VecDeque<MarketRecord>) {
        let mut marked = false;
        let mut touched = false;
        for record in out.iter_mut().skip(from).rev() {
            if let MarketBody::Depth { level, final_in_batch, .. } = &mut record.body {
                *final_in_batch = !marked;
                marked = true;
                touched |= *level == 1;
            }
        }
        if touched {
            let bid = Some((self.price(self.bid), f64::from(self.quantity(Side::Bid, 0))));
            let ask = Some((self.price(self.ask), f64::from(self.quantity(Side::Ask, 0))));
            self.record(MarketBody::Quote { bid, ask }, out);
        }
    }

    fn set(&mut self, side: Side, index: usize, quantity: u32, out: &mut VecDeque<MarketRecord>) {
        if let Some(slot) = self.quantities(side).get_mut(index) {
            *slot = quantity;
        }
        let body = MarketBody::Depth {
            side,
            delete: false,
            price: self.price(self.ticks(side, index as i64)),
            quantity,
            orders: (quantity / 3 + 1) as u16,
            level: index as u16 + 1,
            final_in_batch: false,
        };
        self.record(body, out);
    }

    fn delete(&mut self, side: Side, ticks: i64, level: u16, out: &mut VecDeque<MarketRecord>) {
        let price = self.price(ticks);
        let body = MarketBody::Depth {
            side,
            delete: true,
            price,
            quantity: 0,
            orders: 0,
            level,
            final_in_batch: false,
        };
        self.record(body, out);
    }

    fn record(&self, body: MarketBody, out: &mut VecDeque<MarketRecord>) {
        out.push_back(MarketRecord { ts_ns: self.next_ns, symbol: self.symbol, body });
    }

    /// Resting sizes grow away from the touch and lean with the regime.
    fn draw_quantity(&mut self, side: Side, index: usize) -> u32 {
        let base = 14.0 + 4.0 * index as f64;
        let lean = match side {
            Side::Bid => 1.0 + self.lean() * 0.6,
            Side::Ask => 1.0 - self.lean() * 0.6,
        };
        let quantity = base * lean * (0.4 + 1.2 * self.rng.f64());
        (quantity as u32).clamp(1, QUANTITY_MAX)
    }

    /// Many small trades, few large ones.
    fn draw_volume(&mut self) -> u32 {
        let volume = -(1.0 - self.rng.f64()).ln() * 4.0;
        (volume as u32).clamp(1, QUANTITY_MAX)
    }

    fn quantities(&mut self, side: Side) -> &mut [u32; DEPTH] {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    fn quantity(&self, side: Side, index: usize) -> u32 {
        let quantities = match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        };
        quantities.get(index).copied().unwrap_or(0)
    }

    fn ticks(&self, side: Side, index: i64) -> i64 {
        match side {
            Side::Bid => self.bid - index,
            Side::Ask => self.ask + index,
        }
    }

    fn price(&self, ticks: i64) -> f64 {
        ticks as f64 * self.increment
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Bid => Side::Ask,
        Side::Ask => Side::Bid,
    }
}

fn ns(seconds: f64) -> i64 {
    (seconds * NS_PER_S) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::MarketState;

    fn take(config: &SyntheticConfig, count: usize) -> Vec<MarketRecord> {
        let mut market = SyntheticMarket::new(config);
        std::iter::from_fn(|| market.next()).take(count).collect()
    }

    fn two_symbols() -> SyntheticConfig {
        SyntheticConfig {
            symbols: vec![(es(), 5000.0), (nq(), 18_000.0)],
            duration_s: 600.0,
            ..SyntheticConfig::default()
        }
    }

    #[test]
    fn the_seed_decides() {
        let config = two_symbols();
        assert_eq!(take(&config, 20_000), take(&config, 20_000));
        let other = SyntheticConfig { seed: 2, ..config.clone() };
        assert_ne!(take(&config, 20_000), take(&other, 20_000));
    }

    #[test]
    fn it_starts_and_ends_when_told_and_time_never_turns_back() {
        let config = two_symbols();
        let records = take(&config, usize::MAX);
        assert_eq!(records.first().unwrap().ts_ns, START_NS);
        assert!(records.windows(2).all(|pair| pair[0].ts_ns <= pair[1].ts_ns));
        let last = records.last().unwrap().ts_ns;
        assert!(last <= START_NS + 600_000_000_000 && last > START_NS + 590_000_000_000);
    }

    #[test]
    fn the_book_is_whole_at_every_batch_end_and_never_crosses() {
        let config = two_symbols();
        let mut market = SyntheticMarket::new(&config);
        let mut state = MarketState::new(market.symbols());
        let mut ends = 0;
        while let Some(record) = market.next() {
            if let MarketBody::Trade { price, aggressor, .. } = record.body {
                let book = &state.symbol(record.symbol).unwrap().book;
                let side = if aggressor == Aggressor::Buy { Side::Ask } else { Side::Bid };
                assert_eq!(book.best(side).unwrap().price, price, "a trade is at the touch");
            }
            state.apply(&record);
            let symbol = state.symbol(record.symbol).unwrap();
            let (bid, ask) = (symbol.book.best(Side::Bid), symbol.book.best(Side::Ask));
            if let (Some(bid), Some(ask)) = (bid, ask) {
                assert!(bid.ticks < ask.ticks);
            }
            if !symbol.batch_open && !symbol.book.is_empty() {
                ends += 1;
                for side in [Side::Bid, Side::Ask] {
                    let levels = symbol.book.levels(side);
                    assert_eq!(levels.len(), DEPTH);
                    assert!(levels.iter().all(|level| level.quantity > 0));
                    assert!(levels.windows(2).all(|w| (w[0].ticks - w[1].ticks).abs() == 1));
                }
                let spread = ask.unwrap().ticks - bid.unwrap().ticks;
                assert!((1..=SPREAD_MAX_TICKS + 1).contains(&spread), "spread {spread}");
            }
        }
        assert!(ends > 50_000, "{ends} batch ends");
    }

    #[test]
    fn a_quote_is_the_touch() {
        let mut market = SyntheticMarket::new(&two_symbols());
        let mut state = MarketState::new(market.symbols());
        let mut quotes = 0;
        while let Some(record) = market.next() {
            state.apply(&record);
            if let MarketBody::Quote { bid, ask } = record.body {
                let book = &state.symbol(record.symbol).unwrap().book;
                let touch = |side| book.best(side).map(|l| (l.price, f64::from(l.quantity)));
                assert_eq!((bid, ask), (touch(Side::Bid), touch(Side::Ask)));
                quotes += 1;
            }
        }
        assert!(quotes > 10_000, "{quotes} quotes");
    }

    #[test]
    fn it_trends_both_ways_and_stays_near_home() {
        for seed in 1..=5 {
            let config = SyntheticConfig { seed, ..SyntheticConfig::default() };
            let mut market = SyntheticMarket::new(&config);
            let (mut up, mut down) = (0, 0);
            let (mut low, mut high) = (f64::MAX, f64::MIN);
            let mut phase: Option<(Regime, f64)> = None;
            let mut last = 5000.0;
            let (mut buys, mut sells) = (0u64, 0u64);
            while let Some(record) = market.next() {
                let MarketBody::Trade { price, volume, aggressor, .. } = record.body else {
                    continue;
                };
                let regime = market.regime(0).unwrap();
                match phase {
                    Some((was, from)) if was != regime => {
                        up += u32::from(was == Regime::Up && last - from >= 4.0);
                        down += u32::from(was == Regime::Down && from - last >= 4.0);
                        phase = Some((regime, price));
                    }
                    Some(_) => {}
                    None => phase = Some((regime, price)),
                }
                last = price;
                low = low.min(price);
                high = high.max(price);
                match aggressor {
                    Aggressor::Buy => buys += u64::from(volume),
                    _ => sells += u64::from(volume),
                }
            }
            assert!(up >= 3 && down >= 3, "seed {seed}: {up} trends up, {down} down");
            assert!(low > 4700.0 && high < 5300.0, "seed {seed}: {low} to {high}");
            let share = buys as f64 / (buys + sells) as f64;
            assert!((0.4..0.6).contains(&share), "seed {seed}: buyers {share}");
        }
    }
}
