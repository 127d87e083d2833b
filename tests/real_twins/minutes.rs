//! Slots 12 to 15 and 20 to 25 of the last closed bar, each from the bars and trades themselves.

use std::collections::BTreeMap;

use mia::units::{MINUTE, Reason};
use mia_test_support::naive::{moments, quantile, slope, value_area};

use crate::market::{Bar, Deal, Market, Place, invalid};
use crate::recorded::{Recorded, Usual};
use crate::series::{Series, Swing, Wilder};

pub(crate) type Value = Result<f64, Reason>;

/// VWAP and deviation of one anchor at a bar's close, in ticks.
type Mean = Option<(f64, f64)>;

/// What the closes of bars leave behind.
#[derive(Debug)]
pub(crate) struct Minutes {
    /// Of 1, 5, 15 and 60 minutes.
    pub(crate) series: [Series; 4],
    /// VWAP after each bar: of the Globex day and of the cash session.
    vwaps: Vec<[Mean; 2]>,
    /// z of slot 21 when the last bar of each timeframe closed.
    z: [Option<f64>; 4],
    /// Bars and strengths of the signals of slot 15's swing form, of both anchors.
    signals: [Vec<(usize, Place, f64)>; 2],
    /// Slot 15 of both anchors at the last close.
    divergence: [Value; 2],
    squares: [Vec<f64>; 2],
    /// ATR20 over the five-minute bars of cash sessions alone, and its value.
    cash: (Wilder, Option<f64>),
    /// What recorded sessions say at the last close.
    pub(crate) usual: Usual,
    /// Rank of the five-minute ATR20.
    rank: Option<f64>,
    /// Ranks at five-minute closes since there is a regime, and that regime.
    ranks: Vec<f64>,
    pub(crate) regime: Option<usize>,
}

impl Minutes {
    pub(crate) fn new() -> Minutes {
        Minutes {
            series: [1, 5, 15, 60].map(Series::new),
            vwaps: Vec::new(),
            z: [None; 4],
            signals: [Vec::new(), Vec::new()],
            divergence: [Err(Reason::Warmup); 2],
            squares: [Vec::new(), Vec::new()],
            cash: (Wilder::default(), None),
            usual: Usual::default(),
            rank: None,
            ranks: Vec::new(),
            regime: None,
        }
    }

    /// Takes the next closed bar of the market.
    pub(crate) fn close(&mut self, market: &Market, bar: &Bar, recorded: Option<&Recorded>) {
        let swings = (self.series[0].highs.len(), self.series[0].lows.len());
        let closed = self.series.each_mut().map(|s| s.push(bar));
        let at = |cash: bool| mean(&market.trades, bar, Place { cash, ..bar.place });
        self.vwaps.push([at(false), if bar.place.cash { at(true) } else { None }]);
        let z = self.slot21().ok().and_then(|_| self.position());
        for (kept, _) in self.z.iter_mut().zip(closed).filter(|(_, c)| *c) {
            *kept = z;
        }
        if closed[1] {
            let five = &self.series[1].bars;
            if let [.., a, b] = &five[..] {
                let r = (b.close as f64 / a.close as f64).ln();
                self.squares[0].push(r * r);
                if b.place.cash {
                    self.squares[1].push(r * r);
                }
            }
        }
        self.recorded(bar.place.cash, closed[1], recorded);
        for which in 0..if bar.place.cash { 2 } else { 1 } {
            let place = Place { cash: which == 1, ..bar.place };
            self.divergence[which] = self.diverge(which, place, swings);
        }
    }

    /// What recorded sessions say, and the regime that follows.
    fn recorded(&mut self, cash: bool, five: bool, recorded: Option<&Recorded>) {
        if let (true, true, [older @ .., bar]) = (cash, five, &self.series[1].bars[..]) {
            if older.last().is_none_or(|b| !b.place.cash) {
                self.cash.0.forget();
            }
            self.cash.1 = self.cash.0.push(bar.high, bar.low, bar.close);
        }
        let Some(recorded) = recorded else { return };
        self.usual = recorded.usual(self.bars());
        let atr = if cash { self.cash.1 } else { self.series[1].atr() };
        self.rank = atr.and_then(|atr| recorded.rank(cash, atr));
        if !five {
            return;
        }
        let Some(rank) = self.rank else {
            self.regime = None;
            self.ranks.clear();
            return;
        };
        let bounds = [0.25, 0.75, 0.95];
        self.ranks.push(rank);
        let mut regime =
            self.regime.unwrap_or_else(|| bounds.iter().filter(|b| rank >= **b).count());
        if let [.., a, b, c] = self.ranks[..] {
            let all = |f: &dyn Fn(f64) -> bool| f(a) && f(b) && f(c);
            while regime < 3 && all(&|r| r >= bounds[regime] + 0.02) {
                regime += 1;
            }
            while regime > 0 && all(&|r| r < bounds[regime - 1] - 0.02) {
                regime -= 1;
            }
        }
        self.regime = Some(regime);
    }

