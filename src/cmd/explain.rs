//! `mia explain JOURNAL`: why an order was sent, or why there was none.
//!
//! The run is played again up to the moment asked for, so that what is printed is what the core
//! held then and not what somebody wrote down about it.

mod trace;

use std::io::Write;
use std::num::NonZero;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use serde::Serialize;

use self::trace::{Trace, Traced};
use super::playback::{Input, Step, cut_off, play};
use crate::decision::Preset;
use crate::features::CATALOGUE;
use crate::journal::Reader;
use crate::order::{Gate, OrderId, Veto};
use crate::risk::Risk;
use crate::runtime::files::{FileKind, load};
use crate::runtime::setup::Setup;
use crate::trader::Trader;
use crate::trader::note::{Decided, Note};
use crate::units::{Instrument, Reason, Slot, Ts};

/// Arguments of `mia explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// Journal of a run.
    journal: PathBuf,
    /// The last decision at or before this instant, RFC 3339 in UTC such as
    /// 2023-12-25T23:10:00Z; receive time.
    #[arg(long, value_name = "TIME", conflicts_with = "order")]
    at: Option<String>,
    /// The decision behind this order: the id of any that was sent, be it a second try, a bracket,
    /// an exit or a flatten, or that was met at the venue, such as mia-20260114-0000000001.
    #[arg(long, value_name = "ID")]
    order: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Last,
    At(Ts),
    Order(OrderId),
}

/// What is said of a question.
#[derive(Debug, Serialize)]
struct Answer {
    /// Why this may not be what the run did, in sentences.
    doubts: Vec<String>,
    /// The order that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<Traced>,
    /// The decision; of some orders there is none.
    #[serde(flatten)]
    decision: Option<Explained>,
}

/// A decision in words and numbers.
#[derive(Debug, Serialize)]
struct Explained {
    seq: u64,
    ts: String,
    market_time: String,
    symbol: String,
    preset: String,
    side: &'static str,
    d: f64,
    /// What D lacks of the sum of its parts, because it lies within ±1.
    clipped: f64,
    d_core: f64,
    score: f64,
    coverage: f64,
    tier: &'static str,
    session: &'static str,
    context_version: u64,
    vix: Option<f64>,
    features: Vec<Feature>,
    gates: Vec<Asked>,
    /// The refused entry that this is the second try of.
    second_try_of: Option<String>,
    /// Contracts of the micro that would have fitted where none of this one did.
    micro_contracts: Option<u32>,
    limits: Vec<Limit>,
    /// Rules that stopped entries or more.
    held: Vec<&'static str>,
    order: Option<Ordered>,
    bid_ask: Option<[f64; 2]>,
}

/// A decision that was looked for, and what stood around it.
struct Found {
    decided: Decided,
    /// Whether the risk had come to a size.
    sized: bool,
    limits: Vec<Limit>,
    held: Vec<&'static str>,
}

/// A limit as it stood after the decision.
#[derive(Debug, Serialize)]
struct Limit {
    name: &'static str,
    /// `None` where it is not known.
    now: Option<f64>,
    limit: f64,
}

