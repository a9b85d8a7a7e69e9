//! Tables of every dialect.

use super::{F, Found, of, read, read_how, repairs, try_read};
use bartizan_core::{How, Label, Parse};

const ATTACK: Option<Label> = Some(Label::Anomalous);
const BENIGN: Option<Label> = Some(Label::Legitimate);

/// What is expected of the first record.
struct Case {
    name: &'static str,
    text: &'static str,
    format: &'static str,
    destination: &'static str,
    label: (Option<Label>, Option<&'static str>),
    values: &'static [(F, f32)],
    /// Features that the file does not have, and some that it has.
    missing: &'static [&'static str],
    given: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "CICFlowMeter 4 of the improved sets",
        text: "id,Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Total Fwd Packet,Total Bwd packets,Total Length of Fwd Packet,Fwd RST Flags,Bwd RST Flags,Packet Length Min,CWR Flag Count,Fwd Segment Size Avg,Fwd Bytes/Bulk Avg,Fwd Packet/Bulk Avg,Fwd Bulk Rate Avg,FWD Init Win Bytes,Bwd Init Win Bytes,Fwd Act Data Pkts,Fwd Seg Size Min,ICMP Code,ICMP Type,Total TCP Flow Time,Label,Attempted Category\n\
               7,f1,192.0.2.7,5000,192.0.2.80,80,6,2018-02-16 13:47:25.25,3000,8,9,400,0,1,6,2,50,1,2,3,8192,-1,4,20,-1,-1,3000,DoS Hulk - Attempted,3\n",
        format: "cicflow",
        destination: "192.0.2.80:80",
        label: (ATTACK, Some("DoS Hulk - Attempted")),
        values: &[
            (F::FlowDuration, 3000.0),
            (F::FwdPackets, 8.0),
            (F::BwdPackets, 9.0),
            (F::Cwe, 2.0),
            (F::FwdSegmentMin, 20.0),
            (F::BwdWindow, -1.0),
        ],
        missing: &["Idle Min"],
        given: &["Total Fwd Packets", "Init_Win_bytes_forward", "min_seg_size_forward"],
    },
    Case {
        name: "CIC-DDoS2019",
        text: "Unnamed: 0,Flow ID, Source IP, Source Port, Destination IP, Destination Port, Protocol, Timestamp, Flow Duration, Total Fwd Packets, Fwd Header Length, Fwd Header Length.1,SimillarHTTP, Inbound, Label\n\
               4,f1,192.0.2.7,5000,192.0.2.80,53,17,2018-12-01 10:51:39.813448,28415,97,20,20,0,1,DrDoS_LDAP\n",
        format: "cicflow",
        destination: "192.0.2.80:53",
        label: (ATTACK, Some("DrDoS_LDAP")),
        values: &[(F::FlowDuration, 28415.0), (F::FwdHeader1, 20.0)],
        missing: &["Idle Min"],
        given: &["Fwd Header Length.1"],
    },
    Case {
        name: "CICIoT2023",
        text: "flow_duration,Header_Length,Protocol Type,Duration,Rate,Srate,Drate,fin_flag_number,ack_count,syn_count,Tot sum,Min,Max,AVG,Std,Tot size,IAT,Number,Magnitue,label\n\
               0.5,54,6,64,3.25,3.25,0,1,2,3,567,54,66,54.5,1.5,54,83343831.9,9.5,10.4,BenignTraffic\n",
        format: "cicflow",
        destination: "",
        label: (BENIGN, Some("BenignTraffic")),
        values: &[(F::FlowDuration, 5e5), (F::FlowPacketsRate, 3.25), (F::LengthMin, 54.0), (F::LengthMean, 54.5), (F::Syn, 3.0)],
        missing: &["Flow Bytes/s", "Total Fwd Packets"],
        given: &["Flow Packets/s"],
    },
    Case {
        name: "NTLFlowLyzer, as in BCCC's sets",
        text: "flow_id,timestamp,src_ip,src_port,dst_ip,dst_port,protocol,duration,packets_count,fwd_packets_count,bwd_packets_count,total_payload_bytes,fwd_total_payload_bytes,bwd_total_payload_bytes,payload_bytes_mean,fwd_total_header_bytes,fwd_init_win_bytes,active_mean,bytes_rate,packets_IAT_mean,packet_IAT_std,fwd_packets_IAT_total,syn_flag_counts,label\n\
               f1,2017-07-03 11:55:58.5,192.0.2.7,5000,192.0.2.80,443,TCP,0.25,17,8,9,5210,710,4500,306.5,256,29200,0.125,20840,0.015,0.02,0.24,2,Benign\n",
        format: "cicflow",
        destination: "192.0.2.80:443",
        label: (BENIGN, Some("Benign")),
        values: &[
            (F::FlowDuration, 2.5e5),
            (F::FwdPackets, 8.0),
            (F::BwdBytes, 4500.0),
            (F::ActiveMean, 1.25e5),
            (F::FlowIatMean, 15_000.0),
            (F::FwdIatTotal, 2.4e5),
        ],
        missing: &["Idle Min"],
        given: &["Flow IAT Std", "Flow Bytes/s"],
    },
    Case {
        name: "nfdump up to 1.6",
        text: "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,dtos,dir,nh,nhb,svln,dvln,ismc,odmc,idmc,osmc,mpls1,cl,sl,al,ra,eng,exid,tr\n\
               2024-03-06 10:00:00.250,2024-03-06 10:00:00.750,0.500,192.0.2.7,  192.0.2.80,51514,443,TCP  ,...AP.SF,0,0,8,710,9,4500,1,2,0,0,0,0,0,0,0.0.0.0,0.0.0.0,0,0,,,,,0,0,0,0,0.0.0.0,0/0,1,x\n\
               Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n1,5210,17,83360,34,306\n",
        format: "nfdump",
        destination: "192.0.2.80:443",
        label: (None, None),
        values: &[
            (F::FlowDuration, 5e5),
            (F::FwdPackets, 8.0),
            (F::BwdBytes, 4500.0),
            (F::FlowBytesRate, 10420.0),
            (F::Syn, 1.0),
            (F::Rst, 0.0),
            (F::FwdPsh, 1.0),
        ],
        missing: &["Flow IAT Std", "Fwd Header Length", "Bwd PSH Flags"],
        given: &["Flow Duration", "Bwd Packets/s", "PSH Flag Count", "CWE Flag Count"],
    },
    Case {
        name: "nfdump 1.7",
        text: "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,bpp,bps,flows\n\
               2024-03-06 10:00:00.250,0.500,6,192.0.2.7,51514,192.0.2.80,443,8,800,100,12800,1\n",
        format: "nfdump",
        destination: "192.0.2.80:443",
        label: (None, None),
        values: &[(F::FwdPackets, 8.0), (F::FlowBytesRate, 1600.0), (F::LengthMean, 100.0)],
        missing: &["Total Backward Packets", "Down/Up Ratio", "SYN Flag Count"],
        given: &["Flow Bytes/s", "Total Fwd Packets"],
    },
    Case {
        name: "CIDDS",
        text: "Date first seen,Duration,Proto,Src IP Addr,Src Pt,Dst IP Addr,Dst Pt,Packets,Bytes,Flows,Flags,Tos,class,attackType,attackID,attackDescription\n\
               2017-03-15 00:01:16.632,4.0,TCP  ,192.0.2.7,44870, 192.0.2.80,8000, 1500,  2.5 M,1,.AP...,0,attacker,portScan,1,x\n",
        format: "nfdump",
        destination: "192.0.2.80:8000",
        label: (ATTACK, Some("attacker")),
        values: &[(F::FwdPackets, 1500.0), (F::FwdBytes, 2.5e6), (F::Ack, 1.0), (F::Fin, 0.0)],
        missing: &["Total Backward Packets"],
        given: &["Total Fwd Packets"],
    },
    Case {
        name: "Argus, as in CTU-13",
        text: "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label\n\
               2011/08/10 09:46:59.607825,0.5,tcp,192.0.2.7,1577,   ->,192.0.2.80,6881,S_RA,0,0,4,276,156,flow=From-Botnet-V42-TCP-Attempt\n",
        format: "argus",
        destination: "192.0.2.80:6881",
        label: (ATTACK, Some("flow=From-Botnet-V42-TCP-Attempt")),
        values: &[
            (F::FlowDuration, 5e5),
            (F::FwdBytes, 156.0),
            (F::BwdBytes, 120.0),
            (F::FlowPacketsRate, 8.0),
            (F::LengthMean, 69.0),
            (F::Syn, 1.0),
            (F::Rst, 1.0),
            (F::Fin, 0.0),
        ],
        missing: &["Total Fwd Packets", "Down/Up Ratio"],
        given: &["Total Length of Bwd Packets", "Flow Packets/s", "Bwd PSH Flags"],
    },
    Case {
        name: "Argus by itself",
        text: "      StartTime,      Flgs,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,SrcPkts,DstPkts,SrcBytes,DstBytes,State,LastTime\n\
               1709719200.250000, e         ,udp,192.0.2.7,51514,<->,192.0.2.80,0x0035,1,2,60,240,CON,1709719200.750000\n",
        format: "argus",
        destination: "192.0.2.80:53",
        label: (None, None),
        values: &[(F::FlowDuration, 5e5), (F::FwdPackets, 1.0), (F::BwdPackets, 2.0), (F::LengthMean, 100.0)],
        missing: &["Flow IAT Std"],
        given: &["Total Fwd Packets", "Down/Up Ratio"],
    },
    Case {
        name: "BoT-IoT",
        text: "pkSeqID,stime,flgs,proto,saddr,sport,daddr,dport,pkts,bytes,state,ltime,seq,dur,mean,stddev,sum,min,max,spkts,dpkts,sbytes,dbytes,rate,srate,drate,attack,category,subcategory\n\
               1,1528088000.5,e,tcp,192.0.2.7,5000,192.0.2.80,80,5,500,RST,1528088001,1,0.5,1,0,1,1,1,3,2,300,200,8,4,2,1,DDoS,HTTP\n",
        format: "argus",
        destination: "192.0.2.80:80",
        label: (ATTACK, Some("DDoS")),
        values: &[(F::FwdPackets, 3.0), (F::BwdPackets, 2.0), (F::FlowPacketsRate, 10.0)],
        missing: &["Flow IAT Std"],
        given: &["Total Fwd Packets"],
    },
    Case {
        name: "UNSW-NB15 without a header",
        text: "192.0.2.7,1390,192.0.2.80,53,udp,CON,0.5,132,164,31,29,0,0,dns,500473.9,621800.9,2,2,0,0,0,0,66,82,0,0,0,0,1421927414,1421927414,0.017,0.013,0,0,0,0,0,0,0,0,3,7,1,3,1,1,1,,0\n\
               192.0.2.7,1390,192.0.2.80,53,udp,CON,0.5,132,164,31,29,0,0,dns,500473.9,621800.9,2,2,0,0,0,0,66,82,0,0,0,0,1421927414,1421927414,0.017,0.013,0,0,0,0,0,0,0,0,3,7,1,3,1,1,1, Fuzzers,1\n",
        format: "unsw-nb15",
        destination: "192.0.2.80:53",
        label: (BENIGN, Some("0")),
        values: &[
            (F::FlowDuration, 5e5),
            (F::FwdBytes, 132.0),
            (F::BwdBytes, 164.0),
            (F::FwdPackets, 2.0),
            (F::FwdIatMean, 17.0),
            (F::BwdIatMean, 13.0),
        ],
        missing: &["Flow IAT Std", "SYN Flag Count"],
        given: &["Destination Port", "Fwd IAT Mean"],
    },
    Case {
        name: "UNSW-NB15's training set",
        text: "\u{feff}id,dur,proto,service,state,spkts,dpkts,sbytes,dbytes,rate,sttl,dttl,sload,dload,sloss,dloss,sinpkt,dinpkt,sjit,djit,swin,stcpb,dtcpb,dwin,tcprtt,synack,ackdat,smean,dmean,trans_depth,response_body_len,ct_srv_src,ct_state_ttl,ct_dst_ltm,ct_src_dport_ltm,ct_dst_sport_ltm,ct_dst_src_ltm,is_ftp_login,ct_ftp_cmd,ct_flw_http_mthd,ct_src_ltm,ct_srv_dst,is_sm_ips_ports,attack_cat,label\n\
               1,0.5,tcp,-,FIN,6,4,258,172,74.08749,252,254,14158.94,8495.36,0,0,24.5,8.375,30.1,11.8,255,621772692,2202533631,255,0,0,0,43,43,0,0,1,0,1,1,1,1,0,0,0,1,1,0,Backdoor,1\n",
        format: "unsw-nb15",
        destination: "",
        label: (ATTACK, Some("Backdoor")),
        values: &[(F::FwdPackets, 6.0), (F::BwdBytes, 172.0), (F::FwdIatMean, 24_500.0)],
        missing: &["Destination Port"],
        given: &["Bwd IAT Mean"],
    },
];

