//! Entries over frames, books and contexts made by hand.

use proptest::prelude::*;

use super::*;
use crate::calendar::{Label, instant};
use crate::context::{DelayClass, LevelPart};
use crate::decision::context_features::tests::part;
use crate::decision::targets::tests::volatility;
use crate::decision::{Item, Preset, Term, TierEdges};
use crate::event::{Event, GapCause};
use crate::options::chain::Underlying;
use crate::profile::ValueArea;
use crate::units::{Instrument, MINUTE, Side as BookSide};
use crate::volatility::{Curve, Quote, Source};

/// A Thursday, 10:00 New York.
const NOW: &str = "2026-01-15T15:00:00Z";
const ES: Costs =
    Costs { tick_value: 12.5, round_turn: 5.0, slippage_ticks: 1.0, min_stop_ticks: 6 };

fn now() -> Ts {
    instant(NOW)
}

fn after(ns: i64) -> Ts {
    Ts(now().0 + ns)
}

fn px(ticks: i64) -> Px {
    Px::clamped(ticks)
}

fn event(ts: Ts, body: Body) -> Event {
    Event { seq: 7, ts, ts_exch: ts, symbol: SymbolId(0), flags: 0, body }
}

/// A bar has just closed at [`NOW`]: swings eight ticks on either side, ATR20 of four, the point
/// of control a hundred ticks above or below.
fn closed(poc: i64) -> Frame {
    let mut frame = Frame::empty(event(now(), Body::BatchEnd));
    frame.market_time = now();
    frame.label = Label::Us;
    frame.flags = frame_flag::BAR_CLOSED | frame_flag::RTH;
    frame.eth_anchor = Ts(now().0 - 16 * 60 * MINUTE);
    frame.bar.minute = now().0 / MINUTE - 1;
    (frame.bar.low, frame.bar.high, frame.bar.close) = (px(23_998), px(24_003), px(24_000));
    frame.bar.volume = 1;
    frame.atr20 = Some(4.0);
    frame.levels.swing_low = Some(px(23_992));
    frame.levels.swing_high = Some(px(24_007));
    frame.area = Some(ValueArea { poc: px(poc), vah: px(24_500), val: px(23_500) });
    frame
}

fn book() -> Book {
    let mut book = Book::new();
    for n in 0..5 {
        for (side, at) in [(BookSide::Bid, 23_999 - n), (BookSide::Ask, 24_000 + n)] {
            let qty = 10 + n as u32;
            book.apply(&event(now(), Body::Depth { side, px: px(at), qty, orders: 1 }));
        }
    }
    book
}

struct Rig {
    decision: Decision,
    entries: Entries,
    context: Context,
    last: Frame,
}

impl Rig {
    fn new(items: &[usize], params: EntryParams, poc: i64) -> Rig {
        let mut preset = Preset::named("core").expect("preset");
        let item = |&feature: &usize| Item { feature, weight: 1.0, term: Term::Plain };
        preset.items = items.iter().map(item).collect();
        let calendar = Arc::new(Calendar::bundled().expect("calendar"));
        let reads = [Reads::of(&Instrument::from_symbol("ESH6").expect("root")); 2];
        let decision = Decision::new(preset, &reads, Arc::clone(&calendar));
        let entries = Entries::new(params, &reads, News::none(), calendar);
        Rig { decision, entries, context: Context::EMPTY, last: closed(poc) }
    }

    fn plain(poc: i64) -> Rig {
        Rig::new(&[17], EntryParams::new(vec![Some(ES); 2]), poc)
    }

    /// Takes the bar's close, then a frame `ns` later whose slot 17 is `value`.
    fn edge(&mut self, ns: i64, value: f64) -> (Frame, Edge) {
        self.put(self.last);
        let mut frame = self.last;
        frame.flags &= !frame_flag::BAR_CLOSED;
        (frame.event.ts, frame.market_time) = (after(ns), after(ns));
        frame.set(17, Slot::some(value));
        let edge = self.put(frame).expect("edge");
        (frame, edge)
    }

    fn put(&mut self, frame: Frame) -> Option<Edge> {
        let edge = self.decision.on_frame(&frame, &self.context, Some(47_999));
        self.entries.on_frame(&frame, &self.decision);
        edge
    }

