//! What the records of a run hold: a field that must have a value has one, a field that may have
//! none has one somewhere or stands in a table with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dtc_sim::market::{Aggressor as Who, Market, MarketBody, Side as Of};
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket, es, nq};
use mia::calendar::Calendar;
use mia::config::Config;
use mia::context::{Context, Underlying};
use mia::event::{Body, Event, Sequencer, flag};
use mia::features::baseline::codec::encode;
use mia::features::baseline::{Baseline, Kind};
use mia::features::frame::Number;
use mia::features::frame_flag;
use mia::pipeline::Pipeline;
use mia::runtime::baselines::Stored;
use mia::runtime::records;
use mia::runtime::setup::Setup;
use mia::store::trades::{TradeWriter, folder};
use mia::tally::SessionFilter;
use mia::trader::note::Stamp;
use mia::units::{Aggressor, Grid, Instrument, MINUTE, SECOND, Side, Slot, SymbolId, Ts};
use mia::volatility::part::Curve;
use mia_test_support::{contexts, days, es_file, events, live, naive};
use serde_json::Value;

const SCHEMA: &str = include_str!("../src/store/trades/schemas/trades-1.json");

/// What all records say of each field, as `group.field`.
#[derive(Debug, Default)]
struct Audit {
    /// Values and reasons of the fields that may have none.
    optional: BTreeMap<String, (u64, BTreeSet<String>)>,
    /// Reasons of the others, where one had none.
    lacking: BTreeMap<String, BTreeSet<String>>,
    kinds: BTreeMap<String, u64>,
}

impl Audit {
    /// Reads every line, which must fit the schema.
    fn of(lines: &[Value]) -> Audit {
        let schema: Value = serde_json::from_str(SCHEMA).expect("a schema");
        let validator = jsonschema::validator_for(&schema).expect("compiles");
        let mut audit = Audit::default();
        for line in lines {
            if let Some(error) = validator.iter_errors(line).next() {
                panic!("{error} at {}: {line}", error.instance_path());
            }
            let kind = line["record_type"].as_str().expect("text").to_owned();
            *audit.kinds.entry(kind).or_default() += 1;
            for (group, fields) in schema["$defs"].as_object().expect("groups") {
                let Some(of) = line[group].as_object() else { continue };
                for (name, rule) in fields["properties"].as_object().expect("fields") {
                    let path = format!("{group}.{name}");
                    let Some(value) = of.get(name) else { continue };
                    let reason = line["missing"][&path].as_str().map(str::to_owned);
                    assert_eq!(value.is_null(), reason.is_some(), "{path}: {line}");
                    if rule["x-opt"] == "yes" {
                        let seen = audit.optional.entry(path).or_default();
                        seen.0 += u64::from(!value.is_null());
                        seen.1.extend(reason);
                    } else if let Some(reason) = reason {
                        audit.lacking.entry(path).or_default().insert(reason);
                    }
                }
            }
        }
        audit
    }

    /// Fields that never had a value are those of `never`, and needed ones without one those of
    /// `lacking`, each for its reasons and no others.
    fn check(&self, never: &[(&str, &str)], lacking: &[(&str, &str)]) {
        let sorted = |table: &[(&str, &str)]| -> BTreeMap<String, BTreeSet<String>> {
            let reasons = |why: &str| why.split(' ').map(str::to_owned).collect();
            table.iter().map(|(path, why)| ((*path).to_owned(), reasons(why))).collect()
        };
        let empty = self.optional.iter().filter(|(_, (values, _))| *values == 0);
        let empty = empty.map(|(path, (_, why))| (path.clone(), why.clone()));
        assert_eq!(empty.collect::<BTreeMap<_, _>>(), sorted(never), "fields without any value");
        assert_eq!(self.lacking, sorted(lacking), "needed fields without a value");
    }
}

