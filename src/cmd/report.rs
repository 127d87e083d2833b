//! What a run prints about itself: one JSON object, or the same for people.

use std::fmt::Write as _;

use serde::Serialize;

use super::pairs::PairReport;
use crate::book::Ladder;
use crate::decision::{Reading, Tier};
use crate::features::{Features, Reason, SymbolFeatures};
use crate::feed::Counters;
use crate::feed::seam::Warmed;
use crate::pipeline::{Judge, SignalCounts};
use crate::profile::ValueArea;
use crate::runtime::warmup::{self, Summary};
use crate::store::orderflow::{Feed, Written};
use crate::tally::Tally;
use crate::units::{Instrument, Px, SymbolId, Ts};

/// Signals by tier and by side.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub struct Signals {
    premium: u64,
    strong: u64,
    good: u64,
    weak: u64,
    no_trade: u64,
    #[serde(rename = "long")]
    long: u64,
    #[serde(rename = "short")]
    short: u64,
}

impl Signals {
    fn new(counts: &SignalCounts) -> Signals {
        Signals {
            premium: counts.of(Tier::Premium),
            strong: counts.of(Tier::Strong),
            good: counts.of(Tier::Good),
            weak: counts.of(Tier::Weak),
            no_trade: counts.of(Tier::NoTrade),
            long: counts.long,
            short: counts.short,
        }
    }
}

/// What a source skipped or refused.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    unused: u64,
    unknown: u64,
    unknown_symbol: u64,
    off_grid: u64,
    invalid: u64,
    unknown_orders: u64,
    bars: u64,
    partial_bytes: u64,
    tick_mismatches: u64,
    overlap: u64,
}

impl Refused {
    /// The counters of a run.
    #[must_use]
    pub fn new(c: &Counters) -> Refused {
        Refused {
            unused: c.unused,
            unknown: c.unknown,
            unknown_symbol: c.unknown_symbol,
            off_grid: c.off_grid,
            invalid: c.invalid,
            unknown_orders: c.unknown_orders,
            bars: c.bars,
            partial_bytes: c.partial_bytes,
            tick_mismatches: c.tick_mismatches,
            overlap: c.overlap,
        }
    }
}

/// Counts and prices of one symbol; prices in points, times RFC 3339.
#[derive(Clone, Debug, Serialize)]
pub struct SymbolReport {
    symbol: String,
    events: u64,
    timers: u64,
    trades: u64,
    volume: u64,
    buy_volume: u64,
    sell_volume: u64,
    unknown_side_volume: u64,
    first_ts: Option<String>,
    last_ts: Option<String>,
    first_price: Option<f64>,
    last_price: Option<f64>,
    high: Option<f64>,
    low: Option<f64>,
    vwap: Option<f64>,
    vwap_sd: Option<f64>,
    cvd: i64,
    poc: Option<f64>,
    vah: Option<f64>,
    val: Option<f64>,
    bids: Vec<(f64, u32)>,
    asks: Vec<(f64, u32)>,
    crossed_events: u64,
    depth_updates: u64,
    gaps: u64,
    rejects: u64,
    bars: u64,
    empty_bars: u64,
    out_of_session: u64,
    late_events: u64,
    implausible_times: u64,
    market_regime: String,
}

impl SymbolReport {
    /// What `tally` counted and `features` refused, in the points of `instrument`; the regime is
    /// the last one of `decision`, or why there is none.
    #[must_use]
    pub fn new(
        instrument: &Instrument,
        tally: &Tally,
        features: &SymbolFeatures,
        regime: Result<Reading, Reason>,
    ) -> SymbolReport {
        let (counters, clock) = (features.counters(), features.clock());
        let points = |px: Px| instrument.points(px);
        let scaled = |ticks: f64| ticks * instrument.tick;
        let [unknown, buy, sell] = tally.volume;
        let range = tally.range;
        let time = |ts: Ts| ts.to_string();
        let area: Option<ValueArea> = tally.profile().value_area();
        SymbolReport {
            symbol: instrument.symbol.clone(),
            events: tally.events,
            timers: tally.timers,
            trades: tally.trades,
            volume: tally.total_volume(),
            buy_volume: buy,
            sell_volume: sell,
            unknown_side_volume: unknown,
            first_ts: range.map(|r| time(r.first_ts)),
            last_ts: range.map(|r| time(r.last_ts)),
            first_price: range.map(|r| points(r.first)),
            last_price: range.map(|r| points(r.last)),
            high: range.map(|r| points(r.high)),
            low: range.map(|r| points(r.low)),
            vwap: tally.vwap().mean().map(scaled),
            vwap_sd: tally.vwap().deviation().map(scaled),
            cvd: tally.cvd(),
            poc: area.map(|a| points(a.poc)),
            vah: area.map(|a| points(a.vah)),
            val: area.map(|a| points(a.val)),
            bids: levels(tally.book().bids(), instrument),
            asks: levels(tally.book().asks(), instrument),
            crossed_events: tally.crossed,
            depth_updates: tally.depth_updates,
            gaps: tally.gaps,
            rejects: tally.rejects,
            bars: counters.bars,
            empty_bars: counters.empty_bars,
            out_of_session: counters.out_of_session,
            late_events: clock.late(),
            implausible_times: clock.implausible(),
            market_regime: regime.map_or_else(Reason::name, |r| r.state.name()).to_owned(),
        }
    }
}

