//! Formats in the words of nginx's `log_format` and Apache's `LogFormat`.
//!
//! A format is a list of fields and of what stands between them. A field ends where the next text between fields begins; where it begins
//! more than once, the first place is taken with which the rest of the line fits too.

use super::entry::{Entry, number, request_line};
use super::line::unescaped;
use super::plain;
use super::time::{bracketed, since_1970};
use bartizan_core::head;
use std::borrow::Cow;

/// Places at which fields of one line are tried to end, and bytes that are looked at for them: so many, and so many times the line.
const MAX_TRIED: usize = 1 << 12;
const MAX_BYTES: usize = 1 << 14;
const MAX_TIMES: usize = 16;

/// Longest client, which may be a list.
const MAX_CLIENT: usize = 1_024;

/// What a field is of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Field {
    Client,
    Forwarded,
    User,
    /// What was named as the user: it comes before what the server calls so.
    NamedUser,
    /// As nginx's `$time_local` and Apache's `%t`, or RFC 3339.
    Time,
    /// Seconds since 1970, or a smaller unit.
    Clock,
    Request,
    Method,
    Target,
    Query,
    Status,
    Sent,
    Referrer,
    Agent,
    Host,
    /// What a second has of its unit.
    Took(f64),
    Other,
}

impl Field {
    /// The longest text that can be this field.
    fn longest(self) -> usize {
        match self {
            Self::Status => 3,
            Self::Sent | Self::Clock | Self::Took(_) | Self::Method => 32,
            Self::Time => 64,
            Self::Client => MAX_CLIENT,
            _ => usize::MAX,
        }
    }

    /// Whether a text can be this field. Nothing is kept of it: most places that are tried are none.
    fn may_be(self, text: &str) -> bool {
        match self {
            Self::Client => {
                // Blanks stand only between the entries of a list, and signs in none.
                let blank = |pair: &[u8]| pair[1] == b' ' && pair[0] != b',';
                let odd = |byte: u8| !byte.is_ascii_alphanumeric() && !b".:-_%[], ".contains(&byte) && byte.is_ascii();
                !text.is_empty() && text.len() <= MAX_CLIENT && !text.bytes().any(odd) && !text.as_bytes().windows(2).any(blank)
            }
            Self::Time => bracketed(text).is_some(),
            Self::Clock => text.parse().ok().and_then(since_1970).is_some(),
            Self::Status => text == "-" || number::<u16>(text).is_some(),
            Self::Sent => text == "-" || number::<u64>(text).is_some(),
            _ => true,
        }
    }
}

/// A part of a format.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Field(Field),
}

/// A compiled format.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Template(Vec<Part>);

/// Most parts of a format: it is written by people.
const MAX_PARTS: usize = 200;

impl Template {
    /// Compiles a format: the words alone, or the whole directive as it stands in a configuration. The header or variable whose plain
    /// name is `user` says who the user is; empty for none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn compile(text: &str, user: &str) -> Result<Self, String> {
        let text = text.trim();
        let (words, apache) = if let Some(rest) = text.strip_prefix("log_format") {
            (directive(rest), false)
        } else if let Some(rest) = text.strip_prefix("LogFormat") {
            (directive(rest), true)
        } else {
            // Apache's fields begin with %, nginx's with $.
            (text.to_owned(), text.contains('%') && !text.contains('$'))
        };
        let mut parts = if apache { apache_parts(&words, user)? } else { nginx_parts(&words, user)? };
        if parts.len() > MAX_PARTS {
            return Err(format!("more than {MAX_PARTS} fields"));
        }
        // Nothing says where the first of two ends that follow each other, such as a path and its query: it takes both.
        parts.dedup_by(|next, before| matches!((next, before), (Part::Field(_), Part::Field(_))));
        let has = |wanted: &[Field]| parts.iter().any(|part| matches!(part, Part::Field(field) if wanted.contains(field)));
        if !has(&[Field::Time, Field::Clock]) {
            return Err("it has no time: $time_local, $time_iso8601 or $msec in nginx's words, %t in Apache's".to_owned());
        }
        if !has(&[Field::Request, Field::Target]) {
            return Err("it has no request: $request or $request_uri in nginx's words, %r or %U in Apache's".to_owned());
        }
        Ok(Self(parts))
    }

    /// Reads a line into an empty entry.
    pub(super) fn parse<'a>(&self, text: &'a str, entry: &mut Entry<'a>) -> Result<(), String> {
        let mut tried = Tried { places: MAX_TRIED, bytes: MAX_BYTES + MAX_TIMES * text.len() };
        if fits(&self.0, text.trim_end(), false, entry, &mut tried) {
            return Ok(());
        }
        Err(self.misfit(text))
    }
}

