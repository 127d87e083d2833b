//! A baseline as bytes: the file of `mia baseline build`, and the State record of a journal.
//!
//! ```text
//! magic "MIABASE\0", version u32, gap_min u32, tick f64, root, time zone version (texts),
//! SHA-256 of the holiday rows, number of sessions u32
//! session  kind u8, contract (text), trade date i32, source [u8; 32], first minute i64
//!          each minute: 0 halted | 1 and close i32 (no trade) | 2 and open, high, low, close i32,
//!          volume, buy, sell u64
//!          each label of the kind, each of print, level, added: a number u32, size and count u32
//! SHA-256 of everything before it
//! ```
//!
//! Integers are little-endian, a text is its length u16 and UTF-8. ETH stands before RTH, each
//! oldest first. What is read is checked: whatever a file holds, statistics are computed from
//! bars and sizes that a market could have had.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::session::{Kind, Session, VOLUME_MAX, WHATS, What};
use super::sizes::{pair, unpair};
use super::{Baseline, GAP_MIN, KEPT, Origin};
use crate::bars::Bar;
use crate::units::Px;

/// First bytes of every baseline file.
pub const MAGIC: [u8; 8] = *b"MIABASE\0";
/// Version written here; others are refused.
pub const VERSION: u32 = 1;
/// Bytes of the hash at the end.
const HASH: usize = 32;
/// First minute of the year 2200.
const MINUTE_MAX: i64 = 120_968_640;
/// Longest text.
const TEXT_MAX: usize = 256;
/// No encoded baseline is longer than this: it fits one record of a journal.
pub const BYTES_MAX: usize = {
    let [eth, rth] = Kind::ALL;
    4096 + KEPT * (bytes_max(eth) + bytes_max(rth))
};

const fn bytes_max(kind: Kind) -> usize {
    4096 + kind.minutes() * 41 + kind.pairs_max() * 8
}

/// Why bytes are no baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaselineError {
    /// They do not start like one.
    NoBaseline,
    /// They are of another version of the format.
    Version(u32),
    /// The hash at the end is not that of what stands before it.
    Damaged,
    /// Something at this byte cannot be, although the hash is right.
    Content(usize, &'static str),
}

impl fmt::Display for BaselineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let anew = "build it anew with `mia baseline build`";
        match self {
            BaselineError::NoBaseline => {
                write!(f, "not a baseline (no MIABASE at its start): {anew}")
            }
            BaselineError::Version(v) => {
                write!(f, "baseline format {v}, this build reads {VERSION}: {anew}")
            }
            BaselineError::Damaged => {
                write!(f, "cut off or damaged (its SHA-256 does not match): {anew}, or use a copy")
            }
            BaselineError::Content(at, what) => {
                write!(f, "byte {at}: {what}; the file was not written by mia: {anew}")
            }
        }
    }
}

impl std::error::Error for BaselineError {}

/// The bytes of `baseline`.
#[must_use]
pub fn encode(baseline: &Baseline) -> Vec<u8> {
    let sessions: Vec<&Session> = Kind::ALL.iter().flat_map(|&k| baseline.sessions(k)).collect();
    let mut out = body(baseline.origin(), &sessions);
    let hash = Sha256::digest(&out);
    out.extend_from_slice(&hash);
    out
}