    fn propose(&mut self, value: f64) -> Result<Proposal, Refused> {
        let (frame, edge) = self.edge(SECOND, value);
        assert_eq!(self.entries.before(&frame, &book()), Ok(()));
        self.entries.propose(&edge, &self.decision, &frame, &self.context, &book())
    }

    fn refused(&mut self, value: f64) -> (Gate, Detail) {
        let veto = self.propose(value).expect_err("refused").veto;
        (veto.gate, veto.detail)
    }
}

#[test]
fn a_long_entry() {
    let own = Rig::plain(24_100).propose(0.85).expect("proposal");
    let intent = own.intent;
    assert_eq!((intent.seq, intent.ts, intent.market_time), (7, after(SECOND), after(SECOND)));
    assert_eq!((intent.data_ts, intent.symbol), (after(SECOND), SymbolId(0)));
    assert_eq!((intent.way, intent.tier), (BuySell::Buy, 1.5));
    assert_eq!((intent.touch, intent.half_ticks), ((px(23_999), px(24_000)), 47_999));
    assert_eq!(intent.hit.levels().first(), Some(&(px(24_000), 10)));
    assert_eq!(intent.hit.levels().len(), 5);
    // Swing 8 + 2 beats ⌈1.5·4⌉ and 6; one tick in front of the point of control.
    assert_eq!((intent.stop, intent.target), (px(23_990), px(24_099)));
    assert_eq!((intent.stop_ticks(), intent.target_ticks()), (10, 99));
    assert!((own.rr_net - (99.0 * 12.5 - 5.0) / (125.0 + 5.0 + 12.5)).abs() < 1e-12);
    // The point of control is a second and no touch old.
    assert!((own.cluster - 0.9 / 8.0).abs() < 1e-5 && own.cluster < 0.9 / 8.0);
    assert!((own.d_core - 0.85).abs() < 1e-12);
}

#[test]
fn a_short_entry_is_its_mirror() {
    let own = Rig::plain(23_899).propose(-0.95).expect("proposal");
    let intent = own.intent;
    assert_eq!((intent.way, intent.tier), (BuySell::Sell, 2.0));
    assert_eq!(intent.hit.levels().first(), Some(&(px(23_999), 10)));
    assert_eq!((intent.stop, intent.target), (px(24_009), px(23_900)));
    assert_eq!((intent.stop_ticks(), intent.target_ticks()), (10, 99));
}

/// What gate 11 refuses, and what it had measured.
#[test]
fn stops_and_targets_that_are_not_there() {
    assert_eq!(Rig::plain(23_899).refused(0.9), (Gate::Rr, Detail::NoTarget));
    assert_eq!(Rig::plain(24_100).refused(-0.9), (Gate::Rr, Detail::NoTarget));

    let mut rig = Rig::plain(24_100);
    rig.last.atr20 = None;
    assert_eq!(rig.refused(0.9), (Gate::Rr, Detail::NoStop));
    let mut rig = Rig::plain(24_100);
    rig.last.levels.swing_low = None;
    assert_eq!(rig.refused(0.9), (Gate::Rr, Detail::NoStop));

    for costs in [
        None,
        Some(Costs { tick_value: 0.0, ..ES }),
        Some(Costs { round_turn: -1.0, ..ES }),
        Some(Costs { slippage_ticks: f64::NAN, ..ES }),
    ] {
        let mut rig = Rig::new(&[17], EntryParams::new(vec![costs]), 24_100);
        assert_eq!(rig.refused(0.9), (Gate::Rr, Detail::NoContract), "{costs:?}");
    }

    // 29 ticks against a stop of 10: (362.5 − 5)/142.5 = 2.5088; 28: 2.4211.
    assert!(Rig::plain(24_030).propose(0.9).is_ok());
    let own = Rig::plain(24_029).propose(0.9).expect_err("refused");
    assert_eq!(own.veto, Veto::new(Gate::Rr, Detail::RatioLow));
    assert!((own.rr_net.expect("measured") - 345.0 / 142.5).abs() < 1e-12);
    assert!(own.cluster.is_some() && own.d_core > 0.0);
}

