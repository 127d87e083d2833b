//! The event features of the real files against a slow second computation from the raw events.
//!
//! The modules under `real_twins/` keep every trade, print, bar and book input since the start and
//! compute each slot from these by its definition when it is compared: no ring, no running sum, no
//! shortcut over silence. Slots of a bar are compared at every one-minute close that a frame tells,
//! slots of prints with every trade and Timer, slots of the book with every event. What
//! needs recorded sessions (14, 27, parts of 12, 15, 25, 26 and 28) is compared over the months of
//! the thin contract, whose sessions the twin records again by its own rules.

#[path = "real_twins/depth.rs"]
mod depth;
#[path = "real_twins/flow.rs"]
mod flow;
#[path = "real_twins/market.rs"]
mod market;
#[path = "real_twins/minutes.rs"]
mod minutes;
#[path = "real_twins/navale.rs"]
mod navale;
#[path = "real_twins/patterns.rs"]
mod patterns;
#[path = "real_twins/recorded.rs"]
mod recorded;
#[path = "real_twins/series.rs"]
mod series;

use std::collections::BTreeMap;

use mia::calendar::Calendar;
use mia::event::{Body, Event};
use mia::features::baseline::{Baseline, Kind, Origin, Running};
use mia::features::{Frame, Params, SymbolFeatures, SymbolParams, Usual, frame_flag};
use mia::runtime::files::{TickFiles, load};
use mia::units::{Reason, SECOND, Slot, Ts};
use mia_test_support as common;

use market::Market;
use minutes::Value;

/// Values compared, by what they are values of.
#[derive(Debug, Default)]
struct Compared {
    values: BTreeMap<&'static str, usize>,
    /// Comparisons in which both sides agreed that there is none, and why.
    nothing: BTreeMap<&'static str, usize>,
    seq: u64,
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

impl Compared {
    fn slot(&mut self, name: &'static str, own: Slot, twin: Value) {
        match (own.value(), twin) {
            (Some(own), Ok(twin)) => {
                assert!(same(own, twin), "{name}, event {}: {own}, twin {twin}", self.seq);
                *self.values.entry(name).or_default() += 1;
            }
            (None, Err(reason)) => {
                assert_eq!(own.reason, reason, "{name}, event {}", self.seq);
                *self.nothing.entry(name).or_default() += 1;
            }
            _ => panic!("{name}, event {}: {own:?}, twin {twin:?}", self.seq),
        }
    }

    fn number(&mut self, name: &'static str, own: Option<f64>, twin: Option<f64>) {
        let slot = own.map_or(Slot::none(Reason::NoInput), Slot::some);
        self.slot(name, slot, twin.ok_or(Reason::NoInput));
    }

    fn exact<T: PartialEq + std::fmt::Debug>(&mut self, name: &'static str, own: T, twin: T) {
        assert_eq!(own, twin, "{name}, event {}", self.seq);
        *self.values.entry(name).or_default() += 1;
    }

