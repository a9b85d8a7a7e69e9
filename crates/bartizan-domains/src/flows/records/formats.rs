//! The formats that flows are read from.

use bartizan_core::Format;

/// The table of them.
pub(super) const FORMATS: &[Format] = &[
    Format {
        name: "cicflow",
        what: "tables of CICFlowMeter, of every version and of its ports: CICIDS2017, CSE-CIC-IDS2018, CIC-DDoS2019 and what is made from them; NTLFlowLyzer; CICIoT2023",
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
        what: "Zeek's conn.log, as tabs or JSON (dotted, without dots, nested), also with the labels of IoT-23",
        sample: "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\torig_pkts\tresp_pkts\n\
                 1709719200.5\tC1\t192.0.2.7\t51514\t192.0.2.80\t443\ttcp\t0.25\t310\t4100\t8\t9",
    },
    Format {
        name: "suricata",
        what: "the flow records of Suricata's eve.json, also behind syslog",
        sample: r#"{"timestamp": "2024-03-06T10:00:00.080283+0100", "event_type": "flow", "src_ip": "192.0.2.7", "src_port": 51514, "dest_ip": "192.0.2.80", "dest_port": 443, "proto": "TCP", "flow": {"pkts_toserver": 8, "pkts_toclient": 9, "bytes_toserver": 710, "bytes_toclient": 4500, "start": "2024-03-06T10:00:00.000000+0100", "end": "2024-03-06T10:00:00.080283+0100"}}"#,
    },
    Format {
        name: "nfdump",
        what: "NetFlow and IPFIX as nfdump -o csv writes them, of every version; CIDDS",
        sample: "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt\n\
                 2024-03-06 10:00:00.250,2024-03-06 10:00:00.500,0.250,192.0.2.7,192.0.2.80,51514,443,TCP,...AP.SF,0,0,8,710,9,4500",
    },
    Format {
        name: "argus",
        what: "tables of Argus as ra -c , writes them: CTU-13's binetflow, BoT-IoT",
        sample: "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label\n\
                 2024/03/06 10:00:00.250000,0.250000,tcp,192.0.2.7,51514,   ->,192.0.2.80,443,FSPA_FSPA,0,0,17,5210,710,flow=From-Normal-V42-Jist",
    },
    Format {
        name: "unsw-nb15",
        what: "UNSW-NB15: its files of 49 columns without a header, and its sets for training and testing",
        sample: "192.0.2.7,51514,192.0.2.80,443,tcp,FIN,0.25,710,4500,31,29,2,2,-,19880,127058,8,9,255,255,1,1,89,500,0,0,12.5,3.5,1709719200,\
                 1709719200,31.2,27.7,0.01,0.005,0.005,0,0,0,0,0,1,1,1,1,1,1,1,,0",
    },
];
