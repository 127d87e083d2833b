//! The levels as a trader reads them: a ladder of prices around the spot, for now and for the
//! night, on the index and on the future; then what stands behind them and what is missing.

use std::fmt::Write;

use crate::options::snapshot::{Bias, Dealer, Flip, FutureLevels, Gex, Levels, Pcr, Snapshot, Vol};

/// Widest line of the foot.
const WIDTH: usize = 100;
/// Width of the first column.
const NAME: usize = 24;

/// One scope of a snapshot.
struct View<'a> {
    title: String,
    gex: &'a Gex,
    levels: &'a Levels,
    pcr: &'a Pcr,
    vol: &'a Vol,
    dealer: &'a Dealer,
    bias: &'a Bias,
}

/// The whole text; `front` names the future whose prices are shown, else the first one.
#[must_use]
pub(super) fn table(snapshot: &Snapshot, front: Option<&str>) -> String {
    let mut text = String::new();
    head(snapshot, &mut text);
    let named = front.and_then(|front| snapshot.futures.get_key_value(front));
    let future = named.or_else(|| snapshot.futures.iter().next());
    let views = views(snapshot);
    for view in &views {
        scope(view, snapshot.underlying.spot, future, &mut text);
    }
    expiries(snapshot, &mut text);
    if future.is_none() && !views.is_empty() {
        let _ = writeln!(text, "\nno levels on the future: {}", reason(snapshot, "futures"));
    }
    foot(snapshot, &mut text);
    text
}

fn views(snapshot: &Snapshot) -> Vec<View<'_>> {
    let now = snapshot.analysis.as_ref().map(|a| View {
        title: "now: everything listed".to_owned(),
        gex: &a.gex,
        levels: &a.levels,
        pcr: &a.pcr,
        vol: &a.vol,
        dealer: &a.dealer,
        bias: &a.dealers_bias,
    });
    let night = snapshot.analysis_overnight.as_ref().map(|a| View {
        title: format!(
            "overnight, for {}: without {} contracts that settle before",
            a.target_sessions.join(" and "),
            count(f64::from(a.excluded_contracts)),
        ),
        gex: &a.gex,
        levels: &a.levels,
        pcr: &a.pcr,
        vol: &a.vol,
        dealer: &a.dealer,
        bias: &a.dealers_bias,
    });
    now.into_iter().chain(night).collect()
}

fn head(snapshot: &Snapshot, text: &mut String) {
    let (symbol, from) = (&snapshot.symbol, &snapshot.provenance);
    let spot = match (snapshot.underlying.spot, &snapshot.underlying.spot_source) {
        (Some(spot), Some(source)) => format!("{spot:.2} ({source})"),
        _ => format!("unknown: {}", reason(snapshot, "underlying.spot")),
    };
    let until = snapshot.valid_until.as_deref().unwrap_or("unknown");
    let _ = writeln!(text, "{symbol}  spot {spot}  as of {}", snapshot.asof);
    let _ = writeln!(
        text,
        "from {} ({}, {}), {} contracts; valid until {until}",
        from.provider,
        from.source_kind,
        from.delay_class,
        count(f64::from(from.contracts_used)),
    );
    let sanity = &snapshot.sanity;
    let _ = write!(text, "sanity {} {}", sanity.status, sanity.score);
    let cover = &snapshot.coverage;
    let shares = [
        ("open interest with a volatility", cover.iv_coverage),
        ("volatilities of our own", cover.own_share),
        ("spread near the money", cover.near_rel_spread),
    ];
    for (name, share) in shares {
        if let Some(share) = share {
            let _ = write!(text, "   {name} {:.1} %", 100.0 * share);
        }
    }
    text.push('\n');
    for gate in sanity.gates.iter().filter(|g| !g.ok) {
        let found = gate.value.map_or("not known".to_owned(), |v| format!("{v}"));
        let limit = gate.limit.map_or(String::new(), |l| format!(", limit {l}"));
        let _ = writeln!(text, "  gate {} closed: {found}{limit}", gate.name);
    }
}

/// A price of the ladder.
struct Rung {
    name: &'static str,
    price: f64,
    note: String,
    /// Another level has the same price.
    shared: bool,
}

