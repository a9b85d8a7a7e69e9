//! Tables whose columns are named in a line `#Fields:`, as the W3C's extended log file format has it: IIS, and CloudFront with tabs.

use super::entry::{Entry, number};
use super::time::rfc_3339;
use std::borrow::Cow;

/// Most columns.
const MAX_COLUMNS: usize = 256;
/// The columns that IIS and CloudFront write unless they are told otherwise, for files that were cut off in front.
const IIS: &str = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status \
                   sc-substatus sc-win32-status time-taken";
const CLOUDFRONT: &str = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) \
                          cs-uri-query cs(Cookie)";

/// What a column is of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Date,
    Time,
    Client,
    Forwarded,
    User,
    Method,
    Path,
    Query,
    Status,
    Sent,
    Took,
    Referrer,
    Agent,
    Host,
    Other,
}

/// The columns, as the last `#Fields:` named them.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    columns: Vec<Column>,
    /// Whether the first row below them has tabs: a later one may have some within a field.
    tabs: Option<bool>,
}

impl Table {
    /// Takes over the columns where a line names them; false for what is no directive of the format.
    pub(super) fn directive(&mut self, text: &str) -> bool {
        const OTHERS: &[&str] = &["#Version:", "#Software:", "#Date:", "#Start-Date:", "#End-Date:", "#Remark:"];
        if let Some(names) = text.strip_prefix("#Fields:") {
            (self.columns, self.tabs) = (columns(names), None);
            return true;
        }
        OTHERS.iter().any(|other| text.starts_with(other))
    }

    /// Reads a row into an empty entry; gives the name of its format.
    pub(super) fn parse<'a>(&mut self, text: &'a str, entry: &mut Entry<'a>) -> Result<&'static str, String> {
        let tabs = self.tabs.unwrap_or_else(|| text.contains('\t'));
        let cells = text.split(if tabs { '\t' } else { ' ' }).take(MAX_COLUMNS + 1);
        let usual;
        let known = if self.columns.is_empty() {
            let names = if tabs { CLOUDFRONT } else { IIS };
            usual = columns(names);
            // Rows of CloudFront grew longer over the years; their beginning stayed.
            let count = cells.clone().count();
            if if tabs { count < usual.len() } else { count != usual.len() } {
                return Err("no line #Fields: names its columns".to_owned());
            }
            &usual
        } else {
            &self.columns
        };
        let count = cells.clone().count();
        if count < known.len() || (count > known.len() && !self.columns.is_empty()) {
            return Err(format!("{count} columns, expected {}", known.len()));
        }
        let (mut date, mut time) = ("", "");
        for (column, cell) in known.iter().zip(cells) {
            set(*column, cell, tabs, entry, &mut date, &mut time);
        }
        entry.time = rfc_3339(&format!("{date}T{time}Z"));
        if entry.time.is_none() {
            return Err(format!("\"{date} {time}\" is not a date and a time"));
        }
        if entry.target.is_empty() {
            return Err("it has no cs-uri-stem".to_owned());
        }
        self.tabs = Some(tabs);
        Ok(if tabs { "cloudfront" } else { "iis" })
    }
}

fn columns(names: &str) -> Vec<Column> {
    names.split_ascii_whitespace().take(MAX_COLUMNS).map(column).collect()
}

fn column(name: &str) -> Column {
    match name.to_ascii_lowercase().as_str() {
        "date" => Column::Date,
        "time" => Column::Time,
        "c-ip" => Column::Client,
        "x-forwarded-for" | "cs(x-forwarded-for)" => Column::Forwarded,
        "cs-username" => Column::User,
        "cs-method" => Column::Method,
        "cs-uri-stem" | "cs-uri" => Column::Path,
        "cs-uri-query" => Column::Query,
        "sc-status" => Column::Status,
        "sc-bytes" => Column::Sent,
        "time-taken" => Column::Took,
        "cs(referer)" => Column::Referrer,
        "cs(user-agent)" => Column::Agent,
        "cs(host)" | "cs-host" => Column::Host,
        _ => Column::Other,
    }
}

fn set<'a>(column: Column, cell: &'a str, tabs: bool, entry: &mut Entry<'a>, date: &mut &'a str, time: &mut &'a str) {
    if matches!(cell, "-" | "") {
        return;
    }
    match column {
        Column::Date => *date = cell,
        Column::Time => *time = cell,
        Column::Client => entry.client = Cow::Borrowed(cell),
        Column::Forwarded => entry.forwarded = shown(cell, tabs),
        Column::User => entry.user = Cow::Borrowed(cell),
        Column::Method => entry.method = Cow::Borrowed(cell),
        Column::Path => entry.target = Cow::Owned(format!("{cell}{}", entry.target)),
        Column::Query => entry.target = Cow::Owned(format!("{}?{cell}", entry.target)),
        Column::Status => entry.status = number(cell),
        Column::Sent => entry.sent = number(cell),
        // IIS counts milliseconds, CloudFront seconds.
        Column::Took => entry.secs = cell.parse::<f64>().ok().map(|took| if tabs { took } else { took / 1e3 }),
        Column::Referrer => entry.referrer = shown(cell, tabs),
        Column::Agent => entry.agent = shown(cell, tabs),
        Column::Host => entry.host = Cow::Borrowed(cell),
        Column::Other => {}
    }
}

/// A header as the client sent it: IIS writes `+` for a blank, and CloudFront escapes as addresses of pages are.
fn shown(cell: &str, tabs: bool) -> Cow<'_, str> {
    if tabs {
        crate::web::text::decode(cell, false).text
    } else if cell.contains('+') {
        Cow::Owned(cell.replace('+', " "))
    } else {
        Cow::Borrowed(cell)
    }
}