fn body(origin: &Origin, sessions: &[&Session]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&origin.gap_min.to_le_bytes());
    out.extend_from_slice(&origin.tick.to_le_bytes());
    put_text(&mut out, &origin.root);
    put_text(&mut out, &origin.tz);
    out.extend_from_slice(&origin.calendar);
    put_len(&mut out, sessions.len());
    sessions.iter().for_each(|session| put_session(&mut out, session));
    out
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    // Bounded by the capacities of a session.
    out.extend_from_slice(&u32::try_from(len).unwrap_or(0).to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut len = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    out.extend_from_slice(&u16::try_from(len).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(text.get(..len).unwrap_or_default().as_bytes());
}

fn put_session(out: &mut Vec<u8>, session: &Session) {
    out.push(session.kind() as u8);
    put_text(out, &session.contract);
    out.extend_from_slice(&session.trade_day.to_le_bytes());
    out.extend_from_slice(&session.source);
    out.extend_from_slice(&session.anchor.to_le_bytes());
    for bar in session.bars() {
        match bar {
            None => out.push(0),
            Some(bar) if bar.volume == 0 => {
                out.push(1);
                out.extend_from_slice(&bar.close.ticks().to_le_bytes());
            }
            Some(bar) => {
                out.push(2);
                for px in [bar.open, bar.high, bar.low, bar.close] {
                    out.extend_from_slice(&px.ticks().to_le_bytes());
                }
                for volume in [bar.volume, bar.buy, bar.sell] {
                    out.extend_from_slice(&volume.to_le_bytes());
                }
            }
        }
    }
    for label in 0..session.kind().labels().len() {
        for what in [What::Print, What::Level, What::Added] {
            let sizes = session.sizes(label, what);
            put_len(out, sizes.len());
            for &word in sizes {
                let (size, count) = unpair(word);
                out.extend_from_slice(&size.to_le_bytes());
                out.extend_from_slice(&count.to_le_bytes());
            }
        }
    }
}

/// Reads `bytes`.
///
/// # Errors
/// [`BaselineError`]; a baseline is read whole or not at all.
pub fn decode(bytes: &[u8]) -> Result<Baseline, BaselineError> {
    let start = bytes.get(..MAGIC.len()).filter(|m| **m == MAGIC);
    start.ok_or(BaselineError::NoBaseline)?;
    let mut version = Cursor { bytes, at: MAGIC.len() };
    let version = version.u32().map_err(|_| BaselineError::Damaged)?;
    if version != VERSION {
        return Err(BaselineError::Version(version));
    }
    let split = bytes.len().checked_sub(HASH).ok_or(BaselineError::Damaged)?;
    let (content, hash) = bytes.split_at_checked(split).ok_or(BaselineError::Damaged)?;
    if Sha256::digest(content).as_slice() != hash {
        return Err(BaselineError::Damaged);
    }
    let (origin, sessions) = parse(content)?;
    Ok(Baseline::with_sessions(origin, sessions))
}

/// Reads what stands before the hash.
fn parse(content: &[u8]) -> Result<(Origin, Vec<Session>), BaselineError> {
    let mut from = Cursor { bytes: content, at: 0 };
    if from.take(MAGIC.len())? != MAGIC {
        return Err(BaselineError::NoBaseline);
    }
    let version = from.u32()?;
    if version != VERSION {
        return Err(BaselineError::Version(version));
    }
    let gap_min = from.u32()?;
    let [least, most] = GAP_MIN;
    from.check((least..=most).contains(&gap_min), "longest silence out of range")?;
    let tick = f64::from_le_bytes(from.array()?);
    from.check(tick.is_finite() && tick > 0.0, "tick size is not above 0")?;
    let (root, tz) = (from.text()?.to_owned(), from.text()?.to_owned());
    let origin = Origin { root, tick, gap_min, tz, calendar: from.array()? };
    let count = from.u32()? as usize;
    from.check(count <= 2 * KEPT, "more sessions than a baseline keeps")?;
    let mut sessions: Vec<Session> = Vec::new();
    for _ in 0..count {
        let session = from.session()?;
        let key = |s: &Session| (s.kind(), s.trade_day);
        let later = sessions.last().is_none_or(|last| key(last) < key(&session));
        let fits = sessions.iter().filter(|s| s.kind() == session.kind()).count() < KEPT;
        from.check(later && fits, "sessions out of order, twice or too many")?;
        sessions.push(session);
    }
    from.check(from.at == content.len(), "bytes after the last session")?;
    Ok((origin, sessions))
}

/// Reads forward and never past the end.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn check(&self, good: bool, what: &'static str) -> Result<(), BaselineError> {
        if good { Ok(()) } else { Err(BaselineError::Content(self.at, what)) }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], BaselineError> {
        let end = self.at.checked_add(len);
        let found = end.and_then(|end| self.bytes.get(self.at..end));
        let found = found.ok_or(BaselineError::Content(self.at, "it ends here"))?;
        self.at += len;
        Ok(found)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BaselineError> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| BaselineError::Content(at, "it ends here"))
    }

    fn u8(&mut self) -> Result<u8, BaselineError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn u32(&mut self) -> Result<u32, BaselineError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64, BaselineError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    fn text(&mut self) -> Result<&'a str, BaselineError> {
        let len = usize::from(u16::from_le_bytes(self.array()?));
        self.check(len <= TEXT_MAX, "a text of more than 256 bytes")?;
        let at = self.at;
        let text = std::str::from_utf8(self.take(len)?);
        text.map_err(|_| BaselineError::Content(at, "a text that is no UTF-8"))
    }

    fn px(&mut self) -> Result<Px, BaselineError> {
        let ticks = i32::from_le_bytes(self.array()?);
        Px::new(ticks).ok_or(BaselineError::Content(self.at, "a price out of range"))
    }

    fn session(&mut self) -> Result<Session, BaselineError> {
        let kind = match self.u8()? {
            0 => Kind::Eth,
            1 => Kind::Rth,
            _ => return Err(BaselineError::Content(self.at, "neither RTH nor ETH")),
        };
        let contract = self.text()?;
        let trade_day = i32::from_le_bytes(self.array()?);
        let source = self.array()?;
        let anchor = self.i64()?;
        self.check((0..=MINUTE_MAX).contains(&anchor), "first minute out of range")?;
        let off = anchor / 1440 - i64::from(trade_day);
        self.check((-4..=4).contains(&off), "trade date and first minute disagree")?;
        // Each minute takes a byte: what is claimed cannot be more than what is there.
        let rest = self.bytes.len().saturating_sub(self.at);
        self.check(rest >= kind.minutes(), "it ends inside a session")?;
        let mut session = Session::new(kind);
        session.restart(trade_day, anchor);
        (session.contract, session.source) = (Arc::from(contract), source);
        for minute in anchor..anchor + kind.minutes() as i64 {
            if let Some(bar) = self.bar(minute)? {
                session.put(&bar);
            }
        }
        for n in 0..kind.labels().len() * WHATS {
            let fits = self.sizes()?.is_some_and(|sizes| session.put_sizes(n, sizes));
            self.check(fits, "more sizes than a session holds")?;
        }
        Ok(session)
    }

    fn bar(&mut self, minute: i64) -> Result<Option<Bar>, BaselineError> {
        match self.u8()? {
            0 => Ok(None),
            1 => Ok(Some(Bar::empty(minute, self.px()?))),
            2 => {
                let (open, high, low, close) = (self.px()?, self.px()?, self.px()?, self.px()?);
                let (volume, buy, sell) = (self.i64()?, self.i64()?, self.i64()?);
                let range = low <= open && open <= high && low <= close && close <= high;
                self.check(range, "a bar whose high and low do not hold its prices")?;
                let sides = buy >= 0 && sell >= 0 && buy <= volume && sell <= volume - buy;
                let sums = (1..=VOLUME_MAX).contains(&volume) && sides;
                self.check(sums, "a bar whose volumes do not add up")?;
                Ok(Some(Bar { minute, open, high, low, close, volume, buy, sell }))
            }
            _ => Err(BaselineError::Content(self.at, "a minute of no known kind")),
        }
    }

    /// The pairs of a histogram; `None` where there are more than any session holds.
    fn sizes(&mut self) -> Result<Option<impl Iterator<Item = u64> + use<'a>>, BaselineError> {
        let count = self.u32()? as usize;
        let Some(bytes) = count.checked_mul(8) else { return Ok(None) };
        let (at, bytes) = (self.at, self.take(bytes)?);
        let (pairs, _) = bytes.as_chunks::<8>();
        let words = pairs.iter().map(|&[a, b, c, d, e, f, g, h]| {
            pair(u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
        });
        let mut before = 0;
        for word in words.clone() {
            let (size, count) = unpair(word);
            if size <= before || count == 0 {
                return Err(BaselineError::Content(at, "sizes out of order or never counted"));
            }
            before = size;
        }
        Ok(Some(words))
    }
}

/// Fuzz body: any bytes are refused or read without a panic, and what is read is written the same.
#[doc(hidden)]
pub fn fuzz_baseline(data: &[u8]) {
    if let Ok(baseline) = decode(data) {
        assert_eq!(encode(&baseline), data);
    }
    // The hash keeps random bytes out of the sessions, so these are tried directly: the seeds are
    // contents without a hash.
    if let Ok((origin, sessions)) = parse(data) {
        let again = body(&origin, &sessions.iter().collect::<Vec<_>>());
        assert_eq!(again, data);
        let baseline = Baseline::with_sessions(origin, sessions);
        for rth in [false, true] {
            let usual = baseline.usual(rth, 30, 100, 500);
            assert!(usual.rvol.is_none_or(f64::is_finite));
            assert!(baseline.target_rv(rth).is_none_or(f64::is_finite));
            assert!(baseline.atr_percentile(rth, 4.0).is_none_or(|p| (0.0..=1.0).contains(&p)));
        }
    }
}
