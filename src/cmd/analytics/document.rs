//! A section as tables of texts, which every format then only has to lay out.

use super::Section;
use crate::analytics::costs::Times;
use crate::analytics::groups::Decile;
use crate::analytics::{FEATURES, Group, INSUFFICIENT, Report, Summary};
use crate::features::CATALOGUE;

/// Trading days below which numbers of a year are warned of: a month.
const DAYS_FEW: usize = 21;
/// What is said where there is nothing to say.
const NONE: &str = "\u{2013}";

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Its heading.
    pub(super) title: String,
    /// Names of its columns; the first is that of the rows.
    pub(super) head: Vec<String>,
    /// Its rows.
    pub(super) rows: Vec<Vec<String>>,
    /// What one has to know to read it.
    pub(super) note: &'static str,
    /// Rows that are too few to say anything.
    pub(super) faint: Vec<usize>,
}

impl Table {
    fn new(title: &str, head: &[&str], note: &'static str) -> Table {
        let head = head.iter().map(|&name| name.to_owned()).collect();
        Table { title: title.to_owned(), head, rows: Vec::new(), note, faint: Vec::new() }
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Document {
    /// Whose numbers these are.
    pub(super) title: String,
    /// What must be known before any number is read.
    pub(super) warnings: Vec<String>,
    /// The tables.
    pub(super) tables: Vec<Table>,
}

impl Document {
    pub(super) fn of(section: &Section) -> Document {
        let report = &section.report;
        let mut tables = vec![results(report), risk(section), costs(report), decisions(section)];
        tables.extend(report.breakdowns.iter().map(|b| breakdown(b.by, &b.groups)));
        tables.push(features(report));
        Document { title: section.title(), warnings: warnings(section), tables }
    }
}

/// A number with a sign where it has one.
fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{:.digits$}", value + 0.0))
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{:.1} %", 100.0 * value))
}

/// USD with groups of thousands.
pub(super) fn usd(value: Option<f64>) -> String {
    let Some(value) = value else { return NONE.to_owned() };
    let text = format!("{:.2}", value.abs());
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    let negative = value < 0.0 && text.bytes().any(|b| b.is_ascii_digit() && b != b'0');
    format!("{}{grouped}.{cents}", if negative { "-" } else { "" })
}

fn warnings(section: &Section) -> Vec<String> {
    let (report, mut all) = (&section.report, section.doubts.clone());
    if section.simulated {
        all.push("The market was made up: these numbers say nothing of a real one.".to_owned());
    }
    if section.configs.len() > 1 {
        all.push(format!("{} configurations decided: see config_hash.", section.configs.len()));
    }
    if section.is_core {
        all.push(
            "Preset core holds no option item: not comparable with another preset.".to_owned(),
        );
    }
    if report.summary.trades < INSUFFICIENT {
        all.push(format!("{} trades are too few to conclude anything.", report.summary.trades));
    }
    if report.returns.len() < DAYS_FEW {
        let n = report.returns.len();
        all.push(format!("Trading days: {n}. Numbers of a year say little."));
    }
    match report.summary.expectancy_lower_bound_r {
        Some(bound) if bound > 0.0 => {}
        Some(_) => all.push("The lower bound of the expectancy is not above 0.".to_owned()),
        None => all.push("No lower bound of the expectancy.".to_owned()),
    }
    if report.summary.without_r > 0 {
        let n = report.summary.without_r;
        all.push(format!("{n} trades had no known risk: they count in USD, not in R."));
    }
    all.extend(section.unfinished.iter().cloned());
    if section.flagged > 0 {
        all.push(format!("{} records are flagged: see their field flags.", section.flagged));
    }
    all
}

fn results(report: &Report) -> Table {
    let mut table = Table::new(
        "Results",
        &["", "value", ""],
        "A trade within its fees is flat and counts in no win rate. Profit factor in R over every \
         trade.",
    );
    let s = &report.summary;
    let mut say = |name: &str, value: String, more: String| {
        table.row([name.to_owned(), value, more]);
    };
    let counts = format!("{} won, {} lost, {} flat", s.wins, s.losses, s.flats);
    say("trades", s.trades.to_string(), counts);
    let interval = s.win_rate_interval.map_or_else(String::new, |(low, high)| {
        format!("95 % Wilson {:.1} to {:.1} %", 100.0 * low, 100.0 * high)
    });
    say("win rate", percent(s.win_rate), interval);
    say("profit factor", number(s.profit_factor, 3), String::new());
    let bound = format!("95 % lower bound {}", number(s.expectancy_lower_bound_r, 3));
    say("expectancy, R", number(s.expectancy_r, 3), bound);
    let payoff = format!("payoff {}", number(s.payoff, 3));
    let averages = format!("{} / {}", number(s.average_win_r, 3), number(s.average_loss_r, 3));
    say("average win / loss, R", averages, payoff);
    say("net, R", number(Some(s.net_r), 2), format!("deviation {}", number(s.sd_r, 3)));
    let parts = format!("gross {}, fees {}", usd(Some(s.gross_usd)), usd(Some(s.fees_usd)));
    say("net, USD", usd(Some(s.net_usd)), parts);
    say("minutes held", number(report.minutes, 1), "mean".to_owned());
    table
}

const RISK: &str = "Drawdown counts what was open, by each trade's best and worst, where it does \
                    not say otherwise. Days without a trade count as 0. Calmar is not compounded.";
/// Where the days come from records, which a day without a decision does not have.
const OF_RECORDS: &str = "Drawdown counts what was open, by each trade's best and worst, where it \
                          does not say otherwise. Days without a trade count as 0 from the first \
                          record to the last; quiet days before and after leave no record and are \
                          not counted: a report of the journal has them. Calmar is not compounded.";

fn risk(section: &Section) -> Table {
    let report = &section.report;
    let note = if section.days_of_records { OF_RECORDS } else { RISK };
    let mut table = Table::new("Risk", &["", "value", ""], note);
    let mut say = |name: &str, value: String, more: String| {
        table.row([name.to_owned(), value, more]);
    };
    let (open, closed) = (report.drawdown, report.drawdown_closed);
    let share = format!(
        "{} of the height, recovery {}",
        percent(open.share),
        number(report.recovery_usd, 2)
    );
    let recovery = |of: Option<f64>| format!("recovery {}", number(of, 2));
    say("max drawdown, USD", usd(Some(open.depth)), share);
    say("  closed trades alone, USD", usd(Some(closed.depth)), String::new());
    say("max drawdown, R", number(Some(report.drawdown_r), 2), recovery(report.recovery_r));
    let (fall, s) = (report.summary.max_drawdown_r, &report.summary);
    say("  closed trades alone, R", number(Some(fall), 2), recovery(s.recovery));
    let (ratios, days) = (&report.ratios, format!("trading days: {}", report.returns.len()));
    say("Sharpe, of a year", number(ratios.sharpe, 2), days);
    say("  of a day", number(ratios.daily_sharpe, 6), String::new());
    say("Sortino, of a year", number(ratios.sortino, 2), String::new());
    say("Calmar", number(ratios.calmar, 2), String::new());
    if let Some(of) = report.selection {
        let luck = format!("{} compared, luck alone {:.3} a day", of.k, of.expected_by_luck);
        let name = if of.k > 1 { "deflated Sharpe" } else { "chance that Sharpe > 0" };
        say(name, percent(Some(of.probability)), luck);
    }
    let e = &report.excursions;
    let mfe = format!("{} R", number(e.mfe_r, 2));
    say("best while open, ticks", number(e.mfe_ticks, 1), mfe);
    say("worst while open, ticks", number(e.mae_ticks, 1), format!("{} R", number(e.mae_r, 2)));
    say("worst of wins, R", number(e.mae_of_wins_r, 2), String::new());
    say("best of losses, R", number(e.mfe_of_losses_r, 2), String::new());
    table
}

fn costs(report: &Report) -> Table {
    let mut table = Table::new(
        "Costs of trading",
        &["", "value", ""],
        "Slippage against the mid at the decision, of stops and targets against their own price; \
         + = worse. Shortfall is slippage and fees of what was filled.",
    );
    let mut say = |name: &str, value: String, more: String| {
        table.row([name.to_owned(), value, more]);
    };
    let c = &report.costs;
    let both =
        format!("{} / {}", number(c.entry_slippage_ticks, 2), number(c.exit_slippage_ticks, 2));
    say("slippage entry / exit, ticks", both, format!("{} R a trade", number(c.slippage_r, 3)));
    let unknown = match c.slippage_unknown {
        0 => String::new(),
        n => format!("unknown of {n} trades"),
    };
    say("slippage, USD", usd(c.slippage_usd), unknown);
    let fees = format!("{} R a trade", number(c.fees_r, 3));
    say("fees, ticks a trade", number(c.fees_ticks, 2), fees);
    say("shortfall, USD", usd(c.shortfall_usd), String::new());
    say("fill ratio of entries", percent(c.fill_ratio), String::new());
    say("impact after 1 s, ticks", number(c.impact_ticks, 2), String::new());
    for (name, times) in [
        ("decision to send, ms", c.decision_to_send_ms),
        ("send to acknowledgement, ms", c.send_to_ack_ms),
        ("  to fill of entries and exits", c.ack_to_fill_ms),
    ] {
        let tail = |t: Times| format!("p95 {:.3}, longest {:.3}, n {}", t.p95, t.max, t.n);
        let value = number(times.map(|t| t.p50), 3);
        say(name, value, times.map_or_else(String::new, tail));
    }
    table
}

fn decisions(section: &Section) -> Table {
    let head = ["gate", "refused", "share of edges"];
    let mut table = Table::new("Decisions", &head, "Each edge names the first gate that refused.");
    let share = |n: u64| {
        let all = section.decisions;
        percent((all > 0).then(|| n as f64 / all as f64))
    };
    for (gate, &n) in &section.vetoes {
        table.row([gate.clone(), n.to_string(), share(n)]);
    }
    let refused: u64 = section.vetoes.values().sum();
    let passed = section.decisions.saturating_sub(refused);
    table.row(["passed".to_owned(), passed.to_string(), share(passed)]);
    let sides: Vec<String> = section.sides.iter().map(|(s, n)| format!("{s} {n}")).collect();
    table.row(["all edges".to_owned(), section.decisions.to_string(), sides.join(", ")]);
    table
}

fn breakdown(by: &str, groups: &[Group]) -> Table {
    let head = [
        "",
        "trades",
        "win rate",
        "95 % Wilson",
        "profit factor",
        "mean R",
        "lower bound",
        "MFE / MAE, R",
        "slippage, ticks",
        "net R",
        "net USD",
    ];
    let title = format!("By {}", by.replace('_', " "));
    let mut table = Table::new(&title, &head, "");
    for (at, group) in groups.iter().enumerate() {
        let s: &Summary = &group.summary;
        let mut row = vec![group.name.clone(), s.trades.to_string()];
        let net = [number(Some(s.net_r), 2), usd(Some(s.net_usd))];
        if group.insufficient {
            table.faint.push(at);
            table.note = "Fewer than 30 trades are insufficient: no rate is shown for them.";
            row.push("insufficient".to_owned());
            row.resize(head.len() - net.len(), NONE.to_owned());
            row.extend(net);
            table.row(row);
            continue;
        }
        let interval = s.win_rate_interval.map_or_else(String::new, |(low, high)| {
            format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high)
        });
        let (e, c) = (&group.excursions, &group.costs);
        row.extend([
            percent(s.win_rate),
            interval,
            number(s.profit_factor, 2),
            number(s.expectancy_r, 3),
            number(s.expectancy_lower_bound_r, 3),
            format!("{} / {}", number(e.mfe_r, 2), number(e.mae_r, 2)),
            format!("{} / {}", number(c.entry_slippage_ticks, 2), number(c.exit_slippage_ticks, 2)),
        ]);
        row.extend(net);
        table.row(row);
    }
    table
}

