//! Which files belong to a month: those with a date of it in their name or that of their folder.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::civil::Date;

use crate::store::manifest::dated;
use crate::store::quality::Family;

/// Folders deep that are looked into.
const DEEP: usize = 4;

/// A month of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// That of a day.
    #[must_use]
    pub fn of(day: Date) -> Month {
        Month { year: day.year(), month: day.month() }
    }

    /// Reads `YYYYMM`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Month> {
        let digits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        let day = digits.then(|| Date::strptime("%Y%m%d", format!("{text}01")))?.ok()?;
        Some(Month::of(day))
    }

    /// Whether it ended before `today`.
    #[must_use]
    pub fn is_over(self, today: Date) -> bool {
        self < Month::of(today)
    }

    /// Days since its last one on `today`; `None` while it is not over.
    #[must_use]
    pub fn days_over(self, today: Date) -> Option<u32> {
        let last = Date::new(self.year, self.month, 1).ok()?.last_of_month();
        let days = crate::calendar::days(today).checked_sub(crate::calendar::days(last))?;
        u32::try_from(days).ok().filter(|_| self.is_over(today))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}", self.year, self.month)
    }
}

/// A file of a month.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Original {
    /// Path from the tree, parts joined by `/`.
    pub path: String,
    month: Month,
}

const fn roots(family: Family) -> &'static [&'static str] {
    match family {
        Family::Options => &["options", "options_flow"],
        Family::Orderflow => &["orderflow"],
        Family::Trades => &["trades"],
    }
}

/// The date in the last part of a path.
pub(super) fn day_of(path: &Path) -> Option<Date> {
    dated(path.file_name()?.to_str()?)
}

/// The files of `month`, by path, and what was left out and why.
///
/// # Errors
/// With the path of a folder that cannot be read.
pub fn originals(
    tree: &Path,
    family: Family,
    month: Month,
) -> Result<(Vec<Original>, Vec<String>)> {
    let (mut found, mut skipped) = all(tree, family)?;
    found.retain(|original| original.month == month);
    skipped.retain(|(of, _)| *of == month);
    Ok((found, skipped.into_iter().map(|(_, text)| text).collect()))
}

/// The months of which there are files.
///
/// # Errors
/// As [`originals`].
pub fn months(tree: &Path, family: Family) -> Result<BTreeSet<Month>> {
    Ok(all(tree, family)?.0.into_iter().map(|original| original.month).collect())
}

type Skipped = Vec<(Month, String)>;

fn all(tree: &Path, family: Family) -> Result<(Vec<Original>, Skipped)> {
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    for root in roots(family) {
        let folder = tree.join(root);
        if folder.is_dir() {
            walk(&folder, root, None, DEEP, &mut found, &mut skipped)?;
        }
    }
    found.sort();
    Ok((found, skipped))
}

fn walk(
    folder: &Path,
    inside: &str,
    of_folder: Option<Date>,
    deep: usize,
    found: &mut Vec<Original>,
    skipped: &mut Skipped,
) -> Result<()> {
    let named = || folder.display().to_string();
    for entry in std::fs::read_dir(folder).with_context(named)? {
        let entry = entry.with_context(named)?;
        let (path, kind) = (entry.path(), entry.file_type().with_context(named)?);
        let name = entry.file_name();
        let day = of_folder.or_else(|| day_of(&path));
        let say = |text: &str| day.map(|d| (Month::of(d), format!("{}: {text}", path.display())));
        let Some(name) = name.to_str() else {
            skipped.extend(say("its name is no UTF-8: left out"));
            continue;
        };
        if name.starts_with('.') {
            skipped.extend(say("was not finished: the next run does so"));
        } else if kind.is_dir() && deep > 0 {
            walk(&path, &format!("{inside}/{name}"), day, deep - 1, found, skipped)?;
        } else if kind.is_file() {
            let month = day.map(Month::of);
            let path = format!("{inside}/{name}");
            found.extend(month.map(|month| Original { path, month }));
        } else {
            skipped.extend(say("is no plain file: left out"));
        }
    }
    Ok(())
}