#[derive(Debug, Serialize)]
struct Feature {
    number: usize,
    name: &'static str,
    value: Option<f64>,
    reason: Option<&'static str>,
    weight: Option<f64>,
    /// Its factor in the additive block, which is no part of the weights.
    added: Option<f64>,
    /// Its part of D; all of them and `clipped` add up to it.
    contribution: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Asked {
    gate: &'static str,
    /// `pass`, `FAIL` or `not asked`.
    result: &'static str,
    detail: &'static str,
}

#[derive(Debug, Serialize)]
struct Ordered {
    id: String,
    contracts: u32,
    stop: f64,
    target: f64,
    limit: Option<f64>,
    rr_net: f64,
    risk_usd: f64,
    equity_usd: f64,
}

/// Runs it.
///
/// # Errors
/// With the file and what is wrong with it; where nothing in it answers the question.
pub fn run(args: &ExplainArgs, out: &mut dyn Write) -> Result<()> {
    let wanted = wanted(args)?;
    let file = load(&args.journal).map_err(|e| anyhow!(e))?;
    let named = |e: &dyn std::fmt::Display| anyhow!("{}: {e}", file.path.display());
    if file.kind != FileKind::Journal {
        bail!(
            "{}: no journal: `mia run` and `mia replay --journal` write one",
            file.path.display()
        );
    }
    let reader = Reader::open(&file.data).map_err(|e| named(&e))?;
    let setup = Setup::from_journal(&reader).map_err(|e| named(&e))?;
    if !setup.trades() {
        bail!("{}: the run did not trade: there is nothing to explain", file.path.display());
    }
    let mut trace = match wanted {
        Wanted::Order(id) => Some(Trace::new(id, setup.instruments.len())),
        Wanted::Last | Wanted::At(_) => None,
    };
    let mut kept: Vec<Found> = Vec::new();
    let mut edges = 0_u64;
    let played = play(&setup, &Input::Journal { file: &file, reader }, |step: &Step<'_>| {
        for note in step.pipeline.judge().notes() {
            if let Note::Decision(decided) = note {
                edges += u64::from(decided.again.is_none());
                keep(&mut kept, decided, wanted, step);
            }
        }
        trace.iter_mut().for_each(|trace| trace.step(step));
        Ok(())
    })?;
    let asked = trace.and_then(|trace| trace.asked(&setup.instruments));
    let trade = asked.as_ref().map(|asked| asked.trade);
    let found = match wanted {
        Wanted::Last | Wanted::At(_) => kept.pop(),
        Wanted::Order(_) => {
            kept.into_iter().find(|kept| kept.decided.entry.map(|entry| entry.id) == trade)
        }
    };
    if found.is_none() && asked.is_none() {
        let what = args.order.as_deref().or(args.at.as_deref()).unwrap_or("the run");
        bail!("{}: no decision for {what} among {edges}", file.path.display());
    }
    let doubts = played.doubts().into_iter().chain(cut_off(&file, &reader)).collect();
    let decision = found.map(|found| explain(found, &setup.preset, &setup.instruments));
    let answer = Answer { doubts, asked, decision };
    if args.json {
        writeln!(out, "{}", simd_json::to_string(&answer)?)?;
        return Ok(());
    }
    for doubt in &answer.doubts {
        writeln!(out, "! {doubt}")?;
    }
    if let Some(asked) = &answer.asked {
        asked.print(answer.decision.is_some(), out)?;
    }
    match &answer.decision {
        Some(decision) => Ok(print(decision, out)?),
        None => Ok(()),
    }
}

/// Keeps a decision that may be the one: of which trade an order is, is known later.
fn keep(kept: &mut Vec<Found>, decided: &Decided, wanted: Wanted, step: &Step<'_>) {
    match wanted {
        Wanted::At(at) if decided.at.ts > at => return,
        Wanted::Last | Wanted::At(_) => kept.clear(),
        Wanted::Order(_) if decided.entry.is_none() => return,
        Wanted::Order(_) => {}
    }
    let risk = step.pipeline.judge().trader().map(Trader::risk);
    let held = risk.map(|risk| risk.state().holds.iter());
    let held = held.into_iter().flatten().map(|(rule, _)| rule.name()).collect();
    kept.push(Found {
        decided: *decided,
        sized: risk.is_some_and(|risk| risk.last_sizing().is_some()),
        limits: risk.map(limits).unwrap_or_default(),
        held,
    });
}

fn wanted(args: &ExplainArgs) -> Result<Wanted> {
    if let Some(order) = &args.order {
        let other = || order.strip_prefix("foreign-")?.parse().ok().map(OrderId::from_bits);
        let id = OrderId::parse(order.as_bytes()).or_else(other);
        return id.map(Wanted::Order).ok_or_else(|| {
            anyhow!(
                "--order {order}: no id of an order, such as mia-20260114-0000000001, or \
                 foreign-7 of somebody else's"
            )
        });
    }
    let Some(at) = &args.at else { return Ok(Wanted::Last) };
    let at: jiff::Timestamp = at.parse().map_err(|e| anyhow!("--at {at}: {e}"))?;
    Ok(Wanted::At(Ts(i64::try_from(at.as_nanosecond())?)))
}

fn explain(found: Found, preset: &Preset, instruments: &[Instrument]) -> Explained {
    let Found { decided, sized, limits, held } = found;
    let instrument = instruments.get(usize::from(decided.at.symbol.0));
    let points = |px| instrument.map_or(0.0, |i: &Instrument| i.points(px));
    let nothing = Slot::none(Reason::NoInput);
    let slot =
        |number: usize| decided.features.get(number.wrapping_sub(1)).copied().unwrap_or(nothing);
    let parts = preset.parts(slot);
    let features = CATALOGUE.iter().zip(parts).map(|(known, part)| {
        let slot = slot(known.number);
        Feature {
            number: known.number,
            name: known.name,
            value: slot.value(),
            reason: slot.value().is_none().then(|| slot.reason.name()),
            weight: part.weight,
            added: part.added,
            contribution: part.of_d,
        }
    });
    let sum: f64 = parts.iter().filter_map(|part| part.of_d).sum();
    let market = &decided.market;
    let best = |side: &crate::order::Depth| side.levels().first().map(|level| points(level.0));
    Explained {
        seq: decided.at.seq,
        ts: decided.at.ts.to_string(),
        market_time: decided.at.market_time.to_string(),
        symbol: instrument.map(|i| i.symbol.clone()).unwrap_or_default(),
        preset: preset.name.clone(),
        side: decided.way.name(),
        d: decided.d,
        clipped: decided.d - sum,
        d_core: decided.d_core,
        score: decided.score,
        coverage: decided.coverage,
        tier: decided.tier.name(),
        session: market.sub_bucket.name(),
        context_version: decided.context_version,
        vix: decided.vix,
        features: features.collect(),
        gates: gates(decided.veto, sized),
        second_try_of: decided.again.map(|id| id.to_string()),
        micro_contracts: decided.micro.map(NonZero::get),
        limits,
        held,
        order: decided.entry.map(|entry| Ordered {
            id: entry.id.to_string(),
            contracts: entry.qty,
            stop: points(entry.stop),
            target: points(entry.target),
            limit: entry.px.map(points),
            rr_net: entry.rr_net,
            risk_usd: entry.risk_usd,
            equity_usd: entry.equity_usd,
        }),
        bid_ask: best(&market.bids).zip(best(&market.asks)).map(|(bid, ask)| [bid, ask]),
    }
}

