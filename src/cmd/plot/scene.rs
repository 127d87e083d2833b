//! Trading days → what is to be drawn, in points of price and positions along the time axis.
//!
//! Positions count open minutes: halts and weekends take no room.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::collect::{Day, Minute};
use super::marks::{LARGE_TRADES, Mark, MarkKind};
use crate::calendar::Label;
use crate::profile::{Profile, Row, ValueArea};
use crate::units::{Aggressor, Instrument, Px, Qty, Ts};

/// Minutes that a candle may span, and the most candles that are legible.
const CANDLES: [usize; 11] = [1, 2, 3, 5, 10, 15, 30, 60, 120, 240, 1380];
const CANDLES_MAX: usize = 280;
/// Minutes between two time labels, and the most labels that are legible.
const LABELS: [i64; 9] = [5, 10, 15, 30, 60, 120, 180, 240, 360];
const LABELS_MAX: usize = 14;
/// Most days that are drawn with their sessions and VWAPs.
const DETAILED_DAYS: usize = 12;
/// Most rows of the drawn profile.
const ROWS_MAX: usize = 140;

/// A candle; prices in points.
#[derive(Clone, Copy, Debug)]
pub struct Candle {
    /// Where it begins and ends along the time axis.
    pub span: (f64, f64),
    /// Open, high, low, close.
    pub prices: [f64; 4],
    /// Contracts.
    pub volume: i64,
    /// Bought minus sold.
    pub delta: i64,
    /// First instant after it.
    pub end: Ts,
    /// VWAP at its end.
    pub vwap: Option<f64>,
    /// CVD at its end.
    pub cvd: i64,
}

/// A stretch of one session.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Where it begins and ends along the time axis.
    pub span: (f64, f64),
    /// Its label.
    pub label: Label,
}

/// A label of the time axis.
#[derive(Clone, Debug)]
pub struct TimeLabel {
    /// Where.
    pub at: f64,
    /// `09:30`, or empty where only the date is shown.
    pub time: String,
    /// `Mon 25 Dec`, where a date begins.
    pub date: Option<String>,
}

/// A row of the profile; prices in points.
#[derive(Clone, Copy, Debug)]
pub struct ProfileRow {
    /// Lower and upper edge.
    pub span: (f64, f64),
    /// Its volume.
    pub row: Row,
}

/// VWAP and its deviation over a stretch of one anchor, in points.
pub type VwapLine = Vec<(f64, f64, f64)>;

/// Everything that a picture shows.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Symbol.
    pub symbol: String,
    /// Days, bars, and what the times are.
    pub subtitle: String,
    /// Whether the market was made up.
    pub synthetic: bool,
    /// Digits behind the point of a price.
    pub decimals: usize,
    /// Minutes of a candle.
    pub step: usize,
    /// Open minutes.
    pub length: f64,
    /// Lowest and highest price drawn.
    pub range: (f64, f64),
    /// The candles.
    pub candles: Vec<Candle>,
    /// VWAP, a line for each anchor; none over many days.
    pub vwap: Vec<VwapLine>,
    /// CVD, a line for each trading day.
    pub cvd: Vec<Vec<(f64, f64)>>,
    /// Sessions; none over many days.
    pub sessions: Vec<Session>,
    /// Time axis.
    pub labels: Vec<TimeLabel>,
    /// Profile of the window.
    pub profile: Vec<ProfileRow>,
    /// POC, VAH, VAL of the window.
    pub area: Option<[f64; 3]>,
    /// Marks with their places.
    pub marks: Vec<(f64, f64, Mark)>,
}

/// Zone of every time that a picture shows.
fn new_york() -> TimeZone {
    TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC)
}

/// `Mon 25 Dec 2023` of a trade date.
fn day_name(trade_day: i32) -> String {
    let day = date(1970, 1, 1).checked_add(Span::new().days(i64::from(trade_day)));
    day.map_or_else(|_| "-".to_owned(), |day: Date| day.strftime("%a %-d %b %Y").to_string())
}

