//! `mia inspect FILE | --hex HEX`: what bytes say, as JSON lines.

mod hex;
mod journal;
mod message;
mod sierra;

use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use serde::Serialize;

use crate::journal::record::MAGIC as JOURNAL_MAGIC;

/// Arguments of `mia inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// A mia journal, .scid, .depth, or a file of DTC frames; told apart by content.
    #[arg(required_unless_present = "hex", conflicts_with = "hex")]
    file: Option<PathBuf>,
    /// DTC frames as hexadecimal digits; white space is ignored.
    #[arg(long, value_name = "HEX")]
    hex: Option<String>,
    /// Stop after N lines.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// Prints one JSON object a line.
///
/// # Errors
/// Where the input cannot be read, is of no known kind, or ends inside a message; what is whole
/// has been printed by then. A closed pipe is no error: the reader has seen enough.
pub fn run(args: &InspectArgs, out: &mut dyn Write) -> Result<()> {
    let mut lines = Lines::new(out, args.limit);
    let outcome = match (&args.file, &args.hex) {
        (Some(path), _) => file(path, &mut lines),
        (None, Some(digits)) => match hex::parse(digits) {
            Ok(bytes) => message::frames(&bytes, &mut lines),
            Err(error) => Err(anyhow!("--hex: {error}").into()),
        },
        (None, None) => Err(anyhow!("give a FILE or --hex HEX").into()),
    };
    let outcome = outcome.and_then(|()| lines.flush());
    match outcome {
        Ok(()) | Err(Stop::Enough) => match lines.flush() {
            Err(Stop::Failed(error)) => Err(error),
            _ => Ok(()),
        },
        Err(Stop::Failed(error)) => {
            // The lines before the error belong on the screen; the error itself is what counts.
            let _ = lines.flush();
            Err(error)
        }
    }
}

/// Why no further line is wanted.
#[derive(Debug)]
enum Stop {
    /// The limit is reached, or the reader has closed the pipe.
    Enough,
    /// Something is wrong.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Stop {
        Stop::Failed(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Stop {
        match error.kind() {
            ErrorKind::BrokenPipe => Stop::Enough,
            _ => Stop::Failed(error.into()),
        }
    }
}

/// JSON lines, up to a limit.
struct Lines<'a> {
    out: BufWriter<&'a mut dyn Write>,
    left: u64,
}

