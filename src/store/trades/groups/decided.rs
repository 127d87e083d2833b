//! Groups of a decision: the market, what was weighed, what is known of options and of the day.

use super::super::value::{Group, Value, points};
use super::{feature, features, kind_name, regime_name, vix_regime, volatility_name};
use crate::calendar::{Calendar, Label};
use crate::context::contract::Contract;
use crate::context::{Context, FuturePart, LevelPart, Underlying};
use crate::decision::News;
use crate::features::frame::Number;
use crate::features::navale::Colour;
use crate::features::patterns::Kind;
use crate::order::Depth;
use crate::trader::note::{Decided, Market};
use crate::units::{Instrument, MINUTE, Px, Qty, Reason, SECOND, Slot, Ts};

/// From one 18:00 New York to the next; zones change on weekends only.
const DAY_NS: i64 = 24 * 60 * MINUTE;

/// Market: the last minute, the session, volatility and regime.
pub(in crate::store::trades) fn market(of: &Market, tick: f64) -> Group {
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
    group.put("session_volume", of.session_volume);
    // A run that began within the session has not seen all of its volume.
    group.put("session_whole", of.session_whole);
    group.need("minutes_since_open", of.minutes.map(|m| m.0), Reason::OutOfSession);
    group.need("minutes_to_close", of.minutes.map(|m| m.1), Reason::OutOfSession);
    let atr14 = of.details.get(Number::Atr14);
    group.maybe("atr_14", atr14.map(|ticks| ticks * tick), Reason::Warmup);
    group.maybe("atr_20", of.atr20.map(|ticks| ticks * tick), Reason::Warmup);
    group.maybe("realised_vol", of.details.get(Number::RealisedVol), Reason::Warmup);
    group.maybe("volatility_regime", volatility_name(of.volatility), of.volatility.reason);
    group.maybe("regime", regime_name(of.regime), Reason::Warmup);
    group.maybe("regime_sign", of.regime.map(|r| i64::from(r.1)), Reason::Warmup);
    group
}

/// Signal: what was weighed and what came of it.
pub(in crate::store::trades) fn signal(
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
    group.maybe("second_try_of", of.again.map(|id| id.to_string()), Reason::NoInput);
    group.maybe("micro_contracts", of.micro.map(|n| u64::from(n.get())), Reason::NoInput);
    navale(&mut group, of);
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
    let strength = feature(&of.features, 26);
    let pattern = of.market.details.pattern.map_or("NONE", Kind::name);
    group.maybe("pattern", strength.value().map(|_| pattern), strength.reason);
    group.slot("pattern_strength", strength);
    group.maybe("level_cluster_strength", of.cluster, Reason::NoInput);
    group
}

/// The score of the bases with its parts, and the base nearest to the last close.
fn navale(group: &mut Group, of: &Decided) {
    let (score, market) = (feature(&of.features, 28), &of.market);
    group.slot("battle_navale_score", score);
    let close = market.bar.map(|[.., close]| close);
    // Without a base that holds nothing pulls.
    let pull = close.map(|px| market.base.map_or(0.0, |base| base.pull(px)));
    for (name, part) in [
        ("battle_navale_p", market.details.get(Number::Power)),
        ("battle_navale_t", market.details.get(Number::Trend)),
        ("battle_navale_b", pull),
    ] {
        group.maybe(name, part.filter(|_| score.value().is_some()), score.reason);
    }
    let why = if score.value().is_some() { Reason::NoInput } else { score.reason };
    let base = market.base;
    group.maybe("base_id", base.map(|base| base.number), why);
    let colour = |sign: i8| match sign {
        1 => Colour::Green,
        -1 => Colour::Red,
        _ => Colour::Neutral,
    };
    group.maybe("base_colour", base.map(|base| colour(base.colour).name()), why);
    group.maybe("base_state", base.map(|base| base.state.name()), why);
    group.maybe("base_quality", base.map(|base| base.quality), why);
}