/// Runs `events` through the core of `setup` and reads the records back; `context` is asked with
/// each event's time.
fn run(
    setup: &Setup,
    name: &str,
    delay: &str,
    events: impl Iterator<Item = Event>,
    mut context: impl FnMut(Ts) -> Option<Context>,
) -> Vec<Value> {
    let data = live::folder(name);
    let mut header = records::header(setup, Ts(1_767_000_000 * SECOND));
    header.delay_class = delay.to_owned();
    let mode = header.mode;
    let calendar = setup.calendar.clone();
    let mut writer = TradeWriter::new(&data, header, calendar, Ts(0)).expect("a writer");
    let mut pipeline = Pipeline::new(&setup.core(SessionFilter::All), setup.calendar.clone());
    let (mut now, mut last) = (Context::EMPTY, None);
    for event in events {
        if let Some(next) = context(event.ts) {
            now = next;
            writer.adopt(&now);
        }
        pipeline.on_event(&event, &now);
        for note in pipeline.judge().notes() {
            writer.write(note).expect("written");
        }
        last = Some(event);
    }
    let Event { seq, ts, symbol, .. } = last.expect("events");
    let written = writer.finish(Stamp { seq, ts, market_time: ts, symbol }).expect("finished");
    println!("{name}: {written:?}");
    let mut lines = Vec::new();
    for path in mia::store::trades::read::files(&folder(&data, mode)).expect("files") {
        let text = std::fs::read_to_string(path).expect("text");
        lines.extend(text.lines().map(|l| serde_json::from_str::<Value>(l).expect("JSON")));
    }
    std::fs::remove_dir_all(data).expect("clean up");
    lines
}

/// The limits of `tests/trading.toml`.
fn config() -> Config {
    let text = std::fs::read_to_string("tests/trading.toml").expect("tests/trading.toml");
    // One contract each, so that both symbols may be open at once.
    let text = text
        + "[trading.product.ES]\ncontracts_max = 1\n"
        + "[trading.product.NQ]\ncontracts_max = 1\nmin_stop_ticks = 6\n";
    let mut config = Config::parse(&text).expect("valid");
    let trading = config.trading.as_mut().expect("set");
    trading.equity = 5e6;
    // NQ is traded only where it is named.
    trading.symbols = ["ESH4", "ESH6", "NQH6"].map(str::to_owned).to_vec();
    config
}

/// The sessions of `grown` as those of `root`, recorded of `contract`.
fn recorded(grown: &Baseline, root: &str, contract: &str) -> Arc<Stored> {
    let sessions = [Kind::Eth, Kind::Rth].into_iter().flat_map(|kind| grown.sessions(kind));
    let named = sessions.cloned().map(|mut session| {
        session.contract = Arc::from(contract);
        session
    });
    let all = Baseline::with_sessions(days::origin(root), named.collect());
    Arc::new(Stored::new(encode(&all)).expect("a baseline"))
}

/// Receive time after exchange time.
const LATE: i64 = 3_000_000;

/// A made-up day of both symbols up to `open` as warm-up, then the synthetic market, then an hour
/// in which nothing happens.
fn market(date: i64, open: Ts) -> Vec<Event> {
    let mut all = Vec::new();
    for symbol in [SymbolId(0), SymbolId(1)] {
        // The second symbol repeats another day's walk.
        let back = 7 * i64::from(symbol.0) * 24 * 60 * MINUTE;
        let day = days::day(date - 7 * i64::from(symbol.0), 20);
        let moved = day.into_iter().map(|event| {
            let ts = Ts(event.ts.0 + back);
            Event { ts, ts_exch: ts, symbol, flags: event.flags | flag::WARMUP, ..event }
        });
        all.extend(moved.filter(|event| event.ts < open));
        // The run has begun before the day does.
        let (ts, body) = (Ts(days::anchor(date).0 - 30 * MINUTE), Body::BatchEnd);
        all.push(Event { seq: 0, ts, ts_exch: ts, symbol, flags: flag::WARMUP, body });
        let body = Body::Clear;
        let flags = flag::WARMUP | flag::BATCH_END;
        all.push(Event { seq: 0, ts: open, ts_exch: Ts::NONE, symbol, flags, body });
    }
    let mut synthetic = SyntheticMarket::new(&SyntheticConfig {
        seed: 5,
        symbols: vec![(es(), 5000.0), (nq(), 5000.0)],
        start_ns: open.0 + SECOND,
        steps_per_s: 8.0,
        duration_s: 2400.0,
        ..SyntheticConfig::default()
    });
    let grid = Grid::new(0.25, 1.0).expect("a tick");
    let (mut end, mut trades) = (open, 0);
    while let Some(record) = synthetic.next() {
        let Some((mut body, flags)) = body(&record.body, grid) else { continue };
        let (ts_exch, ts) = (Ts(record.ts_ns), Ts(record.ts_ns + LATE));
        if let Body::Trade { qty, .. } = &mut body {
            trades += 1;
            // Now and then somebody large.
            *qty = if trades % 50 == 0 { 150 } else { *qty };
        }
        end = ts;
        let symbol = SymbolId(record.symbol);
        all.push(Event { seq: 0, ts, ts_exch, symbol, flags, body });
    }
    for second in open.second() + 1..end.second() + 3700 {
        let ts = Ts(second * SECOND);
        for symbol in [SymbolId(0), SymbolId(1)] {
            all.push(Event { seq: 0, ts, ts_exch: Ts::NONE, symbol, flags: 0, body: Body::Timer });
        }
    }
    all.sort_by_key(|event| event.ts);
    all
}

