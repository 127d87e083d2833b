//! What the last run of a mode left: found by playing its journal again.
//!
//! A run that was killed has a journal that ends somewhere; everything that it knew of orders,
//! positions and limits follows from what is whole of it. The venue is asked afterwards, and wins.

use std::path::{Path, PathBuf};

use super::player::{Outputs, Player, known_orders};
use super::setup::Setup;
use crate::context::Context;
use crate::feed::dtc::orders::KnownOrder;
use crate::journal::{JournalError, Kind, Reader};
use crate::order::OrderId;
use crate::pipeline::Pipeline;
use crate::risk::State;
use crate::tally::SessionFilter;

/// What a journal's end was.
#[derive(Debug)]
pub struct Previous {
    /// The journal.
    pub path: PathBuf,
    /// Limits.
    pub risk: State,
    /// Orders and positions, as text.
    pub orders: String,
    /// The next order id that it would have used.
    pub next: OrderId,
    /// Round trips that are open, as text.
    pub trips: String,
    /// Server ids of its orders.
    pub known: Vec<KnownOrder>,
    /// Why the journal could not be played to its end, if it could not.
    pub trouble: Option<String>,
}

/// The last run of the mode and symbols of `setup` among the journals of `folder`; `None` where
/// there is none.
///
/// # Errors
/// With the path: the folder cannot be read, or the newest journal of the mode cannot be played by
/// this build.
pub fn last(setup: &Setup, folder: &Path) -> Result<Option<Previous>, String> {
    let mut journals = match std::fs::read_dir(folder) {
        Ok(entries) => entries
            .filter_map(|entry| entry.ok().map(|e| e.path()))
            .filter(|path| path.extension().is_some_and(|e| e == "mjrnl"))
            .collect::<Vec<_>>(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", folder.display())),
    };
    // Their names are dates and times.
    journals.sort();
    while let Some(path) = journals.pop() {
        let say = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let data = std::fs::read(&path).map_err(|e| say(&e))?;
        let reader = match Reader::open(&data) {
            Ok(reader) => reader,
            Err(error @ JournalError::Version(_)) => {
                unreadable(setup, &path, &error)?;
                continue;
            }
            // No journal, or one whose first write was cut off.
            Err(_) => continue,
        };
        // A run that died before its first input left nothing.
        if !reader.records().any(|r| !matches!(r.kind, Kind::State | Kind::Bind)) {
            continue;
        }
        let recorded = match Setup::from_journal(&reader) {
            Ok(recorded) => recorded,
            Err(error) => {
                unreadable(setup, &path, &error)?;
                continue;
            }
        };
        let symbols =
            |s: &Setup| s.instruments.iter().map(|i| i.symbol.clone()).collect::<Vec<_>>();
        if recorded.mode == setup.mode && recorded.trades() && symbols(&recorded) == symbols(setup)
        {
            return play(&recorded, reader, &path).map(Some).map_err(|e| say(&e));
        }
    }
    Ok(None)
}

/// A journal of which nothing can be said may be that of the last live run, with orders and
/// positions: an older one must not be taken for it.
fn unreadable(setup: &Setup, path: &Path, error: &dyn std::fmt::Display) -> Result<(), String> {
    if setup.config.live_trading().is_none() {
        say!("mia: warning: {}: {error}: an older journal counts", path.display());
        return Ok(());
    }
    Err(format!(
        "{}: {error}: the last live run may have been this one. Start the build that wrote it, or \
         move the file away: then orders and positions are taken over from the venue alone",
        path.display()
    ))
}

fn play(recorded: &Setup, reader: Reader<'_>, path: &Path) -> Result<Previous, String> {
    let core = recorded.core(SessionFilter::All);
    let mut pipeline = Pipeline::new(&core, recorded.calendar.clone());
    let mut outputs = Outputs::collect(&reader);
    let mut context = Context::EMPTY;
    let mut player = Player::new(reader, &recorded.instruments).map_err(|e| e.to_string())?;
    let played = player.play(|event| {
        outputs.context(event.seq, &mut context);
        pipeline.on_event(event, &context);
    });
    let trader = pipeline.judge().trader().ok_or("the run did not trade")?;
    Ok(Previous {
        path: path.to_owned(),
        risk: *trader.risk().state(),
        orders: trader.orders().to_text(),
        next: trader.orders().id_range().0,
        trips: trader.trips_text(),
        known: known_orders(&reader, &recorded.instruments)?,
        trouble: played.err().map(|e| e.to_string()),
    })
}
