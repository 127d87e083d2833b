//! `mia run`: the live pipeline.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;

use super::report::{Measured, Report};
use super::screen::{Screen, signal_text};
use crate::calendar::date_of;
use crate::config::{Config, Idle, Layout, SourceConfig};
use crate::order::KillState;
use crate::risk::{Rule, State};
use crate::runtime::baselines;
use crate::runtime::clock::Clock;
use crate::runtime::cold::{self, Cold};
use crate::runtime::door::{self, Door, Opened, lost_text};
use crate::runtime::live::{Ended, Live};
use crate::runtime::mids::Futures;
use crate::runtime::records::Limits;
use crate::runtime::setup::Setup;
use crate::runtime::{previous, start};
use crate::trader::note::Stamp;
use crate::units::{SECOND, SymbolId, Ts};

/// Arguments of `mia run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Configuration file (TOML).
    #[arg(long, required_unless_present = "print_config")]
    config: Option<PathBuf>,
    /// Thread layout; overrides the configuration.
    #[arg(long, value_enum)]
    threads: Option<Layout>,
    /// Write the journal to FILE instead of a dated one in the configured folder.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Baseline of a root product (see `mia baseline build`); repeat it for further roots. Sessions
    /// that end in the run join it, and the file is written anew when the run ends.
    #[arg(long, value_name = "FILE")]
    baseline: Vec<PathBuf>,
    /// Tick files (.scid, .depth, .dbn, .dbn.zst) or journals to read before the live market, so
    /// that VWAP, profile, CVD and bars stand where they belong; instead of the configuration's.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    warmup: Vec<PathBuf>,
    /// Send orders to the server that the configuration names; its trading.mode must be "live" too.
    #[arg(long)]
    live: bool,
    /// The trade account, as confirmation of --live; otherwise the terminal asks for it.
    #[arg(long, value_name = "ACCOUNT", requires = "live")]
    confirm: Option<String>,
    /// Stop after this many seconds.
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,
    /// Print one JSON object at the end and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Print a commented configuration file and exit.
    #[arg(long)]
    print_config: bool,
}

/// The commented configuration that `--print-config` prints.
const EXAMPLE: &str = include_str!("example.toml");

/// Runs it.
///
/// # Errors
/// Where the configuration is wrong, a source cannot be set up, or the journal is not whole.
pub fn run(args: &RunArgs, out: &mut dyn Write) -> Result<()> {
    if args.print_config {
        out.write_all(EXAMPLE.as_bytes())?;
        return Ok(());
    }
    let Some(path) = &args.config else { bail!("--config FILE is needed") };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("configuration {}", path.display()))?;
    let mut config = Config::parse(&text).map_err(|e| anyhow!("{}: {e}", path.display()))?;
    if let Some(threads) = args.threads {
        config.threads.layout = threads;
    }
    if !args.warmup.is_empty() {
        config.warmup.clone_from(&args.warmup);
    }
    config.check_mode(args.live).map_err(|e| anyhow!(e))?;
    if let Some(trading) = config.live_trading() {
        if args.journal.is_some() {
            bail!("--journal: a live run's journal stands in journal.folder, where the next looks");
        }
        confirm(&trading.account, args.confirm.as_deref())?;
    }
    let mode = if args.live { "live" } else { "paper" };
    let instruments = config.instruments().map_err(|e| anyhow!(e))?;
    let mut setup = Setup::new(config, instruments, mode).map_err(|e| anyhow!(e))?;
    let notes = baselines::attach(&mut setup, &args.baseline).map_err(|e| anyhow!(e))?;
    notes.iter().for_each(|note| say!("mia: note: {note}"));
    let clock = Clock::new();
    if let Some(missing) = setup.calendar.check_live(clock.now())? {
        say!("mia: warning: {missing}: add them before mid-December, or the start will fail");
    }
    setup.read_news().map_err(|e| anyhow!(e))?;
    let mut opened = open_door(&setup, &clock)?;
    if let Some(opened) = &mut opened {
        resume(&mut setup, opened)?;
    }
    let journal = journal_path(args.journal.as_deref(), &setup, &clock);
    let mut live = Live::start(&setup, journal.as_deref(), &clock).map_err(|e| anyhow!(e))?;
    let door = match (opened, live.control.take()) {
        (Some(opened), Some(control)) => {
            Some(Door::start(opened, control, live.flags.gauges.clone(), clock.clone())?)
        }
        _ => None,
    };
    let cold = start_cold(&setup, &mut live, &clock)?;
    let options = Watch { seconds: args.duration, quiet: args.json, title: title(&setup) };
    let ended = watch(live, cold, &setup, &clock, &options, out)?;
    door.map(Door::stop).transpose().map_err(|e| anyhow!(e))?;
    let grown = baselines::write_grown(&setup, &ended.features, &args.baseline);
    let finished = finish(&ended, &setup, journal.as_deref(), args.json, out);
    grown.map_err(|e| anyhow!(e))?.iter().for_each(|line| say!("mia: {line}"));
    finished
}

