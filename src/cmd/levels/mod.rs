//! `mia levels`: a chain, read or fetched, as the levels that a trader reads at a glance.

pub mod picture;
mod table;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;

use self::picture::Levelled as Picture;
use super::plot::page::{self, Format};
use crate::calendar::Calendar;
use crate::config::{Config, OptionsConfig, VolatilityConfig};
use crate::options::chain::{Chain, Underlying};
use crate::options::price::SpotMode;
use crate::providers::detect::read_chain;
use crate::providers::import::ImportOptions;
use crate::providers::{ChainProvider, Clock as _};
use crate::runtime::asker;
use crate::runtime::clock::Clock;
use crate::runtime::desk::{Around, Desk, Levelled};
use crate::runtime::vix::Vix;
use crate::store::options::{Mode, snapshot_json};
use crate::store::staged;
use crate::units::Ts;

/// Arguments of `mia levels`.
#[derive(Args, Debug)]
pub struct LevelsArgs {
    /// Index: SPX or NDX; with --chain the file says.
    #[arg(long, value_parser = symbol)]
    symbol: Option<Underlying>,
    /// A chain in a file: Cboe quotedata CSV, Cboe delayed-quotes JSON, or one of our own records;
    /// plain or gzip. Without it the configured provider is asked.
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
    /// Time of the data, over what the file says: 2022-07-12T11:40 (New York) or with an offset.
    #[arg(long, value_name = "TIME")]
    asof: Option<String>,
    /// VIX of this run, in points, before every other source; not stored in the history.
    #[arg(long, value_name = "POINTS")]
    vix: Option<f64>,
    /// Where the spot comes from: auto, print, implied or futures.
    #[arg(long, value_parser = spot_mode)]
    spot_mode: Option<SpotMode>,
    /// Daily VIX (DATE,OPEN,HIGH,LOW,CLOSE), for percentile and trend.
    #[arg(long, value_name = "FILE")]
    vix_history: Option<PathBuf>,
    /// Configuration file; its [options] and [volatility] are used.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Root of the files that are written (data): snapshots/options/… below it, and
    /// replay/snapshots/options/… for former days.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write no files.
    #[arg(long, conflicts_with = "out")]
    dry_run: bool,
    /// Print the full snapshot as JSON, and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Draw gamma by strike, its profile, the smile and the term structure: .html, .svg or .png.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Keep going: a fresh chain every `refresh_s`, or whenever the file changes, until Ctrl-C.
    #[arg(long, conflicts_with_all = ["json", "asof"])]
    watch: bool,
}

fn symbol(text: &str) -> Result<Underlying, String> {
    Underlying::of(&text.to_ascii_uppercase()).ok_or_else(|| "want SPX or NDX".to_owned())
}

fn spot_mode(text: &str) -> Result<SpotMode, String> {
    SpotMode::of(text).ok_or_else(|| "want auto, print, implied or futures".to_owned())
}

/// Everything a run of the command keeps.
struct Run<'a> {
    args: &'a LevelsArgs,
    config: OptionsConfig,
    calendar: Arc<Calendar>,
    clock: Clock,
    asof: Option<Ts>,
    desk: Desk,
    vix: Vix,
}

/// Runs it.
///
/// # Errors
/// With the file, key or provider and what to do about it.
pub fn run(args: &LevelsArgs, out: &mut dyn Write) -> Result<()> {
    if let Some(path) = &args.plot {
        Format::of(path)?;
    }
    let (config, volatility) = configured(args)?;
    let calendar = Arc::new(Calendar::bundled()?);
    let asof = args.asof.as_deref().map(|text| time(text, &calendar)).transpose()?;
    if args.vix.is_some_and(|vix| !(vix > 0.0 && vix < 1000.0)) {
        bail!("--vix: a level in points, above 0");
    }
    let vix = Vix::new(&volatility, &calendar)?;
    let desk = Desk::new(&config, calendar.clone(), Mode::Live);
    let clock = Clock::new();
    let mut run = Run { args, config, calendar, clock, asof, desk, vix };
    if args.watch { run.watch(out) } else { run.once(out) }
}

fn configured(args: &LevelsArgs) -> Result<(OptionsConfig, VolatilityConfig)> {
    let (mut options, mut volatility) = match &args.config {
        None => Default::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("configuration {}", path.display()))?;
            let config = Config::parse(&text).map_err(|e| anyhow!("{}: {e}", path.display()))?;
            (config.options, config.volatility)
        }
    };
    options.spot_mode = args.spot_mode.unwrap_or(options.spot_mode);
    if let Some(out) = &args.out {
        options.out.clone_from(out);
    }
    if let Some(history) = &args.vix_history {
        volatility.vix_history = Some(history.clone());
    }
    Ok((options, volatility))
}

/// A time with an offset, or one of New York.
fn time(text: &str, calendar: &Calendar) -> Result<Ts> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Ts(i64::try_from(time.as_nanosecond())?));
    }
    let wrong = || format!("--asof {text:?}: want 2022-07-12T11:40, or with Z or an offset");
    let local: jiff::civil::DateTime = text.parse().with_context(wrong)?;
    Ok(calendar.new_york(local.date(), local.time()))
}

