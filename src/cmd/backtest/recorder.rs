//! The records of a run, made again: what a live run would have left of it.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::calendar::date_of;
use crate::cmd::playback::Step;
use crate::feed::dtc::orders::Named;
use crate::runtime::records::{self, header};
use crate::runtime::setup::Setup;
use crate::store::trades::{TradeWriter, folder, read, trades_file};
use crate::trader::note::{Note, Stamp};
use crate::units::{SymbolId, Ts};

/// Writes the notes of a run as records below a data folder.
#[derive(Debug)]
pub(super) struct Recorder<'a> {
    data: &'a Path,
    setup: &'a Setup,
    /// From the first event on, and what lay in its folder before.
    begun: Option<(TradeWriter, Vec<PathBuf>)>,
    folder: PathBuf,
    /// What the server of a recorded run called orders and executions.
    named: Vec<Named>,
    /// Version of the context that the writer knows.
    version: u64,
    last: Stamp,
    /// What is open after the last step.
    held: Vec<Note>,
}

impl<'a> Recorder<'a> {
    /// For a run of `setup`, in the tree of its mode below `data`. `named`: what the server of a
    /// recorded run called orders and executions.
    pub(super) fn new(data: &'a Path, setup: &'a Setup, named: Vec<Named>) -> Recorder<'a> {
        let last = Stamp { seq: 0, ts: Ts::NONE, market_time: Ts::NONE, symbol: SymbolId(0) };
        let folder = folder(data, header(setup, Ts::NONE).mode);
        let (begun, held) = (None, Vec::new());
        Recorder { data, setup, begun, folder, named, version: 0, last, held }
    }

    /// Writes what a step left.
    ///
    /// # Errors
    /// With the path of what cannot be written, or is there already from another run.
    pub(super) fn step(&mut self, step: &Step<'_>) -> Result<()> {
        let (writer, before) = match &mut self.begun {
            Some(begun) => begun,
            None => {
                let header = header(self.setup, step.event.ts);
                let calendar = self.setup.calendar.clone();
                let before = read::files(&self.folder)?;
                let mut writer = TradeWriter::new(self.data, header, calendar, step.event.ts)?;
                self.named.iter().for_each(|named| records::name(&mut writer, named));
                self.begun.insert((writer, before))
            }
        };
        if step.context.version != self.version {
            self.version = step.context.version;
            writer.adopt(step.context);
        }
        for note in step.pipeline.judge().notes() {
            if let Some(at) = records::stamp(note) {
                self.last = at;
                if !matches!(note, Note::Order(_) | Note::Kill(_) | Note::Alert(_)) {
                    let segment = self.setup.calendar.segment(at.market_time.or(at.ts));
                    let path = self.folder.join(trades_file(date_of(segment.trade_day)));
                    ensure!(
                        !before.contains(&path),
                        "{}: is there from another run; records of two runs do not mix",
                        path.display()
                    );
                }
            }
            writer.write(note)?;
        }
        self.held.clear();
        self.held.extend(step.held());
        Ok(())
    }

    /// Ends the files.
    ///
    /// # Errors
    /// With the path of what cannot be written.
    pub(super) fn finish(self) -> Result<()> {
        let Some((mut writer, _)) = self.begun else { return Ok(()) };
        // What is open is told as it stands: nobody will close it.
        self.held.iter().try_for_each(|held| writer.write(held))?;
        let written = writer.finish(self.last)?;
        written.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        let (folder, records) = (self.folder.display(), written.records);
        eprintln!("records {folder} ({records}, {} round trips)", written.trades);
        Ok(())
    }
}
