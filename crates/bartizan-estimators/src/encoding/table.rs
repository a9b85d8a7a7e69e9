//! Tables of numbers and texts as samples.

use super::{FittedFrequency, FittedOneHot, Frequency, OneHot};
use bartizan_core::{Direction, Feature, FeatureSchema};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use thiserror::Error;

/// Columns of a table.
pub const MAX_COLUMNS: usize = 10_000;
/// Columns of the samples made of it.
pub const MAX_WIDTH: usize = 100_000;
/// Length of a column's name.
pub const MAX_NAME_BYTES: usize = 128;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub enum ColumnData<'a> {
    /// NaN means missing; infinities are read as missing.
    Numeric(&'a [f32]),
    /// The empty text is a category as any other.
    Text(&'a [&'a str]),
}

/// A named column to learn from.
#[derive(Clone, Copy, Debug)]
pub struct TableColumn<'a> {
    /// Unique in the table, without `=`, `:` and signs that do not print.
    pub name: &'a str,
    /// Its values.
    pub data: ColumnData<'a>,
}

/// How texts become numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextEncoding {
    /// See [`OneHot`].
    OneHot(OneHot),
    /// See [`Frequency`].
    Frequency(Frequency),
    /// Both, one after the other.
    Both(OneHot, Frequency),
}

/// Turns tables of numbers and texts into samples.
///
/// # Parameters
/// - `text`: the encoding of text columns; one-hot.
/// - `exceptions`: columns by name with another one.
///
/// # Errors
/// No column, too many, a bad or repeated name, columns of different lengths, an exception for a column that is no text column.
///
/// # Algorithm
/// Numeric columns stay as they are. Text columns become `name=category` columns ([`OneHot`]), `name:frequency`
/// ([`Frequency`]) or both. The order is that of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableEncoder {
    /// For text columns.
    pub text: TextEncoding,
    /// For some of them instead, by name.
    pub exceptions: Vec<(String, TextEncoding)>,
}

impl Default for TableEncoder {
    fn default() -> Self {
        Self { text: TextEncoding::OneHot(OneHot::default()), exceptions: Vec::new() }
    }
}

