//! Every limit is tripped, and passes just before.

use proptest::prelude::*;

use super::*;
use crate::order::{BuySell, Depth, Intent, Scales};
use crate::units::{MINUTE, Qty, SECOND, Slot};

const ES: SymbolId = SymbolId(0);
const NQ: SymbolId = SymbolId(1);

fn at(text: &str) -> Ts {
    let t: jiff::Timestamp = text.parse().expect("instant");
    Ts(i64::try_from(t.as_nanosecond()).expect("range"))
}

/// 10:00 New York of a Wednesday; receive and market time are the same in these tests.
fn morning() -> Ts {
    at("2026-01-14T15:00:00Z")
}

fn after(ts: Ts, ns: i64) -> Ts {
    Ts(ts.0 + ns)
}

fn with(params: Params, roots: &[&str], state: State) -> Risk {
    params.check().expect("parameters");
    let products = roots.iter().map(|root| Product::of_root(root)).collect();
    let calendar = Arc::new(Calendar::bundled().expect("calendar"));
    Risk::new(params, products, calendar, state)
}

/// A fresh risk of the default limits with 100 000 USD, in the morning.
fn risk() -> Risk {
    let mut risk = with(Params::default(), &["ES", "NQ", "MES", "MNQ"], State::default());
    time(&mut risk, morning());
    risk.on_balance(morning(), 100_000.0);
    risk
}

/// Data and time of every symbol.
fn time(risk: &mut Risk, ts: Ts) {
    for symbol in (0..4).map(SymbolId) {
        risk.on_data(ts, symbol);
        risk.on_time(ts, ts, symbol);
    }
}

fn acts(risk: &mut Risk) -> Vec<Act> {
    std::iter::from_fn(|| risk.poll()).collect()
}

fn close(risk: &mut Risk, ts: Ts, net_usd: f64, r: f64) {
    risk.on_closed(ts, net_usd, Some(r), OpenPnl::default());
}

fn px(ticks: i32) -> Px {
    Px::new(ticks).expect("px")
}

/// A purchase with the stop twelve ticks away in a deep book.
fn intent(ts: Ts, symbol: SymbolId) -> Intent {
    let one = Slot::some(1.0);
    Intent {
        seq: 1,
        ts,
        market_time: ts,
        data_ts: ts,
        symbol,
        way: BuySell::Buy,
        tier: 1.0,
        touch: (px(24_000), px(24_001)),
        hit: Depth::new((0..5).map(|n| (px(24_001 + n), 1_000))),
        half_ticks: 48_001,
        stop: px(23_989),
        target: px(24_041),
        scales: Scales { session: one, volatility: one, vix: one, vix_stress: false },
    }
}

const FLAT: [Open; 4] = [Open { qty: 0, working: 0, risk_usd: 0.0 }; 4];

fn judge(risk: &mut Risk, intent: &Intent, open: &[Open]) -> Result<Qty, (Gate, Detail)> {
    let exposure = Exposure { symbols: open };
    risk.judge(intent, &exposure).map(|s| s.qty).map_err(|veto| (veto.gate, veto.detail))
}

/// Of a clone: the size that is remembered stays.
fn probe(risk: &Risk, intent: &Intent, open: &[Open]) -> Result<Qty, (Gate, Detail)> {
    judge(&mut risk.clone(), intent, open)
}

fn tripped(from: KillState, to: KillState, why: Why) -> Act {
    Act::Tripped { from, to, why }
}

use KillState::{Emergency, HaltEntries, HaltTrading, Normal};

#[test]
fn golden_sizes_through_all_gates() {
    let mut risk = risk();
    let mut want = intent(morning(), ES);
    want.tier = 1.5;
    want.scales.volatility = Slot::some(0.7);
    let sizing = risk.judge(&want, &Exposure { symbols: &FLAT }).expect("size");
    assert_eq!((sizing.qty, sizing.per_contract, sizing.equity), (2, 180.0, 100_000.0));
    assert!((sizing.risk_usd - 525.0).abs() < 1e-9);
    assert_eq!(risk.last_sizing(), Some(sizing));

    // 21 contracts before the cap, 5 after.
    let mut risk = self::risk();
    risk.on_balance(morning(), 250_000.0);
    let want = Intent { tier: 2.0, stop: px(24_001 - 20), ..intent(morning(), NQ) };
    assert_eq!(judge(&mut risk, &want, &FLAT), Ok(5));

    // Nothing fits, and the small sister is only a hint. The size comes before the book.
    let mut risk = self::risk();
    risk.on_balance(morning(), 97_000.0);
    assert!((risk.drawdown().expect("drawdown") - 0.03).abs() < 1e-12);
    let want = Intent { tier: 0.5, hit: Depth::default(), ..intent(morning(), ES) };
    assert_eq!(judge(&mut risk, &want, &FLAT), Err((Gate::SizeZero, Detail::BelowOne)));
    let sizing = risk.last_sizing().expect("size");
    assert_eq!((sizing.qty, sizing.micro_hint), (0, Some(6)), "121.25 over 19.00");
    let want = Intent { symbol: SymbolId(2), ..want };
    assert_eq!(judge(&mut risk, &want, &FLAT), Err((Gate::Pretrade, Detail::Thin)));
}