#[test]
fn every_dialect_is_recognised_and_read() {
    for case in CASES {
        for format in ["auto", case.format] {
            let (records, rejected, summary) = try_read(case.text.as_bytes(), format).expect(case.name);
            assert!(!records.is_empty() && rejected.is_empty(), "{}: {rejected:?}", case.name);
            let record = &records[0];
            assert_eq!(record.event.destination, case.destination, "{}", case.name);
            assert_eq!((record.label, record.label_name.as_deref()), case.label, "{}", case.name);
            for (feature, expected) in case.values {
                assert_eq!(of(record, *feature), *expected, "{}: {feature:?}", case.name);
            }
            let missing = |name: &&str| summary.missing.iter().any(|missing| missing == *name);
            assert!(case.missing.iter().all(missing), "{}: {:?}", case.name, summary.missing);
            assert!(!case.given.iter().any(missing), "{}: {:?}", case.name, summary.missing);
            assert_eq!(summary.format.map(|chosen| chosen.name), Some(case.format), "{}", case.name);
        }
    }
}

#[test]
fn every_sample_is_read_by_name_and_recognised() {
    for format in super::Flows::formats() {
        let (named, rejected, _) = try_read(format.sample.as_bytes(), format.name).expect(format.name);
        assert!(!named.is_empty() && rejected.is_empty(), "{}: {rejected:?}", format.name);
        let (records, _, summary) = try_read(format.sample.as_bytes(), "auto").expect(format.name);
        assert_eq!(format!("{records:?}"), format!("{named:?}"), "{}", format.name);
        assert!(summary.format.is_some_and(|chosen| chosen.name == format.name && chosen.sure > 0.3), "{}", format.name);
    }
}