/// Real money: the account must be named twice, in the configuration and by whoever starts.
fn confirm(account: &str, given: Option<&str>) -> Result<()> {
    let typed = match given {
        Some(given) => given.to_owned(),
        None if std::io::stdin().is_terminal() => {
            eprint!("LIVE: orders go to account {account}. Type its name to start: ");
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        }
        None => bail!("live without a terminal: confirm the account with --confirm ACCOUNT"),
    };
    if typed != account {
        bail!("{typed:?} is not the account of the configuration: nothing was started");
    }
    Ok(())
}

/// The data folder of a run that trades: taken, with order ids and what the halt file says.
fn open_door(setup: &Setup, clock: &Clock) -> Result<Option<Opened>> {
    let Some(trading) = &setup.config.trading else { return Ok(None) };
    let now = clock.now();
    let day = date_of(setup.calendar.context(now).trade_day);
    let date = i32::from(day.year()) * 10_000 + i32::from(day.month()) * 100 + i32::from(day.day());
    let mut opened = door::open(&trading.folder, u32::try_from(date).unwrap_or(0), now)?;
    opened.cpu = setup.config.threads.idle != Idle::Spin;
    if let Some(state) = opened.halted {
        say!("mia: the halt file says {}", state.name());
    }
    Ok(Some(opened))
}

/// What the last run left: limits always, orders and positions where they are at a venue. Orders of
/// a paper run end with it.
fn resume(setup: &mut Setup, opened: &mut Opened) -> Result<()> {
    let Some(trading) = &setup.config.trading else { return Ok(()) };
    let live = setup.config.live_trading().is_some();
    let previous = previous::last(setup, &setup.config.journal.folder).map_err(|e| anyhow!(e))?;
    let saved = Limits::of(&trading.folder, &setup.mode).read().map_err(|e| anyhow!(e))?;
    let mut start = start::fresh((!live).then_some(trading.equity));
    if let Some(previous) = &previous {
        opened.go_on(previous.next)?;
    }
    (start.next, start.reserved) = (opened.block.first, opened.block.end);
    let recorded = previous.as_ref().map(|p| p.risk);
    if let Some(risk) = saved.into_iter().chain(recorded).reduce(State::join) {
        start.risk = risk;
        // What a paper run has won or lost stays with it.
        start.equity_usd = start.equity_usd.and(risk.equity()).or(start.equity_usd);
        if let Some(text) = start.equity_usd.and_then(|usd| goes_on(usd, trading.equity)) {
            say!("mia: {text}");
        }
        if !live {
            start.risk.end_positions(&setup.config.risk_params(true));
        }
    }
    if let Some(state) = opened.halted {
        let rule = Rule::outside(state);
        if let Some(rule) = rule {
            start.risk.holds.set(rule, Some(i64::from(start.risk.trade_day)));
        }
    }
    if let Some(previous) = previous {
        say!("mia: goes on from {}", previous.path.display());
        if let Some(trouble) = &previous.trouble {
            say!("mia: warning: {trouble}: what follows in it is asked of the venue");
        }
        if live {
            (start.orders, setup.known_orders) = (previous.orders, previous.known);
            start.trips = previous.trips;
        }
    }
    let held = start.risk.holds.state();
    if held != KillState::Normal {
        say!("mia: trading is stopped: {} (`mia resume` lifts it)", held.name());
    }
    setup.start = Some(start);
    Ok(())
}