#[test]
fn session_loss_halts_entries_until_the_next_label() {
    let mut risk = risk();
    _ = acts(&mut risk);
    close(&mut risk, morning(), -500.0, -1.0);
    risk.on_open_pnl(morning(), OpenPnl { usd: -495.0, r: -0.99 });
    assert_eq!(risk.kill(), Normal);
    risk.on_open_pnl(morning(), OpenPnl { usd: -500.0, r: -1.0 });
    assert_eq!(risk.kill(), HaltEntries);
    let why = Why::Rule(Rule::SessionLoss);
    assert_eq!(acts(&mut risk), [tripped(Normal, HaltEntries, why), Act::CancelEntries]);
    let veto = Veto::new(Gate::Halt, Detail::SessionLoss);
    assert_eq!(risk.gate_halt(ES), Err(veto));
    assert_eq!(probe(&risk, &intent(morning(), ES), &FLAT), Err((veto.gate, veto.detail)));
    // Told once; a recovery of the open position changes nothing, nor does the operator.
    risk.on_open_pnl(morning(), OpenPnl::default());
    assert_eq!(acts(&mut risk), []);
    let still = Err(ResumeError::Still(Rule::SessionLoss));
    assert_eq!(risk.on_resume(morning(), HaltEntries, true), still);
    time(&mut risk, at("2026-01-14T20:59:59Z"));
    assert_eq!(risk.kill(), HaltEntries);
    time(&mut risk, at("2026-01-14T21:00:00Z"));
    let why = Why::Over(Rule::SessionLoss);
    assert_eq!(acts(&mut risk), [tripped(HaltEntries, Normal, why)]);
    assert_eq!((risk.state().session_r, risk.state().day_r), (0.0, -1.0));
}

#[test]
fn day_loss_halts_trading_beyond_the_date_until_somebody_resumes() {
    // In R, over two sessions, so that the session's limit does not come first.
    let mut risk = risk();
    _ = acts(&mut risk);
    close(&mut risk, morning(), -100.0, -1.5);
    let post = at("2026-01-14T21:00:00Z");
    time(&mut risk, post);
    close(&mut risk, post, -100.0, -1.49);
    assert_eq!(risk.kill(), Normal);
    close(&mut risk, post, -1.0, -0.01);
    assert_eq!(risk.kill(), HaltTrading);
    let why = Why::Rule(Rule::DayLoss);
    let all = [tripped(Normal, HaltTrading, why), Act::CancelEntries, Act::FlattenAll];
    assert_eq!(acts(&mut risk), all);
    let still = Err(ResumeError::Still(Rule::DayLoss));
    assert_eq!(risk.on_resume(post, HaltTrading, true), still);
    let next = at("2026-01-14T23:00:00Z");
    time(&mut risk, next);
    assert_eq!((risk.kill(), risk.state().day_r), (HaltTrading, 0.0));
    assert_eq!(risk.on_resume(next, HaltTrading, true), Ok(()));
    assert_eq!(risk.kill(), Normal);

    // In USD: 2 % of equity, open positions included.
    for (usd, state) in [(-1_959.0, Normal), (-1_961.0, HaltTrading)] {
        let mut risk = self::risk();
        close(&mut risk, morning(), -1_000.0, -0.1);
        risk.on_open_pnl(morning(), OpenPnl { usd: usd + 1_000.0, r: -0.1 });
        // 2 % of what is left.
        assert_eq!(risk.kill(), state, "{usd} {:?}", risk.equity());
    }
}

/// A hold that was lifted wrongly opens nothing: the sums themselves refuse.
#[test]
fn what_was_lost_refuses_without_its_hold() {
    let roots = ["ES", "NQ", "MES", "MNQ"];
    let before = *risk().state();
    for (state, refused) in [
        (State { session_r: -2.0, ..before }, Some(Detail::SessionLoss)),
        (State { day_r: -3.0, ..before }, Some(Detail::DayLoss)),
        (State { day_usd: -1_999.0, ..before }, None),
        (State { day_usd: -2_000.0, ..before }, Some(Detail::DayLoss)),
        (State { open_usd: -2_050.0, ..before }, Some(Detail::DayLoss)),
        (State { month_peak: Some(105_300.0), ..before }, Some(Detail::MonthDrawdown)),
    ] {
        let mut risk = with(Params::default(), &roots, state);
        time(&mut risk, morning());
        assert_eq!(risk.kill(), Normal, "nothing holds");
        let judged = judge(&mut risk, &intent(morning(), ES), &FLAT);
        assert_eq!(judged.err(), refused.map(|detail| (Gate::Limit, detail)), "{state:?}");
    }
}

#[test]
fn month_drawdown_halves_and_stops() {
    // Golden: peak 101.5, now 97.2 and 98.4.
    for (now, lost, scale) in
        [(97_200.0, 0.042_365, 0.5), (98_400.0, 0.030_542, 0.5), (98_500.0, 0.029_557, 1.0)]
    {
        let mut risk = risk();
        risk.on_balance(morning(), 101_500.0);
        risk.on_balance(morning(), now);
        assert!((risk.drawdown().expect("drawdown") - lost).abs() < 5e-7);
        _ = judge(&mut risk, &intent(morning(), ES), &FLAT);
        let usd = risk.last_sizing().expect("size").risk_usd;
        assert!((usd - now * 0.005 * scale).abs() < 1e-9, "{usd}");
        assert_eq!(risk.kill(), Normal);
    }
    // The peak counts open profit, and 5 % below it trading stops to the month's end.
    let mut risk = risk();
    _ = acts(&mut risk);
    risk.on_open_pnl(morning(), OpenPnl { usd: 2_000.0, r: 4.0 });
    assert_eq!(risk.state().month_peak, Some(102_000.0));
    risk.on_balance(morning(), 96_901.0);
    assert_eq!(risk.kill(), Normal);
    risk.on_balance(morning(), 96_900.0);
    let why = Why::Rule(Rule::MonthDrawdown);
    let all = [tripped(Normal, HaltTrading, why), Act::CancelEntries, Act::FlattenAll];
    assert_eq!(acts(&mut risk), all);
    let text = risk.state().to_text();
    let last = at("2026-01-30T15:00:00Z");
    time(&mut risk, last);
    let still = Err(ResumeError::Still(Rule::MonthDrawdown));
    assert_eq!(risk.on_resume(last, HaltTrading, true), still);
    // Trade date 2 February begins on Sunday evening.
    let february = at("2026-02-01T23:00:00Z");
    time(&mut risk, february);
    assert_eq!((risk.kill(), risk.state().month_peak), (HaltTrading, Some(96_900.0)));
    assert_eq!(risk.on_resume(february, HaltTrading, true), Ok(()));
    // A restart forgets nothing.
    let state = State::from_text(&text).expect("text");
    let mut again = with(Params::default(), &["ES"], state);
    assert_eq!(acts(&mut again), [Act::CancelEntries, Act::FlattenAll]);
    assert_eq!((again.kill(), again.equity()), (HaltTrading, Some(96_900.0)));
    assert_eq!(again.gate_halt(ES), Err(Veto::new(Gate::Halt, Detail::MonthDrawdown)));
}