#[test]
fn placeholders_are_no_labels() {
    let names = ["No Label", "NeedManualLabel", "-", "Unknown", "n/a", "", "BenignTraffic", "benign traffic", "Background", "Bot"];
    let expected = [None, None, None, None, None, None, BENIGN, BENIGN, BENIGN, ATTACK];
    let of = |found: &Found| {
        assert_eq!(found.2.labels.len(), 4, "placeholders are not counted: {:?}", found.2.labels);
        found.0.iter().map(|record| record.label).collect::<Vec<_>>()
    };
    let rows: String = names.iter().map(|name| format!("1,{name}\n")).collect();
    assert_eq!(of(&read(&format!("Flow Duration,Label\n{rows}"))), expected);
    let lines: String = names.iter().map(|name| format!("{{\"Flow Duration\":1,\"Label\":\"{name}\"}}\n")).collect();
    assert_eq!(of(&read(&lines)), expected);
    let lines = lines.replace("\"Label\"", "\"truth\"").replace("\"Flow Duration\":1", "\"data\":{\"Flow Duration\":1}");
    assert_eq!(of(&read_how(lines.as_bytes(), How { format: "auto", label_column: Some("truth"), ..How::default() }).unwrap()), expected);
    let (records, ..) = read("Flow Duration,Label,Class\n1,No Label,1\n1,NeedManualLabel,0\n");
    assert_eq!(records.iter().map(|record| record.label).collect::<Vec<_>>(), [ATTACK, BENIGN], "a placeholder hides no other label");
}