    /// At least so many values of each kind.
    fn at_least(&self, least: &[(&'static str, usize)]) {
        for (name, count) in &self.values {
            println!("{name}: {count} values, {} agreed to be absent", self.absent(name));
        }
        for (name, count) in &self.nothing {
            if !self.values.contains_key(name) {
                println!("{name}: no values, {count} agreed to be absent");
            }
        }
        for (name, least) in least {
            let count = self.values.get(name).copied().unwrap_or(0);
            assert!(count >= *least, "{name}: {count} values, expected {least}");
        }
    }

    fn absent(&self, name: &str) -> usize {
        self.nothing.get(name).copied().unwrap_or(0)
    }
}

/// The features and their twins over the same events.
struct Pair {
    calendar: Calendar,
    features: SymbolFeatures,
    floor: Option<i64>,
    market: Market,
    minutes: minutes::Minutes,
    depth: depth::Depth,
    navale: navale::Navale,
    patterns: patterns::Patterns,
    recorded: Option<recorded::Recorded>,
    /// Closed bars that the twins have taken.
    taken: usize,
    compared: Compared,
}

impl Pair {
    fn new(symbol: SymbolParams) -> Pair {
        Pair {
            calendar: Calendar::bundled().expect("bundled"),
            features: SymbolFeatures::new(Params::default(), &symbol, None),
            floor: symbol.large_print_floor.map(|f| i64::try_from(f).expect("small")),
            market: Market::default(),
            minutes: minutes::Minutes::new(),
            depth: depth::Depth::new(),
            navale: navale::Navale::new(symbol.base_width_ticks.map(i64::from)),
            patterns: patterns::Patterns::default(),
            recorded: None,
            taken: 0,
            compared: Compared::default(),
        }
    }

    /// The same with sessions that it records itself, silences of up to `gap_min` allowed.
    fn recording(symbol: SymbolParams, gap_min: u32) -> Pair {
        let origin = Origin { gap_min, ..common::days::origin("MNQ") };
        let running = Running::new(Baseline::new(origin), "MNQU21", [1; 32]);
        Pair {
            features: SymbolFeatures::new(Params::default(), &symbol, Some(running)),
            recorded: Some(recorded::Recorded::new(gap_min)),
            ..Pair::new(symbol)
        }
    }

    fn event(&mut self, event: &Event) {
        let frame = *self.features.on_event(event, &self.calendar);
        self.market.event(event, &self.calendar);
        self.depth.event(event, &self.market);
        self.compared.seq = event.seq;
        let closed = self.market.bars.len() > self.taken;
        assert_eq!(frame.flags & frame_flag::BAR_CLOSED != 0, closed, "event {}", event.seq);
        while let Some(bar) = self.market.bars.get(self.taken).copied() {
            self.taken += 1;
            if let Some(recorded) = &mut self.recorded {
                recorded.bar(&self.market, &bar, &self.calendar);
            }
            self.minutes.close(&self.market, &bar, self.recorded.as_ref());
            self.navale.close(&self.minutes);
            self.patterns.close(&self.minutes);
        }
        self.patterns.prints(&self.market);
        if closed {
            self.bar(&frame);
        }
        self.book(&frame);
        if closed || matches!(event.body, Body::Trade { .. } | Body::Timer) {
            self.prints(&frame);
        }
    }

    /// What a bar's close brings.
    fn bar(&mut self, frame: &Frame) {
        let (c, m) = (&mut self.compared, &self.minutes);
        let bar = self.market.bars[self.taken - 1];
        let own = &frame.bar;
        let px = [own.open, own.high, own.low, own.close].map(|p| i64::from(p.ticks()));
        c.exact("bar prices", px, [bar.open, bar.high, bar.low, bar.close]);
        let sums = [own.minute, own.volume, own.buy, own.sell];
        c.exact("bar sums", sums, [bar.minute, bar.volume, bar.buy, bar.sell]);
        c.number("ATR20", frame.atr20, m.series[0].atr());
        let cash = bar.place.cash;
        let own = self.features.minutes();
        c.slot("12", frame.slot(12), m.slot12());
        c.slot("13", frame.slot(13), m.slot13());
        c.slot("14", frame.slot(14), m.slot14(m.usual.slope));
        // What is read beside the frame is that of the anchor which the event itself may begin.
        if self.market.place() == Some(bar.place) {
            c.number("14 slope", own.delta().slope(cash), m.cvd_slope());
            let usual = Usual { cvd_slope: Some((-2.0, 7.0)), ..Usual::default() };
            let own = own.delta().slope_slot(cash, &usual);
            c.slot("14 of made-up usual", own, m.slot14(usual.cvd_slope));
        }
        c.slot("15", frame.slot(15), m.slot15());
        if m.slot15().is_ok_and(|v| v != 0.0) {
            c.exact("15 other than 0", (), ());
        }
        if let Some((mean, sd)) = m.vwap() {
            c.number("VWAP", Some(frame.vwap), Some(mean));
            c.number("VWAP deviation", Some(frame.vwap_sd), Some(sd));
        }
        c.slot("20", frame.slot(20), m.slot20());
        c.slot("21", frame.slot(21), m.slot21());
        c.slot("22", frame.slot(22), m.slot22());
        let twin = m.slot23(&self.market);
        c.slot("23", frame.slot(23), twin.map(|t| t.0));
        let own_area = frame.area.map(|a| [a.poc, a.val, a.vah].map(|p| i64::from(p.ticks())));
        c.exact("value area", own_area, twin.ok().map(|(_, (poc, val, vah))| [poc, val, vah]));
        c.slot("24", frame.slot(24), m.slot24(&self.market));
        c.slot("25", frame.slot(25), m.slot25());
        c.number("27 volatility", own.volatility().rv(cash), m.realised());
        c.slot("27", frame.slot(27), m.slot27());
        let regime = ["27 low", "27 normal", "27 high", "27 extreme"];
        if let Some(regime) = m.regime.and_then(|r| regime.get(r).copied()) {
            c.exact(regime, own.volatility().regime().map(|r| r as usize), m.regime);
        }
        // Nothing is compared here: how often a comparison above had these inputs.
        let known = [("RVOL", m.usual.rvol), ("RVOL of the set", m.usual.rvol_set)];
        for (name, _) in known.iter().filter(|k| k.1.is_some()) {
            *c.values.entry(*name).or_default() += 1;
        }
        let twin = self.navale.slot28(m);
        c.slot("28", frame.slot(28), twin.map(|t| t.0));
        c.exact("bases", own.navale().found(), self.navale.found() as u64);
        let boxes = self.navale.boxes();
        let all = own.navale().bases().map(|b| {
            let [low, high] = [b.low, b.high].map(|p| i64::from(p.ticks()));
            [low, high, i64::from(b.colour.sign()), b.state as i64]
        });
        for twin in &boxes {
            let name = match twin.0 {
                [_, _, 0, _] => continue,
                [.., 2 | 3] => "boxes tested",
                [.., 4] => "boxes violated",
                _ => "boxes coloured",
            };
            *c.values.entry(name).or_default() += 1;
        }
        c.exact("boxes", all.collect::<Vec<_>>(), boxes.iter().map(|b| b.0).collect());
        for (own, twin) in own.navale().bases().zip(&boxes) {
            c.number("box quality", Some(own.quality()), Some(twin.1));
        }
        if let (Some(own), Ok((_, [p, t, b]))) = (own.navale().reading(), twin) {
            c.number("28 power", Some(own.power), Some(p));
            c.number("28 trend", Some(own.trend), Some(t));
            c.number("28 base", Some(own.base), Some(b));
        }
    }

    /// What any event may change.
    fn book(&mut self, frame: &Frame) {
        let (c, ts) = (&mut self.compared, frame.event.ts.0);
        let [l1, levels] = self.depth.slots(&self.market, ts);
        c.slot("16", frame.slot(16), l1);
        c.slot("17", frame.slot(17), levels);
        if self.market.place().is_some() {
            c.exact("OFI", frame.ofi, self.depth.ofi());
        }
    }

    /// What prints and time bring.
    fn prints(&mut self, frame: &Frame) {
        let c = &mut self.compared;
        c.exact("prints", self.features.prints(), self.market.prints.len() as u64);
        c.slot("26", frame.slot(26), self.patterns.slot26(self.taken));
        let Some(place) = self.market.place() else {
            c.slot("18", frame.slot(18), Err(Reason::OutOfSession));
            c.slot("19", frame.slot(19), Err(Reason::OutOfSession));
            return;
        };
        // The contract of the baseline never trades what slot 18 needs, whatever is large.
        if self.recorded.is_none() {
            c.slot("18", frame.slot(18), flow::slot18(&self.market, self.floor));
        } else {
            assert_eq!(frame.slot(18).value(), None);
        }
        c.slot("19", frame.slot(19), flow::slot19(&self.market, frame.event.ts.0));
        let day = self.market.trades.iter().rev().take_while(|t| t.place.eth == place.eth);
        let sum = day.filter(|t| t.place.since(place)).map(|t| t.sign * t.qty).sum::<i64>();
        c.exact("CVD", frame.cvd, sum);
    }
}

/// Hands the events of the MNQ file to `each` until it has enough.
fn mnq(mut each: impl FnMut(&Event) -> bool) -> bool {
    let Some(path) = common::shared("data/ticks/MNQU21-CME.scid") else { return false };
    let files = TickFiles::new(vec![load(&path).expect("readable")], None).expect("known symbol");
    let mut stream = files.stream().expect("readable");
    while let Some(event) = stream.next_event().expect("whole file") {
        if !each(&event) {
            break;
        }
    }
    true
}

fn at(text: &str) -> Ts {
    let at: jiff::Timestamp = text.parse().expect("instant");
    Ts(i64::try_from(at.as_nanosecond()).expect("range"))
}

/// The holiday evening with its book.
#[test]
fn es_hour() {
    let Some(path) = common::es_file() else { return };
    let mut pair = Pair::new(SymbolParams::of_root("ES"));
    common::events(&path).iter().for_each(|e| pair.event(e));
    println!("patterns of bars, reversals, shifts: {:?}", pair.patterns.counts);
    println!("bases {}, book inputs {}", pair.navale.found(), pair.depth.taken);
    pair.compared.at_least(&[
        ("12", 40),
        ("13", 59),
        ("14 slope", 40),
        ("14 of made-up usual", 40),
        ("15", 40),
        ("15 other than 0", 12),
        ("16", 59_000),
        ("17", 59_000),
        ("OFI", 59_000),
        ("18", 900),
        ("19", 6_400),
        ("CVD", 6_600),
        ("20", 40),
        ("21", 50),
        ("22", 40),
        ("23", 30),
        ("value area", 59),
        ("24", 58),
        ("26", 4_200),
        ("28", 40),
        ("bases", 59),
        ("boxes", 59),
        ("boxes coloured", 90),
        ("box quality", 250),
    ]);
    assert!(pair.navale.found() >= 11 && pair.patterns.counts[2] >= 37);
}

/// The same with prints of 20 contracts called large, so that slot 18 speaks.
#[test]
fn es_hour_with_a_low_floor() {
    let Some(path) = common::es_file() else { return };
    let symbol = SymbolParams { large_print_floor: Some(20), ..SymbolParams::of_root("ES") };
    let mut pair = Pair::new(symbol);
    common::events(&path).iter().for_each(|e| pair.event(e));
    pair.compared.at_least(&[("18", 6_000)]);
}

/// Four minutes over midnight of best bids and asks alone.
#[test]
fn es_quotes() {
    let name = "data/ticks/futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst";
    let Some(path) = common::shared(name) else { return };
    let mut pair = Pair::new(SymbolParams::of_root("ES"));
    common::events(&path).iter().for_each(|e| pair.event(e));
    pair.compared.at_least(&[("16", 2_000), ("OFI", 2_000), ("CVD", 100)]);
}

/// Three trade dates of the thin contract, second by second.
#[test]
fn mnq_three_days() {
    let (from, to) = (at("2021-04-27T22:00:00Z"), at("2021-04-30T21:00:00Z"));
    let mut pair = Pair::new(SymbolParams::of_root("MNQ"));
    let there = mnq(|event| {
        if event.ts >= from && event.ts < to {
            pair.event(event);
        }
        event.ts < to
    });
    if there {
        println!("bases {}, patterns {:?}", pair.navale.found(), pair.patterns.counts);
        pair.compared.at_least(&[
            ("12", 2_500),
            ("13", 1_000),
            ("14 slope", 3_900),
            ("15 other than 0", 3_800),
            ("19", 44_000),
            ("CVD", 240_000),
            ("20", 4_000),
            ("21", 4_000),
            ("22", 3_900),
            ("23", 4_000),
            ("24", 250),
            ("25", 3_900),
            ("26", 250_000),
            ("27 volatility", 3_900),
            ("28", 4_000),
            ("box quality", 75_000),
        ]);
    }
}

/// Five months of it without Timers: every silence ends with one jump, as after a stall.
#[test]
fn mnq_months_in_jumps() {
    let mut pair = Pair::new(SymbolParams::of_root("MNQ"));
    let there = mnq(|event| {
        if !matches!(event.body, Body::Timer) {
            pair.event(event);
        }
        true
    });
    if there {
        println!("bases {}, patterns {:?}", pair.navale.found(), pair.patterns.counts);
        pair.compared.at_least(&[
            ("12", 9_000),
            ("13", 4_800),
            ("14 slope", 11_000),
            ("15 other than 0", 10_000),
            ("19", 14_000),
            ("CVD", 24_000),
            ("20", 11_000),
            ("21", 11_000),
            ("22", 11_000),
            ("23", 12_000),
            ("24", 350),
            ("25", 11_000),
            ("26", 23_000),
            ("27 volatility", 12_000),
            ("28", 12_000),
            ("box quality", 240_000),
        ]);
    }
}

/// The same with the sessions recorded on the way: what is usual, ranks, the volatility regime.
#[test]
fn mnq_months_with_a_baseline() {
    let mut pair = Pair::recording(SymbolParams::of_root("MNQ"), 60);
    let there = mnq(|event| {
        if !matches!(event.body, Body::Timer) {
            pair.event(event);
        }
        true
    });
    if there {
        let recorded = pair.recorded.as_ref().expect("given").counts();
        let own = pair.features.baseline().expect("given").baseline();
        let own = Kind::ALL.map(|kind| own.sessions(kind).len());
        println!("bases {}, patterns {:?}", pair.navale.found(), pair.patterns.counts);
        println!("sessions {own:?}, twin {recorded:?}");
        assert_eq!(own, recorded);
        assert!(own[0] >= 15 && own[1] >= 30);
        pair.compared.at_least(&[
            ("12", 9_000),
            ("14", 7_000),
            ("15 other than 0", 10_000),
            ("25", 11_000),
            ("26", 23_000),
            ("27", 9_000),
            ("27 low", 2_500),
            ("27 normal", 4_800),
            ("27 high", 1_400),
            ("27 extreme", 300),
            ("RVOL", 1_900),
            ("RVOL of the set", 6_400),
            ("28", 12_000),
            ("box quality", 240_000),
        ]);
    }
}

/// The first `trades` of those months as if they had come quickly: `burst` of them a tenth of a
/// second apart, then `pause` seconds of nothing. Every minute trades, so that a base is broken.
fn in_quick_motion(burst: u64, pause: i64, trades: u64) -> Option<Pair> {
    let symbol = SymbolParams { large_print_floor: Some(8), ..SymbolParams::of_root("MNQ") };
    let mut pair = Pair::new(symbol);
    let (mut ts, mut seq) = (at("2021-01-05T23:00:00Z"), 0);
    let there = mnq(|event| {
        if matches!(event.body, Body::Trade { .. }) {
            seq += 1;
            ts.0 += if seq % burst == 0 { pause * SECOND } else { SECOND / 10 };
            pair.event(&Event { seq, ts, ts_exch: ts, ..*event });
        }
        seq < trades
    });
    let counts = (pair.navale.found(), pair.patterns.counts);
    println!("bases and patterns {counts:?}");
    there.then_some(pair)
}

#[test]
fn mnq_in_quick_motion() {
    if let Some(pair) = in_quick_motion(5, 20, 4000) {
        pair.compared.at_least(&[("boxes violated", 190), ("15 other than 0", 240), ("28", 250)]);
    }
}