    /// Slot 27.
    pub(crate) fn slot27(&self) -> Value {
        self.regime.map(|r| r as f64 / 3.0).ok_or(Reason::Warmup)
    }

    fn bars(&self) -> &[Bar] {
        &self.series[0].bars
    }

    fn bar(&self) -> &Bar {
        self.bars().last().expect("closed")
    }

    fn window(&self, n: usize) -> Option<&[Bar]> {
        self.bars().len().checked_sub(n).map(|from| &self.bars()[from..])
    }

    /// Bars since an anchor.
    fn since(&self, place: Place) -> &[Bar] {
        let bars = self.bars();
        let n = bars.iter().rev().take_while(|b| b.place.since(place)).count();
        &bars[bars.len() - n..]
    }

    pub(crate) fn slot12(&self) -> Value {
        let bars = self.window(20).ok_or(Reason::Warmup)?;
        let set = &bars[15..];
        let sum = |f: &dyn Fn(&Bar) -> i64| set.iter().map(f).sum::<i64>() as f64;
        let volume = sum(&|b| b.volume);
        if volume == 0.0 {
            return Err(Reason::ZeroDenominator);
        }
        if invalid(set) {
            return Err(Reason::InvalidInput);
        }
        let sign = ((set[4].close - bars[14].close).signum()) as f64;
        let b = sign * sum(&Bar::delta) / volume;
        let a = self.usual.rvol_set.map(|rvol| ((rvol - 1.0) / 0.8).clamp(0.0, 1.0));
        // A change of the close for each of 20 bars needs one more.
        let c = self.window(21).and_then(|bars| {
            let volumes: Vec<f64> = bars[1..].iter().map(|b| b.volume as f64).collect();
            let moves: Vec<f64> =
                bars.windows(2).map(|p| (p[1].close - p[0].close).abs() as f64).collect();
            correlation(&ranks(&volumes), &ranks(&moves))
        });
        let parts: Vec<f64> = [a, Some(b), c].into_iter().flatten().collect();
        Ok(sign * parts.iter().sum::<f64>() / parts.len() as f64)
    }

    pub(crate) fn slot13(&self) -> Value {
        let bar = self.bar();
        match bar.volume {
            0 => Err(Reason::ZeroDenominator),
            _ if invalid(&[*bar]) => Err(Reason::InvalidInput),
            v => Ok(bar.delta() as f64 / v as f64),
        }
    }

    /// m of slot 14.
    pub(crate) fn cvd_slope(&self) -> Option<f64> {
        let cvd = running(self.since(self.bar().place));
        let from = cvd.len().checked_sub(20)?;
        Some(slope(&cvd[from..]))
    }

    /// Slot 14 against a baseline of this mean and deviation.
    pub(crate) fn slot14(&self, usual: Option<(f64, f64)>) -> Value {
        let m = self.cvd_slope().ok_or(Reason::Warmup)?;
        if invalid(self.window(20).ok_or(Reason::Warmup)?) {
            return Err(Reason::InvalidInput);
        }
        match usual.ok_or(Reason::Warmup)? {
            (_, 0.0) => Err(Reason::ZeroDenominator),
            (mean, sd) => Ok(((m - mean) / sd / 3.0).clamp(-1.0, 1.0)),
        }
    }

    pub(crate) fn slot15(&self) -> Value {
        self.divergence[usize::from(self.bar().place.cash)]
    }