fn levels(ladder: &Ladder, instrument: &Instrument) -> Vec<(f64, u32)> {
    ladder.visible().iter().map(|l| (instrument.points(l.px), l.qty)).collect()
}

/// What a symbol was warmed up with; times RFC 3339.
#[derive(Clone, Debug, Serialize)]
pub struct WarmupReport {
    symbol: String,
    trades: u64,
    from: String,
    to: String,
    live_from: Option<String>,
    missing_s: Option<f64>,
    overlap: u64,
    #[serde(skip)]
    text: String,
}

impl WarmupReport {
    fn new(symbol: &str, warmed: &Warmed) -> WarmupReport {
        let live = warmed.live.is_some();
        let joined = warmup::joined(warmed).unwrap_or_else(|| "no live event came".to_owned());
        WarmupReport {
            symbol: symbol.to_owned(),
            trades: warmed.trades,
            from: warmed.from.to_string(),
            to: warmed.to.to_string(),
            live_from: live.then(|| warmed.live.to_string()),
            missing_s: live.then(|| warmed.missing_ns() as f64 / 1e9),
            overlap: warmed.overlap,
            text: format!("{symbol}: {}; {joined}", warmup::text(warmed)),
        }
    }
}

/// Everything about one run. With one symbol its counts and prices stand at the top level; with
/// several they stand under `symbols`, and the top level holds the run's own.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    mode: String,
    preset: String,
    synthetic: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    only: Option<SymbolReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    symbols: Vec<SymbolReport>,
    signals: Signals,
    frames: u64,
    events_per_second: Option<f64>,
    digest: String,
    refused: Refused,
    #[serde(skip_serializing_if = "Option::is_none")]
    digests_checked: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warmup: Vec<WarmupReport>,
    /// Gauges of the feeds, where order flow was written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    feeds: Vec<Feed>,
    /// Diagnostics: they decide nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostic_pairs: Vec<PairReport>,
}

/// What a report needs besides the core's state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Market events and Timers a second of decode and core.
    pub events_per_second: Option<f64>,
    /// Recorded digests that agreed.
    pub digests_checked: Option<usize>,
    /// Whether the market was made up.
    pub synthetic: bool,
}

impl Report {
    /// The report of a run.
    #[must_use]
    pub fn new(
        mode: &str,
        instruments: &[Instrument],
        features: &Features,
        judge: &Judge,
        counters: &Counters,
        measured: Measured,
    ) -> Report {
        let one = |(id, instrument)| {
            let id = SymbolId(id);
            let regime = judge.decision().market_regime(id);
            Some(SymbolReport::new(instrument, judge.tally(id)?, features.symbol(id)?, regime))
        };
        let mut symbols: Vec<SymbolReport> = (0_u16..).zip(instruments).filter_map(one).collect();
        let only = if symbols.len() == 1 { symbols.pop() } else { None };
        Report {
            mode: mode.to_owned(),
            preset: judge.decision().preset().name.clone(),
            synthetic: measured.synthetic,
            only,
            symbols,
            signals: Signals::new(judge.signals()),
            frames: judge.frames(),
            events_per_second: measured.events_per_second,
            digest: format!("{:016x}", judge.digest().0),
            refused: Refused::new(counters),
            digests_checked: measured.digests_checked,
            warmup: Vec::new(),
            feeds: Vec::new(),
            diagnostic_pairs: super::pairs::reports(instruments, judge.pairs()),
        }
    }

    /// With what a live run was warmed up with.
    #[must_use]
    pub fn with_warmup(mut self, instruments: &[Instrument], summary: &Summary) -> Report {
        for (id, warmed) in summary {
            if let Some(instrument) = instruments.get(usize::from(id.0)) {
                self.warmup.push(WarmupReport::new(&instrument.symbol, warmed));
            }
        }
        self
    }

