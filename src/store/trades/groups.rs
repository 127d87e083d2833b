//! The groups of fields that records are made of. A field that this build does not measure is null
//! for `DISABLED`; nothing is defaulted.

use super::value::{Group, Value, millis, points};
use crate::analytics::Verdict;
use crate::calendar::{Calendar, Label, SubBucket};
use crate::context::contract::Contract;
use crate::context::{Context, FuturePart, LevelPart, Underlying};
use crate::decision::Tier;
use crate::features::frame::FEATURES;
use crate::order::{Depth, OrderKind, Role};
use crate::trader::note::{After, Closed, Decided, Filled, Held, Market};
use crate::units::{Instrument, Reason, SECOND, Slot, Ts};
use crate::volatility::Regime;

/// Names of market regimes by their code.
const REGIMES: [&str; 3] = ["TREND", "RANGE", "VOLATILE"];
/// Names of volatility regimes by their thirds.
const VOLATILITY: [&str; 4] = ["LOW", "NORMAL", "HIGH", "EXTREME"];
/// Largest delay from send to acknowledgement that is no flaw, ms.
pub(super) const ACK_MS_MAX: f64 = 1_000.0;

/// Name of a market regime.
pub(super) fn regime_name(regime: Option<(u8, f64)>) -> Option<&'static str> {
    REGIMES.get(usize::from(regime?.0)).copied()
}

/// Name of a volatility regime: 0, 1/3, 2/3 or 1.
pub(super) fn volatility_name(slot: Slot) -> Option<&'static str> {
    let thirds = slot.value()? * 3.0;
    VOLATILITY.get(thirds.round().clamp(0.0, 3.0) as usize).copied()
}

/// Name of the regime of a level of VIX.
pub(super) fn vix_regime(vix: Option<f64>) -> Option<&'static str> {
    vix.map(|vix| Regime::of(vix).name())
}

const fn kind_name(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "MARKET",
        OrderKind::Limit => "LIMIT",
        OrderKind::Stop => "STOP",
        OrderKind::StopLimit => "STOP_LIMIT",
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Entry => "ENTRY",
        Role::Stop => "STOP",
        Role::Target => "TARGET",
        Role::Exit => "EXIT",
    }
}

/// Market: the last minute, the session, volatility and regime.
pub(super) fn market(of: &Market, tick: f64) -> Group {
    let mut group = Group::new("market");
    let bar = of.bar.map(|bar| bar.map(|px| points(px, tick)));
    for (at, name) in ["open", "high", "low", "close"].into_iter().enumerate() {
        let price = bar.and_then(|bar| bar.get(at).copied());
        group.need(name, price, Reason::Warmup);
    }
    group.need("volume", of.bar.map(|_| of.bar_volume), Reason::Warmup);
    group.put("session", of.label.name());
    group.put("sub_bucket", of.sub_bucket.name());
    group.need("session_high", of.session.map(|s| points(s.1, tick)), Reason::Warmup);
    group.need("session_low", of.session.map(|s| points(s.0, tick)), Reason::Warmup);
    group.need("session_volume", of.session_volume, Reason::NoInput);
    group.need("minutes_since_open", of.minutes.map(|m| m.0), Reason::OutOfSession);
    group.need("minutes_to_close", of.minutes.map(|m| m.1), Reason::OutOfSession);
    group.unmeasured(&["atr_14"]);
    group.maybe("atr_20", of.atr20.map(|ticks| ticks * tick), Reason::Warmup);
    group.unmeasured(&["realised_vol"]);
    group.maybe("volatility_regime", volatility_name(of.volatility), of.volatility.reason);
    group.maybe("regime", regime_name(of.regime), Reason::Warmup);
    group.maybe("regime_degree", of.regime.map(|r| r.1), Reason::Warmup);
    group.unmeasured(&["regime_sign"]);
    group
}

/// Values of the features and, beside them, why one has none.
pub(super) fn features(group: &mut Group, slots: &[Slot; FEATURES]) -> usize {
    let values = slots.iter().map(|s| s.value().map_or(Value::Null, Value::from));
    group.put("features", values.collect::<Vec<Value>>());
    let reasons = slots.iter().map(|s| Value::from(s.reason.name()));
    group.put("feature_reasons", reasons.collect::<Vec<Value>>());
    let count = slots.iter().filter(|s| s.value().is_some()).count();
    group.put("feature_count", count as u64);
    count
}