    fn diverge(&mut self, which: usize, place: Place, known: (usize, usize)) -> Value {
        let bars = self.since(place);
        if bars.len() < 20 {
            return Err(Reason::Warmup);
        }
        let n = bars.len();
        let newest = self.bars().len() - 1;
        let window = &bars[n - 20..];
        if invalid(window) {
            return Err(Reason::InvalidInput);
        }
        let time: Vec<f64> = (0..20).map(f64::from).collect();
        let closes: Vec<f64> = window.iter().map(|b| b.close as f64).collect();
        let cvd = running(bars);
        let (p, d) = (correlation(&time, &closes), correlation(&time, &cvd[n - 20..]));
        let slopes = match (p, d) {
            (Some(p), Some(d)) if p * d < 0.0 && p * p >= 0.3 && d * d >= 0.3 => {
                d.signum() * 0.5 * (p - d).abs()
            }
            _ => 0.0,
        };
        let deltas: Vec<f64> = window.iter().map(|b| b.delta() as f64).collect();
        let (_, sd) = moments(&deltas);
        let one = &self.series[0];
        let first = self.bars().len() - n;
        let compare = |swings: &[Swing], known: usize, side: f64| -> Value {
            let Some(&new) = swings[known..].last() else { return Ok(0.0) };
            let fits = |s: &&Swing| s.0 >= first && s.0 + 10 <= new.0;
            let Some(&old) = swings[..known].iter().rev().find(fits).filter(|_| new.0 >= first)
            else {
                return Ok(0.0);
            };
            let price = (new.1 - old.1) as f64;
            let delta = cvd[new.0 - first] - cvd[old.0 - first];
            if price * delta >= 0.0 {
                return Ok(0.0);
            }
            if invalid(&self.bars()[old.0 + 1..=new.0]) {
                return Err(Reason::InvalidInput);
            }
            let atr = one.atr().ok_or(Reason::Warmup)?;
            if atr == 0.0 || sd == 0.0 {
                return Err(Reason::ZeroDenominator);
            }
            let between = ((new.0 - old.0) as f64).sqrt();
            let both = (price.abs() / atr).min(1.0) + (delta.abs() / (sd * between)).min(1.0);
            // At a high a rising price is regular and bearish, at a low a falling one and bullish.
            let regular = price * side > 0.0;
            // The least factor where RVOL is unknown.
            let factor = self.usual.rvol.map_or(0.5, |rvol| rvol.clamp(0.5, 1.0));
            Ok(-side * 0.5 * both * if regular { 1.0 } else { 0.7 } * factor)
        };
        let high = compare(&one.highs, known.0, 1.0)?;
        let low = compare(&one.lows, known.1, -1.0)?;
        let signal = match high.abs().total_cmp(&low.abs()) {
            std::cmp::Ordering::Equal => high + low,
            std::cmp::Ordering::Greater => high,
            std::cmp::Ordering::Less => low,
        };
        if signal != 0.0 {
            self.signals[which].push((newest, place, signal));
        }
        let swing = match self.signals[which].last() {
            Some(&(at, p, signal)) if p == place => signal * (-((newest - at) as f64) / 5.0).exp2(),
            _ => 0.0,
        };
        Ok(if swing.abs() > slopes.abs() { swing } else { slopes })
    }

    /// VWAP points of the active anchor, one a bar since it that has one.
    fn points(&self) -> Vec<(f64, f64)> {
        let cash = usize::from(self.bar().place.cash);
        let n = self.since(self.bar().place).len();
        self.vwaps[self.vwaps.len() - n..].iter().filter_map(|v| v[cash]).collect()
    }

    pub(crate) fn vwap(&self) -> Mean {
        self.vwaps.last()?[usize::from(self.bar().place.cash)]
    }

    /// (C − VWAP)/σ.
    fn position(&self) -> Option<f64> {
        let (mean, sd) = self.vwap()?;
        (sd > 0.0).then(|| (self.bar().close as f64 - mean) / sd)
    }

    pub(crate) fn slot20(&self) -> Value {
        let points: Vec<f64> = self.points().iter().map(|p| p.0).collect();
        let from = points.len().checked_sub(10).ok_or(Reason::Warmup)?;
        let atr = self.series[0].atr().ok_or(Reason::Warmup)?;
        if atr == 0.0 {
            return Err(Reason::ZeroDenominator);
        }
        Ok((slope(&points[from..]) / atr / 0.10).clamp(-1.0, 1.0))
    }

    pub(crate) fn slot21(&self) -> Value {
        if self.since(self.bar().place).len() < 10 {
            return Err(Reason::Warmup);
        }
        self.position().map(|z| (z / 2.0).clamp(-1.0, 1.0)).ok_or(Reason::ZeroDenominator)
    }

    pub(crate) fn slot22(&self) -> Value {
        let points = self.points();
        if points.len() < 20 {
            return Err(Reason::Warmup);
        }
        let bars = self.window(20).ok_or(Reason::Warmup)?;
        let points = &points[points.len() - 20..];
        let sides = bars.iter().zip(points).map(|(b, p)| {
            let above = b.close as f64 - p.0;
            if above == 0.0 { 0.0 } else { above.signum() }
        });
        let consistency = sides.sum::<f64>() / 20.0;
        let three = 0.30 * self.slot20()? + 0.25 * self.slot21()? + 0.25 * consistency;
        let structure = self.series[0].structure();
        Ok(structure.map_or(three / 0.80, |s| three + 0.20 * s).clamp(-1.0, 1.0))
    }