#[test]
fn extreme_volatility_and_curve_widen_the_stop() {
    let mut rig = Rig::plain(24_100);
    rig.last.flags |= frame_flag::BAR5_CLOSED;
    rig.last.set(27, Volatility::Extreme.slot());
    assert_eq!(rig.propose(0.9).expect("proposal").intent.stop_ticks(), 13, "⌈12.5⌉");

    for (vix_age, expected) in [(SECOND, 13), (200 * SECOND, 10)] {
        let mut rig = Rig::plain(24_100);
        rig.context = vix(18.0, vix_age);
        let part = rig.context.volatility.as_mut().expect("part");
        part.curve = Some(Curve::Backwardation);
        let own = rig.propose(0.9).expect("proposal").intent.stop_ticks();
        assert_eq!(own, expected, "a stale VIX says nothing of now");
    }
}

/// A VIX that was seen `age` ns before [`NOW`].
fn vix(value: f64, age: i64) -> Context {
    let mut part = volatility();
    let ts = after(-age);
    part.vix = Some(Quote { value, ts, source: Source::Index, stale: false, eod: false });
    (part.vix_mult, part.stress) = (Some(0.7), Some(value > 30.0));
    Context { version: 1, volatility: Some(part), ..Context::EMPTY }
}

#[test]
fn scales_say_why_there_is_none() {
    let scales = Rig::plain(24_100).propose(0.9).expect("proposal").intent.scales;
    assert_eq!(scales.session, Slot::some(1.0), "morning");
    assert_eq!(scales.volatility, Slot::none(Reason::Warmup));
    assert_eq!((scales.vix, scales.vix_stress), (Slot::none(Reason::NoInput), false));

    let mut rig = Rig::plain(24_100);
    rig.last.volatility_size = 0.625;
    rig.context = vix(31.0, SECOND);
    let scales = rig.propose(0.9).expect("proposal").intent.scales;
    assert_eq!((scales.volatility, scales.vix), (Slot::some(0.625), Slot::some(0.7)));
    assert!(scales.vix_stress);

    let mut rig = Rig::plain(24_100);
    rig.context = vix(31.0, 200 * SECOND);
    let scales = rig.propose(0.9).expect("proposal").intent.scales;
    assert_eq!((scales.vix, scales.vix_stress), (Slot::none(Reason::Stale), true));
}

#[test]
fn one_intent_a_minute_and_side() {
    let mut rig = Rig::plain(24_100);
    let first = rig.propose(0.9).expect("proposal");
    let again = |rig: &mut Rig, ns, value| {
        let mut low = rig.last;
        low.set(17, Slot::some(0.0));
        low.flags = frame_flag::RTH;
        rig.put(low);
        let (frame, edge) = rig.edge(ns, value);
        let own = rig.entries.propose(&edge, &rig.decision, &frame, &rig.context, &book());
        own.map_err(|refused| refused.veto.detail)
    };
    assert!(again(&mut rig, 2 * SECOND, 0.9).is_ok(), "none was passed on");
    rig.entries.took(&first.intent);
    assert_eq!(again(&mut rig, 61 * SECOND - 1, 0.9), Err(Detail::Cadence));
    assert_eq!(again(&mut rig, 30 * SECOND, -0.9), Err(Detail::NoTarget), "the other side");
    assert!(again(&mut rig, 61 * SECOND, 0.9).is_ok());
}

#[test]
fn edges_that_the_score_refuses() {
    let mut rig = Rig::new(&[17, 22], EntryParams::new(vec![Some(ES)]), 24_100);
    let own = rig.propose(0.9).expect_err("refused");
    assert_eq!(own.veto, Veto::new(Gate::Coverage, Detail::None));
    assert_eq!((own.cluster, own.rr_net), (None, None));

    for (live, expected) in [(false, None), (true, Some(Detail::WeakTier))] {
        let mut params = EntryParams::new(vec![Some(ES)]);
        params.gates.live = live;
        let mut rig = Rig::new(&[17], params, 24_100);
        rig.decision.preset.gate = 60.0;
        let (frame, edge) = rig.edge(SECOND, 0.65);
        let own = rig.entries.propose(&edge, &rig.decision, &frame, &rig.context, &book());
        assert_eq!(own.err().map(|refused| refused.veto.detail), expected);
        assert!(own.is_err() || own.is_ok_and(|own| own.intent.tier == 0.5));
    }
}

