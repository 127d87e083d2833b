//! `mia baseline build | show`: recorded sessions for the features that compare with them.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand};
use sha2::{Digest as _, Sha256};

use crate::calendar::Calendar;
use crate::config::Config;
use crate::event::Event;
use crate::features::baseline::{
    Baseline, GAP_MIN, KEPT, Kind, Outcome, Rejection, Running, Session,
};
use crate::features::{Params, SymbolFeatures, SymbolParams};
use crate::journal::Reader;
use crate::runtime::baselines::{self, root};
use crate::runtime::files::{FileKind, Loaded, TickFiles, load};
use crate::runtime::player::Player;
use crate::runtime::setup::{Setup, hex, origin};
use crate::units::{Instrument, MINUTE, SECOND, Ts};

/// Arguments of `mia baseline`.
#[derive(Args, Debug)]
pub struct BaselineArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build a baseline from tick files or journals, in any order.
    Build(BuildArgs),
    /// Say what a baseline file holds.
    Show {
        /// The file.
        file: PathBuf,
    },
}

/// Arguments of `mia baseline build`.
#[derive(Args, Debug)]
pub struct BuildArgs {
    /// Tick files (.scid, .depth, .dbn, .dbn.zst) or mia journals of one root product.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The file to write; an older one is replaced.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Minutes of silence that a full session may hold, 5 to 240; more than 5 for thin contracts.
    #[arg(long, value_name = "N")]
    pub gap_min: Option<u32>,
    /// Configuration file, for the product's baseline_gap_min.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Root product, where the files hold several.
    #[arg(long)]
    pub root: Option<String>,
    /// Tick size in points, for products that are not ES, NQ, MES or MNQ.
    #[arg(long)]
    pub tick: Option<f64>,
}

/// Runs it.
///
/// # Errors
/// With the file and what is wrong with it; where no session is full no file is written.
pub fn run(args: &BaselineArgs, out: &mut dyn Write) -> Result<()> {
    match &args.command {
        Command::Build(args) => build(args, out),
        Command::Show { file } => show(file, out),
    }
}

/// A session that was seen, of one contract.
struct Seen {
    contract: String,
    outcome: Outcome,
    /// Its content, where it is full.
    session: Option<Session>,
}

/// Builds the file.
///
/// # Errors
/// As [`run`].
pub fn build(args: &BuildArgs, out: &mut dyn Write) -> Result<()> {
    let config = match &args.config {
        None => Config::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            Config::parse(&text).map_err(|e| anyhow!("{}: {e}", path.display()))?
        }
    };
    let mut files = Vec::new();
    for path in &args.files {
        files.push(load(path).map_err(|e| anyhow!(e))?);
    }
    let hashes: Vec<_> = files.iter().map(|f| Sha256::digest(&f.data)).collect();
    let source: [u8; 32] = match hashes.as_slice() {
        [one] => (*one).into(),
        many => Sha256::digest(many.concat()).into(),
    };
    let (journals, ticks): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|f| f.kind == FileKind::Journal);
    let mut scan = Scan { args, config, source, first: None, seen: Vec::new() };
    if !ticks.is_empty() {
        scan.ticks(ticks)?;
    }
    for journal in &journals {
        scan.journal(journal)?;
    }
    let Some((instrument, gap_min)) = scan.first.take() else {
        let wanted = args.root.as_deref().unwrap_or("any root");
        bail!("the files hold no symbol of {wanted}");
    };
    let seen = once_a_day(scan.seen);
    report(&seen, root(&instrument), gap_min, out)?;
    let sessions: Vec<Session> = seen.into_iter().filter_map(|s| s.session).collect();
    if sessions.is_empty() {
        bail!(
            "no session is full at {gap_min} min: {} is not written; give more files, or --gap-min \
             where the contract is thin",
            args.out.display()
        );
    }
    let baseline = Baseline::with_sessions(origin(&instrument, gap_min), sessions);
    baselines::write(&args.out, &baseline).map_err(|e| anyhow!(e))?;
    writeln!(out, "\nwritten to {}", args.out.display())?;
    Ok(())
}

/// The symbols of some input, each with the features that record it.
struct Scan<'a> {
    args: &'a BuildArgs,
    config: Config,
    source: [u8; 32],
    first: Option<(Instrument, u32)>,
    seen: Vec<Seen>,
}

/// One symbol of an input, its features, and the outcomes read so far.
struct Recording {
    contract: String,
    features: SymbolFeatures,
    read: u64,
}

