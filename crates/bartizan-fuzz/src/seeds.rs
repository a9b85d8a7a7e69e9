//! Inputs to begin with: what the product's generators write, and what hostile clients send.

use bartizan_core::{AUTO, Domain, Parse, Seed, Timestamp};
use bartizan_domains::behavior::{self, Behavior, SessionEvent};
use bartizan_domains::flows::{self, FlowEvent, Flows};
use bartizan_domains::kind::{Kind as _, Plan};
use bartizan_domains::logs::{self, LogEvent, Logs};
use bartizan_domains::requests::{self, RequestEvent, Requests};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// The current time of all targets.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_secs(1_770_000_000)
}
/// Events of each kind that seeds are made of.
const EVENTS: usize = 60;
const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bartizan-estimators/tests/fixtures/v2");

pub(crate) const REQUEST_WORDS: &[&str] = &[
    "\"request_id\":",
    "\"ip_address\":",
    "\"endpoint\":",
    "\"http_method\":",
    "\"headers\":{",
    "\"payload\":",
    "\"timestamp\":",
    "\"query_string\":",
    "\"content_type\":",
    "\"status\":",
    "\"label\":",
    "\"user_label\":",
    "\"attack_type\":",
    "\"request\":{",
    "\"url\":",
    "\"Attack_Tag\":",
    "X-Forwarded-For",
    "\"GET / HTTP/1.1\" 200 1",
    "[06/Mar/2024:10:00:00 +0000] \"",
    "203.0.113.7, 10.0.0.1 - - ",
    "#Fields: date time c-ip cs-uri-stem\n",
    "2024-03-06T10:00:00.5Z stdout P ",
    "{\"log\":\"",
    "\\udce9",
    "\"remote_addr\":",
    "payload,label\n",
    "User-Agent",
];
pub(crate) const FLOW_WORDS: &[&str] = &[
    "\"data\":{",
    "\"flows\":[",
    "\"labels\":[",
    "\"Label\":",
    "Flow Duration",
    "\"Flow Duration\":",
    "Fwd Header Length",
    "Timestamp",
    "Label\n",
    "\"event_type\":\"flow\",",
    "\"flow\":{",
    "#fields\t",
    "#separator \\x",
    "\"id.orig_h\":",
    "\"history\":",
    "03/07/2017 08:55:58 AM",
    "#path\tdns\n",
    "   Malicious   ",
    "\"id\":{\"orig_h\":",
    "\"_path\":\"conn\",",
    "<13>Feb 25 00:44:00 h suricata: ",
    "ts,sa,da,ipkt,ibyt\n",
    "Summary\n",
    "SrcAddr,DstAddr,TotPkts",
    "FSPA_FSRPA",
    "duration,fwd_packets_count,bwd_packets_count",
    "flow_pkts_s",
];
pub(crate) const SESSION_WORDS: &[&str] = &[
    "\"failed_logins\":",
    "\"request_rate\":",
    "\"commands_count\":",
    "\"session_time\":",
    "\"logs\":[",
    "\"label\":",
    "\"client\":",
    "Failed password for root from 192.0.2.1 port 22 ssh2",
    "Accepted password for ",
    " rhost=",
    "message repeated 4294967295 times: [ ",
    "last message repeated 4294967295 times",
    " ssh2: ",
    "\\ud83d",
    "sshd[1]: ",
    "\"eventid\":\"cowrie.command.input\",",
    "\"src_ip\":\"192.0.2.1\",",
    "sudo: ",
    " COMMAND=",
    "Jan  1 00:00:00 h ",
];

pub(crate) const LOG_WORDS: &[&str] = &[
    "\"logs\":[",
    "\"threshold\":",
    "\"timestamp\":",
    "\"user_id\":",
    "\"endpoint\":",
    "\"method\":",
    "\"ip_address\":",
    "\"user_agent\":",
    "\"status_code\":",
    "\"response_time\":",
    "\"request_size\":",
    "\"response_size\":",
    "\"label\":",
    "\"user_label\":",
    "\"-\"",
    "1e308",
    "-1",
    "1770000000000",
    "2026-01-31T09:30:00+14:00",
    "\"GET / HTTP/1.1\" 200 1",
    "[06/Mar/2024:10:00:00 +0000] \"",
    "#Fields: date time c-ip cs-uri-stem time-taken\n",
    "\"remote_user\":",
    "\"request_time\":",
];