    /// With the gauges of the feeds that the order-flow files were made from.
    #[must_use]
    pub fn with_feeds(mut self, written: Option<&Written>) -> Report {
        self.feeds = written.map(|written| written.feeds.clone()).unwrap_or_default();
        self
    }

    /// One JSON object.
    ///
    /// # Errors
    /// Where a number has no JSON form; none of these does.
    pub fn to_json(&self) -> Result<String, simd_json::Error> {
        simd_json::to_string(self)
    }

    /// A few lines for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let label = if self.synthetic { "  SYNTHETIC MARKET" } else { "" };
        let _ = writeln!(out, "mode {}  preset {}{label}", self.mode, self.preset);
        for s in self.only.iter().chain(&self.symbols) {
            symbol_text(&mut out, s);
        }
        let n = &self.signals;
        let _ = writeln!(
            out,
            "signals      {} long, {} short (PREMIUM {}, STRONG {}, GOOD {}, WEAK {}, below {})",
            n.long, n.short, n.premium, n.strong, n.good, n.weak, n.no_trade
        );
        let rate = self.events_per_second.map_or(String::new(), |r| format!(", {r:.0} events/s"));
        let _ = writeln!(out, "frames       {}{rate}", self.frames);
        let _ = writeln!(out, "digest       {}", self.digest);
        if let Some(n) = self.digests_checked {
            let _ = writeln!(out, "             {n} recorded digests compared");
        }
        for pair in &self.diagnostic_pairs {
            let _ = writeln!(out, "diagnostic   {}", pair.to_text());
        }
        for w in &self.warmup {
            let _ = writeln!(out, "warm-up      {}", w.text);
        }
        let r = &self.refused;
        for (count, what) in [
            (r.unknown, "messages of an unknown number skipped"),
            (r.unknown_symbol, "messages for a symbol that is not in the run"),
            (
                r.tick_mismatches,
                "security definitions contradict the tick size: the symbol's prices are REFUSED",
            ),
            (r.off_grid, "prices off the tick grid REFUSED: is the tick size right?"),
            (r.invalid, "values out of range REFUSED"),
            (r.unknown_orders, "cancels or changes of unknown orders"),
            (r.bars, "bar records skipped: store single ticks (Sierra: 1 Tick)"),
            (r.overlap, "live trades that the warm-up may already hold were skipped"),
            (r.partial_bytes, "bytes of an incomplete last record"),
        ] {
            if count > 0 {
                let _ = writeln!(out, "note         {count} {what}");
            }
        }
        out
    }
}

fn symbol_text(out: &mut String, s: &SymbolReport) {
    let price = |p: Option<f64>| p.map_or("-".to_owned(), |p| format!("{p:.2}"));
    let text = |t: &Option<String>| t.clone().unwrap_or_else(|| "-".to_owned());
    let _ = writeln!(out, "\n{}", s.symbol);
    let _ = writeln!(
        out,
        "  events     {} ({} trades, {} depth updates), {} timers",
        s.events, s.trades, s.depth_updates, s.timers
    );
    let _ = writeln!(out, "  from       {}", text(&s.first_ts));
    let _ = writeln!(out, "  to         {}", text(&s.last_ts));
    let _ = writeln!(
        out,
        "  volume     {} = {} bought + {} sold + {} without a side; CVD {:+}",
        s.volume, s.buy_volume, s.sell_volume, s.unknown_side_volume, s.cvd
    );
    let _ = writeln!(
        out,
        "  price      first {}  last {}  high {}  low {}",
        price(s.first_price),
        price(s.last_price),
        price(s.high),
        price(s.low)
    );
    let _ = writeln!(
        out,
        "  vwap       {} ± {}   POC {}  value area {} to {}",
        price(s.vwap),
        price(s.vwap_sd),
        price(s.poc),
        price(s.val),
        price(s.vah)
    );
    let best =
        |l: &[(f64, u32)]| l.first().map_or("-".to_owned(), |b| format!("{:.2} × {}", b.0, b.1));
    let _ = writeln!(out, "  book       {} / {}", best(&s.bids), best(&s.asks));
    let _ = writeln!(
        out,
        "  bars       {} of one minute, {} without a trade; market regime {}",
        s.bars, s.empty_bars, s.market_regime
    );
    for (count, what) in [
        (s.crossed_events, "crossed states"),
        (s.gaps, "GAPS reported"),
        (s.rejects, "REJECTS"),
        (s.out_of_session, "trades while the market was closed: in no bar, sum or profile"),
        (s.late_events, "events whose exchange time lay behind market time"),
        (s.implausible_times, "exchange times more than a minute ahead: taken as missing"),
    ] {
        if count > 0 {
            let _ = writeln!(out, "  note       {count} {what}");
        }
    }
}