#[test]
fn three_losses_pause_for_half_an_hour() {
    let mut risk = risk();
    for loss in 0..3 {
        let want = intent(morning(), ES);
        assert_eq!(probe(&risk, &want, &FLAT), Ok(2), "after {loss}");
        close(&mut risk, morning(), -10.0, -0.02);
    }
    let pause = |risk: &Risk, ns| probe(risk, &intent(after(morning(), ns), ES), &FLAT);
    let cool = Err((Gate::Limit, Detail::CoolDown));
    assert_eq!(pause(&risk, 0), cool);
    assert_eq!(pause(&risk, 30 * MINUTE - 1), cool);
    assert_eq!(pause(&risk, 30 * MINUTE), Ok(2));
    // It survives a restart.
    let state = State::from_text(&risk.state().to_text()).expect("text");
    let again = with(Params::default(), &["ES"], state);
    assert_eq!(pause(&again, 29 * MINUTE), cool);
    // The fourth pauses again; a gain ends the row, a zero does not.
    close(&mut risk, after(morning(), 40 * MINUTE), -10.0, -0.02);
    assert_eq!(pause(&risk, 69 * MINUTE), cool);
    close(&mut risk, morning(), 0.0, 0.0);
    assert_eq!(risk.state().losses, 4);
    close(&mut risk, morning(), 10.0, 0.02);
    assert_eq!(risk.state().losses, 0);
}

#[test]
fn ten_trades_a_day() {
    let mut risk = risk();
    _ = acts(&mut risk);
    for _ in 0..9 {
        risk.on_opened(morning());
    }
    assert_eq!(risk.kill(), Normal);
    // A working entry may become the tenth.
    let mut open = FLAT;
    open[1].working = 1;
    let many = Err((Gate::Limit, Detail::TradesPerDay));
    assert_eq!(probe(&risk, &intent(morning(), ES), &FLAT), Ok(2));
    assert_eq!(probe(&risk, &intent(morning(), ES), &open), many);
    risk.on_opened(morning());
    // What is left of the tenth entry works on.
    let why = Why::Rule(Rule::TradesPerDay);
    assert_eq!(acts(&mut risk), [tripped(Normal, HaltEntries, why)]);
    assert_eq!(risk.gate_halt(ES), Err(Veto::new(Gate::Halt, Detail::TradesPerDay)));
    time(&mut risk, at("2026-01-14T21:30:00Z"));
    assert_eq!(risk.kill(), HaltEntries);
    time(&mut risk, at("2026-01-14T23:00:00Z"));
    assert_eq!((risk.kill(), risk.state().trades), (Normal, 0));
}

#[test]
fn limits_of_what_is_open() {
    let risk = risk();
    let want = intent(morning(), ES);
    let refused = |open: [Open; 4], detail| {
        assert_eq!(probe(&risk, &want, &open), Err((Gate::Limit, detail)), "{open:?}");
    };
    let open = |qty, working, risk_usd| Open { qty, working, risk_usd };
    let none = FLAT[0];
    // Position or working entry of the symbol.
    refused([open(1, 0, 1.0), none, none, none], Detail::PositionOpen);
    refused([open(0, -1, 1.0), none, none, none], Detail::PositionOpen);
    // Three others.
    let small = open(-1, 0, 1.0);
    assert_eq!(probe(&risk, &want, &[none, small, small, none]), Ok(2));
    refused([none, small, small, open(0, 1, 1.0)], Detail::Positions);
    // Gross USD per tick: 62.50 less 40 x 1.25 leaves one contract of ES, less 41 none; the side
    // does not matter.
    assert_eq!(probe(&risk, &want, &[none, none, open(-40, 0, 1.0), none]), Ok(1));
    assert_eq!(probe(&risk, &want, &[none, none, open(-20, 20, 1.0), none]), Ok(1));
    refused([none, none, open(-41, 0, 1.0), none], Detail::TickExposure);
    // Open risk of the account: 1.5 % of equity; two contracts risk 360.
    assert_eq!(probe(&risk, &want, &[none, open(1, 0, 1_140.0), none, none]), Ok(2));
    refused([none, open(1, 0, 1_140.01), none, none], Detail::OpenRisk);
    refused([none, open(-1, 0, 600.0), open(1, 0, 540.01), none], Detail::OpenRisk);
    refused([none, open(1, 0, f64::NAN), none, none], Detail::OpenRisk);
    // Whatever is held counts, and whatever is wanted: the limit is the account's.
    let mut other = risk.clone();
    let crude = Product { tick_value: 10.0, micro: None, ..*risk.product(ES).expect("ES") };
    other.products[3] = Some(crude);
    let refused = Err((Gate::Limit, Detail::OpenRisk));
    assert_eq!(probe(&other, &want, &[none, none, none, open(1, 0, 1_140.01)]), refused);
    let crude = Intent { symbol: SymbolId(3), ..want };
    assert_eq!(probe(&other, &crude, &[none, open(1, 0, 1_200.0), none, none]), refused);
    // Nobody says what another symbol holds.
    assert_eq!(probe(&risk, &want, &[]), Err((Gate::Reconcile, Detail::Venue)));
}