impl Template {
    /// Where a line stops to fit, for a person: the first text between fields that does not come.
    fn misfit(&self, text: &str) -> String {
        let mut rest = text;
        for part in &self.0 {
            let Part::Text(between) = part else { continue };
            match rest.find(between.as_str()) {
                Some(at) => rest = &rest[at + between.len()..],
                None => {
                    return format!(
                        "it does not fit the format: {between:?} does not come where the format has it, before {:?}",
                        head(rest, 40)
                    );
                }
            }
        }
        "it does not fit the format: a field is not what the format says, such as its time or status".to_owned()
    }
}

/// What a directive has in quotes, put together; the name of the format before or after it and a semicolon are left out.
fn directive(rest: &str) -> String {
    let quote = rest.find(['"', '\'']).map_or('"', |at| char::from(rest.as_bytes()[at]));
    let (mut words, mut within, mut escaped) = (String::new(), false, false);
    for character in rest.chars() {
        match character {
            _ if escaped => {
                words.push(character);
                escaped = false;
            }
            '\\' if within => escaped = true,
            _ if character == quote => within = !within,
            _ if within => words.push(character),
            _ => {}
        }
    }
    words
}

fn push_text(parts: &mut Vec<Part>, character: char) {
    match parts.last_mut() {
        Some(Part::Text(text)) => text.push(character),
        _ => parts.push(Part::Text(character.to_string())),
    }
}

/// `$name` and `${name}`.
fn nginx_parts(words: &str, user: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = words;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        if character != '$' {
            push_text(&mut parts, character);
            continue;
        }
        let name = match rest.strip_prefix('{') {
            Some(inner) => {
                let (name, after) = inner.split_once('}').ok_or("a ${ is not closed")?;
                rest = after;
                name
            }
            None => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                let name = &rest[..end];
                rest = &rest[end..];
                name
            }
        };
        if name.is_empty() {
            return Err("a $ without a name".to_owned());
        }
        parts.push(Part::Field(if is_user(name, user) { Field::NamedUser } else { nginx_field(name) }));
    }
    Ok(parts)
}

/// Whether one of nginx's variables is what was named as the user: a header of the request or of the answer, or the variable itself. A cookie
/// is none: it is a secret.
fn is_user(name: &str, user: &str) -> bool {
    let header = ["http_", "sent_http_", "upstream_http_"].into_iter().find_map(|prefix| name.strip_prefix(prefix));
    !user.is_empty() && !name.starts_with("cookie_") && plain(header.unwrap_or(name)) == user
}

fn nginx_field(name: &str) -> Field {
    match name {
        "remote_addr" | "realip_remote_addr" | "the_real_ip" | "client" => Field::Client,
        "http_x_forwarded_for" | "proxy_add_x_forwarded_for" | "proxy_protocol_addr" | "http_x_real_ip" => Field::Forwarded,
        "remote_user" => Field::User,
        "time_local" | "time_iso8601" => Field::Time,
        "msec" => Field::Clock,
        "request" => Field::Request,
        "request_method" => Field::Method,
        "request_uri" | "uri" | "document_uri" => Field::Target,
        "args" | "query_string" => Field::Query,
        "status" => Field::Status,
        "body_bytes_sent" | "bytes_sent" => Field::Sent,
        "http_referer" => Field::Referrer,
        "http_user_agent" => Field::Agent,
        "host" | "http_host" | "server_name" => Field::Host,
        "request_time" => Field::Took(1.0),
        "request_millis" => Field::Took(1e3),
        _ => Field::Other,
    }
}