/// What is hostile in any JSON: deep, long, many, huge, broken, twice.
fn hostile(wrap: impl Fn(&str) -> String) -> Vec<Vec<u8>> {
    let key = "k".repeat(2_000);
    let inner = [
        "{}".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        format!("{}{}", "[".repeat(3_000), "]".repeat(3_000)),
        format!("{}1{}", "{\"a\":".repeat(1_000), "}".repeat(1_000)),
        "[".repeat(5_000),
        format!("{{\"{key}\":[{}0]}}", "0,".repeat(1_000)),
        format!("{{\"x\":[{}0]}}", "0,".repeat(4_000)),
        format!("[{}{{}}]", "{},".repeat(1_500)),
        format!("{{{}\"z\":1}}", (0..600).map(|i| format!("\"k{i}\":{i},")).collect::<String>()),
        format!("{{{}\"a\":1}}", "\"a\":1,".repeat(600)),
        format!("\"{}\"", "\\u0000".repeat(700)),
        "1e400".to_owned(),
        format!("0.{}", "1".repeat(3_000)),
        "NaN".to_owned(),
        "\"\\ud800\"".to_owned(),
    ];
    let mut seeds: Vec<Vec<u8>> = inner.iter().flat_map(|inner| [wrap(inner).into_bytes(), inner.clone().into_bytes()]).collect();
    seeds.extend([b"\xef\xbb\xbf{}".to_vec(), b"{\"a\":\"\xff\xfe\"}".to_vec(), Vec::new(), b" ".repeat(3_000)]);
    seeds
}

/// Of single bodies and all together, cut to a length that is worth changing.
fn texts(bodies: impl IntoIterator<Item = String>) -> Vec<Vec<u8>> {
    bodies.into_iter().map(String::into_bytes).collect()
}

pub(crate) fn request_events() -> Vec<RequestEvent> {
    let config = requests::generator::GeneratorConfig { rows: EVENTS, attack_share: 0.4, ..Default::default() };
    requests::generator::generate(&config, Seed(1)).map(|(event, _)| event).collect()
}

pub(crate) fn flows() -> Vec<FlowEvent> {
    let config = flows::generator::GeneratorConfig { rows: EVENTS, attack_share: 0.4, ..Default::default() };
    flows::generator::generate(&config, Seed(1)).into_iter().map(|(event, ..)| event).collect()
}

pub(crate) fn sessions() -> Vec<SessionEvent> {
    behavior::generator::generate(EVENTS, Seed(1))
}

pub(crate) fn request_bodies() -> Vec<Vec<u8>> {
    let wrap = |inner: &str| {
        format!(
            r#"{{"request_id":"1","ip_address":"1.1.1.1","endpoint":"/a","http_method":"POST","headers":{{"A":"b"}},"payload":{inner}}}"#
        )
    };
    let bodies = request_events().iter().map(|event| requests::body::event_to_json(event).to_string()).collect::<Vec<_>>();
    [texts(bodies), hostile(wrap), hostile(|inner| wrap("{}").replace("{\"A\":\"b\"}", inner))].concat()
}

fn flow_values() -> Vec<Value> {
    flows().iter().map(flows::generator::event_to_json).collect()
}

pub(crate) fn flow_bodies() -> Vec<Vec<u8>> {
    let bodies = flow_values().into_iter().take(20).map(|flow| json!({ "data": flow }).to_string());
    [
        texts(bodies),
        hostile(|inner| format!("{{\"data\":{inner}}}")),
        hostile(|inner| format!("{{\"data\":{{\"Flow Duration\":{inner}}}}}")),
    ]
    .concat()
}

pub(crate) fn flow_batches() -> Vec<Vec<u8>> {
    let flows = flow_values();
    let bodies = flows.chunks(3).take(8).flat_map(|flows| {
        let labels: Vec<&str> = flows.iter().map(|_| "BENIGN").collect();
        [json!({ "flows": flows }).to_string(), json!({ "flows": flows, "labels": labels }).to_string()]
    });
    let faults = hostile(|inner| format!("{{\"flows\":[{inner}],\"labels\":[{inner}]}}"));
    [texts(bodies), hostile(|inner| format!("{{\"flows\":{inner}}}")), faults].concat()
}

