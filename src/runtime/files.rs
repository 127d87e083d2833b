//! Files of every kind that `mia` reads, in memory and decompressed.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::feed::dbn::{self, DbnFeed};
use crate::feed::sierra::{DepthFeed, ScidFeed};
use crate::feed::stream::Stream;
use crate::feed::{FeedError, Source};
use crate::units::{Instrument, SYMBOLS_MAX, SymbolId};

/// Largest file, decompressed, that is read into memory.
const BYTES_MAX: u64 = 16 << 30;

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Sierra Chart intraday file.
    Scid,
    /// Sierra Chart market depth file.
    Depth,
    /// Databento file.
    Dbn,
    /// `mia` journal.
    Journal,
}

/// A file in memory.
#[derive(Debug)]
pub struct Loaded {
    /// Where it came from.
    pub path: PathBuf,
    /// What it is.
    pub kind: FileKind,
    /// Its bytes, decompressed.
    pub data: Vec<u8>,
    /// Why its end is missing, where the compressed form is cut off or damaged.
    pub cut: Option<String>,
}

/// Reads a file; Zstandard files are decompressed, a damaged one as far as it goes.
///
/// # Errors
/// A text with the path: it cannot be read, is too large, or is none of the kinds.
pub fn load(path: &Path) -> Result<Loaded, String> {
    load_at_most(path, BYTES_MAX)
}

fn load_at_most(path: &Path, most: u64) -> Result<Loaded, String> {
    let say = |what: String| format!("{}: {what}", path.display());
    let large = || {
        say(format!(
            "is too large: more than {most} bytes in memory; split it, by days for example"
        ))
    };
    let mut data = Vec::new();
    // A file that is written to may grow while it is read.
    let file = std::fs::File::open(path).map_err(|e| say(e.to_string()))?;
    if file.metadata().is_ok_and(|of| of.len() > most) {
        return Err(large());
    }
    file.take(most + 1).read_to_end(&mut data).map_err(|e| say(e.to_string()))?;
    if data.len() as u64 > most {
        return Err(large());
    }
    let mut cut = None;
    if data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let mut plain = Vec::new();
        let decoder = zstd::Decoder::new(data.as_slice()).map_err(|e| say(e.to_string()))?;
        if let Err(e) = decoder.take(most + 1).read_to_end(&mut plain) {
            cut = Some(say(format!("Zstandard: {e}; the file is cut off or damaged")));
        }
        if plain.len() as u64 > most {
            return Err(large());
        }
        data = plain;
    }
    let kind = match data.first_chunk::<4>() {
        Some(b"SCID") => FileKind::Scid,
        Some(b"SCDD") => FileKind::Depth,
        Some(b"DBN\x01" | b"DBN\x02" | b"DBN\x03" | b"DBN\x04") => FileKind::Dbn,
        Some(b"MIAJ") => FileKind::Journal,
        _ if cut.is_some() => return Err(cut.unwrap_or_default()),
        _ => {
            let what = "neither .scid, .depth, Databento file nor mia journal (by its first bytes)";
            return Err(say(what.to_owned()));
        }
    };
    Ok(Loaded { path: path.to_owned(), kind, data, cut })
}

/// Tick files with the symbols that they hold between them.
#[derive(Debug)]
pub struct TickFiles {
    files: Vec<Loaded>,
    /// Symbols of the run.
    pub instruments: Vec<Instrument>,
    /// For each file, its own numbers and the run's symbols.
    symbols: Vec<Vec<(u32, SymbolId)>>,
}

impl TickFiles {
    /// Finds the symbols of `files`. A Sierra file is named for its symbol; `.depth` joins the
    /// `.scid` of the same name. `tick` is used for products that the instrument table lacks.
    ///
    /// # Errors
    /// A text with the path and the problem.
    pub fn new(files: Vec<Loaded>, tick: Option<f64>) -> Result<TickFiles, String> {
        let mut all = TickFiles { files: Vec::new(), instruments: Vec::new(), symbols: Vec::new() };
        for file in files {
            let say = |what: &dyn std::fmt::Display| format!("{}: {what}", file.path.display());
            let mut symbols = Vec::new();
            for (number, name) in named(&file)? {
                let id = all.intern(&name, tick).map_err(|e| say(&e))?;
                symbols.push((number, id));
            }
            all.symbols.push(symbols);
            all.files.push(file);
        }
        Ok(all)
    }