/// `%h`, `%>s`, `%{Referer}i`, `%!200,304{User-Agent}i`, `%%`, and escapes of quotes.
fn apache_parts(words: &str, user: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut characters = words.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('t') => push_text(&mut parts, '\t'),
                Some(escaped) => push_text(&mut parts, escaped),
                None => return Err("it ends within an escape".to_owned()),
            },
            '%' => {
                let mut argument = String::new();
                let letter = loop {
                    match characters.next() {
                        Some('{') => argument = characters.by_ref().take_while(|c| *c != '}').collect(),
                        Some(c) if c.is_ascii_digit() || "<>!,".contains(c) => {}
                        Some('^') => {
                            // `%^FB`, `%^ti`: two letters.
                            characters.next();
                        }
                        Some(letter) => break letter,
                        None => return Err("it ends within a %".to_owned()),
                    }
                };
                match apache_field(letter, &argument, user) {
                    Some(fields) => parts.extend(fields),
                    None => push_text(&mut parts, letter),
                }
            }
            other => push_text(&mut parts, other),
        }
    }
    Ok(parts)
}

/// The parts that a directive of Apache writes; `None` for `%%`.
fn apache_field(letter: char, argument: &str, user: &str) -> Option<Vec<Part>> {
    let header = argument.to_ascii_lowercase();
    let field = match (letter, header.as_str()) {
        ('%', _) => return None,
        ('i' | 'o', header) if !user.is_empty() && plain(header) == user => Field::NamedUser,
        ('a' | 'h', _) => Field::Client,
        ('u', _) => Field::User,
        // The brackets belong to it, unless a form is asked for.
        ('t', "") => return Some(vec![Part::Text("[".to_owned()), Part::Field(Field::Time), Part::Text("]".to_owned())]),
        ('t', form) if form.ends_with("sec") || form == "%s" => Field::Clock,
        ('t', _) => Field::Time,
        ('r', _) => Field::Request,
        ('m', _) => Field::Method,
        ('U', _) => Field::Target,
        ('q', _) => Field::Query,
        ('s', _) => Field::Status,
        ('b' | 'B' | 'O', _) => Field::Sent,
        ('v' | 'V', _) => Field::Host,
        ('D', _) | ('T', "us") => Field::Took(1e6),
        ('T', "ms") => Field::Took(1e3),
        ('T', _) => Field::Took(1.0),
        ('i', "referer") => Field::Referrer,
        ('i', "user-agent") => Field::Agent,
        ('i', "host") => Field::Host,
        ('i', "x-forwarded-for" | "x-real-ip") => Field::Forwarded,
        _ => Field::Other,
    };
    Some(vec![Part::Field(field)])
}

/// What may still be tried.
struct Tried {
    places: usize,
    bytes: usize,
}

impl Tried {
    /// Takes a place that so many bytes were looked at for; false where no more may be.
    fn take(&mut self, bytes: usize) -> bool {
        let left = (self.places.checked_sub(1), self.bytes.checked_sub(bytes));
        let (Some(places), Some(bytes)) = left else { return false };
        *self = Self { places, bytes };
        true
    }
}

