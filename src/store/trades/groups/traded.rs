//! Groups of what came of decisions: executions, positions, round trips.

use super::super::value::{Group, Value, millis, points};
use super::{features, kind_name, regime_name, vix_regime, volatility_name};
use crate::analytics::Verdict;
use crate::calendar::{Label, SubBucket};
use crate::decision::Tier;
use crate::order::Role;
use crate::trader::note::{After, Closed, Exposed, Filled, Held, Member};
use crate::units::{Instrument, Reason};

/// Largest delay from send to acknowledgement that is no flaw, ms.
const ACK_MS_MAX: f64 = 1_000.0;

/// Who executed.
pub(in crate::store::trades) enum Server {
    /// A venue, which has given order and execution these ids, where they are known.
    Named {
        /// The order's.
        order: Option<String>,
        /// The execution's.
        execution: Option<String>,
    },
    /// The exchange of this program.
    Simulated,
}

/// An execution; with `impact` in its correction one second later.
pub(in crate::store::trades) fn execution(
    of: &Filled,
    server: Server,
    impact: Option<f64>,
    tick: f64,
) -> Group {
    let mut group = Group::new("execution");
    group.put("trade_id", of.trade.to_string());
    group.put("client_id", of.id.to_string());
    let execution = match server {
        Server::Named { order, execution } => {
            group.need("server_id", order, Reason::NoInput);
            execution
        }
        Server::Simulated => {
            // On paper there is no server; the exchange of this program has numbers.
            group.maybe("server_id", None::<String>, Reason::SimulatedSource);
            let number = of.execution.number();
            (number != 0).then(|| format!("{number:016x}"))
        }
    };
    group.put("parent_id", of.trade.to_string());
    group.need("execution_id", execution, Reason::NoInput);
    group.put("role", of.role.name());
    group.put("order_type", kind_name(of.kind));
    group.put("side", of.way.name());
    group.put("qty", of.qty);
    group.put("qty_requested", of.order_qty);
    group.put("qty_filled", of.filled);
    group.put("qty_remaining", of.order_qty.saturating_sub(of.filled));
    // A market order asks for no price: null there is no gap.
    group.maybe("requested_price", of.requested.map(|px| points(px, tick)), Reason::NoInput);
    group.put("fill_price", points(of.px, tick));
    group.put("fill_index", of.index);
    let touch = of.touch;
    group.maybe("bid", touch.map(|t| points(t.0, tick)), Reason::NoInput);
    group.maybe("ask", touch.map(|t| points(t.1, tick)), Reason::NoInput);
    let spread = touch.map(|(bid, ask)| f64::from(ask.minus(bid)));
    group.maybe("spread", spread.map(|ticks| ticks * tick), Reason::NoInput);
    group.maybe("spread_ticks", spread, Reason::NoInput);
    slippage(&mut group, of, tick);
    group.maybe("market_impact_1s_ticks", impact, Reason::Warmup);
    let [decided, sent, acked] = of.times;
    group.maybe("decision_to_send_ms", millis(decided, sent), Reason::NoInput);
    group.maybe("send_to_ack_ms", millis(sent, acked), Reason::NoInput);
    group.maybe("ack_to_fill_ms", millis(acked, of.at.ts), Reason::NoInput);
    let bracket = of.bracket;
    group.need("stop", bracket.map(|b| points(b.0, tick)), Reason::NoInput);
    group.need("target", bracket.map(|b| points(b.1, tick)), Reason::NoInput);
    group.need("rr_net", of.plan.map(|p| p.0), Reason::NoInput);
    group.need("risk_usd", of.plan.map(|p| p.1), Reason::NoInput);
    group.need("fees_usd", of.fees_usd, Reason::NoInput);
    group
}

/// Slippage, and what it is measured against: what the order was meant to get.
fn slippage(group: &mut Group, of: &Filled, tick: f64) {
    let sign = f64::from(of.way.sign());
    let meant = of.slippage_ticks.map(|worse| (f64::from(of.px.ticks()) - sign * worse) * tick);
    let (name, mid) = match of.role {
        Role::Entry => {
            ("DECISION_MID", of.decision_half_ticks.map(|half| half as f64 * 0.5 * tick))
        }
        Role::Exit => ("DECISION_MID", meant),
        // They wait where the entry's decision put them: no mid belongs to their own moment.
        Role::Stop => ("STOP_PRICE", None),
        Role::Target => ("LIMIT_PRICE", None),
    };
    group.maybe("decision_mid", mid, Reason::NoInput);
    group.maybe("slippage_ticks", of.slippage_ticks, Reason::NoInput);
    group.maybe("slippage_reference", meant.map(|_| name), Reason::NoInput);
    group.maybe("reference_price", meant, Reason::NoInput);
}