impl Scan<'_> {
    fn ticks(&mut self, files: Vec<Loaded>) -> Result<()> {
        let files = TickFiles::new(files, self.args.tick).map_err(|e| anyhow!(e))?;
        let calendar = Calendar::bundled()?;
        let mut recordings = self.recordings(&files.instruments)?;
        let mut stream = files.stream().map_err(|e| anyhow!(e))?;
        while let Some(event) = stream.next_event()? {
            self.event(&mut recordings, &event, &calendar);
        }
        self.unfinished(&recordings);
        Ok(())
    }

    fn journal(&mut self, file: &Loaded) -> Result<()> {
        let named = |e: &dyn std::fmt::Display| anyhow!("{}: {e}", file.path.display());
        let reader = Reader::open(&file.data).map_err(|e| named(&e))?;
        let setup = Setup::from_journal(&reader).map_err(|e| named(&e))?;
        let mut recordings = self.recordings(&setup.instruments)?;
        let mut player = Player::new(reader, &setup.instruments).map_err(|e| named(&e))?;
        player
            .play(|event| self.event(&mut recordings, event, &setup.calendar))
            .map_err(|e| named(&e))?;
        self.unfinished(&recordings);
        Ok(())
    }

    /// What records each symbol; `None` for those of other roots.
    fn recordings(&mut self, instruments: &[Instrument]) -> Result<Vec<Option<Recording>>> {
        let mut all = Vec::new();
        for instrument in instruments {
            let own = root(instrument);
            if self.args.root.as_deref().is_some_and(|wanted| wanted != own) {
                all.push(None);
                continue;
            }
            let gap_min = self.first(instrument)?;
            let empty = Baseline::new(origin(instrument, gap_min));
            let params = SymbolParams::of_root(&instrument.root);
            let running = Running::new(empty, &instrument.symbol, self.source);
            let features = SymbolFeatures::new(Params::default(), &params, Some(running));
            let contract = instrument.symbol.clone();
            all.push(Some(Recording { contract, features, read: 0 }));
        }
        Ok(all)
    }

    /// The silence that is allowed; every symbol must be of the root and tick of the first.
    fn first(&mut self, instrument: &Instrument) -> Result<u32> {
        if let Some((first, gap_min)) = &self.first {
            let (a, b) = (root(first), root(instrument));
            if a != b {
                bail!("the files hold {a} and {b}: choose one with --root");
            }
            if first.tick != instrument.tick {
                bail!("{} and {} have different ticks", first.symbol, instrument.symbol);
            }
            return Ok(*gap_min);
        }
        let named = self.config.instrument.get(root(instrument));
        let [least, most] = GAP_MIN;
        let configured = named.and_then(|i| i.baseline_gap_min);
        let gap_min = self.args.gap_min.or(configured).unwrap_or(least);
        if !(least..=most).contains(&gap_min) {
            bail!("--gap-min must be {least} to {most}, got {gap_min}");
        }
        self.first = Some((instrument.clone(), gap_min));
        Ok(gap_min)
    }

    fn event(&mut self, recordings: &mut [Option<Recording>], event: &Event, calendar: &Calendar) {
        let at = usize::from(event.symbol.0);
        let Some(Some(recording)) = recordings.get_mut(at) else { return };
        recording.features.on_event(event, calendar);
        let Some(running) = recording.features.baseline() else { return };
        while let Some(outcome) = running.recorder().outcome(recording.read) {
            recording.read += 1;
            let sessions = running.baseline().sessions(outcome.kind);
            let full = sessions.iter().rev().find(|s| s.trade_day == outcome.trade_day);
            let session = full.filter(|_| outcome.rejection.is_none()).cloned();
            let contract = recording.contract.clone();
            self.seen.push(Seen { contract, outcome, session });
        }
    }

    fn unfinished(&mut self, recordings: &[Option<Recording>]) {
        for recording in recordings.iter().flatten() {
            let running = recording.features.baseline();
            for outcome in running.into_iter().flat_map(|r| r.recorder().unfinished()) {
                let contract = recording.contract.clone();
                self.seen.push(Seen { contract, outcome, session: None });
            }
        }
    }
}

/// By kind and date; of several contracts or files on one date the full session with most volume.
/// No more full ones than a baseline keeps: the newest.
fn once_a_day(mut seen: Vec<Seen>) -> Vec<Seen> {
    let key = |s: &Seen| (s.outcome.kind, s.outcome.trade_day);
    seen.sort_by_key(|s| (key(s), s.session.is_none(), -s.outcome.volume));
    seen.dedup_by_key(|s| key(s));
    for kind in Kind::ALL {
        let full = seen.iter_mut().filter(|s| s.outcome.kind == kind && s.session.is_some());
        full.rev().skip(KEPT).for_each(|s| s.session = None);
    }
    seen
}