impl Scene {
    /// The scene of `days`, which hold at least one bar; `None` where they do not.
    #[must_use]
    pub fn new(instrument: &Instrument, days: &[Day]) -> Option<Scene> {
        let minutes: Vec<(usize, Minute)> = days
            .iter()
            .enumerate()
            .flat_map(|(at, day)| day.minutes.iter().map(move |&minute| (at, minute)))
            .collect();
        let (first, last) = (days.first()?, days.last()?);
        minutes.first()?;
        let candles_of = |step: usize| minutes.len().div_ceil(step);
        let step = CANDLES.into_iter().find(|&step| candles_of(step) <= CANDLES_MAX);
        let step = step.unwrap_or(1380);
        let candles = candles(&minutes, step, instrument);
        let (profile, area) = profile(days, instrument);
        let days_text = if days.len() == 1 {
            format!("trading day {}", day_name(first.trade_day))
        } else {
            format!("trading days {} to {}", day_name(first.trade_day), day_name(last.trade_day))
        };
        let trades: u64 = days.iter().map(|day| day.trades).sum();
        let rows = days.iter().flat_map(|day| day.rows.values());
        let volume: u64 = rows.map(|row| row.volume).sum();
        // Over many days VWAPs and sessions would hide the prices.
        let detailed = days.len() <= DETAILED_DAYS;
        let vwap = if detailed { vwap_lines(&minutes, instrument) } else { Vec::new() };
        Some(Scene {
            symbol: instrument.symbol.clone(),
            subtitle: format!(
                "{days_text}  ·  {} candles  ·  {volume} contracts in {trades} trades  ·  \
                 New York time",
                step_name(step),
            ),
            synthetic: instrument.symbol.starts_with("SYNTHETIC"),
            decimals: decimals(instrument.tick),
            step,
            length: minutes.len() as f64,
            range: price_range(&candles, &vwap),
            marks: placed(days, &minutes, instrument),
            sessions: if detailed { sessions(&minutes) } else { Vec::new() },
            labels: time_labels(&minutes, days),
            cvd: cvd_lines(&minutes),
            candles,
            vwap,
            profile,
            area,
        })
    }
}

/// `1m`, `5m`, `1h`, `1 day`.
fn step_name(step: usize) -> String {
    match step {
        1380 => "1 day".to_owned(),
        step if step % 60 == 0 => format!("{}h", step / 60),
        step => format!("{step}m"),
    }
}

/// Digits that a price on the grid of `tick` needs.
fn decimals(tick: f64) -> usize {
    (0..8)
        .find(|&n| {
            let scaled = tick * 10_f64.powi(n);
            (scaled - scaled.round()).abs() < 1e-9
        })
        .map_or(2, |n| usize::try_from(n).unwrap_or(2))
}

fn candles(minutes: &[(usize, Minute)], step: usize, instrument: &Instrument) -> Vec<Candle> {
    let mut all = Vec::new();
    let mut from = 0;
    while let Some(&(day, first)) = minutes.get(from) {
        // A candle ends with its day, and at whole multiples of its length on the clock.
        let mut to = from + 1;
        let mut bar = first.bar;
        let mut last = first;
        while let Some(&(other, next)) = minutes.get(to) {
            let minutes_per = i64::try_from(step).unwrap_or(1);
            let whole = step < 1380 && next.bar.minute % minutes_per == 0;
            if other != day || whole {
                break;
            }
            bar.merge(&next.bar);
            (last, to) = (next, to + 1);
        }
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|px| instrument.points(px));
        all.push(Candle {
            span: (from as f64, to as f64),
            prices,
            volume: bar.volume,
            delta: bar.delta(),
            end: last.bar.end(),
            vwap: last.vwap.map(|(mean, _)| mean * instrument.tick),
            cvd: last.cvd,
        });
        from = to;
    }
    all
}