/// Whether the delay from send to acknowledgement was recorded and short enough.
pub(in crate::store::trades) fn acknowledged(of: &Filled) -> bool {
    let [_, sent, acked] = of.times;
    millis(sent, acked).is_some_and(|ms| ms <= ACK_MS_MAX)
}

/// A position.
pub(in crate::store::trades) fn position(of: &Held, tick: f64) -> Group {
    let mut group = Group::new("position");
    group.put("trade_id", of.trade.to_string());
    let side = match of.qty {
        1.. => "LONG",
        0 => "FLAT",
        _ => "SHORT",
    };
    group.put("side", side);
    group.put("qty", of.qty.unsigned_abs());
    let none = Reason::NoInput;
    group.need("average_entry", of.average.map(|ticks| ticks * tick), none);
    group.need("mark", of.mark.map(|ticks| ticks * tick), none);
    group.need("open_ticks", of.open_ticks, none);
    group.need("open_usd", of.open_usd, none);
    group.need("mfe_ticks", of.excursion.map(|e| e.0), none);
    group.need("mae_ticks", of.excursion.map(|e| e.1), none);
    let minutes = millis(of.since, of.at.market_time).map(|ms| ms / 60_000.0);
    group.need("minutes", minutes, Reason::NoInput);
    // A flat position has no distance to anything: null there is no gap.
    let sign = f64::from(of.qty.signum());
    let open = of.bracket.filter(|_| of.qty != 0);
    let to = |ticks: i32| of.mark.map(|mark| sign * (f64::from(ticks) - mark));
    let stop = open.and_then(|b| to(b.0.ticks())).map(|ticks| -ticks);
    let target = open.and_then(|b| to(b.1.ticks()));
    let rr = stop.zip(target).filter(|(stop, _)| *stop > 0.0).map(|(stop, target)| target / stop);
    for (name, value) in [("ticks_to_stop", stop), ("ticks_to_target", target), ("current_rr", rr)]
    {
        if of.qty == 0 {
            group.maybe(name, value, Reason::NoInput);
        } else {
            group.need(name, value, Reason::NoInput);
        }
    }
    group
}

/// A round trip; `fills` are the ids of its EXECUTION records.
pub(in crate::store::trades) fn result(
    of: &Closed,
    instrument: &Instrument,
    fills: Vec<String>,
) -> Group {
    let tick = instrument.tick;
    let mut group = Group::new("result");
    group.put("trade_id", of.trade.to_string());
    group.put("entry_time", of.entry_time);
    group.put("exit_time", of.exit_time);
    group.put("side", if of.way.sign() > 0 { "LONG" } else { "SHORT" });
    group.put("qty", of.qty);
    let none = Reason::NoInput;
    group.need("entry", of.entry.map(|ticks| ticks * tick), none);
    group.need("exit", of.exit.map(|ticks| ticks * tick), none);
    group.need("pnl_ticks", of.ticks, none);
    group.need("gross_usd", of.gross_usd, none);
    group.need("fees_usd", of.fees_usd, none);
    group.need("net_usd", of.net_usd(), none);
    group.need("r", of.r(), Reason::ZeroDenominator);
    group.need("entry_slippage_ticks", of.slippage.0, Reason::NoInput);
    group.need("exit_slippage_ticks", of.slippage.1, Reason::NoInput);
    let (best, worst) = (of.excursion.map(|e| e.0), of.excursion.map(|e| e.1));
    let tick_usd = instrument.multiplier.map(|usd| usd * tick);
    let in_r = |ticks: Option<f64>| Some(ticks? * tick_usd? * f64::from(of.qty) / of.risk_usd?);
    group.need("mfe_ticks", best, none);
    group.need("mae_ticks", worst, none);
    group.need("mfe_r", in_r(best), Reason::ZeroDenominator);
    group.need("mae_r", in_r(worst), Reason::ZeroDenominator);
    let minutes = millis(of.entry_time, of.exit_time).map(|ms| ms / 60_000.0);
    group.need("minutes", minutes, Reason::NoInput);
    group.put("exit_reason", of.reason.name());
    group.put("fill_ids", fills.into_iter().map(Value::from).collect::<Vec<Value>>());
    group.maybe("tier", of.tier.map(Tier::name), none);
    group.maybe("score", of.d.map(|d| 100.0 * d.abs()), none);
    group.maybe("session", of.label.map(Label::name), none);
    let [entered, _] = of.regime;
    group.need("regime", regime_name(entered), Reason::Warmup);
    group.maybe("sub_bucket", of.sub_bucket.map(SubBucket::name), none);
    let [volatility, _] = of.volatility;
    group.maybe("volatility_regime", volatility_name(volatility), volatility.reason);
    group.maybe("vix", of.vix, Reason::NoInput);
    group.maybe("vix_regime", vix_regime(of.vix), Reason::NoInput);
    group.maybe("d", of.d, none);
    group.maybe("coverage", of.coverage, none);
    group.put("adverse_first", of.adverse_first);
    group.maybe("tick_usd", tick_usd, Reason::NoInput);
    group.maybe("risk_usd", of.risk_usd, Reason::NoInput);
    group.maybe("equity_at_entry_usd", of.equity_usd, Reason::NoInput);
    let share = of.net_usd().zip(of.equity_usd).map(|(net, usd)| 100.0 * net / usd);
    group.maybe("net_pct_of_equity_at_entry", share, Reason::NoInput);
    features(&mut group, &of.features);
    group
}

