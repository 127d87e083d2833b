//! What changes when a one-minute bar closes: bars of every timeframe and the features of a bar.
//!
//! Cost of a close: each feature says its own; together a few microseconds, once a minute. Of many
//! empty minutes at once the first are closed one by one, until every window holds nothing else
//! (330 of them, 25 after an anchor), the rest in one step.

mod read;

use super::close::Close;
use super::delta::Delta;
use super::divergence::Divergence;
use super::footprint::Footprint;
use super::frame::{Details, Frame, Levels, NearBase, Number, Slot, frame_flag};
use super::mtf::{self, Mtf};
use super::navale::{self, Navale};
use super::patterns::{self, Patterns};
use super::prints::Print;
use super::profile_imbalance::ProfileImbalance;
use super::recorded::Recorded;
use super::regime_inputs::{RegimeInputs, RegimeTracker};
use super::value_area::SessionProfile;
use super::volatility_regime::VolatilityRegime;
use super::volume_confirmation::{self, Confirmation};
use super::vwap::{Anchor, Vwaps};
use super::{Params, SymbolParams};
use crate::bars::{Atr, Bar, Bars, Timeframe};
use crate::calendar::{Label, Segment};
use crate::units::{Aggressor, MINUTE, Px, Qty, Ts};

/// Empty bars in a row after which every window of a bar feature holds nothing else.
const SETTLED: u32 = 330;
/// The same for windows that begin at an anchor.
const ANCHORED: u32 = 25;
/// Index of the timeframes of one and five minutes.
const ONE: usize = 0;
const FIVE: usize = 1;

/// Index of the two session anchors: 18:00 and 09:30 New York.
pub(super) const ETH: usize = 0;
/// See [`ETH`].
pub(super) const RTH: usize = 1;

/// State of one symbol that changes with its bars.
#[derive(Clone, Debug)]
pub struct Minutes {
    /// Minute whose bar is open or would be; `None` outside sessions.
    minute: Option<i64>,
    /// Empty bars in a row.
    empty: u32,
    /// Bars since the present segment began.
    in_segment: u32,
    bars: Bars,
    series: Series,
    /// Of one-minute bars, for records.
    atr14: Atr<14>,
    /// Globex, week and month anchor that are in force.
    anchors: [Ts; 3],
    /// Active anchor of the last close, which a crossing may have followed.
    closed_rth: bool,
    /// All bars that closed with the present event, as one.
    together: Option<Bar>,
    divergence: Divergence,
    confirmation: Option<Confirmation>,
    vwap: Vwaps,
    profiles: [SessionProfile; 2],
    imbalance: Option<ProfileImbalance>,
    mtf: Mtf,
    confluence: Option<mtf::Confluence>,
    volatility: VolatilityRegime,
    regime: RegimeTracker,
    navale: Navale,
    patterns: Patterns,
    footprint: Footprint,
    /// High and low of each session since its anchor, and of the overnight one before the cash
    /// session that is on.
    ranges: [Option<(Px, Px)>; 2],
    overnight: Option<(Px, Px)>,
    /// Between the Globex anchor and the cash session.
    night: bool,
    inputs: RegimeInputs,
    five_closed: bool,
    closed: u64,
    closed_empty: u64,
}

/// Sessions that began at a crossing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Began {
    /// The Globex day.
    pub(super) globex: bool,
    /// The cash session.
    pub(super) cash: bool,
}

/// What every feature of a bar looks at.
#[derive(Clone, Debug)]
struct Series {
    timeframes: [Timeframe; 4],
    delta: Delta,
    rth: bool,
}

impl Series {
    const fn active(&self) -> usize {
        if self.rth { RTH } else { ETH }
    }

    fn look<'a>(&'a self, bar: &'a Bar, recorded: &Recorded<'_>) -> Close<'a> {
        let one = &self.timeframes[ONE];
        Close {
            bar,
            history: one.history(),
            rth: self.rth,
            atr20: one.atr20(),
            structure: one.swings().structure(),
            cvd: self.delta.cvd(self.rth),
            usual: recorded.usual(self.rth, bar, one.history()),
        }
    }
}