/// Lines break where the anchor changes: another day, or the cash session's bounds.
fn vwap_lines(minutes: &[(usize, Minute)], instrument: &Instrument) -> Vec<VwapLine> {
    let mut lines: Vec<VwapLine> = Vec::new();
    let mut anchor = None;
    for (at, (day, minute)) in minutes.iter().enumerate() {
        let Some((mean, sd)) = minute.vwap else { continue };
        let own = (*day, minute.label == Label::Us);
        if anchor.replace(own) != Some(own) {
            lines.push(Vec::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push((at as f64 + 1.0, mean * instrument.tick, sd * instrument.tick));
        }
    }
    lines
}

fn cvd_lines(minutes: &[(usize, Minute)]) -> Vec<Vec<(f64, f64)>> {
    let mut lines: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut before = None;
    for (at, (day, minute)) in minutes.iter().enumerate() {
        if before.replace(*day) != Some(*day) {
            lines.push(vec![(at as f64, (minute.cvd - minute.bar.delta()) as f64)]);
        }
        if let Some(line) = lines.last_mut() {
            line.push((at as f64 + 1.0, minute.cvd as f64));
        }
    }
    lines
}

fn sessions(minutes: &[(usize, Minute)]) -> Vec<Session> {
    let mut all: Vec<Session> = Vec::new();
    let mut before = None;
    for (at, (day, minute)) in minutes.iter().enumerate() {
        let (from, to) = (at as f64, at as f64 + 1.0);
        let own = (*day, minute.label);
        match all.last_mut() {
            Some(last) if before == Some(own) => last.span.1 = to,
            _ => all.push(Session { span: (from, to), label: minute.label }),
        }
        before = Some(own);
    }
    all
}

fn time_labels(minutes: &[(usize, Minute)], days: &[Day]) -> Vec<TimeLabel> {
    let fitting = |step: i64| minutes.len() as i64 / step <= LABELS_MAX as i64;
    let room = minutes.len() as f64 / LABELS_MAX as f64;
    match LABELS.into_iter().find(|&step| fitting(step)) {
        Some(step) => clock_labels(minutes, step, room),
        None => day_labels(minutes, days, room),
    }
}

/// A label at each whole `step` of minutes on the clock, with the date where it changes.
fn clock_labels(minutes: &[(usize, Minute)], step: i64, room: f64) -> Vec<TimeLabel> {
    let zone = new_york();
    let mut labels: Vec<TimeLabel> = Vec::new();
    let mut dated = None;
    for (at, (_, minute)) in minutes.iter().enumerate() {
        let instant = Timestamp::from_second(minute.bar.minute * 60).unwrap_or_default();
        let (at, now) = (at as f64, zone.to_datetime(instant));
        let of_day = i64::from(now.hour()) * 60 + i64::from(now.minute());
        // Two labels closer than this would touch.
        let near = labels.last().is_some_and(|last| at - last.at < room * 0.55);
        if near || !(of_day % step == 0 || labels.is_empty()) {
            continue;
        }
        let new_date = dated.replace(now.date()) != Some(now.date());
        let date = new_date.then(|| now.date().strftime("%a %-d %b").to_string());
        labels.push(TimeLabel { at, time: now.strftime("%H:%M").to_string(), date });
    }
    labels
}

/// A trade date where its day begins, as far as there is room.
fn day_labels(minutes: &[(usize, Minute)], days: &[Day], room: f64) -> Vec<TimeLabel> {
    let mut labels: Vec<TimeLabel> = Vec::new();
    let mut before = None;
    for (at, (day, _)) in minutes.iter().enumerate() {
        let (at, begins) = (at as f64, before.replace(*day) != Some(*day));
        if begins
            && labels.last().is_none_or(|last| at - last.at >= room * 0.9)
            && let Some(name) = days.get(*day).map(|day| day_name(day.trade_day))
        {
            // Without the year, which the title has.
            let date = name.rsplit_once(' ').map(|(date, _)| date.to_owned());
            labels.push(TimeLabel { at, time: String::new(), date });
        }
    }
    labels
}

/// Rows as they are drawn, and the value area of the exact ones.
fn profile(days: &[Day], instrument: &Instrument) -> (Vec<ProfileRow>, Option<[f64; 3]>) {
    let mut all: BTreeMap<i32, Row> = BTreeMap::new();
    for (&px, row) in days.iter().flat_map(|day| &day.rows) {
        add(all.entry(px).or_default(), row);
    }
    let (Some((&low, _)), Some((&high, _))) = (all.first_key_value(), all.last_key_value()) else {
        return (Vec::new(), None);
    };
    let area = value_area(&all, low, high);
    let area = area.map(|a| [a.poc, a.vah, a.val].map(|px| instrument.points(px)));
    let count = usize::try_from(i64::from(high) - i64::from(low) + 1).unwrap_or(1);
    let ticks = i32::try_from(count.div_ceil(ROWS_MAX)).unwrap_or(1);
    let mut rows: BTreeMap<i32, Row> = BTreeMap::new();
    for (px, row) in &all {
        add(rows.entry(px.div_euclid(ticks) * ticks).or_default(), row);
    }
    // A row stands around its prices: half a tick below the first, half a tick above the last.
    let edge = |ticks: f64| (ticks - 0.5) * instrument.tick;
    let drawn = rows.into_iter().map(|(px, row)| ProfileRow {
        span: (edge(f64::from(px)), edge(f64::from(px) + f64::from(ticks))),
        row,
    });
    (drawn.collect(), area)
}

fn add(to: &mut Row, row: &Row) {
    to.volume += row.volume;
    to.buy += row.buy;
    to.sell += row.sell;
}

fn value_area(rows: &BTreeMap<i32, Row>, low: i32, high: i32) -> Option<ValueArea> {
    // The first price sits in the middle of the window: twice the range holds the rest.
    let range = usize::try_from(i64::from(high) - i64::from(low) + 1).ok()?;
    let mut profile = Profile::new(2 * range);
    for (&px, row) in rows {
        let px = Px::new(px)?;
        let mut left = row.volume;
        while left > 0 {
            let part = Qty::try_from(left).unwrap_or(Qty::MAX);
            profile.add(px, part, Aggressor::None);
            left -= u64::from(part);
        }
    }
    profile.value_area()
}

/// All candles, and as much of the bands as leaves the candles three quarters of the height.
fn price_range(candles: &[Candle], vwap: &[VwapLine]) -> (f64, f64) {
    let (mut low, mut high) = (f64::MAX, f64::MIN);
    for candle in candles {
        let [_, top, bottom, _] = candle.prices;
        (low, high) = (low.min(bottom), high.max(top));
    }
    let room = (high - low).max(1e-9) / 6.0;
    let (mut least, mut most) = (low, high);
    for &(_, mean, sd) in vwap.iter().flatten() {
        (least, most) = (least.min(mean - 3.0 * sd), most.max(mean + 3.0 * sd));
    }
    let edge = (high - low).max(1e-9) * 0.03;
    (least.max(low - room) - edge, most.min(high + room) + edge)
}

/// Each day brought its largest trades: size of the smallest that is shown of all of them.
fn least_large(days: &[Day]) -> u32 {
    let large = days.iter().flat_map(|d| &d.marks).filter(|m| m.kind == MarkKind::LargeTrade);
    let mut sizes: Vec<u32> = large.map(|mark| mark.size).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.get(LARGE_TRADES - 1).copied().unwrap_or(0)
}

fn placed(
    days: &[Day],
    minutes: &[(usize, Minute)],
    instrument: &Instrument,
) -> Vec<(f64, f64, Mark)> {
    let mut all = Vec::new();
    let (least, mut left) = (least_large(days), LARGE_TRADES);
    for mark in days.iter().flat_map(|day| &day.marks) {
        if mark.kind == MarkKind::LargeTrade {
            if mark.size < least || left == 0 {
                continue;
            }
            left -= 1;
        }
        let second = mark.at.second();
        let minute = second.div_euclid(60);
        let at = minutes.partition_point(|(_, m)| m.bar.minute < minute);
        let Some((_, held)) = minutes.get(at).or(minutes.last()) else { continue };
        // A mark in a minute that is not drawn stands at the edge of the next.
        let inside =
            if held.bar.minute == minute { second.rem_euclid(60) as f64 / 60.0 } else { 0.0 };
        // A mark without a price stands clear of its bar: buyers below it, sellers above.
        let px = mark.px.unwrap_or(match mark.side {
            1.. => held.bar.low,
            0 => held.bar.close,
            _ => held.bar.high,
        });
        all.push((at as f64 + inside, instrument.points(px), mark.clone()));
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

/// `Mon 25 Dec 18:05`, New York.
#[must_use]
pub fn local_time(at: Ts) -> String {
    let at = Timestamp::from_second(at.second()).unwrap_or_default();
    new_york().to_datetime(at).strftime("%a %-d %b %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::Bar;

    fn day(trade_day: i32, first: i64, minutes: i64) -> Day {
        let minute = |at: i64| {
            let bar = Bar { volume: 3, buy: 2, sell: 1, ..Bar::empty(at, Px::clamped(at % 50)) };
            Minute { bar, vwap: Some((20.0, 2.0)), label: Label::Us, cvd: at - first + 1 }
        };
        Day {
            trade_day,
            minutes: (first..first + minutes).map(minute).collect(),
            rows: (0..50).map(|px| (px, Row { buy: 2, sell: 1, volume: 3, large: 0 })).collect(),
            marks: Vec::new(),
            trades: 7,
        }
    }

    fn scene(days: &[Day]) -> Scene {
        let instrument = Instrument::from_symbol("ESH4").expect("known");
        Scene::new(&instrument, days).expect("bars")
    }

    #[test]
    fn candles_fit_the_sheet_and_hold_all_volume() {
        for (days, minutes) in [(1, 5), (1, 281), (1, 1380), (5, 1380), (40, 1380)] {
            let all: Vec<Day> = (0..days)
                .map(|d| day(19_000 + d, 27_360_000 + 1440 * i64::from(d), minutes))
                .collect();
            let scene = scene(&all);
            assert!(scene.candles.len() <= CANDLES_MAX + all.len(), "{}", scene.candles.len());
            let volume: i64 = scene.candles.iter().map(|c| c.volume).sum();
            assert_eq!(volume, 3 * minutes * i64::from(days));
            assert!(scene.labels.len() <= LABELS_MAX + 2, "{} labels", scene.labels.len());
            assert!(scene.candles.iter().all(|c| c.span.1 > c.span.0));
            assert_eq!(scene.vwap.is_empty(), days > 12);
        }
    }

    #[test]
    fn nothing_makes_no_scene() {
        let instrument = Instrument::from_symbol("ESH4").expect("known");
        assert!(Scene::new(&instrument, &[]).is_none());
        assert!(Scene::new(&instrument, &[day(1, 0, 0)]).is_none());
    }

    #[test]
    fn digits_of_a_tick() {
        for (tick, digits) in [(0.25, 2), (1.0, 0), (0.015_625, 6), (0.1, 1), (5.0, 0)] {
            assert_eq!(decimals(tick), digits, "{tick}");
        }
    }
}