fn rungs(view: &View<'_>) -> Vec<Rung> {
    let (levels, mut rungs) = (view.levels, Vec::new());
    let mut add = |name: &'static str, price: Option<f64>, note: String| {
        if let Some(price) = price {
            rungs.push(Rung { name, price, note, shared: false });
        }
    };
    let wall = |w: &crate::options::snapshot::Wall| {
        format!("{} per 1 %, {} open", money(w.gex), count(w.oi))
    };
    let (call, put) = (levels.call_wall.as_ref(), levels.put_wall.as_ref());
    add("call wall", call.map(|w| w.strike), call.map(wall).unwrap_or_default());
    add("put wall", put.map(|w| w.strike), put.map(wall).unwrap_or_default());
    add("gamma flip", levels.gamma_flip.level, flip_note(&levels.gamma_flip));
    let trigger = &levels.vol_trigger;
    add("vol trigger", trigger.level, trigger.method.replace('_', " "));
    let expiry = levels.max_pain_expiry.clone().unwrap_or_default();
    add("max pain", levels.max_pain, expiry);
    for pin in &levels.gamma_pins {
        let note = format!("{}, {:.1} times its surroundings", label(&pin.label), pin.strength);
        add("pin", Some(pin.strike), note);
    }
    rungs.sort_by(|a, b| b.price.total_cmp(&a.price));
    // Levels at one price stand on one line.
    let mut merged: Vec<Rung> = Vec::new();
    for rung in rungs {
        match merged.last_mut() {
            Some(last) if last.price.total_cmp(&rung.price).is_eq() => {
                let joint = if last.shared { ", " } else { "; also " };
                last.note = format!("{}{joint}{}", last.note, rung.name);
                last.shared = true;
            }
            _ => merged.push(rung),
        }
    }
    merged
}

fn scope(
    view: &View<'_>,
    spot: Option<f64>,
    future: Option<(&String, &FutureLevels)>,
    text: &mut String,
) {
    let _ = writeln!(text, "\n── {} ──", view.title);
    let column = future.map_or("", |(name, _)| name.as_str());
    let _ = writeln!(text, "{:NAME$}{:>10}{column:>11}{:>10}", "", "index", "from spot");
    let Some(spot) = spot else { return };
    let mut crossed = false;
    let mut line = |name: &str, price: f64, note: &str| {
        let on_future =
            future.map_or(String::new(), |(_, f)| format!("{:.2}", tick(price + f.basis)));
        let away = if name == "spot" { String::new() } else { format!("{:+.2}", price - spot) };
        let _ = writeln!(text, "{name:NAME$}{price:>10.2}{on_future:>11}{away:>10}   {note}");
    };
    let basis = future.map_or(String::new(), |(_, f)| {
        format!("basis {:+.2}, {}, {:.0} s old", f.basis, f.basis_source, f.basis_age_s)
    });
    for rung in rungs(view) {
        if rung.price < spot && !std::mem::replace(&mut crossed, true) {
            line("spot", spot, &basis);
        }
        line(rung.name, rung.price, &rung.note);
    }
    if !crossed {
        line("spot", spot, &basis);
    }
    summary(view, spot, text);
}

fn summary(view: &View<'_>, spot: f64, text: &mut String) {
    let (gex, dealer, bias) = (view.gex, view.dealer, view.bias);
    let words = if dealer.gamma_regime == "POS" {
        "dealers long gamma: moves are damped"
    } else {
        "dealers short gamma: moves are amplified"
    };
    let share = gex.gex_total_normalized.map_or(String::new(), |n| format!(", {n:+.2} of gross"));
    let _ = writeln!(
        text,
        "{:NAME$}{} net {}{share}; {} calls, {} puts per 1 %",
        "gamma",
        dealer.gamma_regime,
        money(gex.gex_total_signed),
        money(gex.call_gex),
        money(gex.put_gex),
    );
    let confidence = dealer.dealer_confidence.map_or(String::new(), |c| format!(" ({c:.2} sure)"));
    let _ = writeln!(text, "{:NAME$}{words}{confidence}", "");
    if let Some(zero) = gex.share_zero_dte {
        let _ = writeln!(text, "{:NAME$}{:.0} % of it expires today", "", 100.0 * zero.abs());
    }
    if view.levels.gamma_flip.level.is_none() {
        let _ =
            writeln!(text, "{:NAME$}none: {}", "gamma flip", flip_note(&view.levels.gamma_flip));
    }
    if let Some(move_) = view.vol.em_day {
        let (low, high) = (spot - move_, spot + move_);
        let _ = writeln!(text, "{:NAME$}±{move_:.2}: {low:.2} to {high:.2}", "one day's move");
    }
    bias_lines(bias, text);
    volatility_lines(view, text);
}

