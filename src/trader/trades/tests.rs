//! Round trips, fill by fill.

use super::*;
use crate::order::OrderKind;
use crate::units::SymbolId;

const ID: OrderId = OrderId::new(20_260_114, 1);

fn px(ticks: i32) -> Px {
    Px::new(ticks).expect("px")
}

fn exit(reason: ExitReason) -> Exit {
    Exit { regime: None, volatility: Slot::none(Reason::NoInput), reason }
}

fn part(opens: OrderId, way: BuySell, qty: Qty, at: Option<i32>) -> Part {
    let at_place = Stamp { seq: 1, ts: Ts(9), market_time: Ts(8), symbol: SymbolId(0) };
    let (px, fee_usd) = (at.map(px), Some(2.25));
    Part { at: at_place, opens, way, qty, px, slippage: None, fee_usd }
}

/// Four contracts planned, at 100 USD each.
fn planned() -> Trades {
    let mut trades = Trades::new(Some(12.5));
    let plan = Entry {
        id: ID,
        qty: 4,
        kind: OrderKind::Market,
        px: None,
        stop: px(92),
        target: px(120),
        rr_net: 2.5,
        risk_usd: 400.0,
        equity_usd: 100_000.0,
    };
    trades.restore(None, Some(Planned { entry: plan, decided: None }));
    trades
}

#[test]
fn the_risk_is_that_of_the_contracts_that_were_entered() {
    let mut trades = planned();
    let none = exit(ExitReason::Manual);
    assert_eq!(trades.count(&part(ID, BuySell::Buy, 1, Some(100)), none), None);
    assert_eq!(trades.risk_usd(), Some(100.0));
    let closed = trades.count(&part(ID, BuySell::Sell, 1, Some(92)), exit(ExitReason::Stop));
    let closed = closed.expect("flat");
    assert_eq!((closed.risk_usd, closed.reason), (Some(100.0), ExitReason::Stop));
    // A full loss with its fees: −104.50 USD of 100.
    assert_eq!((closed.net_usd(), closed.r()), (Some(-104.5), Some(-1.045)));
}

#[test]
fn the_last_exit_says_why() {
    let mut trades = planned();
    trades.count(&part(ID, BuySell::Buy, 4, Some(100)), exit(ExitReason::Manual));
    trades.count(&part(ID, BuySell::Sell, 3, Some(120)), exit(ExitReason::Target));
    let hand = part(OrderId::NONE, BuySell::Sell, 1, Some(110));
    let closed = trades.count(&hand, exit(ExitReason::Manual)).expect("flat");
    assert_eq!(closed.reason, ExitReason::Manual);
    assert_eq!((closed.trade, closed.qty, closed.exit), (ID, 4, Some(117.5)));
}

#[test]
fn what_nobody_knows_is_nothing() {
    // What a tick is worth.
    let mut trades = Trades::new(None);
    trades.count(&part(ID, BuySell::Buy, 1, Some(100)), exit(ExitReason::Manual));
    assert_eq!((trades.open_usd(240), trades.risk_usd()), (None, None));
    let closed = trades.count(&part(ID, BuySell::Sell, 1, Some(101)), exit(ExitReason::Target));
    let closed = closed.expect("flat");
    assert_eq!((closed.ticks, closed.gross_usd, closed.net_usd()), (Some(1.0), None, None));
    assert_eq!((closed.d, closed.tier, closed.label, closed.equity_usd), (None, None, None, None));
    // What a contract costs.
    let mut trades = planned();
    let free = Part { fee_usd: None, ..part(ID, BuySell::Buy, 1, Some(100)) };
    trades.count(&free, exit(ExitReason::Manual));
    assert_eq!(trades.open_usd(240), None);
    // A price: it comes later, or never.
    let mut trades = planned();
    trades.count(&part(ID, BuySell::Buy, 2, None), exit(ExitReason::Manual));
    assert_eq!((trades.qty(), trades.open_usd(240)), (2, None));
    assert_eq!(trades.price(&part(ID, BuySell::Buy, 2, Some(100)), exit(ExitReason::Manual)), None);
    assert_eq!(trades.open_usd(240), Some(20.0 * 2.0 * 12.5 - 4.5));
    let stop = exit(ExitReason::Stop);
    assert_eq!(trades.count(&part(ID, BuySell::Sell, 2, None), stop), None, "it may still come");
    assert_eq!((trades.qty(), trades.since()), (0, None));
    let mut late = trades.clone();
    let closed = late.price(&part(ID, BuySell::Sell, 2, Some(92)), stop).expect("known now");
    assert_eq!((closed.net_usd(), closed.reason), (Some(-209.0), ExitReason::Stop));
    let over = part(ID, BuySell::Buy, 1, Some(100)).at;
    let closed = trades.end(over, exit(ExitReason::Manual), true).expect("given up");
    assert_eq!((closed.net_usd(), closed.exit, closed.entry), (None, None, Some(100.0)));
}

#[test]
fn through_flat_begins_another() {
    let mut trades = planned();
    trades.count(&part(ID, BuySell::Buy, 1, Some(100)), exit(ExitReason::Manual));
    let own = OrderId::trip(Ts(9), SymbolId(0));
    let turn = part(own, BuySell::Sell, 3, Some(99));
    let closed = trades.count(&turn, exit(ExitReason::Manual)).expect("the first one");
    assert_eq!((closed.trade, closed.qty, trades.qty()), (ID, 1, -2));
    // What an order of the old trade fills belongs to it, what is nobody's to the new one.
    let next = OrderId::trip(Ts(10), SymbolId(0));
    let of = |id| trades.trade(id, Some(next));
    assert_eq!((of(ID), of(OrderId::NONE), of(own)), (ID, own, own));
    assert_eq!(trades.risk_usd(), None, "nobody planned it");
    // Where nothing is open, it belongs to what it opens.
    let flat = planned();
    assert_eq!((flat.trade(ID, Some(next)), flat.trade(ID, None)), (next, ID));
}