#[test]
fn tables_of_connections_have_labels_where_they_are_said_to_be() {
    let text = "StartTime,Dur,Proto,SrcAddr,DstAddr,TotPkts,TotBytes,Label,Truth\n0,1,tcp,192.0.2.7,192.0.2.80,4,276,flow=Background,Bot\n";
    let how = |label_column| How { format: "auto", label_column: Some(label_column), ..How::default() };
    let (records, ..) = read_how(text.as_bytes(), how(" truth")).unwrap();
    assert_eq!((records[0].label, records[0].label_name.as_deref()), (ATTACK, Some("Bot")));
    let error = read_how(text.as_bytes(), how("nosuch")).unwrap_err().to_string();
    assert!(error.ends_with("there are StartTime, Dur, Proto, SrcAddr, DstAddr, TotPkts, TotBytes, Label, Truth"), "{error}");
}

#[test]
fn headers_come_after_notes_and_again() {
    let nfdump = "ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt\n2024-03-06 10:00:00.250,2024-03-06 10:00:01,0.5,192.0.2.7,192.0.2.80,8,1.2,ICMP,......,1,60\n";
    let summary_lines = "Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n1,60,1,960,2,60\nTime window: x\n";
    let (records, rejected, summary) = read(&format!("{nfdump}{summary_lines}{nfdump}{summary_lines}"));
    assert_eq!((records.len(), rejected.len(), records[0].event.destination.as_str()), (2, 0, "192.0.2.80"));
    assert_eq!(repairs(&summary), [("header again", 1), ("lines after the rows", 8)]);
    for (name, before, skipped) in [
        ("a note", "exported by somebody\n".to_owned(), 1),
        ("what is left of a row", "51514,443,TCP\n".to_owned(), 1),
        ("nineteen lines", "note\n".repeat(19), 19),
        ("NULs", "\0".repeat(8_192), 0),
        ("a very long line", "x".repeat(2 << 20) + "\n", 1),
    ] {
        for (format, table) in [("nfdump", nfdump), ("cicflow", "Flow Duration,Dst Port,Label\n1,80,BENIGN\n")] {
            let (records, rejected, _) = try_read(format!("{before}{table}").as_bytes(), format).expect(name);
            assert_eq!((records.len(), rejected.len()), (1, skipped), "{name}, {format}");
            if before.len() < 1 << 16 {
                let auto = try_read(format!("{before}{table}").as_bytes(), "auto").expect(name).2.format.unwrap();
                assert_eq!((auto.name, auto.sure < 1.0), (format, skipped > 0), "{name}");
            }
        }
    }
    let none = try_read("a,b\n1,2\n".as_bytes(), "argus").unwrap_err().to_string();
    assert!(none.starts_with("the table has no column as argus has them"), "{none}");
}

