//! The levels of one symbol, followed from one-minute close to close: where they are, since when,
//! and how often the market has come back.
//!
//! A level that has moved no more than three ticks from where it was formed is the same level; one
//! that has moved farther is a new one, of age 0 and untouched. A touch is a bar that holds the
//! level after a bar that did not; the bar that forms a level touches it not. Of several bars that
//! one event closes only the last is seen. Levels of the active session, and those of the one
//! before, begin anew with it; those of the night and round numbers with the Globex day; option
//! levels live as long as their set. While the developing value area is not in force yet, the one
//! before stands in its place and counts once. Nodes of the volume profile are those around the
//! last close; one that is among them no longer is forgotten. Update cost: constant, once a minute.

use super::clusters::{Family, Level, LevelList};
use crate::context::Levels;
use crate::features::Frame;
use crate::features::frame::NODES;
use crate::units::{MINUTE, Px, Ts};

/// Ticks that a level may move and stay the same one.
const SAME: i32 = 3;
/// Points between round numbers.
const ROUND_POINTS: f64 = 50.0;
/// Round numbers that are followed: more than are looked at, so that a price that swings around
/// one does not forget it.
const ROUNDS: usize = 8;
/// Round numbers on each side of the price that are looked at.
const AROUND: i64 = 2;

/// Levels of the active session and of the one before.
const SESSION: [Family; 13] = [
    Family::Poc,
    Family::Value,
    Family::Value,
    Family::Vwap,
    Family::Sigma1,
    Family::Sigma1,
    Family::Sigma2,
    Family::Sigma2,
    Family::PriorPoc,
    Family::PriorValue,
    Family::PriorValue,
    Family::Session,
    Family::Session,
];
const OPTIONS: [Family; 3] = [Family::GammaWall, Family::GammaWall, Family::Flip];
const NIGHT: [Family; 2] = [Family::Overnight; 2];

/// One level.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    px: Px,
    /// Where it was when it was formed.
    born: Px,
    /// When that was, market time.
    since: Ts,
    touches: u32,
    /// Whether the last bar held it.
    inside: bool,
}

/// A place for a level.
type Place = Option<Line>;

/// Takes the bar that `frame` closed, with the level at `px`, where there is one.
fn close(place: &mut Place, px: Option<Px>, frame: &Frame) {
    let bar = &frame.bar;
    let Some(px) = px else {
        *place = None;
        return;
    };
    let holds = bar.low <= px && px <= bar.high;
    match place {
        Some(line) if px.minus(line.born).abs() <= SAME => {
            line.px = px;
            // A bar without a trade only repeats a price.
            if bar.volume > 0 {
                line.touches = line.touches.saturating_add(u32::from(holds && !line.inside));
                line.inside = holds;
            }
        }
        _ => *place = Some(Line { px, born: px, since: bar.end(), touches: 0, inside: holds }),
    }
}

/// Which sessions a bar belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// 18:00 New York at which the Globex day began.
    pub globex: Ts,
    /// The active anchor is the cash session's.
    pub cash: bool,
}

/// All levels of one symbol.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Points of a tick.
    tick: f64,
    /// Ticks between round numbers, `None` where they are on no tick.
    step: Option<i64>,
    sessions: Option<Sessions>,
    session: [Place; SESSION.len()],
    /// In no order: each is known by where it was formed.
    nodes: [Place; NODES],
    options: [Place; OPTIONS.len()],
    night: [Place; NIGHT.len()],
    /// By number modulo [`ROUNDS`].
    rounds: [Place; ROUNDS],
    /// Number of the round level at or below the last close.
    round: Option<i64>,
}

impl Lines {
    /// No levels, of a symbol with ticks of `tick` points.
    #[must_use]
    pub fn new(tick: f64) -> Lines {
        let step = ROUND_POINTS / tick;
        let whole = (step - step.round()).abs() < 1e-6 && (1.0..1e9).contains(&step);
        Lines {
            tick,
            step: whole.then(|| step.round() as i64),
            sessions: None,
            session: [None; SESSION.len()],
            nodes: [None; NODES],
            options: [None; OPTIONS.len()],
            night: [None; NIGHT.len()],
            rounds: [None; ROUNDS],
            round: None,
        }
    }

