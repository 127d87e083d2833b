//! Tables on disk: what the features said, row by row, as CSV or Parquet.
//!
//! [`mod@columns`] is the one table of what a row holds, [`rows`] says when there is a row,
//! [`mod@csv`] and [`mod@parquet`] write it. A file takes its name only once it is whole
//! ([`staged`]). [`contexts`] holds what the cold path published, version by version,
//! [`orderflow`] what other programs read of the market, and [`trades`] what trading left.
//! [`manifest`] lists the files of a day, [`archive`] packs those of a month.

pub mod archive;
mod behind;
pub mod columns;
pub mod contexts;
pub mod control;
pub mod csv;
pub mod ids;
pub mod lock;
pub mod manifest;
pub mod options;
pub mod orderflow;
pub mod parquet;
pub mod quality;
pub mod rows;
pub mod staged;
pub mod trades;

use std::io;
use std::path::Path;

pub use columns::{Cell, Column, Sample, columns};
pub use rows::{Every, Sampler};

/// Facts about the run that every file of it carries, as name and text.
pub type Facts = Vec<(String, String)>;

/// A table being written, in the format that its extension names.
#[derive(Debug)]
pub enum TableFile {
    /// Text, one line a row.
    Csv(Box<csv::CsvFile>),
    /// Columns, a block of rows at a time.
    Parquet(Box<parquet::ParquetFile>),
}

impl TableFile {
    /// Opens `path` for rows of `columns`. `facts` go into Parquet's own metadata; CSV has no place
    /// for them.
    ///
    /// # Errors
    /// With the path: an extension that is neither `csv` nor `parquet`, a folder that is not there
    /// or not writable.
    pub fn create(path: &Path, columns: Vec<Column>, facts: Facts) -> io::Result<TableFile> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Ok(TableFile::Csv(Box::new(csv::CsvFile::create(path, columns)?))),
            "parquet" => {
                let file = parquet::ParquetFile::create(path, columns, facts)?;
                Ok(TableFile::Parquet(Box::new(file)))
            }
            _ => {
                let text = format!("{}: a table's name ends in .csv or .parquet", path.display());
                Err(io::Error::new(io::ErrorKind::InvalidInput, text))
            }
        }
    }

    /// Appends a row.
    ///
    /// # Errors
    /// With the path where the file cannot be written, such as on a full disk.
    pub fn row(&mut self, sample: &Sample<'_>) -> io::Result<()> {
        match self {
            TableFile::Csv(file) => file.row(sample),
            TableFile::Parquet(file) => file.row(sample),
        }
    }

    /// Ends the file, gives it its name and returns its rows.
    ///
    /// # Errors
    /// As [`TableFile::row`]; the name then still holds what it held before.
    pub fn finish(self) -> io::Result<u64> {
        match self {
            TableFile::Csv(file) => file.finish(),
            TableFile::Parquet(file) => file.finish(),
        }
    }
}