    /// Finds in `files` the symbols of a run that has its own. A Databento file may hold others
    /// besides; they are passed over.
    ///
    /// # Errors
    /// A text with the path and the problem: a file that holds none of the run's symbols, such as
    /// another contract of the same product.
    pub fn of_run(files: Vec<Loaded>, instruments: &[Instrument]) -> Result<TickFiles, String> {
        let mut all =
            TickFiles { files: Vec::new(), instruments: instruments.to_vec(), symbols: Vec::new() };
        for file in files {
            let named = named(&file)?;
            let known = |(number, name): &(u32, String)| Some((*number, find(name, instruments)?));
            let symbols: Vec<(u32, SymbolId)> = named.iter().filter_map(known).collect();
            if symbols.is_empty() {
                let names = named.iter().map(|(_, name)| name.as_str());
                return Err(format!("{}: {}", file.path.display(), foreign(names, instruments)));
            }
            all.symbols.push(symbols);
            all.files.push(file);
        }
        Ok(all)
    }

    /// The files, for another use.
    #[must_use]
    pub fn into_files(self) -> Vec<Loaded> {
        self.files
    }

    fn intern(&mut self, name: &str, tick: Option<f64>) -> Result<SymbolId, String> {
        let known = self.instruments.iter().position(|i| i.symbol == name);
        let at = match known {
            Some(at) => at,
            None if self.instruments.len() == SYMBOLS_MAX => {
                return Err(format!("more than {SYMBOLS_MAX} symbols in one run"));
            }
            None => {
                let instrument = match tick {
                    Some(tick) => Instrument::with_tick(name, tick)?,
                    None => Instrument::from_symbol(name)
                        .ok_or_else(|| FeedError::NoTick(name.to_owned()).to_string())?,
                };
                self.instruments.push(instrument);
                self.instruments.len() - 1
            }
        };
        // At most SYMBOLS_MAX.
        Ok(SymbolId(u16::try_from(at).unwrap_or(0)))
    }

    /// The files as one sequence of events.
    ///
    /// # Errors
    /// A text with the path and the problem.
    pub fn stream(&self) -> Result<Stream<'_>, String> {
        Ok(Stream::new(self.sources()?, u16::try_from(self.instruments.len()).unwrap_or(0)))
    }

    /// The files as the history of a live run: one sequence, without Timers.
    ///
    /// # Errors
    /// As [`TickFiles::stream`].
    pub fn history(&self) -> Result<Stream<'_>, String> {
        Ok(Stream::history(self.sources()?))
    }

    fn sources(&self) -> Result<Vec<Box<dyn Source + '_>>, String> {
        let mut sources: Vec<Box<dyn Source + '_>> = Vec::new();
        for (file, symbols) in self.files.iter().zip(&self.symbols) {
            let full: Vec<(u32, SymbolId, &Instrument)> = symbols
                .iter()
                .filter_map(|&(n, id)| Some((n, id, self.instruments.get(usize::from(id.0))?)))
                .collect();
            sources.push(open(file, &full).map_err(|e| format!("{}: {e}", file.path.display()))?);
        }
        Ok(sources)
    }

    /// The first file whose end is missing, and why.
    #[must_use]
    pub fn cut(&self) -> Option<String> {
        self.files.iter().find_map(|f| f.cut.clone())
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.data.len() as u64).sum()
    }
}

/// The symbols that a tick file names, with its own numbers for them.
fn named(file: &Loaded) -> Result<Vec<(u32, String)>, String> {
    let say = |what: &dyn std::fmt::Display| format!("{}: {what}", file.path.display());
    let named = match file.kind {
        FileKind::Dbn => dbn::symbols(&file.data).map_err(|e| say(&e))?,
        FileKind::Scid | FileKind::Depth => vec![(0, stem(&file.path))],
        FileKind::Journal => return Err(say(&"a journal is replayed alone")),
    };
    if named.is_empty() { Err(say(&"names no symbol")) } else { Ok(named) }
}

/// The run's symbol of this name, or the one that is the same contract at another source:
/// `ESZ6`, `ESZ6-CME` and `ESZ6.CME` are one.
#[must_use]
pub fn find(name: &str, instruments: &[Instrument]) -> Option<SymbolId> {
    let same = |i: &Instrument| contract(name).is_some_and(|c| contract(&i.symbol) == Some(c));
    let at = instruments.iter().position(|i| i.symbol == name);
    let at = at.or_else(|| instruments.iter().position(same))?;
    u16::try_from(at).ok().map(SymbolId)
}

/// What stands before the exchange in the name of a future: product, month code, year.
fn contract(name: &str) -> Option<&str> {
    let name = name.split(['-', '.']).next()?;
    let root = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let year = name.len() - root.len();
    let month = root.ends_with(|c| "FGHJKMNQUVXZ".contains(c));
    (month && root.len() > 1 && (1..=2).contains(&year)).then_some(name)
}