/// A trade an hour later; `after` is what the run saw of that hour.
pub(in crate::store::trades) fn post_trade(of: &Closed, after: Option<&After>) -> Group {
    let mut group = Group::new("post_trade");
    group.put("trade_id", of.trade.to_string());
    let outcome = of.net_usd().zip(of.fees_usd).map(|(net, fees)| Verdict::of(net, fees).name());
    group.need("outcome", outcome, Reason::NoInput);
    let [_, left] = of.regime;
    group.maybe("regime_at_exit", regime_name(left), Reason::Warmup);
    let [before, behind] = of.volatility;
    let change = before.value().zip(behind.value()).map(|(before, after)| after - before);
    let why = if before.value().is_none() { before.reason } else { behind.reason };
    group.maybe("volatility_change", change, why);
    let over = after.map_or(0, |after| after.over);
    for (at, name) in
        ["ticks_after_5m", "ticks_after_15m", "ticks_after_60m"].into_iter().enumerate()
    {
        let ticks = after.and_then(|after| after.ticks.get(at).copied().flatten());
        let why = if at < over { Reason::OutOfSession } else { Reason::InsufficientSample };
        group.maybe(name, ticks, why);
    }
    group.put("first", if of.adverse_first { "adverse" } else { "favourable" });
    // Whoever looks at a trade later writes a correction.
    group.maybe::<String>("notes", None, Reason::NoInput);
    group
}

/// What all symbols of the run come to; `instruments` in its order.
pub(in crate::store::trades) fn correlation(of: &Exposed, instruments: &[Instrument]) -> Group {
    let mut group = Group::new("correlation");
    let members = || of.members.iter().take(of.count).zip(instruments);
    let list = members().map(|(member, instrument)| self::member(member, instrument));
    group.put("symbols", list.collect::<Vec<Value>>());
    let known = Some(of.open_risk_usd).filter(|usd| usd.is_finite());
    group.maybe("open_risk_usd", known, Reason::NoInput);
    let share = |usd: f64| of.equity_usd.filter(|equity| *equity > 0.0).map(|e| 100.0 * usd / e);
    group.maybe("open_risk_pct_of_equity", known.and_then(share), Reason::NoInput);
    group.put("cap_pct_of_equity", 100.0 * of.open_risk_max);
    let cap = of.equity_usd.map(|equity| of.open_risk_max * equity);
    group.maybe("cap_usd", cap, Reason::NoInput);
    group.maybe("room_usd", cap.zip(known).map(|(cap, usd)| cap - usd), Reason::NoInput);
    let open = || members().filter(|(member, _)| member.open.is_open());
    let side = |m: &Member| if m.open.qty == 0 { m.open.working } else { m.open.qty };
    let sides: Vec<i32> = open().map(|(member, _)| side(member).signum()).collect();
    group.put("open_symbols", sides.len() as u64);
    let alike = sides.windows(2).all(|pair| pair.first() == pair.last());
    let alike = (sides.len() > 1).then_some(alike);
    group.maybe("same_side", alike, Reason::InsufficientSample);
    group
}

fn member(of: &Member, instrument: &Instrument) -> Value {
    let side = match of.open.qty {
        1.. => "LONG",
        0 => "FLAT",
        _ => "SHORT",
    };
    let number = |value: Option<f64>| value.map_or(Value::Null, Value::from);
    Value::Fields(vec![
        ("contract".into(), instrument.symbol.clone().into()),
        ("side".into(), side.into()),
        ("qty".into(), of.open.qty.unsigned_abs().into()),
        ("working_qty".into(), i64::from(of.open.working).into()),
        // What nobody planned may lose anything: null, and the sum with it.
        ("risk_usd".into(), Value::from(of.open.risk_usd)),
        // With the symbol of the header; there its own reason stands.
        ("correlation_1m".into(), number(of.correlation.value())),
        ("correlation_reason".into(), of.correlation.reason.name().into()),
        ("correlation_returns".into(), of.returns.into()),
    ])
}