#[test]
fn the_python_versions_tell_their_unit_by_packets_and_rate() {
    let header = "src_ip,dst_port,flow_duration,flow_pkts_s,tot_fwd_pkts,tot_bwd_pkts,flow_iat_max,idle_mean\n";
    for (name, rows, expected) in [
        ("seconds", "192.0.2.7,80,0.5,20,6,4,0.25,0\n192.0.2.7,80,0,0,1,0,0,0\n", [(5e5, 2.5e5), (0.0, 0.0)]),
        ("microseconds", "192.0.2.7,80,500000,20,6,4,250000,0\n192.0.2.7,80,7,NaN,1,0,7,0\n", [(5e5, 2.5e5), (7.0, 7.0)]),
        ("one after the other", "192.0.2.7,80,500000,20,6,4,250000,0\n192.0.2.7,80,0.5,20,6,4,0.25,0\n", [(5e5, 2.5e5), (5e5, 2.5e5)]),
    ] {
        let (records, _, summary) = read(&format!("{header}{rows}"));
        let found: Vec<_> = records.iter().map(|record| (of(record, F::FlowDuration), of(record, F::FlowIatMax))).collect();
        assert_eq!(found, expected, "{name}");
        let micros = summary.repairs.get("flow_duration: microseconds under the names for seconds").copied().unwrap_or(0);
        assert_eq!(micros, if name == "seconds" { 0 } else { 3 - name.split(' ').count().min(2) as u64 }, "{name}");
    }
    let (records, ..) = read("Flow Duration,Flow Packets/s,Total Fwd Packets,Total Backward Packets\n500000000,20,6,4\n");
    assert_eq!(of(&records[0], F::FlowDuration), 5e8, "the Java versions are not corrected");
}