impl Minutes {
    /// State that has seen nothing; allocates here and nowhere else.
    #[must_use]
    pub fn new(params: &Params, symbol: &SymbolParams) -> Minutes {
        let profile = SessionProfile::new(params.profile_rows);
        Minutes {
            minute: None,
            empty: 0,
            in_segment: 0,
            bars: Bars::default(),
            series: Series {
                timeframes: [1, 5, 15, 60].map(Timeframe::new),
                delta: Delta::default(),
                rth: false,
            },
            atr14: Atr::default(),
            anchors: [Ts::NONE; 3],
            closed_rth: false,
            together: None,
            divergence: Divergence::default(),
            confirmation: None,
            vwap: Vwaps::default(),
            profiles: [profile.clone(), profile],
            imbalance: None,
            mtf: Mtf::default(),
            confluence: None,
            volatility: VolatilityRegime::default(),
            regime: RegimeTracker::default(),
            navale: Navale::new(symbol.base_width_ticks),
            patterns: Patterns::default(),
            footprint: Footprint::default(),
            ranges: [None; 2],
            overnight: None,
            night: false,
            inputs: RegimeInputs::NONE,
            five_closed: false,
            closed: 0,
            closed_empty: 0,
        }
    }

    /// A new event moves market time: no bar has closed with it yet.
    pub(super) const fn begin(&mut self) {
        self.together = None;
    }

    /// Whether the market is in a session.
    #[must_use]
    pub(super) const fn in_session(&self) -> bool {
        self.minute.is_some()
    }

    /// Adds a trade; `false` outside sessions, where it enters nothing.
    pub(super) fn trade(&mut self, px: Px, qty: Qty, aggressor: Aggressor) -> bool {
        let Some(minute) = self.minute else { return false };
        self.bars.trade(minute, px, qty, aggressor);
        self.series.delta.trade(qty, aggressor);
        self.vwap.trade(px, qty);
        self.footprint.trade(px, qty, aggressor);
        let [eth, rth] = &mut self.profiles;
        eth.trade(px, qty, aggressor);
        if self.series.rth {
            rth.trade(px, qty, aggressor);
        }
        true
    }

    /// Takes a print, with M₂₀ of tick momentum after it; `large` where smart money calls it so.
    pub(super) fn print(&mut self, print: &Print, m20: f64, large: bool) {
        self.patterns.print(print.px, print.qty, print.at, m20);
        if large {
            let [eth, rth] = &mut self.profiles;
            eth.large_print(print.px, print.qty);
            if self.series.rth {
                rth.large_print(print.px, print.qty);
            }
        }
    }

    /// Market time crosses into a segment; returns which sessions began.
    pub(super) fn enter(&mut self, to: &Segment) -> Began {
        let open = to.label.is_open();
        let globex = open && to.eth_anchor != self.anchors[0];
        let (was, is) = (self.series.rth, to.label == Label::Us);
        self.in_segment = 0;
        if was && (!is || globex) {
            self.profiles[RTH].end();
        }
        if globex {
            self.anchor(ETH, Anchor::Eth, to.eth_anchor);
            // A start after the cash session has seen nothing of the night before it.
            let night = !matches!(to.label, Label::Us | Label::UsPost);
            (self.overnight, self.night) = (None, night);
            self.series.delta.anchor_eth();
            self.divergence.anchor_eth();
            let [_, week, month] = self.anchors;
            if to.week_anchor != week {
                self.vwap.anchor(Anchor::Week);
            }
            if to.month_anchor != month {
                self.vwap.anchor(Anchor::Month);
            }
            self.anchors = [to.eth_anchor, to.week_anchor, to.month_anchor];
        }
        if is && (!was || globex) {
            self.anchor(RTH, Anchor::Rth, to.start);
            self.night = false;
            self.series.delta.anchor_rth();
            self.divergence.anchor_rth();
        }
        self.series.rth = is;
        self.minute = open.then(|| to.start.0.div_euclid(MINUTE));
        if globex || was != is {
            self.patterns.anchor();
        }
        Began { globex, cash: is && (!was || globex) }
    }

    fn anchor(&mut self, at: usize, anchor: Anchor, start: Ts) {
        self.ranges[at] = None;
        self.profiles[at].anchor(start);
        self.vwap.anchor(anchor);
    }

    /// Closes every bar that ends at or before `until`; `ends` where the session ends there.
    pub(super) fn close_until(
        &mut self,
        until: Ts,
        ends: bool,
        recorded: &mut Recorded<'_>,
        frame: &mut Frame,
    ) {
        let Some(minute) = self.minute else { return };
        let target = until.0.div_euclid(MINUTE);
        if target <= minute {
            return;
        }
        self.minute = Some(target);
        let Some(first) = self.bars.close(minute) else { return };
        self.close(&first, ends && minute + 1 == target, recorded);
        let mut at = minute + 1;
        while at < target {
            let rest = u32::try_from(target - at).unwrap_or(u32::MAX);
            let settled = self.empty >= SETTLED && self.in_segment >= ANCHORED;
            if settled && rest > 1 {
                let last = Bar::empty(at + i64::from(rest) - 2, first.close);
                self.advance(rest - 1, &last, recorded);
                at += i64::from(rest) - 1;
            } else {
                self.close(&Bar::empty(at, first.close), ends && rest == 1, recorded);
                at += 1;
            }
        }
        self.publish(recorded, frame);
    }