fn bias_lines(bias: &Bias, text: &mut String) {
    let words = &bias.interpretation;
    let head = match (bias.dealers_bias_score, &words.direction, &words.strength) {
        (Some(score), Some(direction), Some(strength)) => {
            format!("{score:+.3} {direction} {strength}")
        }
        _ => "none: too little is known".to_owned(),
    };
    let sure = bias.confidence.map_or(String::new(), |c| format!(", confidence {c:.2}"));
    let _ = writeln!(
        text,
        "{:NAME$}{head}   coverage {:.2}{sure}   preset {}",
        "dealer's bias", bias.coverage, bias.preset
    );
    let part = |name: &str, value: Option<f64>, weight: Option<f64>| match (value, weight) {
        (Some(value), Some(weight)) => format!("{name} {value:+.2} × {weight:.2}"),
        _ => format!("{name} missing"),
    };
    let (terms, weights) = (&bias.components, &bias.weights_used);
    let parts = [
        part("put/call", terms.pcr, weights.pcr),
        part("gamma", terms.gex, weights.gex),
        part("VIX", terms.vix, weights.vix),
    ];
    let stress = if bias.stress == Some(true) { "   VIX STRESS" } else { "" };
    let _ = writeln!(text, "{:NAME$}{}{stress}", "", parts.join("   "));
}

fn volatility_lines(view: &View<'_>, text: &mut String) {
    let (pcr, vol) = (view.pcr, view.vol);
    let number = |x: Option<f64>| x.map_or("–".to_owned(), |x| format!("{x:.2}"));
    let trend = pcr.trend.as_deref().unwrap_or("no history");
    let _ = writeln!(
        text,
        "{:NAME$}volume {}, open interest {}   trend: {trend}",
        "put/call ratio",
        number(pcr.volume),
        number(pcr.oi)
    );
    let percent = |x: Option<f64>| x.map_or("–".to_owned(), |x| format!("{:.1}", 100.0 * x));
    let _ = writeln!(
        text,
        "{:NAME$}7 d {}   30 d {}   60 d {}   90 d {}   skew 30 d {}",
        "implied volatility, %",
        percent(vol.atm_7d),
        percent(vol.atm_30d),
        percent(vol.atm_60d),
        percent(vol.atm_90d),
        percent(vol.skew25_30d)
    );
    let vix = match (vol.vix, &vol.vix_source) {
        (Some(vix), Some(source)) => {
            let rank = vol.vix_percentile.map_or(String::new(), |p| {
                format!("   higher than {:.0} % of the year's closes", 100.0 * p)
            });
            let trend = match vol.vix_trend.as_deref() {
                Some("bullish") => "   rising",
                Some("bearish") => "   falling",
                Some(_) => "   steady",
                None => "",
            };
            format!("{vix:.2} ({source}){rank}{trend}")
        }
        _ => "unknown".to_owned(),
    };
    let own = vol.vix_like.map_or(String::new(), |v| format!("   this chain's own {v:.2}"));
    let _ = writeln!(text, "{:NAME$}{vix}{own}", "VIX");
}

fn expiries(snapshot: &Snapshot, text: &mut String) {
    if snapshot.expiries.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n── the nearest expiries ──");
    let _ = writeln!(
        text,
        "{:12}{:14}{:>6}{:>10}{:>12}{:>12}{:>9}{:>9}",
        "expiry", "roots", "days", "max pain", "net", "gross", "P/C vol", "P/C oi"
    );
    let number = |x: Option<f64>| x.map_or("–".to_owned(), |x| format!("{x:.2}"));
    for expiry in snapshot.expiries.iter().take(6) {
        let _ = writeln!(
            text,
            "{:12}{:14}{:>6}{:>10}{:>12}{:>12}{:>9}{:>9}",
            expiry.expiry,
            expiry.roots.join(" "),
            expiry.dte,
            number(expiry.max_pain),
            money(expiry.net_gex),
            money(expiry.abs_gex),
            number(expiry.pcr_volume),
            number(expiry.pcr_oi)
        );
    }
}