pub(crate) fn flow_tables() -> Vec<Vec<u8>> {
    let header = flows::generator::csv_header();
    let rows: Vec<String> = flows().iter().map(|event| flows::generator::csv_row(event, "BENIGN")).collect();
    let mut tables: Vec<String> = rows.chunks(5).map(|rows| format!("{header}\n{}\n", rows.join("\n"))).collect();
    tables.extend(rows.iter().take(4).map(|row| format!("{header}\n{row}\n")));
    tables.extend([
        format!("{header}\n{}", ",".repeat(5_000)),
        format!("{header}\n{}", "\"".repeat(5_000)),
        format!("{header}\n{}", "1\n".repeat(3_000)),
        format!("{header}\n\"{}", "a\n".repeat(2_000)),
        format!("Flow Duration,{}\n1\n", "a,".repeat(5_000)),
        format!("Flow Duration\n{}", "Flow Duration,Label\n".repeat(200)),
        "Flow Duration;Label\n1,5;BENIGN\n-1;\u{96}\n".to_owned(),
    ]);
    let mut seeds = texts(tables);
    seeds.push(b"Flow Duration,Total Fwd Packets,Label\n1,2,Web Attack \x96 XSS\nInfinity,NaN,\n".to_vec());
    seeds
}

fn session_values() -> Vec<Value> {
    sessions().iter().map(behavior::generator::event_to_json).collect()
}

pub(crate) fn session_bodies() -> Vec<Vec<u8>> {
    let plain = session_values().first().map(Value::to_string).unwrap_or_default();
    let with = |inner: &str| plain.replacen('{', &format!("{{\"client\":{inner},"), 1);
    [texts(session_values().iter().map(Value::to_string)), hostile(with), hostile(|inner| format!("{{\"failed_logins\":{inner}}}"))]
        .concat()
}

pub(crate) fn session_batches() -> Vec<Vec<u8>> {
    let sessions = session_values();
    let bodies = sessions.chunks(6).map(|sessions| json!({ "logs": sessions }).to_string());
    [texts(bodies), hostile(|inner| format!("{{\"logs\":{inner}}}")), hostile(|inner| format!("{{\"logs\":[{inner},{inner}]}}"))].concat()
}

pub(crate) fn log_events() -> Vec<LogEvent> {
    let plan = Plan { rows: EVENTS, attack_share: 0.4, start: now().plus_secs(-86_400), gap_secs: 20.0, traffic: "" };
    Logs::generate(plan, Seed(1)).into_iter().map(|record| record.event).collect()
}

fn log_values() -> Vec<Value> {
    log_events().iter().map(logs::body::event_to_json).collect()
}

pub(crate) fn log_bodies() -> Vec<Vec<u8>> {
    let plain = log_values().first().map(Value::to_string).unwrap_or_default();
    let with = |name: &str, inner: &str| plain.replacen('{', &format!("{{\"{name}\":{inner},"), 1);
    let named = ["timestamp", "status_code", "x"].map(|name| hostile(|inner| with(name, inner)));
    [texts(log_values().iter().map(Value::to_string)), named.concat()].concat()
}

pub(crate) fn log_batches() -> Vec<Vec<u8>> {
    let entries = log_values();
    let bodies = entries.chunks(6).map(|entries| json!({ "logs": entries, "threshold": -0.5 }).to_string());
    [texts(bodies), hostile(|inner| format!("{{\"logs\":{inner}}}")), hostile(|inner| format!("{{\"logs\":[{inner},{inner}]}}"))].concat()
}

pub(crate) fn times() -> Vec<Vec<u8>> {
    let times = [
        "2026-01-31T09:30:00Z",
        "2026-01-31 09:30:00.123456789+01:00",
        "2026-01-31",
        "1770000000",
        "1770000000.5",
        "9999-12-31T23:59:60Z",
        "-009999-01-01T00:00:00Z",
        "0000-00-00T00:00:00Z",
        "2026-01-31T09:30:00[Europe/Berlin]",
        "1e18",
        "",
    ];
    texts(times.map(str::to_owned))
}