    /// One bar closed; `last` where its session ends with it.
    fn close(&mut self, bar: &Bar, last: bool, recorded: &mut Recorded<'_>) {
        self.count(bar, 1);
        match &mut self.together {
            Some(together) => together.merge(bar),
            None => self.together = Some(*bar),
        }
        recorded.bar(bar, 1);
        let closed = self.series.timeframes.each_mut().map(|t| u32::from(t.push(bar, last)));
        self.atr14.push(bar);
        self.series.delta.close(bar);
        self.profiles.iter_mut().for_each(|p| p.close(bar));
        self.ranges[ETH] = wider(self.ranges[ETH], bar);
        if self.series.rth {
            self.ranges[RTH] = wider(self.ranges[RTH], bar);
        } else if self.night {
            self.overnight = wider(self.overnight, bar);
        }
        let close = self.series.look(bar, recorded);
        self.vwap.close(&close);
        self.longer(closed, recorded);
        let close = self.series.look(bar, recorded);
        self.divergence.close(&close);
        self.navale.close(&close, self.volatility.regime().map(|v| v as u8));
        self.patterns.close(&close);
        self.footprint.close();
    }

    /// `n` further empty bars closed, `bar` being the last, when every window holds only such.
    fn advance(&mut self, n: u32, bar: &Bar, recorded: &mut Recorded<'_>) {
        self.count(bar, n);
        recorded.bar(bar, n);
        let closed = self.series.timeframes.each_mut().map(|t| t.advance(n));
        self.atr14.advance(n);
        self.series.delta.advance(n);
        let close = self.series.look(bar, recorded);
        self.vwap.advance(n, &close);
        self.longer(closed, recorded);
        let close = self.series.look(bar, recorded);
        self.divergence.advance(n, &close);
        self.navale.advance(n, &close, self.volatility.regime().map(|v| v as u8));
        self.patterns.advance(n, &close);
        self.footprint.advance(n);
    }

    fn count(&mut self, bar: &Bar, n: u32) {
        let empty = bar.volume == 0;
        self.empty = if empty { self.empty.saturating_add(n) } else { 0 };
        self.in_segment = self.in_segment.saturating_add(n);
        self.closed += u64::from(n);
        self.closed_empty += if empty { u64::from(n) } else { 0 };
    }

    /// Bars of longer timeframes closed, so many of each.
    fn longer(&mut self, closed: [u32; 4], recorded: &Recorded<'_>) {
        for (which, (n, timeframe)) in closed.into_iter().zip(&self.series.timeframes).enumerate() {
            let vwap = self.vwap.active(self.series.rth);
            if let (true, Some(bar)) = (n > 0, timeframe.bar()) {
                let known = vwap.position_slot(bar.close).value().is_some();
                self.mtf.closed(which, vwap.z(bar.close).filter(|_| known));
            }
        }
        let (five, rth) = (&self.series.timeframes[FIVE], self.series.rth);
        if closed[FIVE] == 0 {
            return;
        }
        self.volatility.range5(five, rth, closed[FIVE]);
        let atr20 = self.volatility.atr20(five, rth);
        let rank = recorded.atr_rank(rth, atr20);
        match closed[FIVE] {
            1 => self.volatility.close5(five, self.series.rth, rank),
            n => self.volatility.advance(n, self.series.rth, rank),
        }
        let rv = recorded.rv_rank(self.series.rth, self.volatility.rv(self.series.rth));
        let ratio = recorded.atr_ratio(rth, atr20);
        self.inputs = match closed[FIVE] {
            1 => self.regime.close5(five, rv, ratio),
            n => self.regime.advance(n, five, rv, ratio),
        };
        self.five_closed = true;
    }