/// What to say where a paper run goes on with another equity than the configuration's.
fn goes_on(usd: f64, configured: f64) -> Option<String> {
    let other = (usd - configured).abs() >= 0.005;
    other.then(|| {
        format!(
            "equity {usd:.2} USD, from the last run: trading.equity ({configured:.2}) is that of \
             the first one"
        )
    })
}

/// The cold thread, where the configuration asks for option levels or volatility.
fn start_cold(setup: &Setup, live: &mut Live, clock: &Clock) -> Result<Option<Cold>> {
    if !Cold::wanted(&setup.config) {
        return Ok(None);
    }
    let Some(ends) = live.cold.take() else { return Ok(None) };
    let flush = |source: &SourceConfig| match source {
        SourceConfig::Sierra(sierra) => Some(sierra.scid_flush_ms),
        SourceConfig::Dtc(_) => None,
    };
    let flush_ms = setup.config.sources.iter().filter_map(flush).max();
    let cold = Cold::start(cold::Parts {
        config: setup.config.clone(),
        calendar: setup.calendar.clone(),
        clock: clock.clone(),
        publisher: ends.publisher,
        futures: Futures::new(ends.mids, &setup.instruments, flush_ms),
        indices: Some(ends.indices),
    })?;
    Ok(Some(cold))
}

fn title(setup: &Setup) -> String {
    let threads = match setup.config.threads.layout {
        Layout::Fused => "fused",
        Layout::Split => "split",
    };
    let synthetic = setup.instruments.iter().any(|i| i.symbol.starts_with("SYNTHETIC"));
    let label = if synthetic { "  ·  SYNTHETIC MARKET" } else { "" };
    let mode = if setup.mode == "live" { "LIVE" } else { "paper" };
    format!("mia  ·  {mode}  ·  preset {}  ·  {threads}{label}", setup.preset.name)
}

fn journal_path(given: Option<&Path>, setup: &Setup, clock: &Clock) -> Option<PathBuf> {
    let config = &setup.config.journal;
    match given {
        Some(path) => Some(path.to_owned()),
        None if config.enabled => {
            let digits: String =
                clock.now().to_string().chars().filter(char::is_ascii_digit).collect();
            let (day, time) = (digits.get(..8)?, digits.get(8..14)?);
            Some(config.folder.join(format!("mia-{day}-{time}.mjrnl")))
        }
        None => None,
    }
}

/// How to watch a run.
#[derive(Clone, Debug)]
pub struct Watch {
    /// End it after so many seconds.
    pub seconds: Option<u64>,
    /// No screen.
    pub quiet: bool,
    /// First line of the screen.
    pub title: String,
}

/// Shows the run until it ends by itself, by time or by a signal; then ends the cold thread and
/// the others.
///
/// # Errors
/// Where a thread died.
pub fn watch(
    mut live: Live,
    cold: Option<Cold>,
    setup: &Setup,
    clock: &Clock,
    options: &Watch,
    out: &mut dyn Write,
) -> Result<Ended> {
    // A terminal that is closed hangs up.
    #[cfg(unix)]
    if !ignores_hang_up() {
        signal_hook::flag::register(signal_hook::consts::SIGHUP, live.flags.stop.clone())?;
    }
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, live.flags.stop.clone())?;
    }
    let mut screen = Screen::new(&options.title, &setup.instruments);
    let start: Ts = clock.now();
    let limit = options.seconds.map(|s| i64::try_from(s).unwrap_or(i64::MAX / SECOND) * SECOND);
    let mut closed = Ok(());
    while !live.ended() && !live.flags.stop.load(Ordering::Relaxed) && closed.is_ok() {
        while let Ok(status) = live.status.pop() {
            screen.take(&status);
            if let Some(signal) = status.signal
                && !options.quiet
                && !screen.is_terminal()
            {
                let text = signal_text(&signal, &setup.instruments);
                closed = closed.and(writeln!(out, "signal {text}"));
            }
        }
        if !options.quiet {
            if let Some(cold) = &cold {
                screen.cold(cold.status());
            }
            closed = closed.and_then(|()| screen.draw(clock.now(), out));
        }
        if limit.is_some_and(|limit| clock.now().since(start) >= limit) {
            break;
        }
        Clock::sleep(Duration::from_millis(20));
    }
    // The hot threads end even where the cold one has died.
    let cold = cold.map(Cold::stop).transpose();
    let ended = live.stop().map_err(|e| anyhow!(e))?;
    cold.map_err(|e| anyhow!(e))?;
    if let Err(error) = closed {
        // The end is an orderly one all the same; the report will not find its way either.
        say!("mia: ended because nobody reads the output: {error}");
    }
    Ok(ended)
}