/// A fitted one; stored with the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedTable {
    columns: Vec<FittedColumn>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct FittedColumn {
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Kind {
    Numeric,
    OneHot(FittedOneHot),
    Frequency(FittedFrequency),
    Both(FittedOneHot, FittedFrequency),
}

/// A table cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodingError {
    /// None or too many columns.
    #[error("a table has 1 to {MAX_COLUMNS} columns, got {0}")]
    Columns(usize),
    /// The columns of the samples would be too many.
    #[error("the table would become {0} columns, {MAX_WIDTH} at most; lower max_categories or take frequencies")]
    TooWide(usize),
    /// A bad name.
    #[error("column {column}: a name has 1 to {MAX_NAME_BYTES} bytes, none of them '=', ':' or not printable; got {name:?}")]
    Name {
        /// Which, from 0.
        column: usize,
        /// Its name, shortened.
        name: String,
    },
    /// The same name twice.
    #[error("two columns are named {0:?}")]
    Duplicate(String),
    /// Another number of rows than the first column.
    #[error("column {name:?} has {got} rows, the first one has {expected}")]
    Rows {
        /// Which.
        name: String,
        /// Rows of the first column.
        expected: usize,
        /// Its rows.
        got: usize,
    },
    /// Numbers where texts were learned, or the other way round.
    #[error("column {name:?} must be {expected}")]
    Kind {
        /// Which.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// Other columns than were learned.
    #[error("the table has {got} columns, the encoder was fitted on {expected}")]
    Width {
        /// Fitted on.
        expected: usize,
        /// Given.
        got: usize,
    },
    /// An exception for a column that there is not.
    #[error("there is no text column {0:?} to encode otherwise")]
    Exception(String),
}

impl TableEncoder {
    /// Learns the categories of the text columns.
    ///
    /// # Errors
    /// See [`EncodingError`].
    pub fn fit(&self, table: &[TableColumn<'_>]) -> Result<FittedTable, EncodingError> {
        check_names(table.iter().map(|column| column.name))?;
        check_rows(table.iter().map(|column| (column.name, &column.data)))?;
        for (name, _) in &self.exceptions {
            if !table.iter().any(|c| c.name == name && matches!(c.data, ColumnData::Text(_))) {
                return Err(EncodingError::Exception(name.chars().take(64).collect()));
            }
        }
        let columns = table.iter().map(|column| FittedColumn { name: column.name.to_owned(), kind: self.fit_column(column) }).collect();
        let fitted = FittedTable { columns };
        if fitted.width() > MAX_WIDTH { Err(EncodingError::TooWide(fitted.width())) } else { Ok(fitted) }
    }

    fn fit_column(&self, column: &TableColumn<'_>) -> Kind {
        let ColumnData::Text(texts) = column.data else { return Kind::Numeric };
        let exception = self.exceptions.iter().find(|(name, _)| name == column.name);
        match exception.map_or(self.text, |(_, encoding)| *encoding) {
            TextEncoding::OneHot(one_hot) => Kind::OneHot(one_hot.fit(texts)),
            TextEncoding::Frequency(frequency) => Kind::Frequency(frequency.fit(texts)),
            TextEncoding::Both(one_hot, frequency) => Kind::Both(one_hot.fit(texts), frequency.fit(texts)),
        }
    }
}

impl Kind {
    fn width(&self) -> usize {
        match self {
            Self::Numeric | Self::Frequency(_) => 1,
            Self::OneHot(one_hot) => one_hot.width(),
            Self::Both(one_hot, _) => one_hot.width() + 1,
        }
    }

    fn encode(&self, text: &str, out: &mut [f32]) {
        match self {
            Self::Numeric => {}
            Self::OneHot(one_hot) => one_hot.encode(text, out),
            Self::Frequency(frequency) => out.fill(frequency.encode(text)),
            Self::Both(one_hot, frequency) => {
                let (flags, share) = out.split_at_mut(one_hot.width());
                one_hot.encode(text, flags);
                share.fill(frequency.encode(text));
            }
        }
    }

    fn features(&self, name: &str) -> Vec<Feature> {
        match self {
            Self::Numeric => {
                let description = format!("The column {name} as it is.");
                vec![Feature { name: name.to_owned().into(), unit: "".into(), description: description.into(), direction: Direction::Both }]
            }
            Self::OneHot(one_hot) => one_hot.features(name),
            Self::Frequency(frequency) => vec![frequency.feature(name)],
            Self::Both(one_hot, frequency) => one_hot.features(name).into_iter().chain([frequency.feature(name)]).collect(),
        }
    }
}

impl FittedTable {
    /// Numbers in a row of the samples.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.kind.width()).sum()
    }

    /// The columns of the samples.
    #[must_use]
    pub fn schema(&self) -> FeatureSchema {
        FeatureSchema::new(self.columns.iter().flat_map(|column| column.kind.features(&column.name)).collect())
    }

    /// Names of the table's columns, in the order in which [`Self::encode`] takes them.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The numbers of a table with the columns it was fitted on, row after row.
    ///
    /// # Errors
    /// When columns are missing, of the wrong kind or of different lengths.
    pub fn encode(&self, table: &[ColumnData<'_>]) -> Result<Vec<f32>, EncodingError> {
        if table.len() != self.columns.len() {
            return Err(EncodingError::Width { expected: self.columns.len(), got: table.len() });
        }
        let rows = check_rows(self.columns().zip(table))?;
        let width = self.width();
        let mut values = vec![0.0; rows * width];
        let mut from = 0;
        for (column, data) in self.columns.iter().zip(table) {
            let to = from + column.kind.width();
            let places = values.chunks_exact_mut(width).map(|row| &mut row[from..to]);
            match (data, &column.kind) {
                (ColumnData::Numeric(numbers), Kind::Numeric) => {
                    places.zip(*numbers).for_each(|(out, v)| out.fill(if v.is_finite() { *v } else { f32::NAN }));
                }
                (ColumnData::Text(texts), kind) if !matches!(kind, Kind::Numeric) => {
                    places.zip(*texts).for_each(|(out, text)| kind.encode(text, out));
                }
                (ColumnData::Text(_), _) => return Err(EncodingError::Kind { name: column.name.clone(), expected: "numbers" }),
                (ColumnData::Numeric(_), _) => return Err(EncodingError::Kind { name: column.name.clone(), expected: "texts" }),
            }
            from = to;
        }
        Ok(values)
    }

    /// Checks what a damaged or hostile file could have wrong.
    ///
    /// # Errors
    /// With a sentence that says what is wrong.
    pub fn validate(&self) -> Result<(), String> {
        check_names(self.columns()).map_err(|error| error.to_string())?;
        for (index, column) in self.columns.iter().enumerate() {
            let checked = match &column.kind {
                Kind::Numeric => Ok(()),
                Kind::OneHot(one_hot) => one_hot.validate(),
                Kind::Frequency(frequency) => frequency.validate(),
                Kind::Both(one_hot, frequency) => one_hot.validate().and_then(|()| frequency.validate()),
            };
            checked.map_err(|error| format!("column {index}: {error}"))?;
        }
        if self.width() > MAX_WIDTH { Err(EncodingError::TooWide(self.width()).to_string()) } else { Ok(()) }
    }
}

fn check_names<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Result<(), EncodingError> {
    if names.len() == 0 || names.len() > MAX_COLUMNS {
        return Err(EncodingError::Columns(names.len()));
    }
    let mut seen = HashSet::new();
    for (column, name) in names.enumerate() {
        let odd = |c: char| matches!(c, '=' | ':') || c.is_control();
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(odd) {
            return Err(EncodingError::Name { column, name: name.chars().take(64).collect() });
        }
        if !seen.insert(name) {
            return Err(EncodingError::Duplicate(name.to_owned()));
        }
    }
    Ok(())
}

/// The number of rows, the same for all columns.
fn check_rows<'a, 'b: 'a>(columns: impl Iterator<Item = (&'a str, &'a ColumnData<'b>)>) -> Result<usize, EncodingError> {
    let mut expected = None;
    for (name, data) in columns {
        let got = match data {
            ColumnData::Numeric(numbers) => numbers.len(),
            ColumnData::Text(texts) => texts.len(),
        };
        if *expected.get_or_insert(got) != got {
            return Err(EncodingError::Rows { name: name.to_owned(), expected: expected.unwrap_or(0), got });
        }
    }
    Ok(expected.unwrap_or(0))
}

#[cfg(test)]
mod tests;