    /// Slot 23 with the value area (POC, VAL, VAH) that it reads.
    pub(crate) fn slot23(&self, market: &Market) -> Result<(f64, (i64, i64, i64)), Reason> {
        let bar = self.bar();
        let end = (bar.minute + 1) * MINUTE;
        let now = |t: &&Deal| t.place.since(bar.place) && t.at < end;
        let old = end - bar.place.anchor() >= 30 * MINUTE;
        let mut rows = rows(market.trades.iter().rev().take_while(same_day(bar)).filter(now));
        if rows.is_empty() || !old {
            // The last session of this type before it that has traded.
            let cash = bar.place.cash;
            let before = |t: &&Deal| t.place.eth < bar.place.eth && (t.place.cash || !cash);
            let last = market.trades.iter().rev().find(before).ok_or(Reason::NoInput)?;
            let all = market.trades.iter().filter(before);
            rows = self::rows(all.filter(|t| t.place.eth == last.place.eth));
        }
        let rows: BTreeMap<i64, u64> =
            rows.iter().map(|(px, r)| (*px, u64::try_from(r.0).expect("positive"))).collect();
        let area = value_area(&rows);
        let (poc, val, vah) = area;
        let above = (bar.close - poc) as f64;
        let width = if above >= 0.0 { vah - poc } else { poc - val };
        Ok(((above / width.max(1) as f64).clamp(-1.0, 1.0), area))
    }

    pub(crate) fn slot24(&self, market: &Market) -> Value {
        let bar = self.bar();
        let end = (bar.minute + 1) * MINUTE;
        let now = |t: &&Deal| t.place.since(bar.place) && t.at < end;
        let rows = rows(market.trades.iter().rev().take_while(same_day(bar)).filter(now));
        let total: i64 = rows.values().map(|r| r.0).sum();
        let classified: i64 = rows.values().map(|r| r.1 + r.2).sum();
        let (Some((&low, _)), Some((&high, _))) = (rows.first_key_value(), rows.last_key_value())
        else {
            return Err(Reason::InsufficientSample);
        };
        if total < 1000 || high - low + 1 < 10 {
            return Err(Reason::InsufficientSample);
        }
        if 10 * (total - classified) > total {
            return Err(Reason::InvalidInput);
        }
        let mean = total as f64 / (high - low + 1) as f64;
        let side = |px: i64| {
            let (_, b, s) = rows.get(&px).copied().unwrap_or_default();
            let u = b as f64 / (b + s) as f64;
            if u > 0.65 {
                1
            } else if u < 0.35 {
                -1
            } else {
                0
            }
        };
        let (mut sum, mut from) = (0, low);
        while from <= high {
            let sign = side(from);
            let to = (from..=high).take_while(|px| side(*px) == sign).last().expect("itself");
            let zone = (from..=to).filter_map(|px| rows.get(&px));
            let volume: i64 = zone.clone().map(|r| r.0).sum();
            let n = to - from + 1;
            if n >= 3 && volume as f64 / n as f64 >= 1.5 * mean {
                sum += sign * zone.map(|r| (r.1 - r.2).abs()).sum::<i64>();
            }
            from = to + 1;
        }
        Ok(sum as f64 / total as f64)
    }