#[test]
fn what_is_not_known_does_not_pass() {
    let limit = |detail| Err((Gate::Limit, detail));
    let mut risk = with(Params::default(), &["ES", "CL", "NQ"], State::default());
    time(&mut risk, morning());
    let es = intent(morning(), ES);
    assert_eq!(probe(&risk, &es, &FLAT), limit(Detail::NoEquity));
    risk.on_balance(morning(), 100_000.0);
    assert_eq!(probe(&risk, &es, &FLAT), Ok(2));
    risk.on_balance(morning(), f64::NAN);
    assert_eq!(probe(&risk, &es, &FLAT), limit(Detail::NoEquity));
    risk.on_balance(morning(), 100_000.0);
    let mut open = FLAT;
    open[1].qty = 1;
    assert_eq!(probe(&risk, &es, &open), limit(Detail::TickExposure), "value of CL is unknown");
    assert_eq!(probe(&risk, &intent(morning(), SymbolId(1)), &FLAT), limit(Detail::NoContract));
    let nobody = Err((Gate::Reconcile, Detail::Venue));
    assert_eq!(probe(&risk, &intent(morning(), SymbolId(9)), &FLAT), nobody);
    let wrong = Intent { stop: px(24_001), ..es };
    assert_eq!(probe(&risk, &wrong, &FLAT), Err((Gate::SizeZero, Detail::StopSide)));
    // A profit that is no number stops entries.
    let mut broken = risk.clone();
    broken.on_open_pnl(morning(), OpenPnl { usd: f64::NAN, r: 0.0 });
    assert_eq!((broken.kill(), broken.equity()), (HaltEntries, Some(100_000.0)));
    risk.on_closed(morning(), f64::INFINITY, None, OpenPnl::default());
    assert_eq!(risk.kill(), HaltEntries);
    // A loss whose risk nobody knew counts in base risks, and whole without equity.
    let mut risk = self::risk();
    risk.on_closed(morning(), -250.0, None, OpenPnl::default());
    assert_eq!(risk.state().day_r, -0.5);
    risk.on_balance(morning(), f64::NAN);
    risk.on_closed(morning(), -1.0, Some(f64::NAN), OpenPnl::default());
    assert_eq!(risk.state().day_r, -1.5);
}

#[test]
fn a_symbol_that_is_not_traded() {
    let off = Product { trading: false, ..Product::of_root("ES").expect("ES") };
    let calendar = Arc::new(Calendar::bundled().expect("calendar"));
    let mut risk = Risk::new(Params::default(), vec![Some(off)], calendar, State::default());
    assert_eq!(risk.gate_halt(ES), Err(Veto::new(Gate::Halt, Detail::SymbolDisabled)));
    // Its silence is nobody's business.
    risk.on_time(morning(), morning(), ES);
    risk.on_data(morning(), ES);
    risk.on_time(after(morning(), MINUTE), after(morning(), MINUTE), ES);
    assert_eq!(risk.kill(), Normal);
}

#[test]
fn flat_by_the_end_of_the_day() {
    let mut risk = risk();
    _ = acts(&mut risk);
    let by = at("2026-01-14T21:55:00Z");
    time(&mut risk, Ts(by.0 - 1));
    assert_eq!(acts(&mut risk), []);
    assert_eq!(probe(&risk, &intent(Ts(by.0 - 1), ES), &FLAT), Ok(2));
    time(&mut risk, by);
    let all: Vec<Act> = (0..4).map(|n| Act::FlatBy(SymbolId(n))).collect();
    assert_eq!(acts(&mut risk), all);
    assert_eq!(probe(&risk, &intent(by, ES), &FLAT), Err((Gate::Limit, Detail::FlatBy)));
    time(&mut risk, after(by, SECOND - 1));
    assert_eq!((acts(&mut risk), risk.kill()), (vec![], Normal), "once a second");
    // What turns up later is closed too.
    time(&mut risk, after(by, SECOND));
    assert_eq!(acts(&mut risk), all);
    time(&mut risk, at("2026-01-14T22:00:00Z"));
    assert_eq!(acts(&mut risk), [], "nothing can be done in the daily break");
    let evening = at("2026-01-14T23:00:00Z");
    time(&mut risk, evening);
    assert_eq!(probe(&risk, &intent(evening, ES), &FLAT), Ok(2));
    // A gap in the data over the end of the day: what is held is closed as soon as it is seen.
    risk.on_position(NQ, -1);
    risk.on_data(at("2026-01-16T15:00:00Z"), NQ);
    _ = acts(&mut risk);
    time(&mut risk, at("2026-01-16T15:00:00Z"));
    assert_eq!(acts(&mut risk), [Act::FlatBy(NQ)]);
}

/// A start three minutes after the time to be flat, before the symbol's first live event: after a
/// warm-up that ended hours ago, and without one.
#[test]
fn flat_by_without_a_live_market() {
    for market_time in [Ts::NONE, at("2026-01-14T18:00:00Z")] {
        let mut risk = with(Params::default(), &["ES"], State::default());
        let now = at("2026-01-14T21:57:00Z");
        for second in 0..3 {
            risk.on_time(after(now, second * SECOND), market_time, ES);
            assert_eq!(acts(&mut risk), [Act::FlatBy(ES)], "{second}");
        }
        assert_eq!(risk.state().trade_day, i32::MIN, "the date is the market's");
    }
}