const COMBINED: &str = concat!(
    "198.18.4.7 - - [03/Feb/2024:10:05:03 +0200] \"GET /a/b.png?x=1 HTTP/1.1\" 200 203 \"http://s.com/\" \"Mozilla/5.0 (X)\"\n",
    "\"2001:db8::1 - bob [03/Feb/2024:10:05:03 -0130] \"HEAD /q\\\"uote HTTP/1.0\" 404 - \"-\" \"a \\\"b\\\" \\x41\"\"\n",
    "1.2.3.4 - - [03/Feb/2024:10:05:03 +0000] \"\\x16\\x03\\x01\" 400 0\n",
    "1.2.3.4 - - [03/Feb/2024:10:05:04 +0000] \"POST /wp-login.php?a=%27+OR+1%3D1 HTTP/1.1\" 401 0\n",
);
const SSHD: &str = concat!(
    "Feb  3 10:05:03 host sshd[1]: Failed password for invalid user x from 192.0.2.1 port 42 ssh2\n",
    "Feb  3 10:05:04 host sshd[1]: message repeated 5 times: [ Failed password for root from 192.0.2.1 port 42 ssh2]\n",
    "Feb  3 10:05:05 host sshd[1]: pam_unix(sshd:auth): authentication failure; uid=0 ruser= rhost=a.example  user=root\n",
    "2026-02-03T10:05:06.5+01:00 host sshd[2]: Accepted password for ann from 192.0.2.2 port 42 ssh2\n",
    "Feb  3 10:06:03 host sudo: ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/cat /etc/shadow\n",
    "<38>Feb  3 10:07:03 host sshd[2]: Received disconnect from 192.0.2.2: 11: bye\n",
);
const KIN: &str = concat!(
    "<38>1 2026-02-03T10:05:03.5Z host sshd 7 - - error: PAM: Authentication failure for illegal user x from 192.0.2.1\n",
    "Feb  3 10:05:03 host auth.info sshd[1]: Disconnecting invalid user x 192.0.2.1 port 42: Too many authentication failures [preauth]\n",
    "Feb  3 10:05:03 host last message repeated 4 times\n",
    "Feb  3 10:05:03 host dovecot: imap-login: Disconnected (auth failed, 3 attempts in 2 secs): user=<x>, method=PLAIN, rip=192.0.2.1, lip=::1\n",
    "Feb  3 10:05:03 host postfix/smtpd[1]: warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: x, sasl_username=x\n",
    "Feb  3 10:05:03 host vsftpd: pam_unix(vsftpd:auth): authentication failure; uid=0 ruser=x rhost=192.0.2.1  user=x\n",
    "Feb  3 10:05:03 host proftpd[1]: h (c[192.0.2.1]) - USER x (Login failed): Incorrect password.\n",
    "Feb  3 10:05:03 host dropbear[1]: Bad password attempt for 'x' from 192.0.2.1:42\n",
    "Feb  3 10:05:03 host sudo: ann : 3 incorrect password attempts ; TTY=pts/0 ; USER=root ; COMMAND=/bin/ls\n",
    "Feb  3 10:05:03 host su: FAILED SU (to root) ann on pts/0\nFeb  3 10:05:03 host login[1]: FAILED LOGIN 1 FROM 192.0.2.1 FOR x, y\n",
);
const VSFTPD: &str = concat!(
    "Tue Feb  3 10:05:03 2026 [pid 2] [x] FAIL LOGIN: Client \"192.0.2.1\"\nTue Feb  3 10:05:03 2026 [pid 2] CONNECT: Client \"::1\"\n",
    "Tue Feb  3 10:05:04 2026 [pid 2] [ftp] OK LOGIN: Client \"192.0.2.1\", anon password \"x\"\n",
);
const WINLOGBEAT: &str = concat!(
    "{\"@timestamp\":\"2026-02-03T10:05:03.5Z\",\"event\":{\"code\":\"4625\"},\"winlog\":{\"event_id\":\"4625\",\"computer_name\":\"dc1\",",
    "\"event_data\":{\"IpAddress\":\"192.0.2.1\",\"TargetUserName\":\"x\",\"SubStatus\":\"0xc0000064\"}}}\n",
    "{\"@timestamp\":\"2026-02-03T10:05:04Z\",\"event_id\":4624,\"event_data\":{\"IpAddress\":\"-\",\"WorkstationName\":\"PC\",\"LogonType\":\"10\"}}\n",
);
const COWRIE: &str = concat!(
    "{\"eventid\":\"cowrie.session.connect\",\"timestamp\":\"2026-02-03T10:05:03Z\",\"src_ip\":\"192.0.2.1\",\"session\":\"a\"}\n",
    "{\"eventid\":\"cowrie.login.failed\",\"timestamp\":\"2026-02-03T10:05:04Z\",\"src_ip\":\"192.0.2.1\",\"username\":\"root\",\"password\":\"x\"}\n",
    "{\"eventid\":\"cowrie.command.input\",\"timestamp\":\"2026-02-03T10:05:05Z\",\"src_ip\":\"192.0.2.1\",\"input\":\"cat id_rsa\"}\n",
);
const COWRIE_TABLE: &str = "src_ip,start_time,login_failed,login_success,duration\n192.0.2.1,2026-02-03T10:05:03Z,3,1,12.5\n";
const ZEEK: &str = concat!(
    "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\thistory\torig_pkts\tresp_pkts\n",
    "1600000000.5\tC1\t10.0.0.1\t4242\t10.0.0.2\t443\ttcp\t1.5\t100\t-\tShADadFf\t5\t4\n",
    "#path\tconn\n#fields\tts\tid.orig_h\tid.resp_p\tduration\ttunnel_parents   label   detailed-label\n1600000000.5\t10.0.0.1\t443\t-\t-   Malicious   C&C\n",
    "{\"_path\":\"conn\",\"ts\":1600000000.5,\"id\":{\"orig_h\":\"10.0.0.1\",\"resp_p\":443},\"duration\":1e9}\n",
    "{\"ts\":1600000000.5,\"uid\":\"C2\",\"id.orig_h\":\"10.0.0.1\",\"id.resp_p\":443,\"duration\":1e9,\"orig_pkts\":5}\n",
);
const SURICATA: &str = concat!(
    "{\"timestamp\":\"2026-02-03T10:05:03.000000+0000\",\"flow_id\":1,\"event_type\":\"flow\",\"src_ip\":\"10.0.0.1\",\"dest_port\":443,\"flow\":{\"pkts_toserver\":5,",
    "\"start\":\"2026-02-03T10:05:03.000000+0000\",\"end\":\"2026-02-03T10:05:09.000000+0000\"},\"tcp\":{\"tcp_flags\":\"1b\"}}\n",
    "{\"event_type\":\"dns\"}\n",
);
const NFDUMP: &str = concat!(
    "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt\n",
    "2026-02-03 10:05:03.250,2026-02-03 10:05:04,0.750,192.0.2.7,192.0.2.80,51514,443,TCP,...AP.SF,0,0,8,710,9,4.5 M\n",
    "Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n1,5210,17,166720,68,306\n",
    "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,bpp\n",
    "2026-02-03 10:05:03.250,0.250,1,192.0.2.7,0,192.0.2.80,8.0,1,84,84\n",
);
const ARGUS: &str = concat!(
    "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label\n",
    "2026/02/03 10:05:03.250000,0.25,tcp,192.0.2.7,51514,   ->,192.0.2.80,0x01bb,FSPA_FSPA,0,0,17,5210,710,flow=From-Botnet-V42-TCP\n",
);
const UNSW: &str = concat!(
    "192.0.2.7,1390,192.0.2.80,53,udp,CON,0.001,132,164,31,29,0,0,dns,5.4,6.1,2,2,0,0,0,0,66,82,0,0,0,0,1421927414,1421927414,0.017,0.013,",
    "0,0,0,0,0,0,0,0,3,7,1,3,1,1,1, Fuzzers,1\n",
    "id,dur,proto,service,state,spkts,dpkts,sbytes,dbytes,rate,sttl,attack_cat,label\n1,0.1,tcp,-,FIN,6,4,258,172,74.1,252,Normal,0\n",
);
const PAIRS: &str = r#"[{"request":{"headers":{"Date":"Sat, 03 Feb 2024 08:30:00 GMT","X":1},"method":"GET","url":"http://h/x?y","body":"{\"a\":1}"},"response":{"status_code":404}},
 {"request":{"url":"/","Attack_Tag":"LOG4J","body":{"a":[1, 2]}}}]"#;