/// Why none of `names` can be the history of a run.
pub fn foreign<'a>(names: impl Iterator<Item = &'a str>, instruments: &[Instrument]) -> String {
    let run: Vec<&str> = instruments.iter().map(|i| i.symbol.as_str()).collect();
    let names: Vec<&str> = names.collect();
    let root = |name: &str| Instrument::from_symbol(name).map(|i| i.root);
    let other = names.iter().find_map(|name| {
        instruments.iter().find(|i| !i.root.is_empty() && root(name) == Some(i.root.clone()))
    });
    let why = other.map_or_else(String::new, |i| {
        format!("; another contract of {} has other prices and volumes than {}", i.root, i.symbol)
    });
    format!("holds {}, the run has {}{why}", names.join(", "), run.join(", "))
}

fn open<'a>(
    file: &'a Loaded,
    symbols: &[(u32, SymbolId, &Instrument)],
) -> Result<Box<dyn Source + 'a>, FeedError> {
    let one = || symbols.first().map(|s| (s.1, s.2)).ok_or(FeedError::NoTick(String::new()));
    Ok(match file.kind {
        FileKind::Dbn => Box::new(DbnFeed::new(&file.data, symbols)?),
        FileKind::Scid => {
            one().and_then(|(id, i)| ScidFeed::new(&file.data, id, i)).map(Box::new)?
        }
        FileKind::Depth => {
            one().and_then(|(id, i)| DepthFeed::new(&file.data, id, i)).map(Box::new)?
        }
        FileKind::Journal => return Err(FeedError::Format("a journal is no tick file".to_owned())),
    })
}

/// The symbol that a Sierra file is named for: `ESZ6-CME.scid`, `ESZ6-CME.2026-11-20.depth`.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(name) = name.strip_suffix(".scid") {
        return name.to_owned();
    }
    let name = name.strip_suffix(".depth").unwrap_or(&name);
    match name.rsplit_once('.') {
        Some((symbol, day)) if day.len() == 10 && day.starts_with("20") => symbol.to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sierra_names() {
        for (path, symbol) in [
            ("/d/ESZ6-CME.scid", "ESZ6-CME"),
            ("ESZ6-CME.2026-11-20.depth", "ESZ6-CME"),
            ("ESZ6.CME.depth", "ESZ6.CME"),
        ] {
            assert_eq!(stem(Path::new(path)), symbol);
        }
    }

    #[test]
    fn symbols_of_the_run() {
        let run = ["ESZ6.CME", "MNQU21", "BTC-USD"].map(|s| Instrument::with_tick(s, 0.25));
        let run = run.map(|i| i.expect("tick"));
        for (name, at) in [
            ("ESZ6.CME", Some(0)),
            ("ESZ6-CME", Some(0)),
            ("MNQU21-CME", Some(1)),
            ("BTC-USD", Some(2)),
            ("BTC-PERP", None),
            ("ESH7-CME", None),
        ] {
            assert_eq!(find(name, &run), at.map(SymbolId), "{name}");
        }
        let text = foreign(["ESH7-CME"].into_iter(), &run);
        assert!(text.contains("ESH7-CME") && text.contains("another contract of ES"), "{text}");
        assert!(!foreign(["CLZ6"].into_iter(), &run).contains("another contract"));
    }

    /// A file that does not fit is refused, packed or not: half of it is no market.
    #[test]
    fn too_large_is_no_end_of_file() {
        let folder = std::env::temp_dir().join(format!("mia-large-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        let plain = [b"SCID".as_slice(), &[0; 96]].concat();
        let packed = zstd::encode_all(plain.as_slice(), 3).expect("packed");
        for (name, data) in [("ESZ6.scid", &plain), ("ESZ6.scid.zst", &packed)] {
            let path = folder.join(name);
            std::fs::write(&path, data).expect("written");
            let whole = load_at_most(&path, 100).expect("fits");
            assert_eq!((whole.data.len(), whole.cut), (100, None));
            let error = load_at_most(&path, 99).expect_err("does not fit");
            assert!(error.contains(name) && error.contains("too large"), "{error}");
        }
        std::fs::remove_dir_all(folder).expect("clean up");
    }

    #[test]
    fn what_is_no_tick_file_is_said() {
        let error = load(Path::new("Cargo.toml")).expect_err("no tick file");
        assert!(error.contains("Cargo.toml") && error.contains(".scid"), "{error}");
        assert!(load(Path::new("no-such-file")).expect_err("missing").contains("no-such-file"));
    }
}