#[test]
fn order_and_replace_rates() {
    let id = |n| OrderId::new(20_260_114, n);
    let mut risk = risk();
    _ = acts(&mut risk);
    // The 21st new order within less than a minute; a minute later it is none too many.
    let mut slow = risk.clone();
    for n in 0..20 {
        risk.on_order(after(morning(), i64::from(n)), OrderEvent::New(id(n)));
        slow.on_order(after(morning(), i64::from(n)), OrderEvent::New(id(n)));
    }
    assert_eq!(risk.kill(), Normal);
    slow.on_order(after(morning(), MINUTE), OrderEvent::New(id(20)));
    assert_eq!(slow.kill(), Normal);
    let late = after(morning(), MINUTE - 1);
    risk.on_order(late, OrderEvent::New(id(20)));
    let why = Why::Rule(Rule::OrderRate);
    let all = [tripped(Normal, HaltTrading, why), Act::CancelEntries, Act::FlattenAll];
    assert_eq!(acts(&mut risk), all);
    let still = Err(ResumeError::Still(Rule::OrderRate));
    assert_eq!(risk.on_resume(late, HaltTrading, true), still);
    assert_eq!(risk.on_resume(after(late, 1), HaltTrading, true), Ok(()));

    let mut risk = self::risk();
    for n in 0..60 {
        risk.on_order(after(morning(), n), OrderEvent::Replace);
    }
    assert_eq!(risk.kill(), Normal);
    risk.on_order(after(morning(), 60), OrderEvent::Replace);
    assert_eq!(risk.kill(), HaltEntries);
}

#[test]
fn refusals() {
    let id = |n| OrderId::new(20_260_114, n);
    let mut risk = risk();
    for n in 0..9 {
        risk.on_order(after(morning(), i64::from(n) * MINUTE), OrderEvent::New(id(n)));
    }
    for n in [2, 5] {
        risk.on_order(morning(), OrderEvent::Rejected(id(n)));
    }
    assert_eq!(risk.kill(), Normal, "nine orders say nothing");
    risk.on_order(after(morning(), 9 * MINUTE), OrderEvent::New(id(9)));
    assert_eq!(risk.kill(), HaltEntries);
    // Somebody has looked: it begins anew.
    assert_eq!(risk.on_resume(after(morning(), 9 * MINUTE), HaltEntries, true), Ok(()));
    risk.on_order(after(morning(), 9 * MINUTE), OrderEvent::Rejected(id(9)));
    assert_eq!(risk.kill(), Normal);
    // One of ten is not more than 10 %; one for margin is enough.
    let mut risk = self::risk();
    for n in 0..10 {
        risk.on_order(after(morning(), i64::from(n) * MINUTE), OrderEvent::New(id(n)));
    }
    risk.on_order(morning(), OrderEvent::Rejected(id(9)));
    assert_eq!(risk.kill(), Normal);
    for class in [RejectClass::Unknown, RejectClass::Transient, RejectClass::Parameter] {
        risk.on_order(morning(), OrderEvent::Refused(class));
        assert_eq!(risk.kill(), Normal, "{class:?} alone stops nothing");
    }
    risk.on_order(morning(), OrderEvent::Refused(RejectClass::Permission));
    assert_eq!(risk.state().holds.rule(), Some(Rule::Permission));
    risk.on_order(morning(), OrderEvent::Refused(RejectClass::Margin));
    assert_eq!(risk.state().holds.rule(), Some(Rule::Margin), "each has a cause of its own");
    assert_eq!(risk.kill(), HaltEntries);
}

#[test]
fn acknowledgements_and_silence() {
    let mut risk = risk();
    for _ in 0..49 {
        risk.on_order(morning(), OrderEvent::Acked { latency_ns: 900_000_000 });
    }
    assert_eq!(risk.kill(), Normal, "49 say nothing");
    risk.on_order(morning(), OrderEvent::Acked { latency_ns: 1 });
    assert_eq!(risk.state().holds.rule(), Some(Rule::AckLatency));
    let mut risk = self::risk();
    for _ in 0..60 {
        risk.on_order(morning(), OrderEvent::Acked { latency_ns: 799_999_999 });
    }
    assert_eq!(risk.kill(), Normal);

    let quiet = |risk: &mut Risk, ns: i64| {
        let ts = after(morning(), ns);
        for symbol in [NQ, SymbolId(2), SymbolId(3)] {
            risk.on_data(ts, symbol);
        }
        risk.on_time(ts, ts, ES);
    };
    quiet(&mut risk, 10 * SECOND - 1);
    assert_eq!(risk.kill(), Normal);
    quiet(&mut risk, 10 * SECOND);
    assert_eq!(risk.state().holds.rule(), Some(Rule::StaleData));
    let still = Err(ResumeError::Still(Rule::StaleData));
    assert_eq!(risk.on_resume(risk.ts, HaltEntries, true), still);
    _ = acts(&mut risk);
    // With a position, for more than a minute: somebody must look. The bracket stays.
    quiet(&mut risk, 61 * SECOND);
    assert_eq!(acts(&mut risk), []);
    risk.on_position(ES, 2);
    quiet(&mut risk, 62 * SECOND);
    quiet(&mut risk, 63 * SECOND);
    let alert = Act::Alert { rule: Rule::StaleData, symbol: Some(ES), value: 62.0 };
    assert_eq!(acts(&mut risk), [alert], "once");
    risk.on_data(after(morning(), 64 * SECOND), ES);
    assert_eq!(risk.kill(), HaltEntries, "an attended run waits for somebody");
    assert_eq!(risk.on_resume(risk.ts, HaltEntries, true), Ok(()));
}

