//! A file as arrivals: what came in when, in memory.
//!
//! A journal of DTC bytes is cut into its messages here and decoded while the clock runs; every
//! other file is decoded before, so its measurement starts at the event.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use zerocopy::FromBytes;

use crate::event::{Event, Sequencer};
use crate::feed::dtc::DtcFeed;
use crate::journal::Reader;
use crate::journal::event::{PACKED_BYTES, PackedEvent};
use crate::journal::record::{Bind, Kind, Record, SourceKind};
use crate::runtime::files::{FileKind, Loaded, TickFiles, load};
use crate::runtime::player::Player;
use crate::runtime::setup::Setup;
use crate::units::{SymbolId, Ts};

/// One thing that came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Receive time in the file, Unix ns; never falls.
    pub(super) ts: i64,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// Index of an event that was decoded before.
    Event(usize),
    /// A DTC message of feed `feed`: place and length among the bytes.
    Frame { feed: usize, at: usize, len: usize },
    /// That feed's connection was made anew.
    Connected(usize),
}

#[cfg(test)]
impl Arrival {
    /// An arrival that is looked at for its time only.
    pub(super) fn at(ts: i64) -> Arrival {
        Arrival { ts, what: What::Event(0) }
    }
}

/// A file in memory.
#[derive(Debug)]
pub(super) struct Input {
    /// What the core is made for.
    pub(super) setup: Setup,
    /// In order.
    pub(super) arrivals: Vec<Arrival>,
    /// Whether messages are decoded while the clock runs.
    pub(super) decodes: bool,
    events: Vec<Event>,
    bytes: Vec<u8>,
    feeds: Vec<(u16, DtcFeed)>,
}

/// Most events that one arrival can become: a notice to every symbol.
pub(super) const EVENTS_MAX: usize = 64;

impl Input {
    /// Reads at most `most` arrivals of a file.
    ///
    /// # Errors
    /// With the file and what is wrong with it.
    pub(super) fn load(path: &Path, tick: Option<f64>, most: usize) -> Result<Input> {
        let file = load(path).map_err(|e| anyhow!(e))?;
        let mut input = match file.kind {
            FileKind::Journal => {
                Input::journal(&file, most).map_err(|e| e.context(path.display().to_string()))?
            }
            _ => Input::ticks(file, tick, most)?,
        };
        if input.arrivals.is_empty() {
            bail!("{}: holds no event", path.display());
        }
        let mut last = i64::MIN;
        for arrival in &mut input.arrivals {
            last = last.max(arrival.ts);
            arrival.ts = last;
        }
        Ok(input)
    }