impl Run<'_> {
    fn once(&mut self, out: &mut dyn Write) -> Result<()> {
        let chain = self.chain()?;
        let levelled = self.level(&chain);
        self.show(&chain, &levelled, out)
    }

    fn chain(&mut self) -> Result<Chain> {
        match &self.args.chain {
            Some(path) => self.file(path),
            None => self.fetch(),
        }
    }

    fn file(&self, path: &Path) -> Result<Chain> {
        let named = || format!("chain {}", path.display());
        let bytes = std::fs::read(path).with_context(named)?;
        let file_delay_s = self.config.file_delay_s;
        let options = ImportOptions { asof: self.asof, file_delay_s, ..ImportOptions::default() };
        let chain = read_chain(&bytes, &self.calendar, &options).with_context(named)?;
        match self.args.symbol {
            Some(want) if want != chain.underlying => {
                bail!("{}: it is a chain of {}", path.display(), chain.underlying.name())
            }
            _ => Ok(chain),
        }
    }

    fn fetch(&mut self) -> Result<Chain> {
        if self.asof.is_some() {
            bail!("--asof goes with --chain FILE: a provider says itself what time its data are");
        }
        let of = self.args.symbol.unwrap_or(Underlying::Spx);
        let mut provider: Box<dyn ChainProvider> = asker::provider(&self.config)?;
        let chain = provider.fetch(of, &self.calendar, &self.clock)?;
        self.vix.ask(provider.as_mut(), &self.calendar, &self.clock);
        Ok(chain)
    }

    fn level(&mut self, chain: &Chain) -> Levelled {
        // Data of a file are looked at as of their own time, so that a former day stays what it
        // was.
        let live = chain.provenance.source_kind == crate::options::chain::SourceKind::Api;
        let now = if live { self.clock.now() } else { chain.asof };
        if live || self.args.watch {
            self.vix.poll(now, &self.calendar, &mut |note| eprintln!("mia: note: {note}"));
        }
        if let Some(value) = self.args.vix {
            self.vix.give(value, chain.asof, now, &self.calendar);
        }
        let around =
            Around { volatility: Some(self.vix.part(now, &self.calendar)), ..Around::at(now) };
        self.desk.level(chain, &around, None)
    }

    fn show(&self, chain: &Chain, levelled: &Levelled, out: &mut dyn Write) -> Result<()> {
        let snapshot = levelled.snapshot();
        levelled.warnings.iter().for_each(|note| eprintln!("mia: note: {note}"));
        if self.args.json {
            writeln!(out, "{}", snapshot_json::to_json(snapshot)?.trim_end())?;
        } else {
            let front = self.desk.traded(chain.underlying, chain.captured);
            out.write_all(table::table(snapshot, front.as_deref()).as_bytes())?;
        }
        if let Some(path) = &self.args.plot {
            self.plot(path, levelled)?;
        }
        if !self.args.dry_run {
            let written = self.desk.write(levelled, chain, self.clock.now())?;
            written.warnings.iter().for_each(|note| eprintln!("mia: note: {note}"));
            for path in &written.files {
                eprintln!("mia: wrote {}", path.display());
            }
        }
        Ok(())
    }

    fn plot(&self, path: &Path, levelled: &Levelled) -> Result<()> {
        let snapshot = levelled.snapshot();
        let picture = levelled.priced.as_ref().ok().and_then(|p| Picture::new(snapshot, p));
        let Some(picture) = picture else {
            eprintln!("mia: note: {}: nothing to draw without a spot", path.display());
            return Ok(());
        };
        staged::write(path, &page::bytes(Format::of(path)?, &picture)?)?;
        eprintln!("mia: drew {}", path.display());
        Ok(())
    }

    /// Shows each fresh chain; one that fails leaves what is on the screen, with its age.
    fn watch(&mut self, out: &mut dyn Write) -> Result<()> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, stop.clone())?;
        }
        let clear = std::io::stdout().is_terminal();
        let mut good: Option<Ts> = None;
        while !stop.load(Ordering::Relaxed) {
            let began = self.clock.now();
            let changed = self.changed();
            match self.chain() {
                Ok(chain) => {
                    good = Some(began);
                    if clear {
                        out.write_all(b"\x1b[2J\x1b[H")?;
                    }
                    let levelled = self.level(&chain);
                    self.show(&chain, &levelled, out)?;
                    out.flush()?;
                }
                Err(error) => {
                    let age = good.map_or("there are no levels yet".to_owned(), |at| {
                        format!("the levels above are {} s old", began.since(at) / 1_000_000_000)
                    });
                    eprintln!("mia: {error:#}; {age}");
                }
            }
            let refresh = i64::from(self.config.refresh_s) * 1_000_000_000;
            while !stop.load(Ordering::Relaxed) {
                let file_changed = self.args.chain.is_some() && self.changed() != changed;
                let due = self.args.chain.is_none() && self.clock.now().since(began) >= refresh;
                if file_changed || due {
                    break;
                }
                self.clock.sleep(Duration::from_millis(200));
            }
        }
        Ok(())
    }

    /// When the file was last written, and its length.
    fn changed(&self) -> Option<(std::time::SystemTime, u64)> {
        let data = std::fs::metadata(self.args.chain.as_ref()?).ok()?;
        Some((data.modified().ok()?, data.len()))
    }
}