/// Whether a line fits parts, from its beginning to its end; what its fields say is then in the entry.
fn fits<'a>(parts: &[Part], text: &'a str, quoted: bool, entry: &mut Entry<'a>, tried: &mut Tried) -> bool {
    match parts {
        [] => text.is_empty(),
        [Part::Text(between), rest @ ..] => match text.strip_prefix(between.as_str()) {
            Some(after) => fits(rest, after, between.ends_with('"'), entry, tried),
            None => false,
        },
        [Part::Field(field)] => field.may_be(text) && set(*field, text, entry),
        [Part::Field(field), rest @ ..] => {
            let [Part::Text(end), ..] = rest else { return false };
            // A quote after a backslash ends nothing where quotes are escaped; not all servers do that.
            for escaped_too in [false, true] {
                if escaped_too && !(quoted && text.contains('\\')) {
                    break;
                }
                let mut from = 0;
                while let Some(at) = text.get(from..).and_then(|rest| memchr::memmem::find(rest.as_bytes(), end.as_bytes())) {
                    let end_at = from + at;
                    if end_at > field.longest() {
                        break;
                    }
                    if !tried.take(at) {
                        return false;
                    }
                    let escaped = quoted && text[..end_at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
                    if escaped == escaped_too && field.may_be(&text[..end_at]) && fits(rest, &text[end_at..], false, entry, tried) {
                        return set(*field, &text[..end_at], entry);
                    }
                    from = end_at + text[end_at..].chars().next().map_or(1, char::len_utf8);
                }
            }
            false
        }
    }
}