/// The market of a traded symbol is silent from the start: no event, and with it no market time.
#[test]
fn a_symbol_that_never_says_anything_is_stale() {
    for market_time in [Ts::NONE, after(morning(), -3_600 * SECOND)] {
        let mut risk = with(Params::default(), &["ES", "NQ"], State::default());
        let mut at = |seconds: i64| {
            let ts = after(morning(), seconds * SECOND);
            risk.on_data(ts, ES);
            risk.on_time(ts, ts, ES);
            risk.on_time(ts, market_time, NQ);
            risk.state().holds.rule()
        };
        assert_eq!((at(0), at(9)), (None, None));
        assert_eq!(at(10), Some(Rule::StaleData), "{market_time}");
        assert_eq!(at(600), Some(Rule::StaleData));
        let still = Err(ResumeError::Still(Rule::StaleData));
        assert_eq!(risk.on_resume(risk.ts, HaltEntries, true), still);
        risk.on_data(risk.ts, NQ);
        assert_eq!(risk.on_resume(risk.ts, HaltEntries, true), Ok(()));
    }
    // A long history, read while the seconds pass, comes before the market.
    let mut risk = with(Params::default(), &["ES", "NQ"], State::default());
    for second in 0..20 {
        let ts = after(morning(), second * SECOND);
        risk.on_time(ts, Ts::NONE, ES);
        risk.on_time(ts, Ts::NONE, NQ);
        risk.on_history();
    }
    assert_eq!(risk.kill(), Normal);
    // While the market is closed nobody waits for it.
    let mut risk = with(Params::default(), &["ES"], State::default());
    let saturday = at("2026-01-17T15:00:00Z");
    for second in 0..30 {
        risk.on_time(after(saturday, second * SECOND), Ts::NONE, ES);
    }
    assert_eq!(risk.kill(), Normal);
}

/// Bars of a minute, closed by an event `late` ns after the end of the first of them.
#[test]
fn bars_that_are_closed_late() {
    let bars = |params: Params, first: Ts, late: i64| {
        let mut risk = with(params, &["ES"], State::default());
        time(&mut risk, Ts(first.0 - 90 * SECOND));
        let mut bar = |end: Ts, at: Ts| {
            risk.on_data(at, ES);
            risk.on_time(at, at, ES);
            risk.on_bar(at, ES, end, at);
            risk.state().holds.rule()
        };
        assert_eq!(bar(Ts(first.0 - MINUTE), Ts(first.0 - 40 * SECOND)), None);
        let at = after(first, late);
        bar(Ts(at.0.div_euclid(MINUTE) * MINUTE), at)
    };
    let of = Params::default();
    let first = morning();
    for (late, rule) in [(0, None), (30 * SECOND - 1, None), (30 * SECOND, Some(Rule::BarLate))] {
        assert_eq!(bars(of, first, late), rule, "{late}");
    }
    // Ten at once: the first of them counts.
    assert_eq!(bars(of, first, 600 * SECOND), Some(Rule::BarLate));
    // The half hour by its own limit.
    let of = Params { bar_1_late_ns: 3_600 * SECOND, ..of };
    assert_eq!(bars(of, first, 300 * SECOND - 1), None);
    assert_eq!(bars(of, first, 300 * SECOND), Some(Rule::BarLate));
    assert_eq!(bars(of, after(first, MINUTE), 300 * SECOND), None, "no half hour ended");

    // Over the daily break no bar waits; one of the new day that does is late.
    let mut risk = with(Params::default(), &["ES"], State::default());
    let (break_, open) = (at("2026-01-14T22:00:00Z"), at("2026-01-14T23:00:00Z"));
    for (at, end, rule) in [
        (Ts(break_.0 - 70 * SECOND), Ts(break_.0 - 2 * MINUTE), None),
        (open, break_, None),
        (after(open, 61 * SECOND), after(open, MINUTE), None),
        (after(open, 150 * SECOND), after(open, 2 * MINUTE), Some(Rule::BarLate)),
    ] {
        risk.on_data(at, ES);
        risk.on_time(at, at, ES);
        risk.on_bar(at, ES, end, at);
        assert_eq!(risk.state().holds.rule(), rule, "{at}");
    }
}

#[test]
fn the_operator_halts_and_resumes() {
    let mut risk = risk();
    _ = acts(&mut risk);
    risk.on_halt(morning(), HaltEntries, 5);
    assert_eq!(
        acts(&mut risk),
        [tripped(Normal, HaltEntries, Why::Outside(5)), Act::CancelEntries]
    );
    assert_eq!(risk.gate_halt(ES), Err(Veto::new(Gate::Halt, Detail::KillSwitch)));
    // Asked for again: done again, not told again.
    risk.on_halt(morning(), HaltEntries, 6);
    assert_eq!(acts(&mut risk), [Act::CancelEntries]);
    risk.on_halt(morning(), HaltTrading, 5);
    let why = Why::Outside(5);
    let all = [tripped(HaltEntries, HaltTrading, why), Act::CancelEntries, Act::FlattenAll];
    assert_eq!(acts(&mut risk), all);
    // The state is named, and everything is reconciled.
    let resume = |risk: &mut Risk, state, clean| risk.on_resume(morning(), state, clean);
    assert_eq!(resume(&mut risk, HaltEntries, true), Err(ResumeError::NotThis(HaltTrading)));
    assert_eq!(resume(&mut risk, HaltTrading, false), Err(ResumeError::NotReconciled));
    assert_eq!(resume(&mut risk, HaltTrading, true), Ok(()));
    // The milder one that was asked for by itself stays.
    assert_eq!(acts(&mut risk), [tripped(HaltTrading, HaltEntries, Why::Resume)]);
    assert_eq!(resume(&mut risk, HaltEntries, true), Ok(()));
    assert_eq!(resume(&mut risk, Normal, true), Err(ResumeError::NotThis(Normal)));
    assert_eq!(risk.gate_halt(ES), Ok(()));
    // Days change nothing in what somebody else asked for.
    risk.on_halt(morning(), HaltEntries, 1);
    risk.on_halt(morning(), Normal, 1);
    time(&mut risk, at("2026-02-16T15:00:00Z"));
    assert_eq!(risk.kill(), HaltEntries);
}

