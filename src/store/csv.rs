//! Rows as CSV: UTF-8, LF, a header, `.` decimals, an empty cell for no value, RFC 3339 with `Z`.
//!
//! Numbers are written with as many digits as bring the same bits back.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::columns::{Cell, Column, Sample};
use super::staged::{Staged, named};

/// A CSV file being written.
#[derive(Debug)]
pub struct CsvFile {
    columns: Vec<Column>,
    writer: csv::Writer<Staged>,
    /// The cell in the making.
    text: String,
    rows: u64,
}

impl CsvFile {
    /// Opens it and writes the header.
    ///
    /// # Errors
    /// With the path where it cannot be written.
    pub fn create(path: &Path, columns: Vec<Column>) -> io::Result<CsvFile> {
        let file = Staged::create(path)?;
        // The file gathers bytes itself.
        let mut writer = csv::WriterBuilder::new().buffer_capacity(8 << 10).from_writer(file);
        let header = writer.write_record(columns.iter().map(|c| c.name.as_bytes()));
        header.map_err(|e| named(path, &e))?;
        Ok(CsvFile { columns, writer, text: String::new(), rows: 0 })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// With the path where it cannot be written.
    pub fn row(&mut self, sample: &Sample<'_>) -> io::Result<()> {
        let put = |writer: &mut csv::Writer<Staged>,
                   text: &mut String,
                   columns: &[Column]|
         -> csv::Result<()> {
            for column in columns {
                text.clear();
                let cell = column.cell(sample);
                writer.write_field(if let Cell::Text(plain) = cell {
                    plain
                } else {
                    write_cell(text, &cell);
                    text.as_str()
                })?;
            }
            writer.write_record(None::<&[u8]>)
        };
        put(&mut self.writer, &mut self.text, &self.columns)
            .map_err(|e| named(self.writer.get_ref().path(), &e))?;
        self.rows += 1;
        Ok(())
    }

    /// Ends the file and returns its rows.
    ///
    /// # Errors
    /// With the path where it cannot be written.
    pub fn finish(self) -> io::Result<u64> {
        let path = self.writer.get_ref().path().to_owned();
        let file = self.writer.into_inner().map_err(|e| named(&path, &e.error()))?;
        file.finish()?;
        Ok(self.rows)
    }
}

/// Appends the cell's text; nothing where it has no value.
fn write_cell(text: &mut String, cell: &Cell<'_>) {
    // Writing to a String cannot fail.
    let _ = match *cell {
        Cell::Time(Some(ts)) => write!(text, "{ts}"),
        Cell::Date(Some(day)) => {
            let epoch = jiff::civil::date(1970, 1, 1);
            let date = epoch.checked_add(jiff::Span::new().days(i64::from(day)));
            date.map_or(Ok(()), |date| write!(text, "{date}"))
        }
        Cell::Text(plain) => write!(text, "{plain}"),
        Cell::Flag(Some(flag)) => write!(text, "{flag}"),
        Cell::Count(Some(count)) => write!(text, "{count}"),
        Cell::Number(Some(number)) => write!(text, "{number}"),
        _ => Ok(()),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Ts;

    #[test]
    fn cells() {
        for (cell, expected) in [
            (Cell::Time(Some(Ts(1_703_545_200_105_900_877))), "2023-12-25T23:00:00.105900877Z"),
            (Cell::Time(None), ""),
            (Cell::Date(Some(19_717)), "2023-12-26"),
            (Cell::Text("WARMUP"), "WARMUP"),
            (Cell::Flag(Some(true)), "true"),
            (Cell::Count(Some(-3)), "-3"),
            (Cell::Number(Some(0.1 + 0.2)), "0.30000000000000004"),
            (Cell::Number(None), ""),
        ] {
            let mut text = String::new();
            write_cell(&mut text, &cell);
            assert_eq!(text, expected);
        }
    }
}