    /// Takes a frame that closed a bar of `sessions`, with the option levels of its symbol.
    pub fn close(&mut self, frame: &Frame, sessions: Sessions, options: Option<&Levels>) {
        self.enter(sessions);
        for (place, px) in self.session.iter_mut().zip(session_prices(frame)) {
            close(place, px, frame);
        }
        self.close_nodes(frame);
        for (place, px) in self.night.iter_mut().zip(pair(frame.levels.overnight)) {
            close(place, px, frame);
        }
        let walls = self.option_prices(options);
        for (place, px) in self.options.iter_mut().zip(walls) {
            close(place, px, frame);
        }
        self.round = self.step.map(|step| i64::from(frame.bar.close.ticks()).div_euclid(step));
        for (number, px) in self.round_prices().into_iter().flatten() {
            if let Some(place) = self.rounds.get_mut(slot(number)) {
                close(place, Some(px), frame);
            }
        }
    }

    fn close_nodes(&mut self, frame: &Frame) {
        let mut before = self.nodes;
        self.nodes = [None; NODES];
        for (place, px) in self.nodes.iter_mut().zip(frame.nodes()) {
            let away = |old: &Place| old.map_or(i32::MAX, |line| px.minus(line.born).abs());
            let old = before.iter_mut().min_by_key(|old| away(old));
            *place = old.filter(|old| away(old) <= SAME).and_then(Option::take);
            close(place, Some(px), frame);
        }
    }

    fn enter(&mut self, sessions: Sessions) {
        if self.sessions == Some(sessions) {
            return;
        }
        (self.session, self.nodes) = ([None; SESSION.len()], [None; NODES]);
        if self.sessions.is_none_or(|before| before.globex != sessions.globex) {
            (self.night, self.rounds) = ([None; NIGHT.len()], [None; ROUNDS]);
        }
        self.sessions = Some(sessions);
    }

    /// Prices in the order of [`OPTIONS`].
    fn option_prices(&self, options: Option<&Levels>) -> [Option<Px>; OPTIONS.len()] {
        let Some(levels) = options else { return [None; OPTIONS.len()] };
        let slots = [levels.call_wall, levels.put_wall, levels.flip];
        slots.map(|level| self.on_tick(level.value()?))
    }

    fn on_tick(&self, points: f64) -> Option<Px> {
        let ticks = (points / self.tick).round();
        if ticks.abs() < f64::from(Px::LIMIT) { Px::new(ticks as i32) } else { None }
    }

    /// Numbers and prices of the round levels around the last close.
    fn round_prices(&self) -> [Option<(i64, Px)>; 2 * AROUND as usize] {
        let mut all = [None; 2 * AROUND as usize];
        if let (Some(step), Some(at)) = (self.step, self.round) {
            for (to, number) in all.iter_mut().zip(at + 1 - AROUND..) {
                *to = Some((number, Px::clamped(number.saturating_mul(step))));
            }
        }
        all
    }

    /// The levels at market time `now`, with the option levels that are in force: those of a set
    /// that came since the last close are untouched.
    #[must_use]
    pub fn levels(&self, now: Ts, options: Option<&Levels>) -> LevelList {
        let mut list = LevelList::default();
        for ((family, place), px) in
            OPTIONS.into_iter().zip(&self.options).zip(self.option_prices(options))
        {
            let Some(px) = px else { continue };
            let same = place.filter(|line| px.minus(line.born).abs() <= SAME);
            let touches = same.map_or(0, |line| line.touches);
            list.push(Level { family, px, age_min: 0.0, touches });
        }
        let mut put = |family, place: &Place| {
            if let Some(line) = place {
                let age_min = now.since(line.since) as f64 / MINUTE as f64;
                list.push(Level { family, px: line.px, age_min, touches: line.touches });
            }
        };
        SESSION.into_iter().zip(&self.session).for_each(|(family, place)| put(family, place));
        self.nodes.iter().for_each(|place| put(Family::VolumeNode, place));
        NIGHT.into_iter().zip(&self.night).for_each(|(family, place)| put(family, place));
        for (number, _) in self.round_prices().into_iter().flatten() {
            if let Some(place) = self.rounds.get(slot(number)) {
                put(Family::Round, place);
                if number % 2 == 0 {
                    put(Family::Psychological, place);
                }
            }
        }
        list
    }
}

