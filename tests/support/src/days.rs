//! Made-up trading days in winter, when 18:00 New York is 23:00 UTC.

use mia::calendar::Calendar;
use mia::event::{Body, Event, flag};
use mia::features::baseline::{Baseline, Origin, Running};
use mia::features::{Params, SymbolFeatures, SymbolParams};
use mia::units::{Aggressor, MINUTE, Px, SECOND, Side, SymbolId, Ts};

/// Trade date 2026-01-05, a Monday, in days since 1970-01-01; 2026-01-19 is a holiday.
pub const MONDAY: i64 = 20_458;

/// 18:00 New York at which trade date `day` begins.
#[must_use]
pub const fn anchor(day: i64) -> Ts {
    Ts((day * 86_400 - 3600) * SECOND)
}

/// Weekdays from [`MONDAY`] on, holidays included.
pub fn weekdays(n: usize) -> impl Iterator<Item = i64> {
    (MONDAY..).filter(|day| (day - MONDAY) % 7 < 5).take(n)
}

/// Numbers without a pattern, the same for the same seed.
#[derive(Clone, Copy, Debug)]
pub struct Noise(pub u64);

impl Noise {
    /// The next number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// The events of trade date `day`, one each `step` seconds from 18:00 to 17:00: a trade each minute
/// or so, and depth between.
#[must_use]
pub fn day(day: i64, step: i64) -> Vec<Event> {
    let mut noise = Noise(day as u64);
    let mut px = 20_000_i64;
    let start = anchor(day);
    (0..23 * 3600 / step)
        .map(|n| {
            let ts = Ts(start.0 + n * step * SECOND + 1);
            px += noise.below(7) as i64 - 3;
            let qty = 1 + noise.below(40) as u32;
            let body = if n % 3 < 2 {
                let aggressor = if noise.below(2) == 0 { Aggressor::Buy } else { Aggressor::Sell };
                Body::Trade { px: Px::clamped(px), qty, aggressor, unbundled: 0 }
            } else {
                let bid = noise.below(2) == 0;
                let side = if bid { Side::Bid } else { Side::Ask };
                let away = noise.below(9) as i64;
                let px = Px::clamped(if bid { 19_000 - away } else { 21_000 + away });
                Body::Depth { side, px, qty, orders: 1 }
            };
            let symbol = SymbolId(0);
            Event { seq: n as u64 + 1, ts, ts_exch: ts, symbol, flags: flag::BATCH_END, body }
        })
        .collect()
}

/// What the made-up sessions have in common.
#[must_use]
pub fn origin(root: &str) -> Origin {
    let (root, tz) = (root.to_owned(), "2025b".to_owned());
    Origin { root, tick: 0.25, gap_min: 5, tz, calendar: [7; 32] }
}

/// Features that record into `baseline`.
#[must_use]
pub fn recording(baseline: Baseline) -> SymbolFeatures {
    let running = Running::new(baseline, "MADE-UP", [1; 32]);
    SymbolFeatures::new(Params::default(), &SymbolParams::of_root("ES"), Some(running))
}

/// A baseline of the first `n` weekdays, those of holidays left out.
///
/// # Panics
/// As an assertion of the test that calls it.
#[must_use]
pub fn grown(root: &str, n: usize) -> Baseline {
    let calendar = Calendar::bundled().expect("calendar");
    let mut features = recording(Baseline::new(origin(root)));
    let mut last = MONDAY;
    for date in weekdays(n) {
        day(date, 50).iter().for_each(|event| _ = features.on_event(event, &calendar));
        last = date;
    }
    end(&mut features, last, &calendar);
    let mut all = features.baseline().expect("given").baseline().clone();
    all.set_today(i32::MAX);
    all
}

/// An event after the close of trade date `day`, so that its sessions end.
pub fn end(features: &mut SymbolFeatures, day: i64, calendar: &Calendar) {
    let ts = Ts(anchor(day).0 + 23 * 60 * MINUTE);
    let (symbol, flags, body) = (SymbolId(0), 0, Body::BatchEnd);
    features.on_event(&Event { seq: 0, ts, ts_exch: ts, symbol, flags, body }, calendar);
}
