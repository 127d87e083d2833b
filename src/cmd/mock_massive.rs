//! `mock-massive`: a chain file served as the pages of the Massive interface, with faults.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use jiff::ToSpan;
use mock_massive::fault::{Placed, Plan, parse};
use mock_massive::market::{Contract, Index, Lacks, Market};
use mock_massive::serve::Server;

use crate::calendar::{Calendar, days};
use crate::options::chain::{Chain, Osi, Right, Row};
use crate::providers::detect::read_chain;
use crate::providers::import::ImportOptions;
use crate::runtime::clock::Clock;
use crate::units::{SECOND, Ts};

/// Age of delayed data, in s.
const DELAY_S: i64 = 900;

/// A mock of the Massive snapshot interface: serves a chain file as pages on a loopback port.
#[derive(Debug, Parser)]
#[command(name = "mock-massive", version, about, max_term_width = 100)]
pub struct MockArgs {
    /// Chain file: Cboe quote table or delayed quotes, or a record of our own; gzip or not.
    file: PathBuf,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 18080)]
    port: u16,
    /// Time of the data (RFC 3339), where the file does not say it.
    #[arg(long, value_name = "TIME")]
    asof: Option<jiff::Timestamp>,
    /// Move the expiries by whole weeks to today, and quotes and index to now: a client asks for
    /// expiries from today on.
    #[arg(long)]
    as_today: bool,
    /// The only key that is accepted; any otherwise.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Call the data delayed.
    #[arg(long)]
    delayed: bool,
    /// Leave out quotes and trades, as the cheapest plan with snapshots does.
    #[arg(long)]
    no_quotes: bool,
    /// Leave out the greeks.
    #[arg(long)]
    no_greeks: bool,
    /// Leave out the volatilities.
    #[arg(long)]
    no_iv: bool,
    /// Leave out the value of the index.
    #[arg(long)]
    no_spot: bool,
    /// Most rows of a page.
    #[arg(long, default_value_t = 250)]
    page_rows: usize,
    /// A value of the indices endpoint, such as VIX=17.25; the chain's own index is there anyway.
    #[arg(long, value_name = "NAME=VALUE", value_parser = index)]
    index: Vec<(String, f64)>,
    /// An index outside the plan.
    #[arg(long, value_name = "NAME")]
    not_entitled: Vec<String>,
    /// The whole indices endpoint answers 403.
    #[arg(long)]
    indices_forbidden: bool,
    /// Fault: NAME[=VALUE][@PAGE][xTIMES]. Names: slow, hang, cut, truncated, reset, status,
    /// too-many, forbidden-error, forbidden-message, error-in-200, repeat-page, repeat-next,
    /// foreign-expiry, twin, conflict, no-results, next-host, redirect, huge, quote-key.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<String>,
    /// Faults only where the address of the first page contains this, such as 2026-08-28.
    #[arg(long, value_name = "TEXT")]
    within: Option<String>,
}

fn index(text: &str) -> Result<(String, f64), String> {
    let parts = text.split_once('=').and_then(|(n, v)| Some((n.to_owned(), v.parse().ok()?)));
    parts.ok_or_else(|| "want NAME=VALUE".to_owned())
}

impl MockArgs {
    fn plan(&self) -> Result<Plan> {
        let mut faults: Vec<Placed> = Vec::new();
        for text in &self.fault {
            let placed = parse(text).map_err(|e| anyhow::anyhow!("--fault {text}: {e}"))?;
            faults.push(match &self.within {
                Some(text) => placed.within(text),
                None => placed,
            });
        }
        let lacks = Lacks {
            quotes: self.no_quotes,
            greeks: self.no_greeks,
            iv: self.no_iv,
            spot: self.no_spot,
        };
        Ok(Plan {
            key: self.key.clone(),
            page_rows: self.page_rows,
            lacks,
            not_entitled: self.not_entitled.clone(),
            indices_forbidden: self.indices_forbidden,
            faults,
            ..Plan::default()
        })
    }