fn body(body: &MarketBody, grid: Grid) -> Option<(Body, u8)> {
    let px = |price: f64| grid.ticks(price).expect("on the grid");
    Some(match *body {
        MarketBody::Trade { price, volume, aggressor, .. } => {
            let aggressor = match aggressor {
                Who::Buy => Aggressor::Buy,
                Who::Sell => Aggressor::Sell,
                Who::None => Aggressor::None,
            };
            (Body::Trade { px: px(price), qty: volume, aggressor, unbundled: 0 }, 0)
        }
        MarketBody::Depth { side, delete, price, quantity, orders, final_in_batch, .. } => {
            let side = if side == Of::Bid { Side::Bid } else { Side::Ask };
            let qty = if delete { 0 } else { quantity };
            let flags = if final_in_batch { flag::BATCH_END } else { 0 };
            (Body::Depth { side, px: px(price), qty, orders }, flags)
        }
        MarketBody::ClearBook => (Body::Clear, 0),
        MarketBody::BatchEnd => (Body::BatchEnd, flag::BATCH_END),
        // The book says the same.
        MarketBody::Quote { .. } => return None,
    })
}

/// A context in which everything is known.
fn context(version: u64, at: Ts) -> Context {
    let mut context = contexts::version(version, at, 5000.0);
    for index in [Underlying::Spx, Underlying::Ndx] {
        let mut part = contexts::part(index, at, 5000.0);
        (part.pcr_oi, part.skew25_30d) = (Slot::some(1.1), Slot::some(0.04));
        (part.bias_pcr, part.bias_gex) = (Slot::some(0.25), Slot::some(0.5));
        (part.bias_vix, part.unusual) = (Slot::some(0.6), Some(false));
        context.set_level(part);
    }
    if let Some(volatility) = &mut context.volatility {
        volatility.curve = Some(Curve::Contango);
    }
    (context.days_to_weekly, context.days_to_monthly) = (Some(0), Some(15));
    context
}

/// Fields that no run on paper with orders at the market has, and why.
const ON_PAPER: [(&str, &str); 5] = [
    ("entry.limit", "NO_INPUT"),
    ("execution.server_id", "SIMULATED_SOURCE"),
    ("post_trade.notes", "NO_INPUT"),
    ("signal.micro_contracts", "NO_INPUT"),
    ("signal.second_try_of", "NO_INPUT"),
];

#[test]
fn two_symbols_with_all_inputs() {
    let date = days::weekdays(24).last().expect("a date");
    let open = Ts(days::anchor(date).0 + 20 * 60 * MINUTE);
    let instrument = |name| Instrument::from_symbol(name).expect("known");
    let symbols = vec![instrument("ESH6"), instrument("NQH6")];
    let mut setup = Setup::new(config(), symbols, "replay").expect("valid");
    let grown = days::grown("ES", 23);
    let of = |root, contract| Some(recorded(&grown, root, contract));
    setup.baselines = vec![of("ES", "ESH6"), of("NQ", "NQH6")];
    setup.news = Some(format!(
        "{},made up\nuntil,{}\n",
        Ts(days::anchor(date).0 + 60 * MINUTE),
        Ts(days::anchor(date + 7).0)
    ));
    let mut sequencer = Sequencer::default();
    let events = market(date, open);
    let mut minute = 0;
    let lines = run(
        &setup,
        "records-made-up",
        "simulated",
        events.into_iter().map(|event| sequencer.stamp(event)),
        |now| {
            let next = now.0.div_euclid(MINUTE);
            let begun = next > minute && now >= open;
            minute = minute.max(next);
            begun.then(|| context(next as u64, now))
        },
    );
    let audit = Audit::of(&lines);
    println!("{:?}", audit.kinds);
    assert_eq!(audit.kinds.len(), 8, "every type: {:?}", audit.kinds);
    audit.check(&ON_PAPER, &[]);
    correlations(&lines);
}