#[test]
fn an_emergency_ends_with_a_new_start_in_a_halt() {
    let mut risk = risk();
    _ = acts(&mut risk);
    risk.on_halt(morning(), Emergency, 5);
    let all = [
        tripped(Normal, Emergency, Why::Outside(5)),
        Act::CancelEntries,
        Act::FlattenAll,
        Act::Disconnect,
    ];
    assert_eq!(acts(&mut risk), all);
    for state in [Normal, HaltEntries, HaltTrading, Emergency] {
        assert_eq!(risk.on_resume(morning(), state, true), Err(ResumeError::Emergency));
    }
    let state = State::from_text(&risk.state().to_text()).expect("text");
    let mut again = with(Params::default(), &["ES"], state);
    assert_eq!(again.kill(), HaltTrading);
    assert_eq!(acts(&mut again), [Act::CancelEntries, Act::FlattenAll]);
    // What there is, is known only now: asked for again.
    again.on_reconciled();
    assert_eq!(acts(&mut again), [Act::CancelEntries, Act::FlattenAll]);
    assert_eq!(again.on_resume(morning(), HaltTrading, true), Ok(()));
    again.on_reconciled();
    assert_eq!(acts(&mut again), [tripped(HaltTrading, Normal, Why::Resume)]);
}

#[test]
fn without_anybody_what_risk_stopped_begins_again() {
    let params = Params { attended: false, ..Params::default() };
    let start = || {
        let mut risk = with(params, &["ES", "NQ", "MES", "MNQ"], State::default());
        time(&mut risk, morning());
        risk.on_balance(morning(), 100_000.0);
        risk
    };
    let next = at("2026-01-14T23:00:00Z");
    for rule in [Rule::DayLoss, Rule::OrderRate, Rule::RejectRate, Rule::AckLatency] {
        let mut risk = start();
        risk.trip(rule);
        time(&mut risk, at("2026-01-14T21:30:00Z"));
        assert_eq!(risk.kill(), rule.state());
        time(&mut risk, next);
        assert_eq!(risk.kill(), Normal, "{rule:?}");
    }
    for rule in [
        Rule::Mismatch,
        Rule::Trading,
        Rule::Entries,
        Rule::MonthDrawdown,
        Rule::Margin,
        Rule::Permission,
    ] {
        let mut risk = start();
        risk.trip(rule);
        time(&mut risk, next);
        assert_eq!(risk.kill(), rule.state(), "{rule:?}");
        time(&mut risk, at("2026-02-02T15:00:00Z"));
        assert_eq!(risk.kill() == Normal, rule == Rule::MonthDrawdown);
    }
    // Data that comes back, of all symbols.
    let mut risk = start();
    let late = after(morning(), 11 * SECOND);
    risk.on_time(late, late, ES);
    risk.on_time(late, late, NQ);
    assert_eq!(risk.kill(), HaltEntries);
    for (symbol, state) in [(0, HaltEntries), (1, HaltEntries), (2, HaltEntries), (3, Normal)] {
        risk.on_data(late, SymbolId(symbol));
        assert_eq!(risk.kill(), state);
    }
}

#[test]
fn saving() {
    let mut risk = risk();
    assert!(risk.take_changed());
    assert!(!risk.take_changed());
    assert_eq!(risk.state().saved, morning());
    // A peak that only rises: once a second.
    let rise =
        |risk: &mut Risk, ns, usd| risk.on_open_pnl(after(morning(), ns), OpenPnl { usd, r: 0.0 });
    rise(&mut risk, 1, 10.0);
    assert!(!risk.take_changed());
    rise(&mut risk, SECOND, 20.0);
    assert!(risk.take_changed());
    rise(&mut risk, SECOND + 1, 5.0);
    assert!(!risk.take_changed());
    risk.trip(Rule::NoIds);
    assert!(risk.take_changed());
    risk.trip(Rule::NoIds);
    assert!(!risk.take_changed());
    // Equity between two reports: what was closed and what is open.
    let mut risk = self::risk();
    risk.on_open_pnl(morning(), OpenPnl { usd: 300.0, r: 0.5 });
    risk.on_balance(morning(), 100_250.0);
    assert_eq!(risk.equity(), Some(100_250.0));
    risk.on_closed(morning(), 290.0, Some(0.5), OpenPnl::default());
    assert_eq!(risk.equity(), Some(100_240.0));
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(i64),
    Want(usize, bool, f64, i32),
    Close(usize, f64),
    Open(f64),
    Halt(u8),
    Resume(u8, bool),
    New,
    Replace,
    Reject(bool),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_i64..40_000).prop_map(Step::Wait),
        4 => (0_usize..4, any::<bool>(), 0.1_f64..3.0, 1_i32..60)
            .prop_map(|(s, b, t, stop)| Step::Want(s, b, t, stop)),
        3 => (0_usize..4, -1.5_f64..1.5).prop_map(|(s, r)| Step::Close(s, r)),
        1 => (-2.0_f64..2.0).prop_map(Step::Open),
        1 => (0_u8..3).prop_map(Step::Halt),
        2 => (0_u8..4, any::<bool>()).prop_map(|(s, c)| Step::Resume(s, c)),
        2 => Just(Step::New),
        1 => Just(Step::Replace),
        1 => any::<bool>().prop_map(Step::Reject),
        1 => Just(Step::Restart),
    ]
}

/// What a run holds, beside the risk.
struct Run {
    risk: Risk,
    now: Ts,
    open: [Open; 4],
    orders: Vec<Ts>,
    id: u32,
}