/// Takes over what a field says; a query may come before its path. Always true, so that it can end a search.
fn set<'a>(field: Field, text: &'a str, entry: &mut Entry<'a>) -> bool {
    let said = || if text == "-" { Cow::Borrowed("") } else { unescaped(text) };
    match field {
        Field::Other => {}
        Field::Client => entry.client = Cow::Borrowed(text),
        Field::Forwarded => entry.forwarded = said(),
        Field::User if entry.user.is_empty() => entry.user = said(),
        Field::User => {}
        Field::NamedUser if text.is_empty() || text == "-" => {}
        Field::NamedUser => entry.user = said(),
        Field::Time => entry.time = bracketed(text),
        Field::Clock => entry.time = text.parse().ok().and_then(since_1970),
        Field::Request => request_line(unescaped(text), entry),
        Field::Method => entry.method = said(),
        Field::Target if entry.target.is_empty() => entry.target = unescaped(text),
        Field::Target => entry.target = Cow::Owned(format!("{}{}", unescaped(text), entry.target)),
        Field::Query if text.len() > 1 => entry.target = Cow::Owned(format!("?{}", text.strip_prefix('?').unwrap_or(text))),
        Field::Query => {}
        Field::Status => entry.status = number(text),
        Field::Sent => entry.sent = number(text),
        Field::Referrer => entry.referrer = said(),
        Field::Agent => entry.agent = said(),
        Field::Host => entry.host = said(),
        Field::Took(unit) => entry.secs = text.parse::<f64>().ok().map(|took| took / unit),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::Template;
    use crate::access::entry::Entry;
    use proptest::prelude::*;

    const NGINX: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for""#;

    fn read<'a>(format: &str, line: &'a str) -> Result<Entry<'a>, String> {
        let mut entry = Entry::default();
        Template::compile(format, "")?.parse(line, &mut entry).map(|()| entry)
    }

    #[test]
    fn formats_of_nginx_and_apache_are_read() {
        let line = r#"192.0.2.1 - a [b [06/Mar/2024:10:00:00 +0000] "GET /a\"b HTTP/1.1" 200 5 "-" "x \" y" "203.0.113.7""#;
        let pasted = format!("log_format main '{}'\n  '{}';", &NGINX[..30], &NGINX[30..]);
        let apache = r#"LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" \"%{X-Forwarded-For}i\"" shop"#;
        for format in [NGINX, &pasted, apache] {
            let entry = read(format, line).unwrap_or_else(|error| panic!("{format}: {error}"));
            assert_eq!((&*entry.client, &*entry.user, &*entry.method, &*entry.target), ("192.0.2.1", "a [b", "GET", "/a\"b"), "{format}");
            assert_eq!((entry.status, entry.sent, &*entry.agent, &*entry.forwarded), (Some(200), Some(5), "x \" y", "203.0.113.7"));
            assert_eq!(entry.time.unwrap().to_string(), "2024-03-06T10:00:00Z");
        }
        let odd = "$msec|$request_method|$request_uri|$status|$request_time|$host|$remote_addr";
        let entry = read(odd, "1709719200.500|POST|/a|b|c?x=1|404|0.25|shop.example|2001:db8::1").unwrap();
        assert_eq!((&*entry.target, entry.status, entry.secs, &*entry.client), ("/a|b|c?x=1", Some(404), Some(0.25), "2001:db8::1"));
        let entry = read("%{%s}t %a %m %U%q %>s %D %%", "1709719200 192.0.2.1 GET /a?x=1 200 2500000 %").unwrap();
        assert_eq!((&*entry.target, entry.status), ("/a?x=1", Some(200)));
        let entry = read("$msec $uri|$args|$status", "1709719200 /a|x=1|200").unwrap();
        assert_eq!(&*entry.target, "/a?x=1");
        let entry = read("%{sec}t %a %m %U %>s %D", "1709719200 192.0.2.1 GET /a 200 2500000").unwrap();
        assert_eq!((entry.secs, &*entry.target), (Some(2.5), "/a"));
    }

    #[test]
    fn the_user_is_who_was_named() {
        let nginx = |variable: &str| (format!("$remote_user [$time_local] \"$request\" {variable}"), "nginx");
        let apache = |header: &str| (format!("%u %t \"%r\" %{{{header}"), "Apache");
        for ((format, server), user, at_the_end, expected) in [
            (nginx("$http_x_user_id"), "xuserid", "u-7", "u-7"),
            (nginx("$upstream_http_x_user_id"), "xuserid", "u-7", "u-7"),
            (nginx("$jwt_claim_sub"), "jwtclaimsub", "u-7", "u-7"),
            (nginx("$http_x_user_id"), "xuserid", "-", "ann"),
            (nginx("$http_x_user_id"), "", "u-7", "ann"),
            (nginx("$http_x_user_id"), "xother", "u-7", "ann"),
            (nginx("$cookie_session"), "session", "u-7", "ann"),
            (nginx("$cookie_session"), "cookiesession", "u-7", "ann"),
            (apache("X-User-Id}i"), "xuserid", "u-7", "u-7"),
            (apache("x-user-id}o"), "xuserid", "u-7", "u-7"),
            (apache("X-User-Id}i"), "xuserid", "-", "ann"),
            (apache("X-User-Id}i"), "", "u-7", "ann"),
            (apache("X-User-Id}C"), "xuserid", "u-7", "ann"),
        ] {
            let line = format!("ann [06/Mar/2024:10:00:00 +0000] \"GET /a HTTP/1.1\" {at_the_end}");
            let mut entry = Entry::default();
            Template::compile(&format, user).unwrap().parse(&line, &mut entry).unwrap();
            assert_eq!(entry.user, expected, "{server}: {format} {user:?} {at_the_end}");
        }
        let (line, mut entry) = ("u-7 [06/Mar/2024:10:00:00 +0000] \"GET /a HTTP/1.1\" ann", Entry::default());
        Template::compile("$http_x_user_id [$time_local] \"$request\" $remote_user", "xuserid").unwrap().parse(line, &mut entry).unwrap();
        assert_eq!(entry.user, "u-7", "whichever comes first");
    }

    #[test]
    fn what_is_no_format_is_refused_with_a_reason() {
        for (format, said) in [
            ("", "no time"),
            ("$remote_addr", "no time"),
            ("[$time_local] $status", "no request"),
            ("%t %s", "no request"),
            ("${time_local", "is not closed"),
            ("%", "ends within"),
            ("$ x", "without a name"),
        ] {
            let error = Template::compile(format, "").unwrap_err();
            assert!(error.contains(said), "{format}: {error}");
        }
    }

    #[test]
    fn no_line_takes_long() {
        // Fields that could end almost anywhere.
        let format = "$a $b $c $d $e $f $g $h $i $j [$time_local] $request";
        let line = "x ".repeat(200_000);
        assert!(read(format, &line).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_harmless(format in ".{0,60}", line in ".{0,80}") {
            let _ = read(&format, &line);
            let _ = read(NGINX, &line);
        }
    }
}