/// Place of a round number.
fn slot(number: i64) -> usize {
    number.rem_euclid(ROUNDS as i64) as usize
}

fn pair(range: Option<(Px, Px)>) -> [Option<Px>; 2] {
    [range.map(|r| r.0), range.map(|r| r.1)]
}

/// Prices in the order of [`SESSION`].
fn session_prices(frame: &Frame) -> [Option<Px>; SESSION.len()] {
    let prior = frame.levels.previous;
    let area = frame.area.filter(|area| prior != Some(*area));
    let (mean, deviation) = (frame.vwap, frame.vwap_sd);
    // Before the first trade of a session both are 0.
    let known = mean != 0.0 && mean.is_finite() && deviation.is_finite();
    let band = |times: f64| {
        let some = known && (times == 0.0 || deviation > 0.0);
        some.then(|| Px::clamped((mean + times * deviation).round() as i64))
    };
    let [low, high] = pair(frame.levels.session);
    [
        area.map(|a| a.poc),
        area.map(|a| a.vah),
        area.map(|a| a.val),
        band(0.0),
        band(1.0),
        band(-1.0),
        band(2.0),
        band(-2.0),
        prior.map(|a| a.poc),
        prior.map(|a| a.vah),
        prior.map(|a| a.val),
        low,
        high,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::Bar;
    use crate::event::{Body, Event};
    use crate::profile::ValueArea;
    use crate::units::{Reason, Slot, SymbolId};

    const DAY: Sessions = Sessions { globex: Ts(1), cash: false };

    fn px(ticks: i64) -> Px {
        Px::clamped(ticks)
    }

    fn frame(minute: i64, low: i64, high: i64) -> Frame {
        let (ts, symbol) = (Ts(5), SymbolId(0));
        let event = Event { seq: 9, ts, ts_exch: ts, symbol, flags: 0, body: Body::BatchEnd };
        let mut frame = Frame::empty(event);
        let bar = Bar::empty(minute, px(low));
        frame.bar = Bar { low: px(low), high: px(high), volume: 1, ..bar };
        frame
    }

    fn of(lines: &Lines, minute: i64, family: Family) -> Vec<(i32, f64, u32)> {
        with(lines, minute, family, None)
    }

    fn with(
        lines: &Lines,
        minute: i64,
        family: Family,
        options: Option<&Levels>,
    ) -> Vec<(i32, f64, u32)> {
        let list = lines.levels(Ts(minute * MINUTE), options);
        let own = list.levels().iter().filter(|l| l.family == family);
        own.map(|l| (l.px.ticks(), l.age_min, l.touches)).collect()
    }

    /// The VWAP alone, through bars that leave it and come back.
    #[test]
    fn ages_and_touches() {
        let mut lines = Lines::new(0.25);
        let mut put = |minute, low, high, vwap: f64| {
            let mut frame = frame(minute, low, high);
            frame.vwap = vwap;
            lines.close(&frame, DAY, None);
            of(&lines, minute + 1, Family::Vwap)
        };
        assert_eq!(put(10, 990, 1010, 1000.0), [(1000, 0.0, 0)], "formed inside a bar");
        assert_eq!(put(11, 999, 1005, 1000.4), [(1000, 1.0, 0)], "never left");
        assert_eq!(put(12, 1003, 1005, 1002.0), [(1002, 2.0, 0)], "left");
        assert_eq!(put(13, 1001, 1005, 1002.6), [(1003, 3.0, 1)], "three ticks: the same level");
        assert_eq!(put(14, 1001, 1005, 1002.6), [(1003, 4.0, 1)], "one visit, one touch");
        assert_eq!(put(15, 1010, 1015, 1003.0), [(1003, 5.0, 1)]);
        assert_eq!(put(16, 1003, 1015, 1003.0), [(1003, 6.0, 2)]);
        assert_eq!(put(17, 1003, 1015, 1004.0), [(1004, 0.0, 0)], "four ticks: a new one");
        assert_eq!(put(18, 1003, 1015, 0.0), [], "gone");
    }

    #[test]
    fn a_bar_without_a_trade_is_no_touch() {
        let mut lines = Lines::new(0.25);
        for (minute, low, volume) in [(1, 990, 1), (2, 1000, 0), (3, 1000, 0)] {
            let mut frame = frame(minute, low, low);
            (frame.vwap, frame.bar.volume) = (1000.0, volume);
            lines.close(&frame, DAY, None);
        }
        assert_eq!(of(&lines, 4, Family::Vwap), [(1000, 2.0, 0)]);
    }

    #[test]
    fn sessions_begin_anew() {
        let mut lines = Lines::new(0.25);
        let mut at = frame(10, 995, 1005);
        (at.vwap, at.vwap_sd) = (1000.0, 10.0);
        at.levels.overnight = Some((px(900), px(1100)));
        at.levels.session = Some((px(900), px(1100)));
        let mut put = |lines: &mut Lines, minute, sessions| {
            at.bar.minute = minute;
            lines.close(&at, sessions, None);
        };
        put(&mut lines, 10, DAY);
        put(&mut lines, 20, DAY);
        assert_eq!(of(&lines, 21, Family::Sigma1), [(1010, 10.0, 0), (990, 10.0, 0)]);
        assert_eq!(of(&lines, 21, Family::Overnight), [(900, 10.0, 0), (1100, 10.0, 0)]);
        put(&mut lines, 21, Sessions { cash: true, ..DAY });
        assert_eq!(of(&lines, 22, Family::Session), [(900, 0.0, 0), (1100, 0.0, 0)]);
        assert_eq!(of(&lines, 22, Family::Overnight), [(900, 11.0, 0), (1100, 11.0, 0)]);
        put(&mut lines, 30, Sessions { globex: Ts(2), cash: false });
        assert_eq!(of(&lines, 31, Family::Overnight), [(900, 0.0, 0), (1100, 0.0, 0)]);
    }

    /// Until a session has an area of its own the one before is there once, as what it is.
    #[test]
    fn the_area_before_counts_once() {
        let mut lines = Lines::new(0.25);
        let area = |poc| ValueArea { poc: px(poc), vah: px(poc + 9), val: px(poc - 9) };
        let mut at = frame(10, 995, 1005);
        (at.area, at.levels.previous) = (Some(area(1000)), Some(area(1000)));
        lines.close(&at, DAY, None);
        assert_eq!(of(&lines, 11, Family::Poc), []);
        assert_eq!(of(&lines, 11, Family::PriorPoc), [(1000, 0.0, 0)]);
        assert_eq!(of(&lines, 11, Family::PriorValue).len(), 2);
        at.area = Some(area(1020));
        lines.close(&at, DAY, None);
        assert_eq!(of(&lines, 11, Family::Poc), [(1020, 0.0, 0)]);
        assert_eq!(of(&lines, 11, Family::Value).len(), 2);
    }

    /// A node is the same while it stays within three ticks, whatever place it has.
    #[test]
    fn nodes_are_known_by_their_price() {
        let mut lines = Lines::new(0.25);
        let mut put = |minute, low, high, nodes: [i64; 3]| {
            let mut frame = frame(minute, low, high);
            let [a, b, c] = nodes.map(|ticks| (ticks != 0).then(|| px(ticks)));
            frame.set_nodes([a, b, c, None]);
            lines.close(&frame, DAY, None);
            let mut own = of(&lines, minute + 1, Family::VolumeNode);
            own.sort_by_key(|node| node.0);
            own
        };
        assert_eq!(put(10, 990, 995, [1000, 1020, 0]), [(1000, 0.0, 0), (1020, 0.0, 0)]);
        let moved = put(11, 999, 1005, [1040, 1021, 1001]);
        assert_eq!(moved, [(1001, 1.0, 1), (1021, 1.0, 0), (1040, 0.0, 0)], "in other places");
        let apart = put(12, 990, 995, [1023, 1019, 1001]);
        assert_eq!(apart, [(1001, 2.0, 1), (1019, 0.0, 0), (1023, 2.0, 0)], "one each");
        assert_eq!(put(13, 990, 995, [1060, 0, 0]), [(1060, 0.0, 0)], "the others are forgotten");
        let mut frame = frame(14, 990, 995);
        frame.set_nodes([Some(px(1060)), None, None, None]);
        lines.close(&frame, Sessions { cash: true, ..DAY }, None);
        assert_eq!(of(&lines, 15, Family::VolumeNode), [(1060, 0.0, 0)], "another session");
    }

    /// 50 points are 200 ticks of ES; every other one counts twice. A visited one stays visited
    /// while the price swings around.
    #[test]
    fn round_numbers() {
        let mut lines = Lines::new(0.25);
        let mut put = |minute, low, high| {
            let mut frame = frame(minute, low, high);
            frame.bar.close = px(high);
            lines.close(&frame, DAY, None);
            let rounds = of(&lines, minute + 1, Family::Round);
            let hundreds = of(&lines, minute + 1, Family::Psychological);
            let plain = |l: Vec<(i32, f64, u32)>| -> Vec<(i32, u32)> {
                l.into_iter().map(|(px, _, touches)| (px, touches)).collect()
            };
            (plain(rounds), plain(hundreds))
        };
        let (rounds, hundreds) = put(1, 24_010, 24_020);
        assert_eq!(rounds, [(23_800, 0), (24_000, 0), (24_200, 0), (24_400, 0)]);
        assert_eq!(hundreds, [(24_000, 0), (24_400, 0)]);
        assert_eq!(put(2, 23_999, 24_020).0[1], (24_000, 1));
        assert_eq!(put(3, 24_010, 24_020).0[1], (24_000, 1));
        assert_eq!(put(4, 24_000, 24_020).0[1], (24_000, 2));
        // Two steps up and back: still in its place.
        assert_eq!(put(5, 24_390, 24_401).0[0], (24_200, 0));
        assert_eq!(put(6, 24_100, 24_110).0[1], (24_000, 2));
        assert_eq!(Lines::new(0.3).step, None, "no grid, no round numbers");
    }

    #[test]
    fn option_levels_live_with_their_set() {
        let mut lines = Lines::new(0.25);
        let mut levels = Levels::none(Reason::NoInput);
        (levels.call_wall, levels.flip) = (Slot::some(6010.0), Slot::some(5990.25));
        let walls = |lines: &Lines, levels: &Levels| {
            let own = with(lines, 20, Family::GammaWall, Some(levels));
            own.into_iter().map(|(px, _, touches)| (px, touches)).collect::<Vec<_>>()
        };
        assert_eq!(walls(&lines, &levels), [(24_040, 0)], "before any close");
        let at = frame(10, 23_990, 24_000);
        lines.close(&at, DAY, Some(&levels));
        assert_eq!(with(&lines, 11, Family::Flip, Some(&levels)), [(23_961, 0.0, 0)]);
        assert_eq!(of(&lines, 11, Family::Flip), [], "past its validity");
        lines.close(&frame(11, 24_040, 24_041), DAY, Some(&levels));
        assert_eq!(walls(&lines, &levels), [(24_040, 1)], "touched");
        levels.call_wall = Slot::some(6010.75);
        assert_eq!(walls(&lines, &levels), [(24_043, 1)], "moved a little");
        levels.call_wall = Slot::some(6011.0);
        assert_eq!(walls(&lines, &levels), [(24_044, 0)], "another level");
        lines.close(&at, DAY, None);
        levels.call_wall = Slot::some(6010.0);
        assert_eq!(walls(&lines, &levels), [(24_040, 0)], "forgotten without its set");
        levels.call_wall = Slot::some(1e300);
        assert_eq!(walls(&lines, &levels), [], "no price");
    }
}