/// Whether it was started to outlive its terminal, as by `nohup`; where the system does not say so,
/// it was not.
#[cfg(unix)]
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    // The first signal is the first bit.
    mask.is_some_and(|mask| mask & 1 << (signal_hook::consts::SIGHUP - 1) != 0)
}

/// Prints what the run came to.
///
/// # Errors
/// Where the journal is not whole: the run cannot be replayed.
pub fn finish(
    ended: &Ended,
    setup: &Setup,
    journal: Option<&Path>,
    json: bool,
    out: &mut dyn Write,
) -> Result<()> {
    let synthetic = setup.instruments.iter().any(|i| i.symbol.starts_with("SYNTHETIC"));
    let measured = Measured { synthetic, ..Measured::default() };
    let (instruments, mode) = (&setup.instruments, &setup.mode);
    let report =
        Report::new(mode, instruments, &ended.features, &ended.judge, &ended.counters, measured)
            .with_warmup(instruments, &ended.warmup)
            .with_feeds(ended.orderflow.as_ref().and_then(|of| of.written.as_ref()));
    if json {
        writeln!(out, "{}", report.to_json()?)?;
    } else {
        write!(out, "\n{}", report.to_text())?;
    }
    if let Some(sent) = &ended.sent {
        say!("mia: {}", sent.text());
    }
    if let Some(trader) = ended.judge.trader() {
        let at = Stamp { seq: 0, ts: Ts::NONE, market_time: Ts::NONE, symbol: SymbolId(0) };
        for held in trader.held(at) {
            let name = instruments.get(usize::from(held.at.symbol.0)).map_or("?", |i| &i.symbol);
            let usd = held.open_usd.map_or("unknown".to_owned(), |usd| format!("{usd:.2} USD"));
            say!(
                "mia: position never closed: {name} {:+}, open profit {usd} at the last mark",
                held.qty
            );
        }
    }
    let lost = lost_text(ended.unsaid);
    if !lost.is_empty() {
        say!("mia: warning{lost} at the journal, which has them all");
    }
    if ended.refused {
        bail!("the server would not trade for us");
    }
    if ended.cut {
        bail!("the server ended the order connection for good");
    }
    if let Some(records) = &ended.records {
        match (&records.written, &records.error) {
            (Some(written), _) => say!(
                "mia: records: {} written, {} flagged, {} round trips; {} of {} needed fields \
                 without a value",
                written.records,
                written.flagged,
                written.trades,
                written.lacking,
                written.needed
            ),
            (None, Some(error)) => bail!("the records are not whole: {error}"),
            (None, None) => {}
        }
    }
    ended.orderflow.as_ref().map_or(Ok(()), super::orderflow::ended)?;
    if let (Some(outcome), Some(path)) = (&ended.journal, journal) {
        say!("mia: journal {} ({} bytes)", path.display(), outcome.bytes);
        if let Some(error) = &outcome.error {
            bail!("the journal is not whole: {error}");
        }
    }
    if ended.lost > 0 {
        bail!("{} records were lost before the journal: the run is not replayable", ended.lost);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equity_that_is_not_the_configured_one_is_said() {
        assert_eq!(goes_on(100_000.0, 100_000.0), None);
        let text = goes_on(98_765.432, 100_000.0).expect("said");
        assert!(text.contains("98765.43") && text.contains("100000.00"), "{text}");
    }
}
