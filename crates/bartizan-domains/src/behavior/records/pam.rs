//! What modules of PAM say in the name of the program that asked them.

use super::told::{Module, Peer, Said, Teller, Told};

/// Places in a line that are tried for the client's, at most: names may hold what looks like it.
const MAX_PLACES: usize = 4;

/// A line of a module: `pam_unix(sshd:auth): authentication failure; …`.
pub(super) struct Line<'a> {
    module: Module,
    /// The service that asked; empty where old modules do not say.
    pub(super) service: &'a str,
    text: &'a str,
}

impl<'a> Line<'a> {
    pub(super) fn of(message: &'a str) -> Option<Self> {
        if message.starts_with("PAM ") {
            return Some(Self { module: Module::Unix, service: "", text: message });
        }
        let (module, rest) = message.strip_prefix("pam_")?.split_once('(')?;
        let (service, text) = rest.split_once("): ")?;
        let service = service.split_once(':').map_or(service, |(service, _)| service);
        let module = match module {
            "unix" | "unix2" => Module::Unix,
            "sss" => Module::Sss,
            _ => Module::Other,
        };
        Some(Self { module, service, text })
    }

    /// A line of an old module, which named itself in the place of the program.
    pub(super) fn unnamed(text: &'a str) -> Self {
        Self { module: Module::Unix, service: "", text }
    }

    /// What it tells.
    pub(super) fn told(&self) -> Told<'a> {
        let text = self.text;
        if let Some(fields) = text.strip_prefix("authentication failure;") {
            return fields_of(fields).told(Said::Failed(Teller::Module(self.module), 1));
        }
        if let Some((count, rest)) = text.strip_prefix("PAM ").and_then(|rest| rest.split_once(" more authentication failure")) {
            let fields = rest.split_once(';').map_or("", |(_, fields)| fields);
            return fields_of(fields).told(Said::Failed(Teller::Module(self.module), count.parse().unwrap_or(1)));
        }
        let opened = text.starts_with("session opened for user");
        let said = if opened { Said::Opened } else { Said::Other };
        Told { said, no_such_user: text.starts_with("check pass; user unknown"), ..Told::default() }
    }

    /// Who asked, where the client is at the machine itself.
    pub(super) fn asker(&self) -> &'a str {
        let fields = fields_of(self.text);
        if fields.asker.is_empty() { fields.user } else { fields.asker }
    }
}

/// What a failure is told with.
#[derive(Default)]
struct Fields<'a> {
    asker: &'a str,
    host: &'a str,
    user: &'a str,
}

impl<'a> Fields<'a> {
    fn told(self, said: Said) -> Told<'a> {
        Told::new(said, Peer::of(self.host), self.user)
    }
}

/// `… ruser=R rhost=H  user=U`. R and U may be the client's own choice, and are then equal: H is where what follows it is U.
fn fields_of(text: &str) -> Fields<'_> {
    let logname = text.split_once("logname=").map_or("", |(_, rest)| rest.split(' ').next().unwrap_or_default());
    let Some((_, named)) = text.split_once(" ruser=") else {
        let (host, user) = text.split_once(" rhost=").map_or(("", ""), |(_, rest)| split(rest));
        return Fields { asker: logname, host, user };
    };
    let at = |at: usize| {
        let rest = &named[at + " rhost=".len()..];
        let (host, user) = split(rest);
        (rest.len() == host.len() || !user.is_empty(), Fields { asker: named[..at].trim(), host, user })
    };
    let places = || named.match_indices(" rhost=").take(MAX_PLACES).map(|(place, _)| at(place));
    let fits = |(whole, fields): &(bool, Fields<'_>)| {
        fields.asker.is_empty() || (*whole && (fields.user.is_empty() || fields.user == fields.asker))
    };
    let found = places().find(fits).or_else(|| named.rfind(" rhost=").map(at)).map(|(_, fields)| fields);
    let mut fields = found.unwrap_or(Fields { asker: named.trim(), ..Fields::default() });
    if fields.asker.is_empty() {
        fields.asker = logname;
    }
    fields
}

/// The client's place, and the user after it.
fn split(rest: &str) -> (&str, &str) {
    let (host, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    (host, rest.trim().strip_prefix("user=").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{Line, Module, Peer, Said, Teller};

    #[test]
    fn failures_are_told_with_the_clients_place() {
        let own = "authentication failure; logname= uid=0 euid=0 tty=ssh";
        for (message, module, peer, user) in [
            (format!("pam_unix(sshd:auth): {own} ruser= rhost=192.0.2.1  user=root"), Module::Unix, "192.0.2.1", "root"),
            (format!("pam_sss(sshd:auth): {own} ruser= rhost=192.0.2.1 user=x rhost=6.6.6.6"), Module::Sss, "192.0.2.1", "x rhost=6.6.6.6"),
            (format!("pam_unix(sshd:auth): {own} ruser= rhost=192.0.2.1"), Module::Unix, "192.0.2.1", ""),
            (format!("pam_ldap(sshd:auth): {own} ruser= rhost=h.example  user=6.6.6.6"), Module::Other, "h.example", "6.6.6.6"),
            (format!("pam_unix(vsftpd:auth): {own} ruser=bob rhost=192.0.2.1  user=bob"), Module::Unix, "192.0.2.1", "bob"),
            (format!("pam_unix(vsftpd:auth): {own} ruser=b rhost=6.6.6.6 rhost=192.0.2.1"), Module::Unix, "192.0.2.1", ""),
            (
                format!("pam_unix(vsftpd:auth): {own} ruser=b rhost=6.6.6.6 user=b rhost=192.0.2.1 user=b rhost=6.6.6.6 user=b"),
                Module::Unix,
                "192.0.2.1",
                "b rhost=6.6.6.6 user=b",
            ),
        ] {
            let told = Line::of(&message).unwrap().told();
            assert_eq!(told.said, Said::Failed(Teller::Module(module), 1), "{message}");
            assert_eq!((told.peer, told.user.as_ref()), (Peer::of(peer), user), "{message}");
        }
        let more = Line::of("PAM 5 more authentication failures; logname= uid=0 ruser= rhost=192.0.2.1  user=root").unwrap().told();
        assert_eq!((more.said, more.peer), (Said::Failed(Teller::Module(Module::Unix), 5), Peer::of("192.0.2.1")));
        assert!(Line::of("pam_unix(sshd:auth): check pass; user unknown").unwrap().told().no_such_user);
        let sudo = "pam_unix(sudo:auth): authentication failure; logname=ann uid=1000 euid=0 tty=/dev/pts/0 ruser=ann rhost=  user=root";
        let line = Line::of(sudo).unwrap();
        assert_eq!((line.service, line.asker(), line.told().user.as_ref()), ("sudo", "ann", "root"));
        assert!(Line::of("pam_unix").is_none() && Line::of("pam_unix(x").is_none());
    }
}