fn report(seen: &[Seen], root: &str, gap_min: u32, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "baseline of {root}, silence of up to {gap_min} min\n")?;
    for kind in [Kind::Rth, Kind::Eth] {
        let silent = |s: &&Seen| s.outcome.rejection == Some(Rejection::NoData);
        let of_kind = || seen.iter().filter(move |s| s.outcome.kind == kind && !silent(s));
        writeln!(out, "{} sessions", kind.name())?;
        writeln!(out, "  date        contract          volume   longest silence")?;
        for Seen { contract, outcome, session } in of_kind() {
            let (day, volume) = (date(outcome.trade_day), outcome.volume);
            let silence = minutes(outcome.silence_ns);
            let verdict = match outcome.rejection {
                Some(rejection) => format!("rejected: {}", reason(rejection)),
                None if session.is_none() => format!("left out: newer ones fill the {KEPT}"),
                None => "accepted".to_owned(),
            };
            writeln!(out, "  {day}  {contract:<14} {volume:>9}   {silence:>11} min   {verdict}")?;
        }
        let full = of_kind().filter(|s| s.session.is_some()).count();
        let silent = seen.iter().filter(silent).filter(|s| s.outcome.kind == kind).count();
        let all = of_kind().count();
        writeln!(out, "  {full} accepted of {all}; {silent} dates without any event")?;
    }
    let shortest = seen.iter().filter_map(|s| match s.outcome.rejection {
        Some(Rejection::LateStart(ns) | Rejection::Silence(_, ns)) => Some(ns),
        _ => None,
    });
    if let Some(ns) = shortest.min()
        && seen.iter().all(|s| s.session.is_none())
    {
        writeln!(out, "  the fullest rejected one was silent for {} min", minutes(ns))?;
    }
    Ok(())
}

fn minutes(ns: i64) -> String {
    format!("{:.2}", ns as f64 / MINUTE as f64)
}

fn date(day: i32) -> String {
    let at = Ts(i64::from(day).saturating_mul(86_400).saturating_mul(SECOND)).to_string();
    at.get(..10).unwrap_or(&at).to_owned()
}

fn reason(rejection: Rejection) -> String {
    match rejection {
        Rejection::Holiday => "cash market closed".to_owned(),
        Rejection::HalfDay => "half day".to_owned(),
        Rejection::EarlyHalt => "early halt".to_owned(),
        Rejection::NoData => "no event".to_owned(),
        Rejection::LateStart(ns) => format!("first event {} min after the start", minutes(ns)),
        Rejection::Silence(from, ns) => {
            let from = from.to_string();
            let time = from.get(11..19).unwrap_or_default();
            format!("silent for {} min from {time} UTC", minutes(ns))
        }
        Rejection::NoPrice(n) => format!("nothing had traded before minute {n}"),
        Rejection::ManySizes => "more distinct sizes than a session holds".to_owned(),
        Rejection::Volume => "a bar with an impossible volume".to_owned(),
        Rejection::Known => "older than a session of the baseline".to_owned(),
        Rejection::Unfinished => "the input ends before it does".to_owned(),
    }
}

fn show(file: &Path, out: &mut dyn Write) -> Result<()> {
    let stored = baselines::read(file).map_err(|e| anyhow!(e))?;
    let baseline = stored.baseline();
    let of = baseline.origin();
    writeln!(out, "root         {}", of.root)?;
    writeln!(out, "tick         {} points", of.tick)?;
    writeln!(out, "silence      up to {} min", of.gap_min)?;
    writeln!(out, "time zones   {}", of.tz)?;
    writeln!(out, "calendar     {}", hex(of.calendar.get(..8).unwrap_or_default()))?;
    writeln!(out, "SHA-256      {}", hex(&stored.hash()))?;
    for kind in [Kind::Rth, Kind::Eth] {
        let sessions = baseline.sessions(kind);
        writeln!(out, "\n{} {} sessions", sessions.len(), kind.name())?;
        for session in sessions {
            let (day, contract) = (date(session.trade_day), &session.contract);
            let source = hex(session.source.get(..8).unwrap_or_default());
            let volume = session.volume();
            writeln!(out, "  {day}  {contract:<14} {volume:>9}   from {source}")?;
        }
        let target = baseline.target_rv(kind == Kind::Rth);
        let target = target.map_or("unknown".to_owned(), |rv| format!("{rv:.4}"));
        writeln!(out, "  target volatility {target}")?;
    }
    Ok(())
}