    fn market(&self, chain: &Chain, calendar: &Calendar, now: Ts) -> Market {
        let delay = if self.delayed { DELAY_S * SECOND } else { 0 };
        let (weeks, at) = if self.as_today {
            let behind =
                days(calendar.new_york_date(now)) - days(calendar.new_york_date(chain.asof));
            ((behind.max(0) + 6) / 7, Some(Ts(now.0.saturating_sub(delay))))
        } else {
            (0, None)
        };
        let time = |ts: Ts| at.unwrap_or(ts).is_some().then(|| at.unwrap_or(ts).0);
        let spot = chain.print.and_then(|p| Some((p.value, time(p.ts)?)));
        let name = chain.underlying.name();
        let quote_time = at.unwrap_or(chain.asof).0;
        let own = spot.map(|(value, ts)| Index { ticker: name.to_owned(), value, ts });
        let given = self.index.iter().map(|(ticker, value)| Index {
            ticker: ticker.clone(),
            value: *value,
            ts: quote_time,
        });
        Market {
            underlying: name.to_owned(),
            spot,
            delayed: self.delayed,
            contracts: chain.rows.iter().map(|r| contract(r, weeks, &time)).collect(),
            indices: own.into_iter().chain(given).collect(),
        }
    }
}

/// A row as the mock knows it, its expiry `weeks` later.
fn contract(row: &Row, weeks: i32, time: &impl Fn(Ts) -> Option<i64>) -> Contract {
    let expiry = row.osi.expiry.saturating_add(weeks.weeks());
    let osi = Osi { expiry, ..row.osi };
    Contract {
        ticker: osi.to_string(),
        expiry: expiry.to_string(),
        strike: osi.strike(),
        call: osi.right == Right::Call,
        bid: row.bid,
        ask: row.ask,
        bid_size: row.bid_size,
        ask_size: row.ask_size,
        quote_ts: row.bid.and(time(row.quote_ts)),
        last: row.last,
        last_ts: row.last.and(time(row.last_ts)),
        volume: row.volume,
        open_interest: row.open_interest,
        iv: row.vendor_iv,
        delta: row.vendor_delta,
        gamma: row.vendor_gamma,
        theta: row.vendor_theta,
        vega: row.vendor_vega,
    }
}

/// Serves until a signal stops it; prints each request.
///
/// # Errors
/// Where the file or the port cannot be opened, or a fault cannot be read.
pub fn run(args: &MockArgs, out: &mut dyn Write) -> Result<()> {
    let calendar = Calendar::bundled().context("the bundled calendar")?;
    let clock = Clock::new();
    let name = args.file.display();
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {name}"))?;
    let asof = match args.asof {
        Some(t) => Some(Ts(i64::try_from(t.as_nanosecond()).context("--asof")?)),
        None => None,
    };
    let options = ImportOptions { asof, ..ImportOptions::default() };
    let chain = match read_chain(&bytes, &calendar, &options) {
        Ok(chain) => chain,
        Err(error) => bail!("{name}: {error}"),
    };
    let market = args.market(&chain, &calendar, clock.now());
    let contracts = market.contracts.len();
    let mut server = Server::start(args.port, market, args.plan()?)
        .with_context(|| format!("cannot listen on port {}", args.port))?;
    let symbol = chain.underlying.name();
    writeln!(
        out,
        "mock-massive: MOCK {symbol}, {contracts} contracts of {name} on {}",
        server.base()
    )?;
    out.flush()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, stop.clone())?;
    }
    loop {
        // Read before the requests are drained: the last ones are printed too.
        let last = stop.load(Ordering::Relaxed);
        while let Some(request) = server.poll() {
            writeln!(out, "{} {}", request.status, request.target)?;
        }
        out.flush()?;
        if last {
            return Ok(());
        }
        Clock::sleep(Duration::from_millis(50));
    }
}