/// Feature 1 says up from the put wall, the order flow down.
fn divided(change: impl Fn(&mut LevelPart)) -> Result<Proposal, Refused> {
    let mut rig = Rig::new(&[1, 17], EntryParams::new(vec![Some(ES)]), 24_100);
    rig.decision.preset.gate = 10.0;
    rig.decision.preset.tiers = TierEdges([90.0, 80.0, 10.0, 5.0]);
    let mut part = part(Underlying::Spx);
    for levels in part.futures.iter_mut().flatten().map(|future| &mut future.levels) {
        (levels.put_wall, levels.call_wall) = (Slot::some(5999.0), Slot::some(6030.0));
    }
    change(&mut part);
    rig.context.version = 1;
    rig.context.set_level(part);
    let (frame, edge) = rig.edge(SECOND, -0.2);
    let tradable = rig.entries.tradable(&edge, &rig.decision, &frame, &rig.context);
    let own = rig.entries.propose(&edge, &rig.decision, &frame, &rig.context, &book());
    // What is not traded does not close either.
    assert_eq!(tradable.err(), own.err().map(|refused| refused.veto));
    own
}

#[test]
fn a_late_option_context_does_not_decide_alone() {
    let realtime = |part: &mut LevelPart| part.delay_class = DelayClass::Realtime;
    // The call wall is now the nearest cluster ahead: its set is in force.
    let own = divided(realtime).expect("fresh: it may");
    assert_eq!((own.intent.way, own.intent.target), (BuySell::Buy, px(24_099)));
    assert!(own.d_core < 0.0);
    for late in [DelayClass::Delayed15, DelayClass::Eod, DelayClass::Replay] {
        let own = divided(|part| part.delay_class = late).expect_err("refused");
        assert_eq!(own.veto, Veto::new(Gate::Side, Detail::None), "{late:?}");
    }
    let old = |seconds: i64| {
        move |part: &mut LevelPart| {
            part.delay_class = DelayClass::Realtime;
            part.asof_ns = after(-seconds * SECOND);
        }
    };
    assert!(divided(old(899)).is_ok());
    assert_eq!(divided(old(900)).expect_err("refused").veto.gate, Gate::Side, "901 s by now");
    // A context that is over has no say: then coverage decides.
    let over = |part: &mut LevelPart| part.valid_until_ns = after(-1);
    assert_eq!(divided(over).expect_err("refused").veto.gate, Gate::Coverage);
}

#[test]
fn option_levels_are_targets_while_in_force() {
    let own = divided(|part| {
        part.delay_class = DelayClass::Realtime;
        for levels in part.futures.iter_mut().flatten().map(|future| &mut future.levels) {
            levels.call_wall = Slot::some(6015.0);
        }
    });
    assert_eq!(own.expect("proposal").intent.target, px(24_059));
}

/// Timers, snapshots and the warm-up make nothing fresh; a gap blocks a minute.
#[test]
fn data_gate_follows_the_feed() {
    let mut rig = Rig::plain(24_100);
    let mut at = |ns: i64, flags: u8, body: Body| {
        let mut frame = rig.last;
        frame.flags = frame_flag::RTH;
        frame.event = Event { flags, ..event(after(ns), body) };
        frame.market_time = after(ns);
        rig.put(frame);
        rig.entries.before(&frame, &book()).err().map(|veto| veto.detail)
    };
    assert_eq!(at(0, 0, Body::Timer), Some(Detail::Age), "nothing yet");
    assert_eq!(at(1, flag::SNAPSHOT, Body::BatchEnd), Some(Detail::Age));
    assert_eq!(at(2, flag::WARMUP, Body::BatchEnd), Some(Detail::Age));
    assert_eq!(at(3, 0, Body::BatchEnd), None);
    assert_eq!(at(3 + SECOND, 0, Body::Timer), None);
    assert_eq!(at(4 + SECOND, 0, Body::Timer), Some(Detail::Age));
    assert_eq!(at(5 + SECOND, 0, Body::Gap(GapCause::ServerDropped)), Some(Detail::Age));
    assert_eq!(at(6 + SECOND, 0, Body::BatchEnd), Some(Detail::Gap));
    assert_eq!(at(4 + 61 * SECOND, 0, Body::BatchEnd), Some(Detail::Gap));
    assert_eq!(at(5 + 61 * SECOND, 0, Body::BatchEnd), None);
}