/// What is said of a decile, and whether of one with few trades too.
type Said = (&'static str, bool, fn(&Decile) -> String);

const SAID: [Said; 6] = [
    ("from", true, |of| number(Some(of.low), 3)),
    ("to", true, |of| number(Some(of.high), 3)),
    ("mean R", false, |of| number(of.summary.expectancy_r, 2)),
    ("win rate", false, |of| percent(of.summary.win_rate)),
    ("profit factor", false, |of| number(of.summary.profit_factor, 2)),
    ("MFE / MAE, R", false, |of| {
        format!("{} / {}", number(of.excursions.mfe_r, 1), number(of.excursions.mae_r, 1))
    }),
];

/// Results by the decile of each feature, where some decile holds enough trades.
fn features(report: &Report) -> Table {
    let mut head = vec!["by decile", "", "trades"];
    head.extend(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    let note = "Deciles of each feature at the decision, lowest first, from which value to \
                which; \u{b7} = fewer than 30 trades, empty = none, for equal values stay \
                together. 28 features are many tries: an odd one stands out by luck.";
    let mut table = Table::new("By feature", &head, note);
    for feature in &report.features {
        if feature.parts.iter().all(|part| part.insufficient) {
            continue;
        }
        let name = CATALOGUE.get(feature.feature.clamp(1, FEATURES) - 1).map_or("", |e| e.name);
        let mut named =
            [format!("{} {name}", feature.feature), feature.trades.to_string()].map(Some);
        for (what, always, say) in SAID {
            let [name, trades] = named.each_mut().map(|text| text.take().unwrap_or_default());
            let mut row = vec![name, what.to_owned(), trades];
            let part = |number| feature.parts.iter().find(|part| part.number == number);
            row.extend((1..=10).map(|number| match part(number) {
                Some(part) if always || !part.insufficient => say(part),
                Some(_) => "\u{b7}".to_owned(),
                None => String::new(),
            }));
            table.row(row);
        }
    }
    if table.rows.is_empty() {
        table.note = "No decile of a feature holds 30 trades: insufficient.";
    }
    table
}