    fn new(setup: Setup) -> Input {
        let (arrivals, events, bytes, feeds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Input { setup, arrivals, decodes: false, events, bytes, feeds }
    }

    fn event(&mut self, event: Event) {
        self.arrivals.push(Arrival { ts: event.ts.0, what: What::Event(self.events.len()) });
        self.events.push(event);
    }

    fn ticks(file: Loaded, tick: Option<f64>, most: usize) -> Result<Input> {
        let files = TickFiles::new(vec![file], tick).map_err(|e| anyhow!(e))?;
        let config = crate::config::Config::default();
        let setup =
            Setup::new(config, files.instruments.clone(), "replay").map_err(|e| anyhow!(e))?;
        let mut input = Input::new(setup);
        let mut stream = files.stream().map_err(|e| anyhow!(e))?;
        while input.arrivals.len() < most
            && let Some(event) = stream.next_event()?
        {
            input.event(event);
        }
        Ok(input)
    }

    fn journal(file: &Loaded, most: usize) -> Result<Input> {
        let reader = Reader::open(&file.data)?;
        let setup = Setup::from_journal(&reader).map_err(|e| anyhow!(e))?;
        let mut input = Input::new(setup);
        if !input.bind(&reader)? {
            let mut player = Player::new(reader, &input.setup.instruments)?;
            let mut events = Vec::new();
            player.play(|event| {
                if events.len() < most {
                    events.push(*event);
                }
            })?;
            events.into_iter().for_each(|event| input.event(event));
            return Ok(input);
        }
        input.decodes = true;
        let mut partial: Vec<Vec<u8>> = vec![Vec::new(); input.feeds.len()];
        for record in reader.records() {
            input.record(&record, &mut partial)?;
            if input.arrivals.len() >= most {
                input.arrivals.truncate(most);
                break;
            }
        }
        Ok(input)
    }

    /// Sets up a decoder for every source; `false` unless there are some and all speak DTC.
    fn bind(&mut self, reader: &Reader<'_>) -> Result<bool> {
        let mut binds: Vec<(u16, Vec<(u32, SymbolId)>)> = Vec::new();
        for record in reader.records().filter(|r| r.kind == Kind::Bind) {
            let bind = Bind::read_from_bytes(record.payload)
                .map_err(|_| anyhow!("a Bind record of a wrong length"))?;
            if bind.source_kind.get() != SourceKind::Dtc as u16 {
                return Ok(false);
            }
            let pair = (bind.wire_id.get(), SymbolId(bind.symbol.get()));
            match binds.iter_mut().find(|b| b.0 == record.source) {
                Some(known) => known.1.push(pair),
                None => binds.push((record.source, vec![pair])),
            }
        }
        for (source, pairs) in binds {
            let instrument = |&(wire, id): &(u32, SymbolId)| {
                self.setup.instruments.get(usize::from(id.0)).map(|i| (wire, id, i))
            };
            let all: Option<Vec<_>> = pairs.iter().map(instrument).collect();
            let all = all.ok_or_else(|| anyhow!("a Bind names a symbol that the run lacks"))?;
            self.feeds.push((source, DtcFeed::new(&all)));
        }
        Ok(!self.feeds.is_empty())
    }

    fn record(&mut self, record: &Record<'_>, partial: &mut [Vec<u8>]) -> Result<()> {
        let feed = self.feeds.iter().position(|f| f.0 == record.source);
        match (record.kind, feed) {
            (Kind::Bytes, Some(feed)) => {
                let Some(partial) = partial.get_mut(feed) else { return Ok(()) };
                partial.extend_from_slice(record.payload);
                let cut = self.frames(feed, record.ts, partial);
                partial.drain(..cut);
            }
            (Kind::Connected, Some(feed)) => {
                partial.get_mut(feed).into_iter().for_each(Vec::clear);
                self.arrivals.push(Arrival { ts: record.ts, what: What::Connected(feed) });
            }
            (Kind::Events, _) => {
                for chunk in record.payload.chunks(PACKED_BYTES) {
                    let packed = PackedEvent::read_from_bytes(chunk).ok();
                    let event = packed.and_then(|p| p.unpack(0));
                    self.event(event.ok_or_else(|| anyhow!("bytes that spell no event"))?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes over the whole messages of `bytes`; returns how many bytes they were.
    fn frames(&mut self, feed: usize, ts: i64, bytes: &[u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..)
            && let Ok(Some(frame)) = dtc::frame::next_frame(rest)
        {
            let (at, len) = (self.bytes.len(), frame.len());
            self.bytes.extend_from_slice(frame.bytes);
            self.arrivals.push(Arrival { ts, what: What::Frame { feed, at, len } });
            done += len;
        }
        done
    }

    /// What decodes the arrivals, from the first.
    pub(super) fn decoder(&self) -> Decoder<'_> {
        let feeds = self.feeds.iter().map(|f| f.1.clone()).collect();
        Decoder { input: self, feeds, sequencer: Sequencer::default() }
    }
}

/// Arrivals → events, in order.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    input: &'a Input,
    feeds: Vec<DtcFeed>,
    sequencer: Sequencer,
}

impl Decoder<'_> {
    /// Leaves the events of `arrival` in `out`, which is emptied before.
    pub(super) fn decode(&mut self, arrival: &Arrival, out: &mut Vec<Event>) {
        out.clear();
        match arrival.what {
            What::Event(at) => {
                out.extend(self.input.events.get(at).map(|e| self.sequencer.stamp(*e)));
            }
            What::Frame { feed, at, len } => {
                let bytes = self.input.bytes.get(at..at + len).unwrap_or_default();
                if let Some(feed) = self.feeds.get_mut(feed)
                    && let Ok(Some(frame)) = dtc::frame::next_frame(bytes)
                {
                    let sequencer = &mut self.sequencer;
                    feed.on_frame(&frame, Ts(arrival.ts), &mut |e| out.push(sequencer.stamp(e)));
                }
            }
            What::Connected(feed) => {
                self.feeds.get_mut(feed).into_iter().for_each(DtcFeed::reconnected);
            }
        }
    }
}