/// A feature by its number.
pub(super) fn feature(slots: &[Slot; FEATURES], number: usize) -> Slot {
    slots.get(number - 1).copied().unwrap_or(Slot::none(Reason::NoInput))
}

/// Signal: what was weighed and what came of it.
pub(super) fn signal(
    of: &Decided,
    preset: &str,
    context: Option<&Context>,
    index: &Index,
) -> Group {
    let mut group = Group::new("signal");
    features(&mut group, &of.features);
    group.put("d", of.d);
    group.put("d_core", of.d_core);
    group.put("score", of.score);
    group.put("coverage", of.coverage);
    group.put("preset", preset.to_owned());
    group.put("tier", of.tier.name());
    group.put("side", if of.way.sign() > 0 { "LONG" } else { "SHORT" });
    group.put("gate_failed", of.veto.map_or("NONE", |veto| veto.gate.name()));
    group.put("gate_detail", of.veto.map_or("", |veto| veto.detail.name()));
    group.slot("battle_navale_score", feature(&of.features, 28));
    group.unmeasured(&["battle_navale_p", "battle_navale_t", "battle_navale_b"]);
    group.unmeasured(&["base_id", "base_colour", "base_state", "base_quality"]);
    let bias = feature(&of.features, 6);
    group.slot("dealers_bias_score", bias);
    let part = index.part(context);
    let none = Slot::none(Reason::NoInput);
    group.slot("dealers_bias_pcr", part.map_or(none, |p| p.bias_pcr));
    group.slot("dealers_bias_gex", part.map_or(none, |p| p.bias_gex));
    group.slot("dealers_bias_vix", part.map_or(none, |p| p.bias_vix));
    let age = |at: Ts| Some(of.at.ts.since(at) as f64 / SECOND as f64).filter(|_| at.is_some());
    group.maybe("dealers_bias_age_s", part.and_then(|p| age(p.asof_ns)), Reason::NoInput);
    group.maybe("vix", of.vix, Reason::NoInput);
    group.maybe("vix_regime", vix_regime(of.vix), Reason::NoInput);
    let volatility = context.and_then(|c| c.volatility);
    let curve = volatility.and_then(|v| v.curve).map(|curve| curve.name());
    group.maybe("vix_curve", curve, Reason::NoInput);
    let quoted = volatility.and_then(|v| v.vix).and_then(|vix| age(vix.ts));
    group.maybe("vix_age_s", quoted, Reason::NoInput);
    group.maybe("nearest_level", of.nearest.map(|n| n.kind.name()), Reason::NoInput);
    group.maybe("nearest_level_ticks", of.nearest.map(|n| n.ticks), Reason::NoInput);
    group.unmeasured(&["pattern"]);
    group.slot("pattern_strength", feature(&of.features, 26));
    group.maybe("level_cluster_strength", of.cluster, Reason::NoInput);
    group
}

/// The entry that a decision sent, if it sent one.
pub(super) fn entry(of: &Decided, tick: f64) -> Group {
    let mut group = Group::new("entry");
    let Some(entry) = of.entry else {
        group.maybe::<String>("trade_id", None, Reason::Disabled);
        return group;
    };
    group.put("trade_id", entry.id.to_string());
    group.put("order_type", kind_name(entry.kind));
    group.put("qty", entry.qty);
    group.maybe("limit", entry.px.map(|px| points(px, tick)), Reason::NoInput);
    group.put("stop", points(entry.stop, tick));
    group.put("target", points(entry.target, tick));
    group.put("rr_net", entry.rr_net);
    group.put("risk_usd", entry.risk_usd);
    group.put("equity_usd", entry.equity_usd);
    group
}

/// Which index and future a symbol reads of a context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Index {
    underlying: Option<Underlying>,
    contract: Option<Contract>,
}

impl Index {
    /// Of an instrument, by its root.
    pub(super) fn of(instrument: &Instrument) -> Index {
        let underlying = match instrument.root.as_str() {
            "ES" | "MES" => Some(Underlying::Spx),
            "NQ" | "MNQ" => Some(Underlying::Ndx),
            _ => None,
        };
        Index { underlying, contract: Contract::of(&instrument.symbol, &instrument.root) }
    }

