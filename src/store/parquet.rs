//! Rows as Parquet: every column nullable, instants as nanoseconds in UTC, dates as days, texts
//! dictionary encoded, Zstandard inside. What the columns mean stands in the file's own metadata.
//!
//! [`ParquetFile`] gathers rows by column and writes a block at a time; [`table`] writes a small
//! table at once.

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
        let gathered = columns.iter().map(|c| Gathered::new(Kind::of(c.get))).collect();
        let fields = columns.iter().map(|column| field(&column.name, Kind::of(column.get)));
        let fields = fields.collect::<Result<_>>();
        let open = fields.and_then(|f| open(file, "features", f, Some(notes(&columns, facts))));
        let writer = open.map_err(|e| named(path, &e))?;
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
        if !self.rows.is_multiple_of(BLOCK_ROWS as u64) {
            return Ok(());
        }
        block(&mut self.writer, &mut self.gathered).map_err(|e| named(&self.path, &e))
    }

    /// Ends the file and returns its rows.
    ///
    /// # Errors
    /// With the path where it cannot be written.
    pub fn finish(mut self) -> io::Result<u64> {
        let ended =
            block(&mut self.writer, &mut self.gathered).and_then(|()| self.writer.into_inner());
        ended.map_err(|e| named(&self.path, &e))?.finish()?;
        Ok(self.rows)
    }
}

/// A column of a table that is written at once; `None` is null.
#[derive(Clone, Debug)]
pub enum Cells {
    /// Texts.
    Text(Vec<Option<String>>),
    /// Whole numbers.
    Whole(Vec<Option<i64>>),
    /// Instants, ns since 1970-01-01 in UTC.
    Time(Vec<Option<i64>>),
    /// Numbers.
    Number(Vec<Option<f64>>),
}

impl Cells {
    const fn kind(&self) -> Kind {
        match self {
            Cells::Text(_) => Kind::Text,
            Cells::Whole(_) => Kind::Whole,
            Cells::Time(_) => Kind::Time,
            Cells::Number(_) => Kind::Number,
        }
    }

    fn gathered(self) -> Gathered {
        fn apart<T, V>(all: Vec<Option<T>>, value: impl Fn(T) -> V) -> (Vec<V>, Vec<i16>) {
            let levels = all.iter().map(|cell| i16::from(cell.is_some())).collect();
            (all.into_iter().flatten().map(value).collect(), levels)
        }
        let (values, levels) = match self {
            Cells::Text(all) => {
                let (values, levels) = apart(all, |text| ByteArray::from(text.into_bytes()));
                (Values::Text(values), levels)
            }
            Cells::Whole(all) | Cells::Time(all) => {
                let (values, levels) = apart(all, |number| number);
                (Values::Whole(values), levels)
            }
            Cells::Number(all) => {
                let (values, levels) = apart(all, |number| number);
                (Values::Number(values), levels)
            }
        };
        Gathered { values, levels }
    }
}

/// Writes `columns`, all of one length, as the table `name`.
///
/// # Errors
/// With the path where it cannot be written.
pub fn table(path: &Path, name: &str, columns: Vec<(String, Cells)>) -> io::Result<()> {
    let file = Staged::create(path)?;
    let put = || {
        let fields = columns.iter().map(|(name, cells)| field(name, cells.kind()));
        let mut writer = open(file, name, fields.collect::<Result<_>>()?, None)?;
        let mut all: Vec<Gathered> = columns.into_iter().map(|(_, c)| c.gathered()).collect();
        block(&mut writer, &mut all)?;
        // Ends the file with its metadata.
        writer.into_inner()
    };
    put().map_err(|e| named(path, &e))?.finish()
}

/// Writes the gathered rows, if there are any.
fn block(writer: &mut SerializedFileWriter<Staged>, all: &mut [Gathered]) -> Result<()> {
    if all.first().is_none_or(|first| first.levels.is_empty()) {
        return Ok(());
    }
    let mut group = writer.next_row_group()?;
    for gathered in all {
        gathered.write(&mut group)?;
    }
    group.close().map(|_| ())
}

fn open(
    file: Staged,
    name: &str,
    fields: Vec<Arc<Type>>,
    notes: Option<Vec<KeyValue>>,
) -> Result<SerializedFileWriter<Staged>> {
    let schema = Type::group_type_builder(name).with_fields(fields).build()?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("mia ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(notes)
        .build();
    SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
}

/// What the file says of itself: `facts`, and the meaning of each column.
fn notes(columns: &[Column], facts: Facts) -> Vec<KeyValue> {
    let mut notes: Vec<KeyValue> =
        facts.into_iter().map(|(name, text)| KeyValue::new(format!("mia.{name}"), text)).collect();
    for column in columns {
        let text = match column.unit {
            "" => column.doc.to_string(),
            unit => format!("{} [{unit}]", column.doc),
        };
        notes.push(KeyValue::new(format!("mia.column.{}", column.name), text));
    }
    notes
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Kind {
    Time,
    Date,
    Text,
    Flag,
    Whole,
    Number,
}

impl Kind {
    const fn of(get: Get) -> Kind {
        match get {
            Get::Time(_) => Kind::Time,
            Get::Date(_) => Kind::Date,
            Get::Text(_) | Get::Reason(_) => Kind::Text,
            Get::Flag(_) => Kind::Flag,
            Get::Count(_) => Kind::Whole,
            Get::Number(_) | Get::Feature(_) => Kind::Number,
        }
    }
}

fn field(name: &str, kind: Kind) -> Result<Arc<Type>> {
    let (physical, logical) = match kind {
        Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS))),
        Kind::Date => (Physical::INT32, Some(LogicalType::Date)),
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Flag => (Physical::BOOLEAN, None),
        Kind::Whole => (Physical::INT64, None),
        Kind::Number => (Physical::DOUBLE, None),
    };
    let builder = Type::primitive_type_builder(name, physical)
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
    fn new(kind: Kind) -> Gathered {
        let values = match kind {
            Kind::Time | Kind::Whole => Values::Whole(Vec::new()),
            Kind::Date => Values::Day(Vec::new()),
            Kind::Text => Values::Text(Vec::new()),
            Kind::Flag => Values::Flag(Vec::new()),
            Kind::Number => Values::Number(Vec::new()),
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
