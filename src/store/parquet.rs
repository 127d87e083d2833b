//! Rows as Parquet: every column nullable, instants as nanoseconds in UTC, dates as days, texts
//! dictionary encoded, Zstandard inside. What the columns mean stands in the file's own metadata.
//!
//! Rows are gathered by column and written a block at a time.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type,
};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::Facts;
use super::columns::{Cell, Column, Get, Sample};
use super::staged::{Staged, named};

/// Rows of a block: what is held in memory, about a kilobyte each.
const BLOCK_ROWS: usize = 1 << 14;

/// A Parquet file being written.
pub struct ParquetFile {
    path: PathBuf,
    columns: Vec<Column>,
    gathered: Vec<Gathered>,
    writer: SerializedFileWriter<Staged>,
    rows: u64,
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ParquetFile {
    /// Opens it. `facts` and the meaning of each column go into its metadata.
    ///
    /// # Errors
    /// With the path where it cannot be written.
    pub fn create(path: &Path, columns: Vec<Column>, facts: Facts) -> io::Result<ParquetFile> {
        let file = Staged::create(path)?;
        let gathered = columns.iter().map(|c| Gathered::new(c.get)).collect();
        let writer = open(file, &columns, facts).map_err(|e| named(path, &e))?;
        Ok(ParquetFile { path: path.to_owned(), columns, gathered, writer, rows: 0 })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// With the path where the file cannot be written.
    pub fn row(&mut self, sample: &Sample<'_>) -> io::Result<()> {
        for (column, gathered) in self.columns.iter().zip(&mut self.gathered) {
            gathered.push(&column.cell(sample));
        }
        self.rows += 1;
        if self.rows.is_multiple_of(BLOCK_ROWS as u64) { self.block() } else { Ok(()) }
    }

    /// Writes the gathered rows, if there are any.
    fn block(&mut self) -> io::Result<()> {
        if self.gathered.first().is_none_or(|first| first.levels.is_empty()) {
            return Ok(());
        }
        let put = |writer: &mut SerializedFileWriter<Staged>, all: &mut [Gathered]| {
            let mut group = writer.next_row_group()?;
            for gathered in all {
                gathered.write(&mut group)?;
            }
            group.close().map(|_| ())
        };
        put(&mut self.writer, &mut self.gathered).map_err(|e| named(&self.path, &e))
    }

    /// Ends the file and returns its rows.
    ///
    /// # Errors
    /// With the path where it cannot be written.
    pub fn finish(mut self) -> io::Result<u64> {
        self.block()?;
        // Ends the file with its metadata.
        self.writer.into_inner().map_err(|e| named(&self.path, &e))?.finish()?;
        Ok(self.rows)
    }
}

fn open(file: Staged, columns: &[Column], facts: Facts) -> Result<SerializedFileWriter<Staged>> {
    let fields = columns.iter().map(field).collect::<Result<Vec<_>>>()?;
    let schema = Type::group_type_builder("features").with_fields(fields).build()?;
    let mut notes: Vec<KeyValue> =
        facts.into_iter().map(|(name, text)| KeyValue::new(format!("mia.{name}"), text)).collect();
    for column in columns {
        let text = match column.unit {
            "" => column.doc.to_string(),
            unit => format!("{} [{unit}]", column.doc),
        };
        notes.push(KeyValue::new(format!("mia.column.{}", column.name), text));
    }
    let properties = WriterProperties::builder()
        .set_created_by(concat!("mia ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(notes))
        .build();
    SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
}

fn field(column: &Column) -> Result<Arc<Type>> {
    let (physical, logical) = match column.get {
        Get::Time(_) => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS))),
        Get::Date(_) => (Physical::INT32, Some(LogicalType::Date)),
        Get::Text(_) | Get::Reason(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Get::Flag(_) => (Physical::BOOLEAN, None),
        Get::Count(_) => (Physical::INT64, None),
        Get::Number(_) | Get::Feature(_) => (Physical::DOUBLE, None),
    };
    let builder = Type::primitive_type_builder(&column.name, physical)
        .with_logical_type(logical)
        .with_repetition(Repetition::OPTIONAL);
    builder.build().map(Arc::new)
}

/// One column of the rows that are not written yet.
struct Gathered {
    values: Values,
    /// 1 where there is a value, 0 where there is none.
    levels: Vec<i16>,
}

enum Values {
    Whole(Vec<i64>),
    Day(Vec<i32>),
    Text(Vec<ByteArray>),
    Flag(Vec<bool>),
    Number(Vec<f64>),
}

impl Gathered {
    fn new(get: Get) -> Gathered {
        let values = match get {
            Get::Time(_) | Get::Count(_) => Values::Whole(Vec::new()),
            Get::Date(_) => Values::Day(Vec::new()),
            Get::Text(_) | Get::Reason(_) => Values::Text(Vec::new()),
            Get::Flag(_) => Values::Flag(Vec::new()),
            Get::Number(_) | Get::Feature(_) => Values::Number(Vec::new()),
        };
        Gathered { values, levels: Vec::new() }
    }

    fn push(&mut self, cell: &Cell<'_>) {
        let present = match (&mut self.values, cell) {
            (Values::Whole(all), Cell::Time(cell)) => put(all, cell.map(|ts| ts.0)),
            (Values::Whole(all), Cell::Count(cell)) => put(all, *cell),
            (Values::Day(all), Cell::Date(cell)) => put(all, *cell),
            (Values::Flag(all), Cell::Flag(cell)) => put(all, *cell),
            (Values::Number(all), Cell::Number(cell)) => put(all, *cell),
            (Values::Text(all), Cell::Text(text)) => {
                // Mostly the text of the row before: share its bytes.
                let same = all.last().filter(|last| last.data() == text.as_bytes()).cloned();
                put(all, Some(same.unwrap_or_else(|| ByteArray::from(*text))))
            }
            // A column's getter gives cells of its own type only.
            _ => false,
        };
        self.levels.push(i16::from(present));
    }

    fn write(&mut self, group: &mut SerializedRowGroupWriter<'_, Staged>) -> Result<()> {
        match &mut self.values {
            Values::Whole(all) => put_column::<Int64Type>(group, all, &self.levels)?,
            Values::Day(all) => put_column::<Int32Type>(group, all, &self.levels)?,
            Values::Text(all) => put_column::<ByteArrayType>(group, all, &self.levels)?,
            Values::Flag(all) => put_column::<BoolType>(group, all, &self.levels)?,
            Values::Number(all) => put_column::<DoubleType>(group, all, &self.levels)?,
        }
        self.levels.clear();
        Ok(())
    }
}

fn put<T>(all: &mut Vec<T>, value: Option<T>) -> bool {
    let present = value.is_some();
    all.extend(value);
    present
}

fn put_column<D: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Staged>,
    values: &mut Vec<D::T>,
    levels: &[i16],
) -> Result<()> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<D>().write_batch(values, Some(levels), None)?;
        column.close()?;
    }
    values.clear();
    Ok(())
}