/// The entry that a decision sent, if it sent one.
pub(in crate::store::trades) fn entry(of: &Decided, tick: f64) -> Group {
    let mut group = Group::new("entry");
    let Some(entry) = of.entry else {
        group.maybe::<String>("trade_id", None, Reason::NoInput);
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
pub(in crate::store::trades) struct Index {
    underlying: Option<Underlying>,
    contract: Option<Contract>,
}

impl Index {
    /// Of an instrument, by its root.
    pub(in crate::store::trades) fn of(instrument: &Instrument) -> Index {
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
pub(in crate::store::trades) fn options(
    of: &Decided,
    context: Option<&Context>,
    index: &Index,
) -> Group {
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

/// Session context: what day it is, and what came before.
pub(in crate::store::trades) fn session(
    calendar: &Calendar,
    news: &News,
    at: Ts,
    trade_date: jiff::civil::Date,
    market: &Market,
) -> Group {
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
    events(&mut group, news, segment.eth_anchor);
    gap(&mut group, market);
    let usual = market.details.get(Number::PremarketUsual);
    let ratio = market.premarket.value().zip(usual);
    let why = match (market.premarket.value(), usual) {
        (None, _) => market.premarket.reason,
        (_, None) => Reason::Warmup,
        _ => Reason::ZeroDenominator,
    };
    let ratio = ratio.filter(|(_, usual)| *usual > 0.0).map(|(now, usual)| now / usual);
    group.maybe("premarket_volume_ratio", ratio, why);
    group
}

/// The tier-1 events of the Globex day that began at `from`.
fn events(group: &mut Group, news: &News, from: Ts) {
    let known = news.covers(from, DAY_NS);
    let why = if news.is_known() { Reason::Stale } else { Reason::NoInput };
    let of_day = known.then(|| news.between(from, Ts(from.0.saturating_add(DAY_NS))));
    let list = of_day.map(|events| {
        let fields = |(at, name): &(Ts, String)| {
            Value::Fields(vec![
                ("at".into(), Value::from(*at)),
                ("name".into(), Value::from(name.clone())),
            ])
        };
        events.iter().map(fields).collect::<Vec<Value>>()
    });
    group.maybe("high_impact", of_day.map(|events| !events.is_empty()), why);
    group.maybe("events", list, why);
}

/// From the last price of the cash session before to the first of this day's, or while that has not
/// begun, to the last close.
fn gap(group: &mut Group, market: &Market) {
    let (before, open) = market.cash;
    let begun = matches!(market.label, Label::Us | Label::UsPost);
    let now = if begun { open } else { market.bar.map(|[.., close]| close) };
    let why = match (before, now) {
        (None, _) => Reason::NoInput,
        (_, None) if begun => Reason::InsufficientSample,
        (_, None) => Reason::Warmup,
        _ => Reason::ZeroDenominator,
    };
    let share = before
        .zip(now)
        .map(|(before, now)| 100.0 * f64::from(now.minus(before)) / f64::from(before.ticks()));
    group.maybe("overnight_gap_pct", share.filter(|share| share.is_finite()), why);
}

/// Microstructure at a decision.
pub(in crate::store::trades) fn microstructure(of: &Decided, tick: f64) -> Group {
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
    let flow = feature(&of.features, 18);
    group.slot("large_print_flow", flow);
    prints(&mut group, of, flow);
    let (bought, sold) = of.market.bar_sides;
    let ratio = (sold > 0).then(|| bought as f64 / sold as f64);
    let why = if of.market.bar.is_some() { Reason::ZeroDenominator } else { Reason::Warmup };
    group.maybe("aggressive_buy_sell_ratio", ratio, why);
    group.maybe("rvol", of.market.details.get(Number::Rvol), Reason::Warmup);
    let latency = of.market.latency_ns.map(|ns| ns as f64 / 1e6);
    group.maybe("feed_latency_ms", latency, Reason::NoInput);
    group
}

/// What the last prints did; `flow` is feature 18.
fn prints(group: &mut Group, of: &Decided, flow: Slot) {
    let details = &of.market.details;
    let closed = feature(&of.features, 19).reason == Reason::OutOfSession;
    let why = if closed { Reason::OutOfSession } else { Reason::Warmup };
    let direction = Some(i64::from(details.direction)).filter(|&sign| sign != 0 && !closed);
    group.maybe("tick_direction", direction, why);
    let steps = details.steps.filter(|_| !closed);
    group.maybe("up_ticks_20", steps.map(|(up, _)| u32::from(up)), why);
    group.maybe("down_ticks_20", steps.map(|(_, down)| u32::from(down)), why);
    let net = details.get(Number::LargeNet).filter(|_| flow.value().is_some());
    group.maybe("large_print_net", net, flow.reason);
}

/// (bids − asks) / (bids + asks) over so many levels of both sides, each with 0.8 of the weight of
/// the one before it.
fn imbalance(bids: &Depth, asks: &Depth, levels: usize) -> Option<f64> {
    let sum = |depth: &Depth| -> Option<f64> {
        let side = depth.levels().get(..levels)?;
        let weighted = |(all, weight): (f64, f64), level: &(Px, Qty)| {
            (all + weight * f64::from(level.1), weight * 0.8)
        };
        Some(side.iter().fold((0.0, 1.0), weighted).0)
    };
    let (bid, ask) = (sum(bids)?, sum(asks)?);
    (bid + ask > 0.0).then(|| (bid - ask) / (bid + ask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_imbalance() {
        let side = |sign: i64, sizes: [Qty; 5]| {
            let levels = (1..).zip(sizes).map(|(n, qty)| (Px::clamped(24_000 + sign * n), qty));
            Depth::new(levels)
        };
        let (bids, asks) = (side(-1, [60, 50, 40, 30, 20]), side(1, [40, 50, 60, 30, 20]));
        for (levels, golden) in [(1, 0.2), (2, 0.111_111), (5, 0.024_733)] {
            let value = imbalance(&bids, &asks, levels).expect("deep enough");
            assert!((value - golden).abs() < 1e-6, "{levels}: {value}");
        }
        let thin = Depth::new(bids.levels().iter().take(4).copied());
        assert_eq!(imbalance(&thin, &asks, 5), None);
        assert_eq!(imbalance(&Depth::new(std::iter::empty()), &asks, 1), None);
    }
}