const PARAMS: &str = "\"payload\",\"length\",\"attack_type\",\"label\"\n\"a \"\"b\"\", c\",9,norm,norm\n\"1' or\n1=1\",9,sqli,anom\n";

/// Files of one format of a kind; of all of them for `auto`.
pub(crate) fn files<D: Parse>(format: &str) -> Vec<Vec<u8>> {
    if format == AUTO {
        return D::formats().flat_map(|format| files::<D>(format.name).into_iter().take(12)).collect();
    }
    let sample = D::formats().find(|known| known.name == format).map_or("", |known| known.sample);
    [seeds_of(D::NAME, format), vec![sample.as_bytes().to_vec(), format!("{sample}\n{sample}").into_bytes()]].concat()
}

/// More than the sample of a format, where there is more.
fn seeds_of(kind: &str, format: &str) -> Vec<Vec<u8>> {
    let lines = |bodies: Vec<Vec<u8>>| bodies.chunks(4).map(|bodies| bodies.join(&b'\n')).collect::<Vec<_>>();
    let arrays = |bodies: Vec<Vec<u8>>| bodies.chunks(4).map(|bodies| [b"[", bodies.join(&b',').as_slice(), b"]"].concat()).collect();
    let plain = |text: &str| vec![text.as_bytes().to_vec(), text.lines().next().unwrap_or_default().as_bytes().to_vec()];
    let flow_objects = || texts(flow_values().iter().take(12).map(Value::to_string));
    match (kind, format) {
        ("requests", "ndjson") => lines(request_bodies()),
        ("requests", "json") => arrays(request_bodies()),
        (_, "combined" | "access-log") => plain(COMBINED),
        (_, "http-params") => plain(PARAMS),
        (_, "atrdf") => {
            [plain(PAIRS), hostile(|inner| format!("[{{\"request\":{{\"url\":\"/\",\"headers\":{inner},\"body\":{inner}}}}}]"))].concat()
        }
        ("flows", "ndjson") => [lines(flow_objects()), lines(flow_bodies())].concat(),
        ("flows", "json") => [arrays(flow_objects()), arrays(flow_bodies())].concat(),
        (_, "cicflow") => flow_tables(),
        (_, "zeek") => plain(ZEEK),
        (_, "suricata") => plain(SURICATA),
        (_, "nfdump") => plain(NFDUMP),
        (_, "argus") => plain(ARGUS),
        (_, "unsw-nb15") => plain(UNSW),
        ("logs", "ndjson") => lines(log_bodies()),
        ("logs", "json") => arrays(log_bodies()),
        (_, "ndjson") => lines(session_bodies()),
        (_, "json") => arrays(session_bodies()),
        (_, "sshd") => [plain(SSHD), plain(KIN)].concat(),
        (_, "vsftpd") => plain(VSFTPD),
        (_, "winlogbeat") => plain(WINLOGBEAT),
        (_, "cowrie") => [plain(COWRIE), plain(COWRIE_TABLE)].concat(),
        (_, "csv") => {
            let rows = sessions().iter().map(behavior::generator::csv_row).collect::<Vec<_>>().join("\n");
            plain(&format!("{}\n{rows}\n", behavior::generator::csv_header()))
        }
        _ => Vec::new(),
    }
}

/// A model of every algorithm.
pub(crate) fn models() -> Vec<Vec<u8>> {
    static MODEL_FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let read = || {
        let mut paths: Vec<_> = std::fs::read_dir(MODELS).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
    };
    MODEL_FILES.get_or_init(read).clone()
}

/// Bodies of models that claim more than they hold.
pub(crate) fn broken_bodies() -> Vec<Vec<u8>> {
    let claims = |claim: u64| postcard::to_allocvec(&("requests", "v1", claim)).unwrap_or_default();
    vec![claims(u64::MAX), claims(1 << 32), vec![0xff; 64], vec![0; 4_096]]
}

pub(crate) fn baselines() -> Vec<Vec<u8>> {
    fn of<D: Domain<Baselines: Serialize>>(events: &[D::Event]) -> Vec<u8> {
        let baselines = D::fit_baselines(events.iter(), D::FEATURE_SETS.first().copied().unwrap_or_default());
        postcard::to_allocvec(&baselines).unwrap_or_default()
    }
    vec![of::<Requests>(&request_events()), of::<Flows>(&flows()), of::<Behavior>(&sessions()), of::<Logs>(&log_events())]
}