/// What travels beside the slots against its definitions, over a made-up day.
#[test]
fn details_are_what_they_say() {
    let calendar = Calendar::bundled().expect("calendar");
    let baseline = days::grown("ES", 13);
    let nights = baseline.sessions(Kind::Eth).iter().map(|session| {
        let night = session.bars().iter().take(930).flatten();
        night.map(|bar| bar.volume as f64).sum::<f64>()
    });
    let usual = naive::quantile(nights.collect(), 0.5);
    let mut features = days::recording(baseline);
    let date = days::weekdays(14).last().expect("a date");
    // Wilder's average by the book: 14 true ranges, then a fourteenth of each.
    let (mut ranges, mut atr, mut before) = (Vec::new(), 0.0, None);
    let (mut scores, mut bases, mut patterns) = (0, 0, 0);
    for event in days::day(date, 20) {
        let frame = *features.on_event(&event, &calendar);
        let details = &frame.details;
        assert_eq!(details.steps, features.momentum().steps());
        assert_eq!(details.direction.signum(), details.direction);
        let net = features.smart_money().reading().map(|reading| reading.net);
        assert_eq!(details.get(Number::LargeNet), net);
        patterns += u32::from(details.pattern.is_some());
        if frame.flags & frame_flag::BAR_CLOSED == 0 {
            continue;
        }
        let bar = frame.bar;
        let last: i32 = before.replace(bar.close.ticks()).unwrap_or(bar.low.ticks());
        let range = f64::from(bar.high.ticks().max(last) - bar.low.ticks().min(last));
        ranges.push(range);
        atr = match ranges.len() {
            n if n <= 14 => ranges.iter().sum::<f64>() / n as f64,
            _ => (atr * 13.0 + range) / 14.0,
        };
        let found = details.get(Number::Atr14);
        assert_eq!(found.is_some(), ranges.len() >= 14);
        assert!(found.is_none_or(|found| (found - atr).abs() < 1e-9), "{found:?} {atr}");
        let minutes = features.minutes();
        let rv = minutes.volatility().rv(minutes.is_rth());
        assert_eq!(details.get(Number::RealisedVol), rv);
        assert_eq!(details.get(Number::PremarketUsual), Some(usual));
        let parts = details.get(Number::Power).zip(details.get(Number::Trend));
        assert_eq!(parts.is_some(), frame.slot(28).value().is_some());
        if let (Some((power, trend)), Some(score)) = (parts, frame.slot(28).value()) {
            let pull = frame.base.map_or(0.0, |base| base.pull(bar.close));
            let sum = (0.40 * power + 0.35 * trend + 0.25 * pull).clamp(-1.0, 1.0);
            assert!((sum - score).abs() < 1e-12, "{sum} {score}");
            scores += 1;
            bases += u32::from(frame.base.is_some());
        }
    }
    assert!(scores > 1000 && patterns > 0, "{scores} scores, {bases} bases, {patterns} patterns");
}

/// The sum is that of the parts, and the cap that of the equity.
fn correlations(lines: &[Value]) {
    let (mut measured, mut both) = (0, 0);
    for line in lines.iter().filter(|line| line["record_type"] == "CORRELATION_UPDATE") {
        let of = &line["correlation"];
        let members = of["symbols"].as_array().expect("a list");
        assert_eq!(members.len(), 2);
        let number = |value: &Value| value.as_f64().expect("known");
        let sum: f64 = members.iter().map(|m| number(&m["risk_usd"])).sum();
        let (risk, cap) = (number(&of["open_risk_usd"]), number(&of["cap_usd"]));
        assert!((risk - sum).abs() < 1e-6 && (number(&of["room_usd"]) + risk - cap).abs() < 1e-6);
        assert_eq!(number(&of["cap_pct_of_equity"]), 1.5);
        let open = members.iter().filter(|m| m["qty"] != 0 || m["working_qty"] != 0).count();
        assert_eq!(of["open_symbols"], open);
        both += u32::from(open == 2);
        for member in members {
            let own = member["contract"] == line["contract"];
            assert_eq!(member["correlation_reason"] == "NO_INPUT", own, "{line}");
            if let Some(r) = member["correlation_1m"].as_f64() {
                assert!(r.abs() < 0.9, "walks of their own: {r}");
                assert!(member["correlation_returns"].as_u64() >= Some(20));
                measured += 1;
            }
        }
    }
    assert!(measured > 0 && both > 0, "{measured} {both}");
}