fn foot(snapshot: &Snapshot, text: &mut String) {
    let mut block = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{title}");
            for line in lines {
                wrap(line, text);
            }
        }
    };
    let sanity = &snapshot.sanity;
    block("errors", &sanity.errors);
    block("warnings", &gathered(&sanity.warnings));
    block("to do", &sanity.recommendations);
    let missing: Vec<String> =
        missing(snapshot).into_iter().map(|(code, paths)| format!("{code}: {paths}")).collect();
    block("missing, and why", &missing);
}

/// Warnings of one kind about several series on one line.
fn gathered(warnings: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for warning in warnings {
        let kind = warning.split(' ').next().filter(|kind| kind.contains('_'));
        let same = |line: &&mut String| {
            kind.is_some_and(|kind| line.strip_prefix(kind).is_some_and(|r| r.starts_with(' ')))
        };
        match (lines.iter_mut().find(same), kind) {
            (Some(line), Some(kind)) => {
                line.push(',');
                line.push_str(warning.strip_prefix(kind).unwrap_or_default());
            }
            _ => lines.push(warning.clone()),
        }
    }
    lines
}

/// A line of the foot, broken between words.
fn wrap(line: &str, text: &mut String) {
    let mut width = 0;
    for word in line.split(' ') {
        let needed = word.chars().count() + 1;
        if width == 0 {
            text.push_str("  ");
        } else if width + needed > WIDTH {
            text.push_str("\n      ");
            width = 4;
        } else {
            text.push(' ');
        }
        text.push_str(word);
        width += needed;
    }
    text.push('\n');
}

/// Reason → what it left null; of paths that differ only in their scope or place one stands for
/// all.
fn missing(snapshot: &Snapshot) -> Vec<(String, String)> {
    let mut by_code: std::collections::BTreeMap<&str, Vec<String>> = Default::default();
    for (path, code) in &snapshot.null_reasons {
        let plain = path.replace("analysis_overnight.", "").replace("analysis.", "");
        let mut name: String = plain.split('[').next().unwrap_or(&plain).to_owned();
        if plain.contains('[') {
            name.push_str("[…]");
            name.push_str(plain.rsplit(']').next().unwrap_or_default());
        }
        let names = by_code.entry(code).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    by_code.into_iter().map(|(code, names)| (code.to_owned(), names.join(", "))).collect()
}

fn reason<'a>(snapshot: &'a Snapshot, path: &str) -> &'a str {
    snapshot.null_reasons.get(path).map_or("no reason was given", String::as_str)
}

fn flip_note(flip: &Flip) -> String {
    let status = match flip.status.as_str() {
        "none_positive" => return "net gamma is positive at every price nearby".to_owned(),
        "none_negative" => return "net gamma is negative at every price nearby".to_owned(),
        "not_computable" => return "not computable".to_owned(),
        "multiple" => {
            let all: Vec<String> = flip.roots.iter().map(|r| format!("{r:.0}")).collect();
            format!(", one of {}", all.join(" "))
        }
        _ => String::new(),
    };
    let quality = flip.quality.as_deref().unwrap_or("unknown");
    let width = flip.uncertainty_pts.map_or(String::new(), |u| format!(", ±{u:.0}"));
    format!("{quality}{width}{status}")
}

fn label(text: &str) -> String {
    text.replace('_', " ")
}

/// USD in the unit that reads best.
fn money(usd: f64) -> String {
    let size = usd.abs();
    if size >= 1e9 {
        format!("{:.2} bn", usd / 1e9)
    } else if size >= 1e6 {
        format!("{:.1} m", usd / 1e6)
    } else {
        format!("{usd:.0}")
    }
}

/// A count with separators.
fn count(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A price on the tick of the E-minis.
fn tick(price: f64) -> f64 {
    (price * 4.0).round() / 4.0
}