    fn part<'a>(&self, context: Option<&'a Context>) -> Option<&'a LevelPart> {
        context?.level(self.underlying?)
    }

    /// Levels of this contract only: those of another month are shifted.
    fn future<'a>(&self, part: &'a LevelPart) -> Option<&'a FuturePart> {
        let (own, of) = (self.contract?, self.underlying?);
        part.futures.iter().flatten().find(|future| {
            let named = Contract::of(future.contract.as_str(), of.future());
            named.is_some_and(|named| own.is(named))
        })
    }
}

/// Options context of the version that was used.
pub(super) fn options(of: &Decided, context: Option<&Context>, index: &Index) -> Group {
    let mut group = Group::new("options");
    let part = index.part(context);
    let why = Reason::NoInput;
    let number = |f: fn(&LevelPart) -> f64| part.map(f);
    group.maybe("gamma_gross_usd", number(|p| p.abs_gex), why);
    group.maybe("gamma_net_usd", number(|p| p.net_gex), why);
    let slot = |f: fn(&LevelPart) -> Slot| part.map_or(Slot::none(why), f);
    group.slot("net_over_gross", slot(|p| p.net_abs));
    let levels = part.and_then(|part| index.future(part)).map(|future| &future.levels);
    let level = |f: Option<Slot>| f.unwrap_or(Slot::none(why));
    group.slot("flip", level(levels.map(|l| l.flip)));
    group.slot("call_wall", level(levels.map(|l| l.call_wall)));
    group.slot("put_wall", level(levels.map(|l| l.put_wall)));
    let pins = levels.map(|l| l.pins.iter().filter_map(Slot::value).map(Value::from).collect());
    group.maybe::<Vec<Value>>("pins", pins, why);
    group.slot("max_pain", level(levels.map(|l| l.max_pain)));
    group.slot("pcr_volume", slot(|p| p.pcr_volume));
    group.slot("pcr_oi", slot(|p| p.pcr_oi));
    group.slot("skew_25d", slot(|p| p.skew25_30d));
    let days = |days: Option<u16>| days.map(u32::from);
    group.maybe("days_to_weekly", context.and_then(|c| days(c.days_to_weekly)), why);
    group.maybe("days_to_monthly", context.and_then(|c| days(c.days_to_monthly)), why);
    group.maybe("convention", part.map(|p| p.convention.name()), why);
    group.put("context_version", of.context_version);
    let age = part.map(|p| of.at.ts.since(p.asof_ns) as f64 / SECOND as f64);
    group.maybe("age_s", age, why);
    group.maybe("unusual_activity", part.and_then(|p| p.unusual), why);
    group
}

/// Session context: what day it is.
pub(super) fn session(calendar: &Calendar, at: Ts, trade_date: jiff::civil::Date) -> Group {
    let mut group = Group::new("session_context");
    let segment = calendar.segment(at);
    let week = trade_date.iso_week_date();
    let weekday = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let weekday =
        weekday.get(usize::try_from(trade_date.weekday().to_monday_zero_offset()).unwrap_or(0));
    group.maybe("weekday", weekday.copied(), Reason::NoInput);
    group.maybe("month", u32::try_from(trade_date.month()).ok(), Reason::NoInput);
    group.maybe("iso_week", Some(format!("{}-W{:02}", week.year(), week.week())), Reason::NoInput);
    group.maybe("half_day", Some(segment.half_day), Reason::NoInput);
    group.maybe("holiday", Some(segment.holiday), Reason::NoInput);
    group.unmeasured(&["events", "high_impact"]);
    group.unmeasured(&["overnight_gap_pct", "premarket_volume_ratio"]);
    group
}

/// Microstructure at a decision.
pub(super) fn microstructure(of: &Decided, tick: f64) -> Group {
    let mut group = Group::new("microstructure");
    let (bids, asks) = (&of.market.bids, &of.market.asks);
    let ladder = |depth: &Depth| {
        let level = |&(px, qty)| Value::List(vec![points(px, tick).into(), Value::from(qty)]);
        let all: Vec<Value> = depth.levels().iter().map(level).collect();
        (!all.is_empty()).then_some(all)
    };
    group.maybe("bids", ladder(bids), Reason::NoInput);
    group.maybe("asks", ladder(asks), Reason::NoInput);
    group.maybe("imbalance_l1", imbalance(bids, asks, 1), Reason::NoInput);
    group.maybe("imbalance_l5", imbalance(bids, asks, 5), Reason::NoInput);
    let touch = bids.levels().first().zip(asks.levels().first());
    let spread = touch.map(|(bid, ask)| i64::from(ask.0.minus(bid.0)));
    group.maybe("spread_ticks", spread, Reason::NoInput);
    group.slot("tick_momentum", feature(&of.features, 19));
    group.slot("delta_ratio", feature(&of.features, 13));
    group.slot("large_print_flow", feature(&of.features, 18));
    group.unmeasured(&["tick_direction", "up_ticks_20", "down_ticks_20", "large_print_net"]);
    group.unmeasured(&["aggressive_buy_sell_ratio", "rvol", "feed_latency_ms"]);
    group
}

