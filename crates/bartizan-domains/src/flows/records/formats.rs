//! The formats that flows are read from.

use bartizan_core::Format;

/// The table of them.
pub(super) const FORMATS: &[Format] = &[
    Format {
        name: "cicflow",
        what: "tables of CICFlowMeter, of every version: CICIDS2017, CSE-CIC-IDS2018 and what is made from them",
        sample: "Destination Port,Flow Duration,Total Fwd Packets,Total Backward Packets,Label\n443,112740,8,9,BENIGN",
    },
    Format {
        name: "ndjson",
        what: "bodies of /predict, one a line",
        sample: r#"{"data": {"Destination Port": 443, "Flow Duration": 112740, "Total Fwd Packets": 8}, "Label": "BENIGN"}"#,
    },
    Format {
        name: "json",
        what: "an array of bodies of /predict",
        sample: r#"[{"Destination Port": 443, "Flow Duration": 112740, "Total Fwd Packets": 8, "Label": "BENIGN"}]"#,
    },
    Format {
        name: "zeek",
        what: "Zeek's conn.log, as tabs or JSON",
        sample: "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\torig_pkts\tresp_pkts\n\
                 1709719200.5\tC1\t192.0.2.7\t51514\t192.0.2.80\t443\ttcp\t0.25\t310\t4100\t8\t9",
    },
    Format {
        name: "suricata",
        what: "the flow records of Suricata's eve.json",
        sample: r#"{"timestamp": "2024-03-06T10:00:00.080283+0100", "event_type": "flow", "src_ip": "192.0.2.7", "src_port": 51514, "dest_ip": "192.0.2.80", "dest_port": 443, "proto": "TCP", "flow": {"pkts_toserver": 8, "pkts_toclient": 9, "bytes_toserver": 710, "bytes_toclient": 4500, "start": "2024-03-06T10:00:00.000000+0100", "end": "2024-03-06T10:00:00.080283+0100"}}"#,
    },
];