    /// Writes into the frame what the last close says.
    fn publish(&mut self, recorded: &Recorded<'_>, frame: &mut Frame) {
        let Some(&bar) = self.series.timeframes[ONE].bar() else { return };
        let active = self.series.active();
        let close = self.series.look(&bar, recorded);
        let confirmation = volume_confirmation::read(&close);
        let imbalance = ProfileImbalance::of(self.profiles[active].profile());
        let [one, five, fifteen, sixty] = &self.series.timeframes;
        let atr20 = self.volatility.atr20(five, self.series.rth);
        let rank = recorded.atr_rank(self.series.rth, atr20);
        let confluence = self.mtf.read([one, five, fifteen, sixty], rank);
        let (area, position) = self.profiles[active].read(bar.close, bar.end());
        let [slope, z, trend] = self.vwap.slots(&close);
        for (number, slot) in [
            (12, confirmation.slot),
            (13, Delta::ratio(&bar)),
            (14, self.series.delta.slope_slot(self.series.rth, &close.usual)),
            (15, self.divergence.read(self.series.rth)),
            (20, slope),
            (21, z),
            (22, trend),
            (23, position),
            (24, imbalance.slot),
            (25, confluence.slot),
            (27, self.volatility.slot()),
            (28, self.navale.slot()),
        ] {
            frame.set(number, slot);
        }
        let vwap = self.vwap.active(self.series.rth).vwap();
        frame.vwap = vwap.mean().unwrap_or(0.0);
        frame.vwap_sd = vwap.deviation().unwrap_or(0.0);
        (frame.bar, frame.atr20, frame.area) = (bar, close.atr20, area);
        let (rth, target) = (self.series.rth, recorded.target_rv(self.series.rth));
        let size = self.volatility.known_multiplier(rth, target);
        frame.volatility_size = size.unwrap_or(0.0);
        frame.levels = self.levels(active);
        frame.set_nodes(self.profiles[active].nodes(bar.close, bar.end()));
        frame.base = self.navale.nearest(bar.close).map(near);
        self.details(&close, recorded, &mut frame.details);
        frame.flags |= frame_flag::BAR_CLOSED;
        if std::mem::take(&mut self.five_closed) {
            frame.flags |= frame_flag::BAR5_CLOSED;
            (frame.bar5_end, frame.regime) = (self.series.timeframes[FIVE].end(), self.inputs);
        }
        self.closed_rth = self.series.rth;
        (self.confirmation, self.imbalance) = (Some(confirmation), Some(imbalance));
        self.confluence = Some(confluence);
    }

    /// CVD of the active anchor, in contracts.
    #[must_use]
    pub fn cvd(&self) -> i64 {
        self.series.delta.cvd(self.series.rth)
    }

    /// Slot 26: patterns of prints appear between bars.
    #[must_use]
    pub const fn pattern_slot(&self) -> Slot {
        self.patterns.slot()
    }

    /// The pattern that slot 26 speaks of.
    #[must_use]
    pub(super) fn pattern(&self) -> Option<patterns::Kind> {
        self.patterns.ahead()
    }

    /// What records ask for of the last close.
    fn details(&self, close: &Close<'_>, recorded: &Recorded<'_>, details: &mut Details) {
        let reading = self.navale.reading();
        for (which, number) in [
            (Number::Atr14, self.atr14.value()),
            (Number::RealisedVol, self.volatility.rv(self.series.rth)),
            (Number::Rvol, close.usual.rvol),
            (Number::Power, reading.map(|r| r.power)),
            (Number::Trend, reading.map(|r| r.trend)),
            (Number::PremarketUsual, recorded.premarket()),
        ] {
            details.set(which, number);
        }
    }

    fn levels(&self, active: usize) -> Levels {
        let swings = self.series.timeframes[ONE].swings();
        Levels {
            previous: self.profiles.get(active).and_then(SessionProfile::previous),
            session: self.ranges.get(active).copied().flatten(),
            overnight: self.overnight,
            swing_high: swings.highs()[1].map(|s| s.px),
            swing_low: swings.lows()[1].map(|s| s.px),
        }
    }
}

/// The range with a bar's; what an empty bar repeats did not trade in it.
fn wider(range: Option<(Px, Px)>, bar: &Bar) -> Option<(Px, Px)> {
    if bar.volume == 0 {
        return range;
    }
    let (low, high) = range.unwrap_or((bar.low, bar.high));
    Some((low.min(bar.low), high.max(bar.high)))
}

fn near(base: &navale::Base) -> NearBase {
    NearBase {
        low: base.low,
        high: base.high,
        quality: base.quality(),
        number: u32::try_from(base.number).unwrap_or(u32::MAX),
        width_max: u16::try_from(base.width_max).unwrap_or(u16::MAX),
        colour: base.colour.sign() as i8,
        state: base.state,
    }
}