/// Where the limits stood; losses count as numbers below 0, as their limits do.
fn limits(risk: &Risk) -> Vec<Limit> {
    let (state, params) = (risk.state(), risk.params());
    let equity = risk.equity();
    let of = |name, now, limit| Limit { name, now, limit };
    vec![
        of("kill switch (0 = NORMAL)", Some(f64::from(risk.kill() as u8)), 0.0),
        of("session, R", Some(state.session_r + state.open_r), -params.session_loss_r),
        of("day, R", Some(state.day_r + state.open_r), -params.day_loss_r),
        of(
            "day, share of equity",
            equity.map(|equity| (state.day_usd + state.open_usd) / equity),
            -params.day_loss,
        ),
        of("fall from the month's peak", risk.drawdown(), params.month_stop),
        of("losses in a row", Some(f64::from(state.losses)), f64::from(params.losses_max)),
        of("trades of the day", Some(f64::from(state.trades)), f64::from(params.trades_max)),
    ]
}

/// What became of each gate.
fn gates(failed: Option<Veto>, sized: bool) -> Vec<Asked> {
    let asked = |&gate: &Gate| {
        let result = match failed {
            None => "pass",
            Some(veto) if gate == veto.gate => "FAIL",
            Some(veto) if veto.follows(gate, sized) => "pass",
            Some(_) => "not asked",
        };
        let detail = failed.filter(|veto| gate == veto.gate).map_or("", |veto| veto.detail.name());
        Asked { gate: gate.name(), result, detail }
    };
    Gate::ALL.iter().map(asked).collect()
}

/// Every feature with its weight and its part of D.
fn weighed(it: &Explained, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        "  {:>2}  {:<26} {:>12} {:>16} {:>12}",
        "#", "feature", "value", "weight", "part of D"
    )?;
    for f in &it.features {
        let value = match (f.value, f.reason) {
            (Some(value), _) => format!("{value:.6}"),
            (None, reason) => reason.unwrap_or("-").to_owned(),
        };
        let weight = f.weight.map(|w| format!("{w:.4}")).unwrap_or_default();
        let added = f.added.map(|a| format!("{a:+.4}")).unwrap_or_default();
        let weight = weight + &added;
        let part = f.contribution.map(|c| format!("{c:+.6}")).unwrap_or_default();
        let line = format!("  {:>2}  {:<26} {value:>12} {weight:>16} {part:>12}", f.number, f.name);
        writeln!(out, "{}", line.trim_end())?;
    }
    if it.clipped.abs() > 5e-7 {
        writeln!(out, "      {:<26} {:>42}", "clipped at 1", format!("{:+.6}", it.clipped))?;
    }
    Ok(())
}

