//! Text columns as numbers: encoders that are fitted, stored with the model, and know what they have not seen.

mod categories;
mod frequency;
mod one_hot;
mod table;

pub use categories::{MAX_KNOWN, MAX_TEXT_BYTES};
pub use frequency::{FittedFrequency, Frequency};
pub use one_hot::{FittedOneHot, OneHot};
pub use table::{ColumnData, EncodingError, FittedTable, MAX_COLUMNS, MAX_NAME_BYTES, MAX_WIDTH, TableColumn, TableEncoder, TextEncoding};