/// (bids − asks) / (bids + asks) over the best levels of both sides.
fn imbalance(bids: &Depth, asks: &Depth, levels: usize) -> Option<f64> {
    let sum = |depth: &Depth| -> Option<f64> {
        let side = depth.levels();
        let all = side.iter().take(levels).map(|&(_, qty)| f64::from(qty)).sum();
        (!side.is_empty()).then_some(all)
    };
    let (bid, ask) = (sum(bids)?, sum(asks)?);
    (bid + ask > 0.0).then(|| (bid - ask) / (bid + ask))
}

/// An execution; with `impact` in its correction one second later.
pub(super) fn execution(of: &Filled, impact: Option<f64>, tick: f64) -> Group {
    let mut group = Group::new("execution");
    group.put("trade_id", of.trade.to_string());
    group.put("client_id", of.id.to_string());
    // The core does not carry the server's text; the journal's raw bytes do.
    group.maybe::<String>("server_id", None, Reason::Disabled);
    group.put("parent_id", of.trade.to_string());
    let execution = of.execution.number();
    let id = (execution != 0).then(|| format!("{execution:016x}"));
    group.need("execution_id", id, Reason::NoInput);
    group.put("role", role_name(of.role));
    group.put("order_type", kind_name(of.kind));
    group.put("side", of.way.name());
    group.put("qty", of.qty);
    group.put("qty_requested", of.order_qty);
    group.put("qty_filled", of.filled);
    group.put("qty_remaining", of.order_qty.saturating_sub(of.filled));
    // A market order asks for no price: null there is no gap.
    group.maybe("requested_price", of.requested.map(|px| points(px, tick)), Reason::Disabled);
    group.put("fill_price", points(of.px, tick));
    group.put("fill_index", of.index);
    let touch = of.touch;
    group.maybe("bid", touch.map(|t| points(t.0, tick)), Reason::NoInput);
    group.maybe("ask", touch.map(|t| points(t.1, tick)), Reason::NoInput);
    let spread = touch.map(|(bid, ask)| f64::from(ask.minus(bid)));
    group.maybe("spread", spread.map(|ticks| ticks * tick), Reason::NoInput);
    group.maybe("spread_ticks", spread, Reason::NoInput);
    let mid = of.decision_half_ticks.map(|half| half as f64 * 0.5 * tick);
    group.maybe("decision_mid", mid, Reason::NoInput);
    group.maybe("slippage_ticks", of.slippage_ticks, Reason::NoInput);
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

/// Whether the delay from send to acknowledgement was recorded and short enough.
pub(super) fn acknowledged(of: &Filled) -> bool {
    let [_, sent, acked] = of.times;
    millis(sent, acked).is_some_and(|ms| ms <= ACK_MS_MAX)
}

/// A position.
pub(super) fn position(of: &Held, tick: f64) -> Group {
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
            group.maybe(name, value, Reason::Disabled);
        } else {
            group.need(name, value, Reason::NoInput);
        }
    }
    group
}

/// A round trip; `fills` are the ids of its EXECUTION records.
pub(super) fn result(of: &Closed, instrument: &Instrument, fills: Vec<String>) -> Group {
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

/// A trade an hour later; `after` is `None` where the run ended before.
pub(super) fn post_trade(of: &Closed, after: Option<&After>) -> Group {
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
    let why = if after.is_some() { Reason::OutOfSession } else { Reason::InsufficientSample };
    for (at, name) in
        ["ticks_after_5m", "ticks_after_15m", "ticks_after_60m"].into_iter().enumerate()
    {
        let ticks = after.and_then(|after| after.ticks.get(at).copied().flatten());
        group.maybe(name, ticks, why);
    }
    group.put("first", if of.adverse_first { "adverse" } else { "favourable" });
    group.maybe::<String>("notes", None, Reason::Disabled);
    group
}