impl Run {
    /// An intent; what passed obeys every limit.
    fn want(
        &mut self,
        symbol: usize,
        buy: bool,
        tier: f64,
        stop: i32,
    ) -> Result<(), TestCaseError> {
        let base = intent(self.now, SymbolId(symbol as u16));
        let base = Intent { stop: px(24_001 - stop), ..base };
        let sell = Intent {
            way: BuySell::Sell,
            stop: px(24_000 + stop),
            target: px(23_960),
            hit: Depth::new((0..5).map(|n| (px(24_000 - n), 1_000))),
            ..base
        };
        let want = Intent { tier, ..if buy { base } else { sell } };
        let before = self.risk.kill();
        let state = *self.risk.state();
        let Ok(sizing) = self.risk.judge(&want, &Exposure { symbols: &self.open }) else {
            return Ok(());
        };
        prop_assert_eq!(before, Normal, "the kill switch wins");
        prop_assert!(stop >= 6);
        prop_assert!(state.trades < 10 && (state.losses < 3 || self.now >= state.pause_until));
        prop_assert!(state.session_r + state.open_r > -2.0 && state.day_r + state.open_r > -3.0);
        prop_assert!(!self.open[symbol].is_open() && sizing.qty >= 1);
        let qty = i32::try_from(sizing.qty).expect("small");
        let risk_usd = sizing.at_risk_usd();
        self.open[symbol] = Open { qty: if buy { qty } else { -qty }, working: 0, risk_usd };
        self.risk.on_opened(self.now);
        let held = self.open.iter().filter(|o| o.is_open()).count();
        prop_assert!(held <= 3);
        let products = ["ES", "NQ", "MES", "MNQ"].map(|r| Product::of_root(r).expect("root"));
        let mut gross = 0.0;
        for (open, product) in self.open.iter().zip(&products) {
            prop_assert!(open.qty.unsigned_abs() <= product.cap);
            gross += f64::from(open.qty.unsigned_abs()) * product.tick_value;
        }
        prop_assert!(gross <= 62.5);
        let at_risk: f64 = self.open.iter().map(|o| o.risk_usd).sum();
        prop_assert!(at_risk <= 0.015 * sizing.equity + 1e-3);
        prop_assert!(risk_usd <= 0.01 * sizing.equity + 1e-3);
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let before = self.risk.kill();
        self.apply(step)?;
        time(&mut self.risk, self.now);
        while self.risk.poll().is_some() {}
        let down = matches!(step, Step::Resume(..) | Step::Wait(_));
        prop_assert!(down || self.risk.kill() >= before, "{:?} lifted it", step);
        Ok(())
    }

    fn apply(&mut self, step: Step) -> Result<(), TestCaseError> {
        let now = self.now;
        match step {
            Step::Wait(ms) => self.now = after(now, ms * 1_000_000),
            Step::Want(symbol, buy, tier, stop) => self.want(symbol, buy, tier, stop)?,
            Step::Close(symbol, r) => {
                let usd = r * self.open[symbol].risk_usd;
                if self.open[symbol].is_open() {
                    self.open[symbol] = Open::default();
                    self.risk.on_closed(now, usd, Some(r), OpenPnl::default());
                }
            }
            Step::Open(r) => self.risk.on_open_pnl(now, OpenPnl { usd: r * 300.0, r }),
            Step::Halt(code) => {
                let state = KillState::of(code).expect("state");
                self.risk.on_halt(now, state, 5);
                prop_assert!(self.risk.kill() >= state);
            }
            Step::Resume(code, clean) => {
                let (before, state) = (self.risk.kill(), KillState::of(code).expect("state"));
                let counted = self.risk.state().holds.since(Rule::OrderRate).is_some();
                let lifted = self.risk.on_resume(now, state, clean);
                let after = self.risk.kill();
                match lifted {
                    Ok(()) => prop_assert!(clean && state == before && after < before),
                    Err(_) => prop_assert_eq!(after, before),
                }
                if counted && state == HaltTrading && lifted.is_ok() {
                    // It begins to count anew.
                    self.orders.clear();
                }
            }
            Step::New => {
                self.id += 1;
                self.orders.push(now);
                self.risk.on_order(now, OrderEvent::New(OrderId::new(1, self.id)));
                let recent = self.orders.iter().filter(|at| now.since(**at) < MINUTE).count();
                prop_assert!(recent <= 20 || self.risk.kill() >= HaltTrading);
            }
            Step::Replace => self.risk.on_order(now, OrderEvent::Replace),
            Step::Reject(margin) => {
                let class = if margin { RejectClass::Margin } else { RejectClass::Transient };
                self.risk.on_order(now, OrderEvent::Rejected(OrderId::new(1, self.id)));
                self.risk.on_order(now, OrderEvent::Refused(class));
                prop_assert!(!margin || self.risk.kill() >= HaltEntries);
            }
            Step::Restart => {
                let state = *self.risk.state();
                let read = State::from_text(&state.to_text()).expect("text");
                prop_assert_eq!(read, state);
                self.risk = with(Params::default(), &["ES", "NQ", "MES", "MNQ"], read);
                prop_assert_eq!(self.risk.kill(), state.holds.state());
                prop_assert_eq!(self.risk.equity(), state.equity());
                // Windows of a minute are none of the counters that survive.
                self.orders.clear();
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: what passes obeys every limit, and the kill switch goes
    /// down only where it was lifted or its time was over.
    #[test]
    fn no_order_of_things_breaks_a_limit(steps in prop::collection::vec(step(), 1..300)) {
        let now = morning();
        let mut run = Run {
            risk: risk(), now, open: FLAT, orders: Vec::new(), id: 0,
        };
        for step in steps {
            run.step(step)?;
        }
    }
}