impl<'a> Lines<'a> {
    fn new(out: &'a mut dyn Write, limit: Option<u64>) -> Lines<'a> {
        Lines { out: BufWriter::new(out), left: limit.unwrap_or(u64::MAX) }
    }

    fn put(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        self.left = self.left.checked_sub(1).ok_or(Stop::Enough)?;
        let mut line = simd_json::to_vec(value).context("writing JSON")?;
        line.push(b'\n');
        Ok(self.out.write_all(&line)?)
    }

    fn flush(&mut self) -> Result<(), Stop> {
        Ok(self.out.flush()?)
    }
}

fn file(path: &Path, lines: &mut Lines<'_>) -> Result<(), Stop> {
    let data = std::fs::read(path).with_context(|| path.display().to_string())?;
    let outcome = if data.starts_with(&JOURNAL_MAGIC) {
        journal::print(&data, lines)
    } else if data.starts_with(&dtc::file::scid::MAGIC) {
        sierra::scid(&data, lines)
    } else if data.starts_with(&dtc::file::depth::MAGIC) {
        sierra::depth(&data, lines)
    } else {
        check_frames(&data).map_err(Stop::from).and_then(|()| message::frames(&data, lines))
    };
    outcome.map_err(|stop| match stop {
        Stop::Failed(error) => Stop::Failed(error.context(path.display().to_string())),
        Stop::Enough => Stop::Enough,
    })
}

/// Frames have no magic: their first header must make sense.
fn check_frames(data: &[u8]) -> Result<()> {
    const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    if data.starts_with(b"DBN") || data.starts_with(&ZSTD) {
        bail!("a Databento file: its market is shown by `mia replay`, inspect does not list it");
    }
    let known = |bytes: &[u8]| match bytes {
        &[_, _, k0, k1, ..] => dtc::wire::describe(u16::from_le_bytes([k0, k1])).is_some(),
        _ => false,
    };
    match dtc::frame::next_frame(data) {
        Ok(Some(_)) => Ok(()),
        Ok(None) if known(data) => Ok(()),
        _ => bail!("neither a mia journal, .scid, .depth nor DTC frames (by its first bytes)"),
    }
}

/// RFC 3339 with nanoseconds, `None` for what is no time.
fn rfc3339(unix_ns: Option<i64>) -> Option<String> {
    unix_ns.filter(|&ns| ns != 0 && ns != i64::MIN).map(|ns| crate::units::Ts(ns).to_string())
}

/// A `float` as the `f64` whose shortest decimal is the float's own: 4500.1, not the
/// 4500.10009765625 that it widens to. `None` for what JSON cannot say.
fn shortest(value: f32) -> Option<f64> {
    if value.is_finite() { value.to_string().parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The printed lines, and the error's text.
    pub(super) fn inspect(args: &InspectArgs) -> (Vec<String>, Option<String>) {
        let mut out = Vec::new();
        let error = run(args, &mut out).err().map(|e| format!("{e:#}"));
        let text = String::from_utf8(out).expect("UTF-8");
        (text.lines().map(str::to_owned).collect(), error)
    }

    pub(super) fn of_hex(hex: &str) -> (Vec<String>, Option<String>) {
        inspect(&InspectArgs { file: None, hex: Some(hex.to_owned()), limit: None })
    }

    pub(super) fn of_bytes(name: &str, bytes: &[u8]) -> (Vec<String>, Option<String>) {
        let path = std::env::temp_dir().join(format!("mia-inspect-{name}-{}", std::process::id()));
        std::fs::write(&path, bytes).expect("write");
        let args = InspectArgs { file: Some(path.clone()), hex: None, limit: None };
        let result = inspect(&args);
        std::fs::remove_file(path).expect("clean up");
        result
    }

    #[test]
    fn what_is_no_input_is_said() {
        let (lines, error) = of_bytes("dbn", b"DBN\x01rest");
        assert!(lines.is_empty() && error.expect("refused").contains("mia replay"));
        let (_, error) = of_bytes("text", b"hello, world");
        assert!(error.expect("refused").contains("neither a mia journal"));
        let (_, error) = of_bytes("empty", b"");
        assert!(error.is_some());
        let path = Some(PathBuf::from("no-such-file"));
        let (_, error) = inspect(&InspectArgs { file: path, hex: None, limit: None });
        assert!(error.expect("missing").contains("no-such-file"));
    }

    #[test]
    fn a_file_of_frames_is_told_by_its_first_header() {
        let beat = [16, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let (lines, error) = of_bytes("frames", &[beat, beat].concat());
        assert_eq!((lines.len(), error), (2, None));
        let (lines, error) = of_bytes("cut", beat.get(..9).expect("part"));
        assert!(lines.is_empty() && error.expect("cut off").contains("9 of the 16 bytes"));
    }

    #[test]
    fn a_limit_and_a_closed_pipe_end_quietly() {
        let hex = Some("0400e7030400e803".to_owned());
        let (lines, error) = inspect(&InspectArgs { file: None, hex: hex.clone(), limit: Some(1) });
        assert_eq!((lines.len(), error), (1, None));

        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        assert!(run(&InspectArgs { file: None, hex, limit: None }, &mut Closed).is_ok());
    }

    #[test]
    fn floats_keep_their_own_shortest_decimal() {
        for (value, text) in [(0.1_f32, "0.1"), (4500.1, "4500.1"), (f32::MAX, "3.4028235e38")] {
            let json = simd_json::to_string(&shortest(value)).expect("JSON");
            assert_eq!(json.parse::<f32>(), Ok(value));
            assert_eq!(json, text);
        }
        assert_eq!(shortest(f32::NAN), None);
    }
}