/// Fields that the real hour cannot have: it has no recorded sessions, no options, no VIX, no event
/// calendar, no cash session before it, and ends within the hour after each trade. All its orders
/// are at the market: positions end by their time.
const REAL_HOUR: [(&str, &str); 43] = [
    ("execution.requested_price", "NO_INPUT"),
    ("market.realised_vol", "WARMUP"),
    ("market.regime", "WARMUP"),
    ("market.regime_sign", "WARMUP"),
    ("market.volatility_regime", "WARMUP"),
    ("microstructure.rvol", "WARMUP"),
    ("options.age_s", "NO_INPUT"),
    ("options.call_wall", "NO_INPUT"),
    ("options.convention", "NO_INPUT"),
    ("options.days_to_monthly", "NO_INPUT"),
    ("options.days_to_weekly", "NO_INPUT"),
    ("options.flip", "NO_INPUT"),
    ("options.gamma_gross_usd", "NO_INPUT"),
    ("options.gamma_net_usd", "NO_INPUT"),
    ("options.max_pain", "NO_INPUT"),
    ("options.net_over_gross", "NO_INPUT"),
    ("options.pcr_oi", "NO_INPUT"),
    ("options.pcr_volume", "NO_INPUT"),
    ("options.pins", "NO_INPUT"),
    ("options.put_wall", "NO_INPUT"),
    ("options.skew_25d", "NO_INPUT"),
    ("options.unusual_activity", "NO_INPUT"),
    ("post_trade.regime_at_exit", "WARMUP"),
    ("post_trade.ticks_after_60m", "INSUFFICIENT_SAMPLE"),
    ("post_trade.volatility_change", "WARMUP"),
    ("result.vix", "NO_INPUT"),
    ("result.vix_regime", "NO_INPUT"),
    ("result.volatility_regime", "WARMUP"),
    ("session_context.events", "NO_INPUT"),
    ("session_context.high_impact", "NO_INPUT"),
    ("session_context.overnight_gap_pct", "NO_INPUT"),
    ("session_context.premarket_volume_ratio", "WARMUP"),
    ("signal.dealers_bias_age_s", "NO_INPUT"),
    ("signal.dealers_bias_gex", "NO_INPUT"),
    ("signal.dealers_bias_pcr", "NO_INPUT"),
    ("signal.dealers_bias_score", "NO_INPUT"),
    ("signal.dealers_bias_vix", "NO_INPUT"),
    ("signal.nearest_level", "NO_INPUT"),
    ("signal.nearest_level_ticks", "NO_INPUT"),
    ("signal.vix", "NO_INPUT"),
    ("signal.vix_age_s", "NO_INPUT"),
    ("signal.vix_curve", "NO_INPUT"),
    ("signal.vix_regime", "NO_INPUT"),
];

#[test]
fn the_real_hour() {
    let Some(path) = es_file() else { return };
    let all = events(&path);
    let first = all.iter().find(|e| matches!(e.body, Body::Trade { .. })).expect("a trade");
    let setup =
        Setup::new(config(), vec![Instrument::from_symbol("ESH4").expect("known")], "replay")
            .expect("valid");
    // A minute must have closed before anything is decided: the first two are warm-up.
    let warm = Ts(first.ts.0 + 2 * MINUTE);
    let events = all.into_iter().map(|event| {
        let flags = if event.ts < warm { event.flags | flag::WARMUP } else { event.flags };
        Event { flags, ..event }
    });
    let lines = run(&setup, "records-real", "replay", events, |_| None);
    let audit = Audit::of(&lines);
    println!("{:?}", audit.kinds);
    let never: Vec<(&str, &str)> = ON_PAPER.into_iter().chain(REAL_HOUR).collect();
    audit.check(&never, &[("result.regime", "WARMUP")]);
}

/// How late the data are, as far as anybody says.
#[test]
fn delay_classes() {
    let text = "[[sources]]\nkind = \"dtc\"\nname = \"sim\"\naddress = \"127.0.0.1:1\"\nDELAY\n\
                [[symbols]]\nname = \"ESH6\"\nsource = \"sim\"\n[trading]\nmode = \"paper\"\n";
    for (delay, mode, class) in [
        ("", "paper", "realtime"),
        ("delayed = true", "paper", "delayed-15"),
        ("delayed = true", "replay", "replay"),
    ] {
        let config = Config::parse(&text.replace("DELAY", delay)).expect("valid");
        let instruments = config.instruments().expect("known");
        let setup = Setup::new(config, instruments, mode).expect("valid");
        assert_eq!(records::header(&setup, Ts(0)).delay_class, class, "{delay} {mode}");
    }
}