/// A blackout is the account's: another symbol may know a later time.
#[test]
fn news_of_the_account() {
    let mut rig = Rig::plain(24_100);
    let until = after(1_000 * MINUTE);
    rig.entries.news = News::new(vec![after(10 * MINUTE)], until);
    let (frame, _) = rig.edge(SECOND, 0.9);
    assert_eq!(rig.entries.before(&frame, &book()), Ok(()));
    let mut other = rig.last;
    other.event.symbol = SymbolId(1);
    other.market_time = after(5 * MINUTE);
    rig.put(other);
    let own = rig.entries.before(&frame, &book());
    assert_eq!(own, Err(Veto::new(Gate::News, Detail::Event)));
    let mut unknown = frame;
    unknown.event.symbol = SymbolId(9);
    assert!(rig.entries.before(&unknown, &book()).is_err(), "a symbol that the run has not");
}

/// The bar that the first event of the cash session closes belongs to the night before.
#[test]
fn a_closing_bar_belongs_to_its_session() {
    let mut rig = Rig::plain(24_100);
    let open = instant("2026-01-15T14:30:00Z");
    let mut put = |minute: i64, at: Ts, cash: bool| {
        let mut frame = closed(24_100);
        (frame.market_time, frame.event.ts, frame.bar.minute) = (at, at, minute);
        frame.flags = frame_flag::BAR_CLOSED | if cash { frame_flag::RTH } else { 0 };
        rig.put(frame);
        let lines = &rig.entries.markets[0].lines;
        let poc = lines.levels(open, None).levels()[0];
        poc.age_min
    };
    let first = open.0 / MINUTE;
    assert_eq!(put(first - 31, Ts(open.0 - 30 * MINUTE), false), 30.0);
    assert_eq!(put(first - 1, open, true), 30.0, "still the night's");
    assert_eq!(put(first, Ts(open.0 + MINUTE), true), 0.0, "a new one, born at 09:31");
}

proptest! {
    /// Whatever the levels are: a proposal has its stop behind and its target ahead, pays its least
    /// ratio, and is measured as its record says; a refusal is one of gate 11.
    #[test]
    fn proposals_keep_their_promises(
        poc in 23_800_i64..24_200,
        swings in (1_i64..60, 1_i64..60),
        atr in prop::option::of(0.5_f64..40.0),
        band in (23_900.0_f64..24_100.0, 0.0_f64..80.0),
        overnight in prop::option::of((23_900_i64..24_000, 1_i64..200)),
        short: bool,
    ) {
        let mut rig = Rig::plain(poc);
        rig.last.levels.swing_low = Some(px(24_000 - swings.0));
        rig.last.levels.swing_high = Some(px(23_999 + swings.1));
        rig.last.levels.overnight = overnight.map(|(low, width)| (px(low), px(low + width)));
        (rig.last.atr20, rig.last.vwap, rig.last.vwap_sd) = (atr, band.0, band.1);
        match rig.propose(if short { -0.9 } else { 0.9 }) {
            Ok(own) => {
                let atr = atr.expect("a stop needs it");
                let (stop, target) = (own.intent.stop_ticks(), own.intent.target_ticks());
                prop_assert!(stop >= 6 && f64::from(stop) >= 1.5 * atr);
                let swing = if short { swings.1 } else { swings.0 };
                // Nothing lies behind the nearest structure by more than the two ticks.
                prop_assert!(i64::from(stop) <= (swing + 2).max(6).max((1.5 * atr).ceil() as i64));
                prop_assert!(target > 0 && own.rr_net >= 2.5 && own.cluster >= 0.1);
                let ratio = targets::rr_net(stop, target, &ES);
                prop_assert_eq!(own.rr_net.to_bits(), ratio.to_bits());
            }
            Err(refused) => prop_assert_eq!(refused.veto.gate, Gate::Rr),
        }
    }
}
