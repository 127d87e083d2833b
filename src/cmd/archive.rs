//! `mia archive`: months that are over into one file a family, checked; and whether what lies there
//! is still what was written.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use jiff::civil::Date;

use crate::calendar::Calendar;
use crate::config::{ArchiveConfig, Config};
use crate::runtime::clock::Clock;
use crate::store::archive::{self, Month, Packed};
use crate::store::manifest;
use crate::store::quality::Family;

/// A family on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    /// Chains, levels, histories of days.
    Options,
    /// The market second by second.
    Orderflow,
    /// Records of trading.
    Trades,
}

impl Which {
    const fn family(self) -> Family {
        match self {
            Which::Options => Family::Options,
            Which::Orderflow => Family::Orderflow,
            Which::Trades => Family::Trades,
        }
    }
}

/// Arguments of `mia archive`.
#[derive(Args, Debug)]
pub struct ArchiveArgs {
    /// Data folder; its snapshots, those of paper/ and of replay/ are archived apart.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Only this month; left out: every month that is over.
    #[arg(long, value_name = "YYYYMM", value_parser = month)]
    month: Option<Month>,
    /// Only this family; repeat it for more.
    #[arg(long, value_enum)]
    family: Vec<Which>,
    /// Remove originals once the archive was read back from disk whole, and their month has been
    /// over for as long as [archive] of the configuration says (45 days, order flow 7).
    #[arg(long)]
    delete: bool,
    /// Configuration file with an [archive] table.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change nothing: compare every file with its manifest, and read every archive to its end.
    #[arg(long, conflicts_with_all = ["delete", "month", "extract"])]
    verify: bool,
    /// Unpack this archive below the folder of --to; files that are there are not replaced.
    #[arg(long, value_name = "FILE", requires = "to", conflicts_with_all = ["delete", "month"])]
    extract: Option<PathBuf>,
    /// Where to unpack; the tree itself, such as data/snapshots, restores.
    #[arg(long, value_name = "DIR", requires = "extract")]
    to: Option<PathBuf>,
}

fn month(text: &str) -> Result<Month, String> {
    Month::parse(text).ok_or_else(|| "a month looks like 202601".to_owned())
}

/// Runs it.
///
/// # Errors
/// With the path of what is missing, damaged or cannot be written.
pub fn run(args: &ArchiveArgs, out: &mut dyn Write) -> Result<()> {
    if let (Some(file), Some(to)) = (&args.extract, &args.to) {
        let (written, same) = archive::extract(file, to)?;
        let there = if same > 0 { format!(", {same} were there") } else { String::new() };
        writeln!(out, "{written} files unpacked below {}{there}", to.display())?;
        return Ok(());
    }
    let families: Vec<Family> = match args.family.as_slice() {
        [] => Family::ALL.to_vec(),
        some => some.iter().map(|which| which.family()).collect(),
    };
    let trees = archive::trees(&args.data);
    if trees.is_empty() {
        bail!("{}: no snapshots/ below it, nor below its paper/ or replay/", args.data.display());
    }
    if args.verify {
        return verify(&trees, &families, out);
    }
    let keep = keep(args.config.as_deref())?;
    let today = Calendar::bundled().map_err(|e| anyhow!("{e}"))?.new_york_date(Clock::new().now());
    if let Some(month) = args.month.filter(|month| !month.is_over(today)) {
        bail!("--month {month}: is not over; only closed months are archived");
    }
    let mut failed = 0;
    let mut done = 0;
    for tree in &trees {
        for &family in &families {
            for month in months(tree, family, args.month, today)? {
                match one(args, tree, family, month, (today, keep), out) {
                    Ok(did) => done += usize::from(did),
                    Err(error) => {
                        failed += 1;
                        eprintln!("mia: {error:#}; nothing was removed");
                    }
                }
            }
        }
    }
    if failed > 0 {
        bail!("{failed} archives could not be made");
    }
    if done == 0 {
        let which = args.month.map_or("of months that are over".to_owned(), |m| format!("of {m}"));
        writeln!(out, "no files {which} below {}", args.data.display())?;
    }
    Ok(())
}

fn keep(config: Option<&Path>) -> Result<ArchiveConfig> {
    let Some(path) = config else { return Ok(ArchiveConfig::default()) };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("configuration {}", path.display()))?;
    Ok(Config::parse(&text).map_err(|e| anyhow!("{}: {e}", path.display()))?.archive)
}

fn months(tree: &Path, family: Family, only: Option<Month>, today: Date) -> Result<Vec<Month>> {
    let all = archive::months(tree, family)?.into_iter();
    let wanted = |month: &Month| match only {
        Some(only) => *month == only,
        None => month.is_over(today),
    };
    Ok(all.filter(wanted).collect())
}

/// One archive; whether there was anything to do with it.
fn one(
    args: &ArchiveArgs,
    tree: &Path,
    family: Family,
    month: Month,
    (today, keep): (Date, ArchiveConfig),
    out: &mut dyn Write,
) -> Result<bool> {
    let Some(packed) = archive::pack(tree, family, month, today)? else { return Ok(false) };
    let Packed { path, files, new, bytes, packed, skipped } = packed;
    let what = if new == 0 { "up to date".to_owned() } else { format!("{new} new, checked") };
    let path = path.display();
    write!(out, "{path}  {files} files, {bytes} bytes in {packed}: {what}")?;
    let days = match family {
        Family::Options => keep.options_days,
        Family::Orderflow => keep.orderflow_days,
        Family::Trades => keep.trades_days,
    };
    let mut stayed = skipped;
    if !args.delete {
        writeln!(out, "; originals kept")?;
    } else if month.days_over(today).is_none_or(|over| over < days) {
        writeln!(out, "; originals kept for {days} days after the month")?;
    } else {
        let (gone, other) = archive::take_away(tree, family, month)?;
        stayed.extend(other);
        writeln!(out, "; {gone} originals removed")?;
    }
    stayed.iter().for_each(|text| eprintln!("mia: {text}"));
    Ok(true)
}

/// Compares files with manifests and reads archives.
fn verify(trees: &[PathBuf], families: &[Family], out: &mut dyn Write) -> Result<()> {
    let mut wrong = 0;
    for tree in trees {
        for family in families {
            let folder = tree.join(family.name());
            let (looked, found) = manifest::verify_all(&folder)?;
            if looked > 0 || !found.is_empty() {
                writeln!(out, "{}  {looked} files, {} differ", folder.display(), found.len())?;
            }
            for text in &found {
                writeln!(out, "  {text}")?;
            }
            wrong += found.len();
        }
        for path in archives(&tree.join(archive::FOLDER), families)? {
            match archive::index(&path) {
                Ok(files) => writeln!(out, "{}  {} files, whole", path.display(), files.len())?,
                Err(error) => {
                    wrong += 1;
                    writeln!(out, "{error:#}")?;
                }
            }
        }
    }
    if wrong > 0 {
        bail!("{wrong} files are not what was written");
    }
    Ok(())
}

fn archives(folder: &Path, families: &[Family]) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let named = || folder.display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(named)? {
        let path = entry.with_context(named)?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let ours = |family: &Family| name.starts_with(&format!("{}_archive_", family.name()));
        if name.ends_with(".gz") && families.iter().any(ours) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
