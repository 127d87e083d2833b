//! Unusual options activity over a day: what each poll adds, kept on disk for the days to come.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::calendar::Calendar;
use crate::options::activity::{Poll, Session, State, detect};
use crate::options::chain::{Chain, Underlying};
use crate::options::priced::Priced;
use crate::options::snapshot::Unusual;
use crate::store::options::{Folders, activity};

/// The watch over one underlying.
#[derive(Clone, Debug)]
pub struct Watch {
    of: Underlying,
    /// The session in progress; `None` before the first poll.
    day: Option<Date>,
    past: BTreeMap<Date, Session>,
    session: Session,
    state: State,
}

impl Watch {
    /// A watch that has seen nothing.
    #[must_use]
    pub fn new(of: Underlying) -> Watch {
        Watch {
            of,
            day: None,
            past: BTreeMap::new(),
            session: Session::default(),
            state: State::default(),
        }
    }

    /// Takes a chain and says what trades unusually. Files that cannot be read or written are named
    /// in `warnings`; without them there is less history, and nothing else fails.
    pub fn poll(
        &mut self,
        folders: &Folders,
        calendar: &Calendar,
        chain: &Chain,
        priced: &Priced,
        warnings: &mut Vec<String>,
    ) -> Unusual {
        let poll = Poll::of(chain, priced, calendar);
        if self.day != Some(poll.date) {
            self.turn(folders, calendar, poll.date, warnings);
        }
        let found = detect(&poll, &self.past, &mut self.state);
        let mut note = |error: anyhow::Error| warnings.push(format!("{error:#}"));
        if self.session.add(&poll)
            && let Err(error) =
                activity::write(folders, self.of, poll.date, &self.session, calendar)
        {
            note(error);
        }
        if let Err(error) = activity::write_state(folders, self.of, &self.state) {
            note(error);
        }
        found.unusual
    }

    /// Begins a day with what the earlier ones left.
    fn turn(
        &mut self,
        folders: &Folders,
        calendar: &Calendar,
        date: Date,
        warnings: &mut Vec<String>,
    ) {
        self.day = Some(date);
        let mut note = |error: anyhow::Error| warnings.push(format!("{error:#}"));
        match activity::read_history(folders, self.of, date, calendar) {
            Ok((past, _)) => self.past = past,
            Err(error) => note(error),
        }
        match activity::read(folders, self.of, date, calendar) {
            Ok((session, _)) => self.session = session,
            Err(error) => note(error),
        }
        match activity::read_state(folders, self.of) {
            Ok(state) => self.state = state,
            Err(error) => note(error),
        }
    }
}