    pub(crate) fn slot25(&self) -> Value {
        let weights = match self.rank {
            Some(p) if p > 0.8 => [0.7, 0.2, 0.1, 0.0],
            Some(p) if p <= 0.4 => [0.3, 0.3, 0.25, 0.15],
            _ => [0.5, 0.3, 0.15, 0.05],
        };
        let known = if self.rank.is_some() { 0.25 } else { 0.0 };
        let directions = self.series.iter().zip(self.z).map(|(s, z)| {
            let atr = s.atr().filter(|a| *a > 0.0)?;
            let e = (s.move5()? / atr).clamp(-1.0, 1.0);
            let v = (z? / 2.0).clamp(-1.0, 1.0);
            Some(match s.structure() {
                Some(st) => (0.40 * e + 0.30 * st + 0.30 * v, 0.75 + known),
                None => ((0.40 * e + 0.30 * v) / 0.70, 0.5 + known),
            })
        });
        let all: Vec<(f64, Option<(f64, f64)>)> =
            weights.into_iter().zip(directions).filter(|(w, _)| *w > 0.0).collect();
        let there: Vec<(f64, f64, f64)> =
            all.iter().filter_map(|(w, d)| d.map(|(d, c)| (*w, d, c))).collect();
        let weight: f64 = there.iter().map(|t| t.0).sum();
        if weight < 0.70 - 1e-12 {
            return Err(Reason::Warmup);
        }
        let s = there.iter().map(|(w, d, c)| w * c * d).sum::<f64>() / weight;
        let sign = |x: f64| if x == 0.0 { 0.0 } else { x.signum() };
        let against = |(_, d, _): &&(f64, f64, f64)| d.abs() >= 0.05 && sign(*d) != sign(s);
        let g = there.iter().filter(against).map(|t| t.0).sum::<f64>() / weight;
        let agrees = |d: f64| d.abs() >= 0.05 && sign(d) == sign(s);
        let bonus =
            if all.iter().all(|(_, d)| d.is_some_and(|(d, _)| agrees(d))) { 0.15 } else { 0.0 };
        Ok((s * (1.0 - 0.5 * g) + sign(s) * bonus).clamp(-1.0, 1.0))
    }

    /// Annualised realised volatility of the active anchor's type, behind slot 27.
    pub(crate) fn realised(&self) -> Option<f64> {
        let cash = self.bar().place.cash;
        let squares = &self.squares[usize::from(cash)];
        let seed = squares.get(..12)?.iter().sum::<f64>() / 12.0;
        let keep = (-1.0_f64 / 24.0).exp2();
        let var = squares[12..].iter().fold(seed, |v, r| v * keep + r * (1.0 - keep));
        Some((var * 252.0 * if cash { 78.0 } else { 276.0 }).sqrt())
    }

    /// Medians of volume and |δ| over 20 bars, for slot 28.
    pub(crate) fn medians(&self) -> Option<(f64, f64)> {
        let bars = self.window(20)?;
        let median =
            |f: &dyn Fn(&Bar) -> i64| quantile(bars.iter().map(|b| f(b) as f64).collect(), 0.5);
        Some((median(&|b| b.volume), median(&|b| b.delta().abs())))
    }
}

fn same_day(bar: &Bar) -> impl Fn(&&Deal) -> bool {
    let eth = bar.place.eth;
    move |t| t.place.eth >= eth
}

/// Volume, bought and sold by price.
fn rows<'a>(trades: impl Iterator<Item = &'a Deal>) -> BTreeMap<i64, (i64, i64, i64)> {
    let mut rows = BTreeMap::new();
    for t in trades {
        let row: &mut (i64, i64, i64) = rows.entry(t.px).or_default();
        row.0 += t.qty;
        row.1 += if t.sign > 0 { t.qty } else { 0 };
        row.2 += if t.sign < 0 { t.qty } else { 0 };
    }
    rows
}

/// VWAP and deviation of the trades since an anchor, up to the end of `bar`: in two passes.
fn mean(trades: &[Deal], bar: &Bar, place: Place) -> Mean {
    let end = (bar.minute + 1) * MINUTE;
    let day: Vec<&Deal> = trades
        .iter()
        .rev()
        .take_while(same_day(bar))
        .filter(|t| t.place.since(place) && t.at < end)
        .collect();
    let first = day.last()?.px;
    let weight: i64 = day.iter().map(|t| t.qty).sum();
    let mean = day.iter().map(|t| t.qty * (t.px - first)).sum::<i64>() as f64 / weight as f64;
    let off = |t: &&Deal| t.qty as f64 * ((t.px - first) as f64 - mean).powi(2);
    let square = day.iter().map(off).sum::<f64>() / weight as f64;
    Some((first as f64 + mean, square.sqrt()))
}

/// CVD after each bar.
fn running(bars: &[Bar]) -> Vec<f64> {
    let mut sum = 0;
    let mut add = |b: &Bar| {
        sum += b.delta();
        sum as f64
    };
    bars.iter().map(&mut add).collect()
}

/// Average ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = |x: f64| {
        let places: Vec<f64> =
            (0..sorted.len()).filter(|&i| sorted[i] == x).map(|i| i as f64).collect();
        places.iter().sum::<f64>() / places.len() as f64
    };
    values.iter().map(|x| rank(*x)).collect()
}

/// Pearson's coefficient; `None` for a constant input.
fn correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    let ((mx, sx), (my, sy)) = (moments(x), moments(y));
    let both = x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum::<f64>() / x.len() as f64;
    (sx > 1e-9 && sy > 1e-9).then(|| both / (sx * sy))
}