fn print(it: &Explained, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{} {} at {}  (event {}, preset {})",
        it.side, it.symbol, it.ts, it.seq, it.preset
    )?;
    if let Some(first) = &it.second_try_of {
        writeln!(out, "  second try of {first}, which was refused for a disturbance")?;
    }
    writeln!(out, "  market time {}, session {}", it.market_time, it.session)?;
    if let Some([bid, ask]) = it.bid_ask {
        writeln!(out, "  bid {bid} ask {ask}")?;
    }
    let vix = it.vix.map_or_else(|| "none".to_owned(), |vix| format!("{vix:.2}"));
    writeln!(out, "  context version {}, VIX {vix}", it.context_version)?;
    writeln!(
        out,
        "  D {:+.6} (without option items {:+.6}), score {:.4}, coverage {:.4}: {}\n",
        it.d, it.d_core, it.score, it.coverage, it.tier
    )?;
    weighed(it, out)?;
    writeln!(out)?;
    for asked in &it.gates {
        let line = format!("  {:<10} {:<9} {}", asked.gate, asked.result, asked.detail);
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)?;
    for limit in &it.limits {
        let now = limit.now.map_or_else(|| "unknown".to_owned(), |now| format!("{now:.4}"));
        writeln!(out, "  {:<28} {now:>10}   limit {:.4}", limit.name, limit.limit)?;
    }
    if !it.held.is_empty() {
        writeln!(out, "  stopped by {}", it.held.join(", "))?;
    }
    match &it.order {
        None => match it.micro_contracts {
            Some(fits) => writeln!(out, "\n  no order; {fits} of the micro would fit"),
            None => writeln!(out, "\n  no order"),
        },
        Some(o) => writeln!(
            out,
            "\n  order {}: {} contracts, stop {}, target {}, limit {}, reward to risk {:.4} net of \
             costs, {:.2} USD at risk of {:.2}",
            o.id,
            o.contracts,
            o.stop,
            o.target,
            o.limit.map_or_else(|| "none".to_owned(), |l| l.to_string()),
            o.rr_net,
            o.risk_usd,
            o.equity_usd
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{BuySell, Detail};
    use crate::store::options::folders::Mode;
    use crate::store::trades::synthetic::{decided, header, stamp};

    fn said(preset: &Preset, veto: Option<Veto>, sized: bool) -> Explained {
        let plain = decided(3, stamp(1, 0, 0), BuySell::Buy, None);
        let slot = |number: usize| plain.features[number - 1];
        let decided = Decided { d: preset.weigh(slot).d, veto, ..plain };
        let found = Found { decided, sized, limits: Vec::new(), held: Vec::new() };
        explain(found, preset, &header(Mode::Replay, "replay").instruments)
    }

    /// With the additive block, and where it takes D beyond its range.
    #[test]
    fn the_parts_add_up_to_d() {
        let named = |name| Preset::named(name).expect("preset");
        let strong = Preset {
            items: vec![crate::decision::Item {
                feature: 15,
                weight: 1.0,
                term: crate::decision::Term::Plain,
            }],
            ..named("core")
        };
        for preset in [named("core"), named("S4-groups"), strong] {
            for additive in [false, true] {
                let it = said(&Preset { additive, ..preset.clone() }, None, true);
                let sum: f64 = it.features.iter().filter_map(|f| f.contribution).sum();
                assert!((sum + it.clipped - it.d).abs() < 1e-12, "{sum} {}", it.d);
                assert!(it.d.abs() >= 1.0 || it.clipped.abs() < 1e-12, "{}", it.clipped);
                let of = |n: usize| it.features.iter().find(|f| f.number == n).expect("there");
                assert_eq!(of(19).added, additive.then_some(0.035));
                assert_eq!(of(19).contribution.is_some(), additive);
                let mut out = Vec::new();
                print(&it, &mut out).expect("printed");
                let text = String::from_utf8(out).expect("UTF-8");
                assert_eq!(text.contains("+0.0350"), additive, "{text}");
            }
        }
    }

    /// What the orders refuse as a limit, they refuse when every gate has passed.
    #[test]
    fn gates_say_what_was_asked() {
        let preset = Preset::named("core").expect("preset");
        let gates = |gate, detail, sized| -> Vec<(&str, &str)> {
            let it = said(&preset, Some(Veto::new(gate, detail)), sized);
            it.gates.iter().map(|asked| (asked.gate, asked.result)).collect()
        };
        let of = |all: &[(&str, &str)], gate| {
            all.iter().find(|(name, _)| *name == gate).map(|asked| asked.1.to_owned())
        };
        let duplicate = gates(Gate::Limit, Detail::Duplicate, true);
        assert_eq!(of(&duplicate, "LIMIT").as_deref(), Some("FAIL"));
        assert!(duplicate.iter().all(|(gate, is)| *gate == "LIMIT" || *is == "pass"));
        // The risk asks for open positions before a size is found, the orders after.
        for (sized, is) in [(false, "not asked"), (true, "pass")] {
            let open = gates(Gate::Limit, Detail::PositionOpen, sized);
            assert_eq!(of(&open, "SIZE_ZERO").as_deref(), Some(is));
            assert_eq!(of(&open, "PRETRADE").as_deref(), Some(is));
            assert_eq!(of(&open, "RR").as_deref(), Some("pass"));
        }
        let thin = gates(Gate::Pretrade, Detail::Thin, true);
        assert_eq!(of(&thin, "SIZE_ZERO").as_deref(), Some("pass"));
        let zero = gates(Gate::SizeZero, Detail::StopSide, false);
        assert_eq!(of(&zero, "PRETRADE").as_deref(), Some("not asked"));
        assert_eq!(of(&zero, "LIMIT").as_deref(), Some("pass"));
    }
}
